"""What is told of stations: once an incident, in time, and nothing of what is no incident."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radiostream.loudness.level import Level
from radiostream.playlist.folder import UNSETTLED
from radiostream.playlist.library import Listing
from radiostream.playlist.listing import Skipped
from radiostream.playlist.track import Tags
from radiostream.plays.messages import Event, sentence
from radiostream.plays.watch import GATHER_S, NAMED_MOST, Server, Watch
from radiostream.radio.plays import Began, Play
from tests.radio.conftest import make_studio
from tests.radio.studio import Studio

__all__ = ["make_studio"]


class Over(Exception):  # noqa: N818 - no error, an end
    """The time to be run is over."""


class Watcher:
    """A station, and what is told of it."""

    def __init__(self, make_studio: Callable[..., Studio]) -> None:
        self.told: list[Event] = []
        self.refused = 0
        self.disk: dict[str, Any] | None = {"ok": True, "value": 500, "limit": 50}
        self.studio = make_studio(route="/jazz", name="Jazz", told=self)
        self.stations = {"/jazz": self.studio.station}
        server = Server(
            stations=lambda: self.stations, refused=lambda: self.refused, places=lambda: 7, disk=lambda: self.disk
        )
        self.watch = Watch(server, self.told.append, self.studio.clock)

    def began(self, began: Began) -> None:
        self.watch.began(began)

    def ended(self, play: Play) -> None:
        pass

    def run(self, seconds: float) -> None:
        """Let station and watch work for so long; while the station waits, the watch looks."""
        clock = self.studio.clock
        end_s = clock.now + seconds

        def wait(condition: threading.Condition, timeout_s: float | None) -> None:
            assert timeout_s is not None
            until_s = min(end_s, clock.now + timeout_s)
            while clock.now < until_s:
                clock.sleep(min(0.5, until_s - clock.now))
                self.watch.step()
            if clock.now >= end_s:
                raise Over

        before, clock.wait = clock.wait, wait  # type: ignore[method-assign] # as long as it runs
        try:
            while True:
                self.studio.station.step()
        except Over:
            pass
        finally:
            clock.wait = before  # type: ignore[method-assign]

    def names(self) -> list[str]:
        """The events told so far."""
        return [event["event"] for event in self.told]


@pytest.fixture
def watcher(make_studio: Callable[..., Studio]) -> Watcher:
    """See `Watcher`."""
    return Watcher(make_studio)


def test_silence_is_told_once_and_that_it_is_over(watcher: Watcher) -> None:
    """Within five seconds; and how long it was."""
    studio = watcher.studio
    studio.show(studio.track(1, 400))
    watcher.run(30)
    assert set(watcher.names()) == {"track"}
    watcher.told.clear()
    studio.show(trouble="is missing")
    studio.do(studio.station.next_track())
    begin = studio.clock.now
    watcher.run(5)
    assert [sentence(event) for event in watcher.told] == ["Jazz is silent: its directory is missing"]
    watcher.run(60)
    studio.show(studio.track(1, 400))
    watcher.run(1)
    assert watcher.names()[:1] == ["station-silent"]
    back = watcher.told[-1] if watcher.told[-1]["event"] == "station-back" else watcher.told[-2]
    assert back["event"] == "station-back"
    assert back["silent_s"] == pytest.approx(studio.clock.now - begin, abs=2)
    assert watcher.names().count("station-back") == 1


def test_a_track_that_is_silent_is_silence(watcher: Watcher) -> None:
    """Where its level is known: told within five seconds of ten, and once there is sound again."""
    studio = watcher.studio
    studio.show(studio.track(1, 4000))
    watcher.run(6)
    station = studio.station
    on_air = station.status.on_air
    assert on_air is not None
    begin_s = studio.clock.now - on_air.started_s + 2
    level = Level(-18.0, "measured", silences=((begin_s, begin_s + 40), (begin_s + 50, begin_s + 52)))
    status = replace(station.status, on_air=replace(on_air, level=level))

    def run(seconds: int) -> list[str]:
        for _ in range(2 * seconds):
            studio.clock.sleep(0.5)
            station.status, station._playout.progress_s = status, studio.clock.now
            watcher.watch.step()
        return [sentence(event) for event in watcher.told if event["event"] != "track"]

    assert run(2 + 9) == []
    assert run(4) == ["Jazz is silent: the track is silent"]
    assert run(60) == ["Jazz is silent: the track is silent", "Jazz is back after 32 s of silence"]


def test_a_producer_that_stands_still_is_silence(watcher: Watcher) -> None:
    """Whatever its status says: nothing comes out of it."""
    studio = watcher.studio
    studio.show(studio.track(1, 4000))
    watcher.run(6)
    for _ in range(40):
        studio.clock.sleep(0.5)
        watcher.watch.step()
    assert watcher.names() == ["track", "station-silent"]
    watcher.run(5)
    assert watcher.names()[-1] == "station-back"


def test_a_short_silence_is_none(watcher: Watcher) -> None:
    """A directory that is empty for a moment."""
    studio = watcher.studio
    studio.show(studio.track(1, 4000))
    studio.run_until(1)
    studio.show()
    studio.do(studio.station.next_track())
    watcher.run(2)
    studio.show(studio.track(1, 4000))
    watcher.run(10)
    assert set(watcher.names()) == {"track"}


def test_files_that_are_left_out_are_told_together(watcher: Watcher) -> None:
    """One event for all of a while; the next ones are news of their own."""
    studio = watcher.studio
    skipped = tuple(Skipped(f"{number}.mp3", "is empty") for number in range(50))
    track = studio.track(1, 4000)
    for count in (10, 30, 50):
        studio.do(studio.station.update(Listing((track,), skipped[:count])))
        watcher.run(1)
    watcher.run(GATHER_S)
    rejected = [event for event in watcher.told if event["event"] == "file-rejected"]
    assert [(one["count"], len(one["files"])) for one in rejected] == [(50, NAMED_MOST)]
    assert rejected[0]["files"][0] == {"name": "0.mp3", "reason": "is empty"}
    studio.do(studio.station.update(Listing((track,), (*skipped[1:], Skipped("x.mp3", "is broken")))))
    watcher.run(GATHER_S + 1)
    assert [event["count"] for event in watcher.told if event["event"] == "file-rejected"] == [50, 1]


def test_a_file_that_is_copied_is_not_rejected(watcher: Watcher) -> None:
    """While it grows it has not settled, and when it has arrived it plays: nobody is to look after it."""
    studio = watcher.studio
    track = studio.track(1, 4000)
    for reason in ("is empty", UNSETTLED):
        studio.do(studio.station.update(Listing((track,), (Skipped("new.mp3", reason),))))
        watcher.run(1)
    studio.do(studio.station.update(Listing((track, studio.track(2, 4000)))))
    watcher.run(GATHER_S + 1)
    studio.do(studio.station.update(Listing((track,), (Skipped("long.mp3", UNSETTLED),))))
    watcher.run(GATHER_S + 1)
    assert "file-rejected" not in watcher.names()


def test_a_live_source_is_told_as_it_comes_and_goes(watcher: Watcher) -> None:
    """Its titles are tracks; between them it has not gone."""
    studio = watcher.studio
    studio.show(studio.track(1, 4000))
    watcher.run(1)
    for kind, title in (("live", "One"), ("live", "Two"), ("jingle", "Ident"), ("track", "Three")):
        watcher.began(Began("/jazz", "Jazz", studio.clock.wall, kind, "f", Tags(title, "A"), title))
        watcher.run(1)
    events = [(event["event"], event.get("title")) for event in watcher.told if event.get("title") != "1"]
    assert events == [
        ("live-began", "One"), ("track", "One"), ("track", "Two"), ("live-ended", None), ("track", "Three"),
    ]  # fmt: skip


def test_the_server_is_told_of_too(watcher: Watcher) -> None:
    """Places that are all taken, a disk that fills: once until it is over."""
    studio = watcher.studio
    studio.show(studio.track(1, 9000))
    for _ in range(4):
        watcher.refused += 3
        watcher.run(20)
    watcher.disk = {"ok": False, "value": 12, "limit": 50}
    watcher.run(90)
    watcher.disk = {"ok": True, "value": 120, "limit": 50}
    watcher.run(40)
    watcher.disk = {"ok": False, "value": 12, "limit": 50}
    watcher.refused += 1
    watcher.run(40)
    told = [event for event in watcher.told if event["route"] is None]
    assert sorted(event["event"] for event in told) == ["disk-low", "disk-low", "listeners-full", "listeners-full"]
    assert (told[0]["places"], told[1]["free_mb"]) == (7, 12)


def test_a_station_that_goes_is_no_silence(watcher: Watcher, tmp_path: Path) -> None:
    """Nobody listens to it any more; when it comes back it is a new one."""
    watcher.run(5)
    assert watcher.names() == ["station-silent"]
    watcher.stations = {}
    watcher.run(5)
    watcher.stations = {"/jazz": watcher.studio.station}
    watcher.studio.show(watcher.studio.track(1, 4000))
    watcher.run(5)
    assert watcher.names() == ["station-silent", "track"]
