"""The polling thread."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from radiostream.playlist.library import Library, Listing

PATIENCE_S = 20.0
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


def watch(told: queue.Queue[tuple[str, list[str], str]], interval_s: float, **directories: Path) -> Library:
    def on_change(route: str, listing: Listing) -> None:
        told.put((route, [track.name for track in listing.tracks], listing.trouble))

    return Library({f"/{name}": path for name, path in directories.items()}, on_change, interval_s)


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


def test_hanging_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libraries: list[Library]) -> None:
    """A file system that does not answer holds up the library's thread, but nobody who does not want to wait."""
    let_go, stuck = threading.Event(), threading.Event()
    real = os.scandir

    def scandir(path: str) -> object:
        stuck.set()
        let_go.wait(PATIENCE_S)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    libraries.append(watch(queue.Queue(), FOREVER_S, one=tmp_path))
    libraries[0].start()
    assert stuck.wait(PATIENCE_S)
    assert not libraries[0].rescan(0)
    assert libraries[0].last_look_s is None
    libraries[0].stop(0)
    let_go.set()


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
