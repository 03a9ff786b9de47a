"""The polling thread."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from radiostream.playlist.library import Library, Listing
from radiostream.playlist.lookout import Lookout, Task
from tests.waiting import PATIENCE_S

FOREVER_S = 3600.0

Told = "queue.Queue[tuple[str, list[str], str]]"


@pytest.fixture
def told() -> queue.Queue[tuple[str, list[str], str]]:
    """What `on_change` was told: route, names and trouble."""
    return queue.Queue()


@pytest.fixture
def libraries() -> Iterator[list[Library]]:
    """Every library in this list is stopped in the end."""
    started: list[Library] = []
    yield started
    for library in started:
        library.stop(PATIENCE_S)


def watch(
    told: queue.Queue[tuple[str, list[str], str]],
    interval_s: float,
    *,
    survey: Callable[[bool], object] | None = None,
    follow: Callable[[object], None] | None = None,
    hang_s: float = PATIENCE_S,
    **directories: Path,
) -> Library:
    def on_change(route: str, listing: Listing) -> None:
        told.put((route, [track.name for track in listing.tracks], listing.trouble))

    paths = {f"/{name}": path for name, path in directories.items()}
    return Library(paths, on_change, interval_s, survey=survey, follow=follow, hang_s=hang_s)


def test_polls(tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]], libraries: list[Library]) -> None:
    """The first look tells of every station, later ones of what has changed, without being asked."""
    (tmp_path / "one").mkdir()
    libraries.append(watch(told, 0.01, one=tmp_path / "one", two=tmp_path / "two"))
    libraries[0].start()
    assert told.get(timeout=PATIENCE_S) == ("/one", [], "")
    assert told.get(timeout=PATIENCE_S) == ("/two", [], "is missing")
    (tmp_path / "one/a.mp3").write_bytes(b"x")
    assert told.get(timeout=PATIENCE_S) == ("/one", [], "")
    assert told.get(timeout=PATIENCE_S) == ("/one", ["a.mp3"], "")
    (tmp_path / "two").mkdir()
    assert told.get(timeout=PATIENCE_S) == ("/two", [], "")


def test_rescan(tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]], libraries: list[Library]) -> None:
    """It wakes the thread, and returns when what is there has been told."""
    libraries.append(watch(told, FOREVER_S, one=tmp_path))
    libraries[0].start()
    assert libraries[0].wait_looked(PATIENCE_S)
    (tmp_path / "a.mp3").write_bytes(b"x")
    assert libraries[0].rescan(PATIENCE_S)
    assert [told.get_nowait()[1] for _ in range(2)] == [[], ["a.mp3"]]


def test_rescan_of_nothing_new(
    tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]], libraries: list[Library]
) -> None:
    """Nobody is told twice the same, and the time of the look is known."""
    libraries.append(watch(told, FOREVER_S, one=tmp_path))
    assert libraries[0].last_look_s is None
    libraries[0].start()
    for _ in range(3):
        assert libraries[0].rescan(PATIENCE_S)
    assert told.qsize() == 1
    assert libraries[0].last_look_s is not None


def test_not_waited_for(tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]]) -> None:
    """Asking alone does not wait, and a library that is not running or has stopped answers no."""
    library = watch(told, FOREVER_S, one=tmp_path)
    assert not library.rescan(0)
    library.stop()
    assert not library.rescan(PATIENCE_S)
    assert not library.wait_looked(PATIENCE_S)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is not set, whoever asks for something below the directory `hung` waits."""
    opened = threading.Event()
    opened.set()
    real = os.stat

    def stat(path: str, **options: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "hung")):
            opened.wait(PATIENCE_S)
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    yield opened
    opened.set()


def test_a_directory_that_hangs_holds_up_no_other(
    tmp_path: Path,
    gate: threading.Event,
    told: queue.Queue[tuple[str, list[str], str]],
    libraries: list[Library],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told, keeps its tracks, and is looked at again once it answers; a reload is answered all the while."""
    caplog.set_level(logging.WARNING)
    for name in ("hung", "well"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp3").write_bytes(b"x")
    library = watch(told, 0.01, hang_s=0.2, hung=tmp_path / "hung", well=tmp_path / "well")
    libraries.append(library)
    library.start()
    assert {told.get(timeout=PATIENCE_S)[0] for _ in range(2)} == {"/hung", "/well"}
    gate.clear()
    assert told.get(timeout=PATIENCE_S) == ("/hung", ["a.mp3"], "does not answer")
    (tmp_path / "well/b.mp3").write_bytes(b"x")
    assert library.rescan(PATIENCE_S)
    route, names, trouble = told.get(timeout=PATIENCE_S)
    assert (route, trouble) == ("/well", "")
    while names != ["a.mp3", "b.mp3"]:
        route, names, trouble = told.get(timeout=PATIENCE_S)
    assert [record.message for record in caplog.records] == [
        "/hung: the file system does not answer; the others are scanned as ever"
    ]
    gate.set()
    assert told.get(timeout=PATIENCE_S) == ("/hung", ["a.mp3"], "")
    assert library.rescan(PATIENCE_S)
    assert caplog.records[-1].message == "/hung: the file system answers again"


def test_a_survey_that_hangs(tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]]) -> None:
    """What stations there should be is then asked no more until it is answered; the directories are looked at."""
    answers, gate = list[object](), threading.Event()
    gate.set()
    asked = queue.Queue[bool]()

    def survey(eager: bool) -> str:
        asked.put(eager)
        gate.wait(PATIENCE_S)
        return "table"

    library = watch(told, FOREVER_S, survey=survey, follow=answers.append, hang_s=0.2, one=tmp_path)
    library.look()
    assert answers == ["table"]
    gate.clear()
    for _ in range(3):
        library.look(eager=True)
    assert asked.qsize() == 2
    gate.set()
    while len(answers) < 3:
        library.look()
    library.stop()


def test_a_directory_that_hangs_and_is_removed(
    tmp_path: Path, gate: threading.Event, told: queue.Queue[tuple[str, list[str], str]]
) -> None:
    """Its late answer is about nothing any more; one that took its route is looked at by itself."""
    for name in ("hung", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other/a.mp3").write_bytes(b"x")
    library = watch(told, FOREVER_S, hang_s=0.2, one=tmp_path / "hung")
    gate.clear()
    library.look()
    assert told.get_nowait() == ("/one", [], "does not answer")
    library.remove("/one")
    library.add("/one", tmp_path / "other", trusting=True)
    gate.set()
    for _ in range(5):
        library.look()
    assert told.get_nowait() == ("/one", ["a.mp3"], "")
    assert told.empty()
    assert list(library.costs()) == ["/one"]
    library.stop()


def test_stopped_while_it_hangs(tmp_path: Path, gate: threading.Event) -> None:
    """The end does not wait for a file system."""
    library = watch(queue.Queue(), FOREVER_S, hang_s=FOREVER_S, hung=tmp_path / "hung")
    gate.clear()
    library.start()
    assert not library.rescan(0)
    assert library.last_look_s is None
    library.stop(0)


def test_bug_in_a_station(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What `on_change` raises is logged once, the other stations are told, and it is told again until it works."""
    calls: list[str] = []
    broken = True

    def on_change(route: str, _listing: Listing) -> None:
        calls.append(route)
        if broken and route == "/one":
            raise RuntimeError("a bug")

    library = Library({"/one": tmp_path, "/two": tmp_path}, on_change)
    with caplog.at_level(logging.ERROR):
        library.look()
        library.look()
        assert len(caplog.records) == 1
        broken = False
        library.look()
        library.look()
    assert calls == ["/one", "/two", "/one", "/one"]


def test_settings_belong_to_their_directorys_question(tmp_path: Path) -> None:
    """Those that hang hold up one station; those that have changed are followed before their directory is told."""
    order, opened = queue.Queue[str](), threading.Event()
    library = Library(
        {"/hung": tmp_path, "/well": tmp_path},
        lambda route, listing: order.put(f"{route} {listing.trouble}"),
        FOREVER_S,
        follow=lambda _: order.put("followed"),
        settings=lambda route, _eager: route == "/hung" and opened.wait(PATIENCE_S),
        hang_s=0.2,
    )
    library.look()
    assert {order.get_nowait() for _ in range(2)} == {"/hung does not answer", "/well "}
    opened.set()
    while order.empty():
        library.look()
    assert [order.get_nowait() for _ in range(2)] == ["followed", "/hung "]
    library.stop()


def test_an_answer_that_comes_too_late(
    tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]], libraries: list[Library]
) -> None:
    """Its station has gone, or its directory is another one: nobody is told."""
    libraries.append(watch(told, FOREVER_S, one=tmp_path))
    libraries[0]._take(Task("/one", tuple, about=object()), "an answer")
    assert told.empty()


@pytest.mark.parametrize("stays", [True, False])
def test_settings_that_nobody_follows_or_that_end_their_station(
    tmp_path: Path, told: queue.Queue[tuple[str, list[str], str]], stays: bool
) -> None:
    """What the directory holds is told where the station is still there."""
    library = Library(
        {"/one": tmp_path},
        lambda route, listing: told.put((route, [], listing.trouble)),
        FOREVER_S,
        follow=None if stays else lambda _: library.remove("/one"),
        settings=lambda _route, _eager: True,
    )
    library.look()
    assert told.empty() is not stays
    library.stop()


def test_who_answers_at_the_last_moment_does_not_hang() -> None:
    """The thread goes on then."""
    assert not Lookout()._leave_behind(Task("/one", tuple))
