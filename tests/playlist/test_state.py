"""What is kept over a restart."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from radiostream.playlist import state
from radiostream.playlist.state import Saved, StateFile, StateKeeper, write_atomically
from tests.waiting import PATIENCE_S

SAVED = Saved({"shuffle": True, "pending": ["/s/\udcff.mp3"]}, [{"track": "a"}], "/s/\udcff.mp3", 12.3456)


def test_round_trip(tmp_path: Path) -> None:
    """What was saved is loaded, in a directory that did not exist; nothing else is left behind."""
    file = StateFile(tmp_path / "new/state", "/humor")
    assert file.load() == Saved()
    assert file.save(SAVED)
    assert StateFile(tmp_path / "new/state", "/humor").load() == Saved(
        SAVED.playlist, SAVED.history, SAVED.track, 12.346
    )
    assert sorted(os.listdir(tmp_path / "new/state")) == ["order-humor.json", "place-humor.json"]


ROUTES = [
    *("/", "/main", "/station", "/order", "/place", "/a/b", "/a%2Fb", "/a b", "/..", "/.", "/a", "/a.place", "/ü"),
    *("/" + "x" * 300, "/" + "x" * 301),
]


def test_names_of_files(tmp_path: Path) -> None:
    """No route takes another one's file, or one outside the directory."""
    for number, route in enumerate(ROUTES):
        assert StateFile(tmp_path, route).save(Saved({"number": number}, [], route, 1.0))
    for number, route in enumerate(ROUTES):
        loaded = StateFile(tmp_path, route).load()
        assert (loaded.playlist, loaded.track) == ({"number": number}, route)
    assert len(os.listdir(tmp_path)) == 2 * len(ROUTES)


def test_order_is_written_when_it_changes(tmp_path: Path) -> None:
    """The place is written every time, the order (which may be long) only when it is another one."""
    written: list[str] = []
    file = StateFile(tmp_path, "/", lambda path, _data: written.append(path.name))
    for elapsed_s in (1.0, 2.0):
        file.save(Saved({"shuffle": False}, [], "/s/a.mp3", elapsed_s))
    file.save(Saved({"shuffle": True}, [], "/s/a.mp3", 3.0))
    place = "place.json"
    assert written == ["order.json", place, place, "order.json", place]


DAMAGED = [b"", b"{", b"[]", b"null", b'{"version": 2}', b"\xff\xfe", b"[" * 100_000, b'{"version":1,"playlist":{"pen']


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_file(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is not whole is put aside and reported once; the other one is not lost with it."""
    file = StateFile(tmp_path, "/")
    file.save(SAVED)
    (tmp_path / "order.json").write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert file.load() == Saved(track=SAVED.track, elapsed_s=12.346)
        assert file.load().playlist == {}
    assert len(caplog.records) == 1
    assert (tmp_path / "order.json.damaged").read_bytes() == content
    assert not (tmp_path / "order.json").exists()


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just({"a": 1})


@given(st.dictionaries(st.sampled_from(["version", "playlist", "history", "track", "elapsed_s"]), VALUES))
@example({"elapsed_s": 10**400})
@example({"elapsed_s": float("nan")})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_foreign_content(tmp_path: Path, content: dict[str, object]) -> None:
    """Content that is none of ours is taken as far as it fits."""
    for name in ("order.json", "place.json"):
        (tmp_path / name).write_text(json.dumps({**content, "version": 1}))
    loaded = StateFile(tmp_path, "/").load()
    assert isinstance(loaded.playlist, dict)
    assert isinstance(loaded.history, list)
    assert isinstance(loaded.track, str | None)
    assert 0 <= loaded.elapsed_s <= 1e9


def test_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Reported once, what was saved before stays, and when there is room again that is reported too."""
    full = True

    def write(path: Path, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, data)

    file = StateFile(tmp_path, "/", write)
    full = False
    assert file.save(SAVED)
    full = True
    with caplog.at_level(logging.INFO):
        assert [file.save(Saved({"new": 1}, [], None, 0.0)) for _ in range(3)] == [False] * 3
        assert file.load().playlist == SAVED.playlist
        full = False
        assert file.save(Saved({"new": 1}, [], None, 0.0))
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert file.load().playlist == {"new": 1}


def test_write_that_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills in the middle, the old content stays whole and no draft is left."""
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def fsync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["a.json"])


def test_directory_that_can_not_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A state directory that is a file (or read-only) is reported, by loading and by saving, and costs nothing else."""
    (tmp_path / "state").write_bytes(b"")
    file = StateFile(tmp_path / "state", "/")
    with caplog.at_level(logging.ERROR):
        assert file.load() == Saved()
        assert not file.save(SAVED)
    assert {record.levelname for record in caplog.records} == {"ERROR"}


def test_damaged_file_that_can_not_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a read-only directory the damaged file stays, and the station starts fresh all the same."""

    def replace(_old: Path, _new: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    (tmp_path / "order.json").write_bytes(b"{")
    monkeypatch.setattr(os, "replace", replace)
    with caplog.at_level(logging.ERROR):
        assert StateFile(tmp_path, "/").load() == Saved()
    assert "stays" in caplog.messages[0]


def test_what_is_no_json(tmp_path: Path) -> None:
    """A value that JSON has no form for is a fault like a full disk, not the end."""
    assert not StateFile(tmp_path, "/").save(Saved({"bad": float("nan")}, [], None, 0.0))
    assert not StateFile(tmp_path, "/").save(Saved({"bad": object()}, [], None, 0.0))


def test_keeper_writes_the_newest(tmp_path: Path) -> None:
    """Of what is kept in quick succession only the last is written; stopping writes what waits."""
    keeper = StateKeeper(lambda route: StateFile(tmp_path, route))
    for number in range(5):
        keeper.keep("/", Saved({"number": number}, [], None, 0.0))
    keeper.keep("/humor", SAVED)
    keeper.start()
    keeper.stop(PATIENCE_S)
    assert keeper.load("/").playlist == {"number": 4}
    assert keeper.load("/humor").playlist == SAVED.playlist


def test_keeper_writes_soon(tmp_path: Path) -> None:
    """Its thread writes without being stopped."""
    done = threading.Event()

    def write(path: Path, _data: bytes) -> None:
        if path.name == "place.json":
            done.set()

    keeper = StateKeeper(lambda route: StateFile(tmp_path, route, write))
    keeper.start()
    keeper.keep("/", SAVED)
    assert done.wait(PATIENCE_S)
    keeper.stop(PATIENCE_S)


def test_keeper_survives(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in one station's saving is logged and costs the others nothing."""

    def write(_path: Path, _data: bytes) -> None:
        raise RuntimeError("a bug")

    keeper = StateKeeper(lambda route: StateFile(tmp_path, route, write if route == "/" else None))
    with caplog.at_level(logging.ERROR):
        for route in ("/", "/b"):
            keeper.keep(route, SAVED)
        keeper.write()
    assert len(caplog.records) == 1
    assert keeper.load("/b").playlist == SAVED.playlist


def test_files_of_stations_that_left_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object a station, until there have been very many; what they have written stays."""
    made: list[str] = []

    def file_of(route: str) -> StateFile:
        made.append(route)
        return StateFile(tmp_path, route)

    monkeypatch.setattr(state, "_MOST_FILES", 2)
    keeper = StateKeeper(file_of)
    for route in ("/a", "/a", "/b", "/c", "/c", "/d", "/a"):
        keeper.keep(route, Saved(track=route))
        keeper.write()
    assert made == ["/a", "/b", "/c", "/c", "/d", "/a"]
    assert [StateFile(tmp_path, route).load().track for route in ("/a", "/b", "/c", "/d")] == ["/a", "/b", "/c", "/d"]
