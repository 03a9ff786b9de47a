"""The stations on the air: built, started, changed and ended as the table asks, with real producers."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from radiostream.clock import SystemClock
from radiostream.config import Config, StationConfig
from radiostream.playlist.library import Library
from radiostream.playlist.roster import Entry
from radiostream.playlist.state import Saved
from radiostream.playlist.tagger import Tagger
from radiostream.radio.changes import Changes
from radiostream.radio.ring import Ring
from radiostream.stations import Stations, wanted
from tests.radio.studio import frame
from tests.waiting import PATIENCE_S

MANY = 40


class Kept:
    """What a state keeper was given, by route."""

    def __init__(self) -> None:
        self.saved: dict[str, Saved] = {}

    def load(self, route: str) -> Saved:
        return self.saved.get(route, Saved())

    def keep(self, route: str, saved: Saved) -> None:
        self.saved[route] = saved


class Fleet:
    """Stations, the library that looks for them by hand, and what they keep."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "1.mp3").write_bytes(b"".join(frame(1, index) for index in range(400)))
        (directory / "2.mp3").write_bytes(b"".join(frame(2, index) for index in range(400)))
        self.tagger = Tagger()
        self.changes = Changes()
        self.kept = Kept()
        self.stations = Stations(
            Config.load([], {}),
            clock=SystemClock(),
            tagger=self.tagger,
            changes=self.changes,
            state=self.kept,  # type: ignore[arg-type] # as far as stations use one
            fallback=lambda _: (),
        )
        self.library = Library({}, self.stations.directory_changed)

    def follow(self, *configs: StationConfig) -> None:
        """Make the stations these, and look at their directories."""
        self.stations.follow({one.route: Entry(one) for one in configs}, self.library, trusting=True)
        self.library.look()

    def config(self, route: str, **said: Any) -> StationConfig:
        return StationConfig(route, said.pop("directory", self.directory), said.pop("name", "A"), **said)

    def await_track(self, route: str) -> str:
        """The track that is on the air, once one is."""
        seen = -1
        for _ in range(1000):
            on_air = self.stations.table[route].status.on_air
            if on_air is not None and on_air.track is not None:
                return on_air.track.name
            seen = self.changes.wait(seen, PATIENCE_S)
        raise AssertionError(f"nothing is on the air at {route}")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.stations.stop()
    for thread in producers():
        thread.join(PATIENCE_S)


def is_open(ring: Ring) -> bool:
    return not ring.closed


def producers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("producer")]


def test_the_table_is_replaced_whole_and_in_order(fleet: Fleet) -> None:
    """Who took it sees the stations that there were; the same table again changes nothing."""
    shown: list[list[str]] = []
    fleet.stations.on_change = lambda table: shown.append(list(table))
    fleet.follow(fleet.config("/b"))
    before = fleet.stations.table
    table = {one: Entry(fleet.config(one)) for one in ("/c", "/b", "/a")}
    for _ in range(3):
        fleet.stations.follow(table, fleet.library, trusting=True)
    assert shown == [["/b"], ["/a", "/b", "/c"]]
    assert list(before) == ["/b"]
    assert before["/b"] is fleet.stations.table["/b"]


def test_a_station_that_goes_ends_its_streams_and_comes_back_where_it_was(fleet: Fleet) -> None:
    """Its producer ends, its ring is closed, its place is kept, and the next one goes on there."""
    fleet.follow(fleet.config("/a"), fleet.config("/b"))
    assert fleet.await_track("/a") == "1.mp3"
    station = fleet.stations.table["/a"]
    assert station.next_track().result(PATIENCE_S).track is not None
    ring = station.ring
    fleet.follow(fleet.config("/b"))
    assert ring.closed
    assert not fleet.stations.table["/b"].ring.closed
    assert fleet.kept.saved["/a"].track == str(fleet.directory / "2.mp3")
    for thread in producers():
        if thread.name == "producer /a":
            thread.join(PATIENCE_S)
    fleet.follow(fleet.config("/a"), fleet.config("/b"))
    assert fleet.await_track("/a") == "2.mp3"
    assert fleet.stations.table["/a"] is not station


def test_settings_change_without_a_new_station(fleet: Fleet) -> None:
    """Name and shuffle change under the listeners' feet; another format ends their streams."""
    fleet.follow(fleet.config("/a"))
    fleet.await_track("/a")
    station = fleet.stations.table["/a"]
    ring = station.ring
    fleet.follow(fleet.config("/a", name="New", shuffle=True))
    station.settled().result(PATIENCE_S)
    assert fleet.stations.table["/a"] is station
    assert (station.status.name, station.status.shuffle, station.status.tracks) == ("New", True, 2)
    assert is_open(ring)
    fleet.follow(fleet.config("/a", name="New", family="ogg"))
    station.settled().result(PATIENCE_S)
    assert (station.status.family, station.status.tracks) == ("ogg", 0)
    assert not is_open(ring)
    assert is_open(station.ring)


def test_another_directory_is_another_station(fleet: Fleet, tmp_path: Path) -> None:
    """Nothing of the old one is in it; who listened has to come again."""
    fleet.follow(fleet.config("/a"))
    fleet.await_track("/a")
    station = fleet.stations.table["/a"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "3.mp3").write_bytes(b"".join(frame(3, index) for index in range(400)))
    fleet.follow(fleet.config("/a", directory=other))
    assert fleet.await_track("/a") == "3.mp3"
    assert fleet.stations.table["/a"] is not station
    assert not is_open(station.ring)


def test_a_settings_error_is_shown(fleet: Fleet) -> None:
    """On the status page, among what is left out."""
    fleet.stations.follow({"/a": Entry(fleet.config("/a"), "line 3: no")}, fleet.library, trusting=True)
    station = fleet.stations.table["/a"]
    fleet.library.look()
    station.settled().result(PATIENCE_S)
    assert station.status.settings_error == "line 3: no"
    assert [(one.name, one.reason) for one in station.status.left_out] == [("station.toml", "line 3: no")]


def test_a_bug_in_one_snapshot_costs_that_station_only(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are saved, and it can go all the same; its producer plays on."""
    fleet.follow(fleet.config("/a"), fleet.config("/b"))
    fleet.await_track("/a")
    fleet.await_track("/b")
    station = fleet.stations.table["/a"]

    def broken() -> Future[Saved]:
        future: Future[Saved] = Future()
        future.set_exception(RuntimeError("a bug"))
        return future

    monkeypatch.setattr(station, "snapshot", broken)
    with caplog.at_level(logging.ERROR):
        fleet.stations.save()
        fleet.follow(fleet.config("/b"))
    assert list(fleet.kept.saved) == ["/b"]
    assert len([one for one in caplog.records if one.exc_info]) == 2
    assert station.restarts == 0


def test_a_bug_in_one_start_costs_that_station_only(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the others are there, and it is tried again with the next table."""

    def load(route: str) -> Saved:
        if route == "/a":
            raise RuntimeError("a bug")
        return Saved()

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(fleet.kept, "load", load)
        fleet.follow(fleet.config("/a"), fleet.config("/b"))
    assert list(fleet.stations.table) == ["/b"]
    assert len(caplog.records) == 1
    fleet.follow(fleet.config("/a"), fleet.config("/b"), fleet.config("/c"))
    assert list(fleet.stations.table) == ["/a", "/b", "/c"]


def test_no_thread_for_a_station(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look starts its producer, as soon as there are threads again."""

    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("producer"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        fleet.follow(fleet.config("/a"))
    assert producers() == []
    fleet.library.look()
    assert fleet.await_track("/a") == "1.mp3"


@pytest.mark.slow
def test_many_come_and_go_and_nothing_is_left(fleet: Fleet) -> None:
    """Threads and descriptors are as before, however often; the memory of those that left is bounded."""
    fleet.follow(fleet.config("/stays"))
    fleet.await_track("/stays")
    descriptors = len(os.listdir("/proc/self/fd"))
    for number in range(MANY):
        fleet.follow(fleet.config("/stays"), fleet.config(f"/{number % 7}"))
    fleet.follow(fleet.config("/stays"))
    for thread in producers():
        if thread.name != "producer /stays":
            thread.join(PATIENCE_S)
    gc.collect()
    assert [thread.name for thread in producers()] == ["producer /stays"]
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 2  # /stays may have its next track open
    assert list(fleet.stations.table) == ["/stays"]


def test_nothing_starts_after_the_end(fleet: Fleet) -> None:
    """A look that ends later than the server starts no producer."""
    fleet.stations.stop()
    fleet.follow(fleet.config("/a"))
    assert producers() == []


def test_what_the_roster_is_asked_for(tmp_path: Path) -> None:
    """What is said for all stations is the model of those in the directory."""
    config = Config.load(["--stations", str(tmp_path), "--shuffle", "--level=-16", "--stream-format", "aac"], {})
    model = wanted(config).model
    assert (model.shuffle, model.level_lufs, model.family, model.trim) == (True, -16.0, "aac", False)
    assert wanted(config).stations_dir == tmp_path
