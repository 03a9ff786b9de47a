"""One listener's visit with one engine: what is done on the player page, and when, while the sound card is recorded.

Every station is played until a track's end has been heard; on the last one a skip, the media keys and a server that is
killed follow. What comes of it is measured afterwards (`figures.py`).
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.engines.browsers import ENGINES, HLS
from tests.engines.chirps import Place, behind_s
from tests.engines.desk import Desk, waits
from tests.engines.drivers import Driver
from tests.server import Radio
from tests.waiting import every_second, until

LAST: Final = "mp3"  # the default station
BY_HLS: Final = ("aac", "mp3")
"""Stations that are listened to by HLS."""
HLS_LAG_S: Final = 8.0
"""By HLS the ear is behind the server by some segments; half a cycle of tracks is as far as can be told."""
_SETTLED_S: Final = 1.5  # a track's second by which a seam is behind


class Span(NamedTuple):
    """A station's time: pressed and left, in seconds of the recording, and where the server was at one moment of it."""

    station: str
    begin_s: float
    end_s: float
    moment_s: float
    server: Place | None
    title_s: float | None = None
    """When the page's title became another one."""


class Record(NamedTuple):
    """All that a visit leaves: `marks` are moments in seconds of the recording, by what was done."""

    engine: str
    version: str
    recording: bytes
    spans: list[Span]
    marks: dict[str, float]
    is_back_in_step: bool


def visit(engine: str, stations: Mapping[str, Path]) -> Record:
    """Listen with an engine to a server of its own."""
    if engine == HLS:
        stations = {name: stations[name] for name in BY_HLS}
    routes = json.dumps({name: str(directory) for name, directory in stations.items() if name != LAST})
    with tempfile.TemporaryDirectory(prefix=f"{engine}-", ignore_cleanup_errors=True) as home:
        directory = Path(home)
        desk = Desk(directory)
        try:
            options = ["--port", "0", "--audio-dir", str(stations[LAST]), "--directory-routes", routes]
            with Radio(options) as radio, ENGINES[engine](directory, desk.environ) as driver:
                listener = _Listener(driver, radio, desk, in_step_s=HLS_LAG_S if engine == HLS else 1.0)
                listener.opens(len(stations))
                for station in sorted(stations, key=LAST.__eq__):
                    listener.hears(station)
                listener.skips()
                listener.uses_media_keys()
                is_back = listener.sees_the_server_come_back()
                listener.mark("end")
                return Record(
                    engine, driver.version, desk.recorder.recording(), listener.spans, listener.marks, is_back
                )
        finally:
            desk.close()


def route(station: str) -> str:
    """Where a station is."""
    return "/" if station == LAST else f"/{station}"


class _Listener:
    def __init__(self, driver: Driver, radio: Radio, desk: Desk, in_step_s: float) -> None:
        self._driver, self._radio, self._desk = driver, radio, desk
        self._in_step_s = in_step_s
        self._ear = desk.recorder
        self.spans: list[Span] = []
        self.marks: dict[str, float] = {}

    def mark(self, what: str) -> float:
        """Remember this moment."""
        self.marks[what] = time.monotonic() - self._ear.began_s
        return self.marks[what]

    def _now(self, station: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._radio.json(f"/now-playing?route={route(station)}")
        return answer

    def _server(self, station: str) -> Place | None:
        now = self._now(station)
        return Place(station, int(now["track"][0]), now["elapsed"]) if now["track"] else None

    def opens(self, count: int) -> None:
        """The page, until all stations are there and said to play."""
        self._driver.go(self._radio.url + "/web")
        unscripted, on_air = ".station .without-script", ".station:not(.off)"
        counts = f"return ['{unscripted}', '{on_air}'].map((css) => document.querySelectorAll(css).length)"
        until(lambda: self._driver.js(counts) == [0, count], "the stations on the page")

    def hears(self, station: str) -> None:
        """Press a station's button; listen until its next track is heard."""
        begin_s = self.mark(station)
        self._driver.click(f'.station[data-route="{route(station)}"] .station-play')
        self._ear.hears(station)
        first, title, title_s = self._ear.place(), self._title(), None

        def is_behind(place: Place) -> bool:
            nonlocal title_s
            if title_s is None and self._title() != title:
                title_s = time.monotonic() - self._ear.began_s
            return _is_behind_seam(first, place) and title_s is not None

        self._ear.hears(station, is_behind, patience_s=20)
        server = self._server(station)
        moment_s = self.mark("now")
        self.spans.append(Span(station, begin_s, moment_s, moment_s, server, title_s))

    def _title(self) -> str:
        return str(self._driver.js("return document.querySelector('#now-title').textContent"))

    def skips(self) -> None:
        """The operator skips."""
        before = self._ear.place()
        self.mark("skip")
        self._radio.post("/next-track/")
        self._ear.hears(LAST, lambda place: _is_behind_seam(before, place), patience_s=8)

    def uses_media_keys(self) -> None:
        """Pause and play by the desktop's keys; where they do nothing, by the page."""
        self.mark("pause")
        self._desk.bus.press("Pause")
        waits(lambda: not self._ear.is_loud(), 5)
        for _ in every_second(2):
            pass
        self.mark("play")
        self._desk.bus.press("Play")
        if not waits(self._ear.is_loud, 6):
            self.mark("pressed")
            self._driver.click("#play")
            waits(self._ear.is_loud, 15)
        for _ in every_second(2):
            pass

    def sees_the_server_come_back(self) -> bool:
        """The server is killed and started again; whether it is heard again, and where it is."""
        self.mark("kill")
        self._radio.kill()
        self._radio.start()
        self.mark("up")
        waits(lambda: self._now(LAST)["listeners"], 30)
        is_back = waits(self._is_in_step, 15)
        for _ in every_second(2):
            pass
        return is_back

    def _is_in_step(self) -> bool:
        heard, server = self._ear.place(), self._server(LAST)
        if heard is None or server is None or heard.station != LAST:
            return False
        return abs(behind_s(server, heard)) <= self._in_step_s


def _is_behind_seam(first: Place | None, place: Place) -> bool:
    return (first is None or place.track != first.track) and place.second_s > _SETTLED_S
