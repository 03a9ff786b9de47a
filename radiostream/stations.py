"""The stations that are on the air: the one place where a station is built, started and ended.

Threads: `follow` belongs to the library's thread (before `Library.start`, to the main thread), and is the only one that
changes the table; everybody reads `table`, one mapping that is replaced whole. A station that goes ends its listeners'
streams at the end of a frame; when it comes back it goes on where it was.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiostream.config import Config, StationConfig
from radiostream.logs import quoted
from radiostream.playlist.roster import Entry, Table, Wanted
from radiostream.radio.station import Station
from radiostream.threads import Deadline

if TYPE_CHECKING:
    from radiostream.clock import Clock
    from radiostream.live.attach import Live
    from radiostream.loudness.levels import Levels
    from radiostream.playlist.library import Library, Listing
    from radiostream.playlist.state import Saved, StateKeeper
    from radiostream.playlist.tagger import Tagger
    from radiostream.playlist.track import Tags, Track
    from radiostream.radio.changes import Changes
    from radiostream.radio.plays import Told

log = logging.getLogger(__name__)

SNAPSHOT_S: Final = 0.5
"""How long a station has to say where it is."""
LEVELS_STOP_S: Final = 0.3
MOST_LEFT: Final = 200
"""Stations that have gone, whose place is remembered."""


def wanted(config: Config) -> Wanted:
    """What `config` asks for, as the roster takes it."""
    model = StationConfig(
        "/",
        Path(),
        "",
        family=config.family,
        shuffle=config.shuffle,
        level_lufs=config.level_lufs,
        trim=config.trim,
    )
    return Wanted(config.stations, config.stations_dir, model)


class Stations:
    """All stations of one server."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        tagger: Tagger,
        changes: Changes,
        state: StateKeeper | None,
        fallback: Callable[[StationConfig], tuple[Track, ...]],
        told: Told | None = None,
    ) -> None:
        """`fallback(config)`: what a station plays while its directory holds nothing. `told`: who hears of plays."""
        self.table: Mapping[str, Station] = {}
        """By route, in alphabetical order; replaced whole."""
        self.on_change: Callable[[Mapping[str, Station]], None] = lambda _: None
        """Told of each new table, by the thread that follows the roster."""
        self._config = config
        self._clock = clock
        self._rng = random.Random()  # noqa: S311 - the order of songs is no secret
        self._tagger = tagger
        self._changes = changes
        self._state = state
        self._fallback = fallback
        self._told = told
        self._levels: Levels | None = None
        """Once a station has asked for a level."""
        self._tracks: dict[str, tuple[Track, ...]] = {}
        """What each directory holds. The library's thread."""
        self._followed: Table = {}
        self._left: dict[str, Saved] = {}
        """Where the stations were that have gone; the one that went last is the last. The library's thread."""
        self._lock = threading.Lock()  # guards _running and _stopped, so that each producer is started once
        self._live: dict[str, Live] = {}
        """The live side of each station that has one. The library's thread; `stop` reads it."""
        self._running: dict[Station, threading.Thread] = {}
        """The producers' threads."""
        self._stopped = False

    # -- the library's thread --------------------------------------------------------------------------------------

    def follow(self, table: Table, library: Library, *, trusting: bool) -> None:
        """Make the stations those of `table`. `trusting`: what lies in a new one's directory is taken at once."""
        if table is self._followed:
            return
        self._end_gone(table, library)
        stations = dict(self.table)
        for route, entry in table.items():
            if route not in stations:
                if station := self._try_build(entry):
                    stations[route] = station
                    library.add(route, entry.config.directory, trusting=trusting)
            elif entry != self._followed.get(route):
                self._reconfigure(stations[route], entry)
        self._followed = table
        self._publish(stations)

    def _publish(self, stations: Mapping[str, Station]) -> None:
        self.table = dict(sorted(stations.items()))
        self.on_change(self.table)
        self._changes.bump()

    def _end_gone(self, table: Table, library: Library) -> None:
        """End the stations that `table` has no more, or has with another directory: nobody finds them from then on."""
        gone = [
            station
            for route, station in self.table.items()
            if route not in table or table[route].config.directory != self._followed[route].config.directory
        ]
        if not gone:
            return
        self._publish({route: station for route, station in self.table.items() if station not in gone})
        for station in gone:
            library.remove(station.config.route)
            self._end(station)

    def _try_build(self, entry: Entry) -> Station | None:
        """A bug in one station's start costs that station, until the table changes; the others come all the same."""
        route = entry.config.route
        try:
            return self._build(entry)
        except Exception:
            log.exception("%s: the station cannot be started", route, extra={"station": route})
            return None

    def _build(self, entry: Entry) -> Station:
        config = entry.config
        station = Station(
            config,
            clock=self._clock,
            rng=self._rng,
            tagger=self._tagger,
            changes=self._changes,
            buffer_size=self._config.buffer_bytes,
            burst_s=self._config.burst_s,
            fallback=self._fallback(config),
            saved=self._saved(config.route),
            told=self._told,
        )
        if entry.settings_error:
            station.configure(config, entry.settings_error)
        self._level(station, config)
        self._follow_live(station, config)
        return station

    def _level(self, station: Station, config: StationConfig) -> None:
        """Bring the station's tracks to a level from now on, or leave them as they are."""
        if config.level_lufs is None and not config.trim:
            if self._levels is not None:
                station.take_levels(None)
                self._levels.update(config.route, ())
            return
        if self._levels is None:
            from radiostream.loudness.levels import Levels

            self._levels = Levels(self._config.state_dir)
            self._levels.start()
        station.take_levels(self._levels)
        self._levels.update(config.route, self._tracks.get(config.route, ()))

    def _follow_live(self, station: Station, config: StationConfig) -> None:
        """Give the station a live side where sources may come, and have its relay follow what `config` says."""
        live = self._live.get(config.route)
        if live is None and not (config.relay or self._config.source_password):
            return
        if live is None:
            from radiostream.live.attach import Live  # who has no live sources does not pay for them

            live = self._live[config.route] = Live(station, self._clock)
        live.follow(config.relay)
        if station in self._running:
            live.start()

    def _saved(self, route: str) -> Saved | None:
        if saved := self._left.pop(route, None):
            return saved
        return self._state.load(route) if self._state is not None else None

    def _reconfigure(self, station: Station, entry: Entry) -> None:
        """What is said of it has changed; its listeners stay."""
        station.configure(entry.config, entry.settings_error)
        self._level(station, entry.config)
        self._follow_live(station, entry.config)

    def _end(self, station: Station) -> None:
        """Its directory, or the operator's word for it, is gone."""
        route = station.config.route
        snapshot = station.snapshot()
        with self._lock:
            is_running = self._running.pop(station, None) is not None
        if is_running and (saved := self._answer(route, snapshot.result, Deadline(SNAPSHOT_S, self._clock))):
            self._left[route] = saved
            while len(self._left) > MOST_LEFT:
                del self._left[next(iter(self._left))]
            if self._state is not None:
                self._state.keep(route, saved)
        if live := self._live.pop(route, None):
            live.close()
        station.stop()
        self._tagger.enqueue(route, ())
        self._tracks.pop(route, None)
        if self._levels is not None:
            self._levels.update(route, ())
        log.info("%s: the station has gone: %s", route, quoted(station.config.name), extra={"station": route})

    def directory_changed(self, route: str, listing: Listing) -> None:
        """A station's directory is not what it was; the first time, the station goes on the air."""
        station = self.table[route]
        if listing.trouble:
            directory = quoted(str(station.config.directory))
            log.warning("%s: %s %s", route, directory, listing.trouble, extra={"station": route})
        self._tagger.enqueue(route, listing.tracks)
        self._tracks[route] = listing.tracks
        if self._levels is not None and (station.config.level_lufs is not None or station.config.trim):
            self._levels.update(route, listing.tracks)
        station.update(listing)
        self.launch(station)

    # -- any thread ------------------------------------------------------------------------------------------------

    def launch(self, station: Station) -> None:
        """Start the station's producer, unless it runs already or all has ended."""
        with self._lock:
            if self._stopped or station in self._running:
                return
            name = f"producer {station.config.route}"
            producer = self._running[station] = threading.Thread(target=station.run, name=name, daemon=True)
        try:
            producer.start()
        except RuntimeError:  # no more threads to be had: the next scan tries again
            with self._lock:
                self._running.pop(station, None)
            raise
        if live := self._live.get(station.config.route):
            live.start()

    def tags_read(self, track: Track, _tags: Tags) -> None:
        """The tagger's thread: a track's tags are known."""
        for station in self.table.values():
            station.tags_read(track)

    def sample(self) -> None:
        """Note how many listen now."""
        for station in self.table.values():
            station.audience.sample(self._clock.unix_s())

    def save(self) -> None:
        """Have the state of each station written. A station that does not answer, or fails to, costs its own only."""
        if self._state is None:
            return
        asked = {route: station.snapshot() for route, station in self.table.items()}
        deadline = Deadline(SNAPSHOT_S, self._clock)
        for route, snapshot in asked.items():
            if saved := self._answer(route, snapshot.result, deadline):
                self._state.keep(route, saved)

    @staticmethod
    def _answer(route: str, result: Callable[[float], Saved], deadline: Deadline) -> Saved | None:
        about = {"station": route}
        try:
            return result(deadline.left_s)
        except (TimeoutError, CancelledError):
            log.warning("%s: the station does not answer, its place is not saved", route, extra=about)
        except Exception:
            log.exception("%s: saying where the station is failed, its place is not saved", route, extra=about)
        return None

    def stop(self) -> None:
        """End every producer and, at the end of a frame, every listener's stream. Does not wait for them."""
        with self._lock:
            self._stopped = True
        for live in tuple(self._live.values()):
            live.close()
        for station in self.table.values():
            station.stop()
        if self._levels is not None:
            self._levels.stop(LEVELS_STOP_S)

    def await_end(self, timeout_s: float) -> None:
        """Wait until every producer has ended, at most `timeout_s`: what it tells at its end has been told then."""
        deadline = Deadline(timeout_s, self._clock)
        with self._lock:
            producers = list(self._running.values())
        for producer in producers:
            if producer.ident is not None:
                producer.join(deadline.left_s)
