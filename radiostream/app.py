"""The radio put together: what is built from what, started and stopped in which order, and what a signal does.

The main thread builds everything, waits for a signal, and takes everything down again.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from radiostream import __version__, logs
from radiostream.clock import SystemClock
from radiostream.config import Config, ConfigError, StationConfig
from radiostream.health import Health
from radiostream.http.auth import Auth
from radiostream.http.protocol.limits import Limits, short_places
from radiostream.http.server import STACK_BYTES, RadioServer
from radiostream.http.site import Site
from radiostream.playlist.library import Library, Listing
from radiostream.playlist.scan import Directory
from radiostream.playlist.state import StateFile, StateKeeper
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Tags, Track
from radiostream.radio.changes import Changes
from radiostream.radio.station import Station

log = logging.getLogger(__name__)

FIRST_LOOK_S: Final = 1.5
"""How long the start waits for the first look at the directories; a slow disk's stations begin with silence."""

FIRST_TRACK_S: Final = 1.5
"""How long the door stays closed for stations that have nothing on the air yet."""

SAVE_S: Final = 10.0
ANSWER_S: Final = 0.5
SAMPLE_S: Final = 300.0
GOODBYE_S: Final = 1.5
"""How long the end waits for listeners to be told."""

DEMO: Final = Path(__file__).parent / "demo"


class Radio:
    """Everything that runs. Built, started and stopped by the main thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._clock = SystemClock()
        self._changes = Changes()
        self._rng = random.Random()  # noqa: S311 - the order of songs is no secret
        self._tagger = Tagger(on_tags=self._tags_read)
        ordered = sorted(config.stations, key=lambda station: station.route)
        self._state = _state_keeper(config)
        self.stations = {one.route: self._station(one) for one in ordered}
        self._library = Library(
            {one.route: one.directory for one in ordered}, self._directory_changed, config.poll_interval_s
        )
        short_max = short_places(config.max_clients, len(config.stations))
        limits = Limits(config.max_clients, config.max_clients_per_address, short_max)
        self._health = Health(config, self.stations, self._library)
        self.site = Site(
            config=config,
            stations=self.stations,
            limits=limits,
            auth=Auth(config.status_password, time.monotonic),
            changes=self._changes,
            rescan=self._library.rescan,
            readiness=self._health.readiness,
            metrics=self._metrics,
            server_facts=self._health.facts,
        )
        self.server = RadioServer(self.site, config.host, config.port)
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def _station(self, config: StationConfig) -> Station:
        return Station(
            config,
            clock=self._clock,
            rng=self._rng,
            tagger=self._tagger,
            changes=self._changes,
            buffer_size=self.config.buffer_bytes,
            burst_s=self.config.burst_s,
            fallback=self._demo(config),
            saved=self._state.load(config.route) if self._state else None,
        )

    def _demo(self, config: StationConfig) -> tuple[Track, ...]:
        """What plays while somebody who has configured nothing has no audio of their own either."""
        if self.config.audio_dir_given or len(self.config.stations) > 1 or config.family not in (None, "mp3"):
            return ()
        return Directory(str(DEMO)).look(eager=True).tracks

    # -- start and stop --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Directories first, then producers, then the door."""
        self._tagger.start()
        if self._state is not None:
            self._state.start()
        self._library.start()
        self._library.wait_looked(FIRST_LOOK_S)
        for station in self.stations.values():
            self._run(station.run, f"producer {station.config.route}")
        self._await_first_tracks()
        self._run(self._keep, "keeper")
        self._run(self.server.serve_forever, "acceptor")
        self._greet()

    def _await_first_tracks(self) -> None:
        """Whoever comes first finds all stations on the air, unless a disk is asleep."""
        deadline, seen = self._clock.now_s() + FIRST_TRACK_S, -1
        while any(one.status.on_air is None for one in self.stations.values()) and self._clock.now_s() < deadline:
            seen = self._changes.wait(seen, deadline - self._clock.now_s())

    def _run(self, target: Any, name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _greet(self) -> None:
        port = self.server.server_port
        host = "localhost" if self.config.host in ("0.0.0.0", "::", "127.0.0.1") else self.config.host  # noqa: S104
        root = self.config.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}{self.config.base_path}"
        log.info("radiostream %s listens on port %d", __version__, port)
        for station in self.stations.values():
            status = station.status
            state = "the demo" if status.demo else status.trouble or f"{status.tracks} tracks"
            log.info("on the air: %s%s %s: %s", root, status.route, logs.quoted(status.name), state)
        log.info("player: %s/web", root)
        log.info("status: %s/status", root)
        if self.config.default_password:
            log.warning("the operator's password is the documented default: set STATUS_PASSWORD")

    def stop(self) -> None:
        """The door first, then the streams, each at the end of a frame; what is to be kept is saved on the way."""
        self._stopping.set()
        self._health.stop()
        self.server.shutdown()
        self.server.server_close()
        self._save()
        self._changes.close()
        for station in self.stations.values():
            station.stop()
        self.site.limits.listeners.wait_empty(GOODBYE_S)
        self._library.stop(0.2)
        self._tagger.stop(0.2)
        if self._state is not None:
            self._state.stop(0.5)

    def rescan(self) -> None:
        """Ask for a look at the directories; does not wait for it."""
        self._library.rescan(0)

    # -- what threads call -----------------------------------------------------------------------------------------

    def _directory_changed(self, route: str, listing: Listing) -> None:
        """The library's thread: a directory is not what it was."""
        if listing.trouble:
            log.warning("%s: %s %s", route, logs.quoted(str(self.stations[route].config.directory)), listing.trouble)
        self._tagger.enqueue(route, listing.tracks)
        self.stations[route].update(listing)

    def _tags_read(self, track: Track, _tags: Tags) -> None:
        """The tagger's thread: a track's tags are known."""
        for station in self.stations.values():
            station.tags_read(track)

    def _metrics(self, accept: str) -> tuple[str, bytes]:
        from radiostream.metrics import render

        return render(self.site, accept)

    def _keep(self) -> None:
        """The keeper's thread: saves where the stations are, and notes how many listen."""
        with suppress(ImportError):  # a scrape will say so
            import radiostream.metrics  # noqa: F401 - neither the start nor the first scrape waits for it

        next_sample_s = 0.0
        while True:
            if self._clock.now_s() >= next_sample_s:
                next_sample_s = self._clock.now_s() + SAMPLE_S
                for station in self.stations.values():
                    station.audience.sample(self._clock.unix_s())
            if self._stopping.wait(SAVE_S):
                return
            self._save()

    def _save(self) -> None:
        if self._state is None:
            return
        asked = {route: station.snapshot() for route, station in self.stations.items()}
        deadline = self._clock.now_s() + ANSWER_S
        for route, snapshot in asked.items():
            try:
                self._state.keep(route, snapshot.result(max(0.0, deadline - self._clock.now_s())))
            except (TimeoutError, CancelledError):
                log.warning("%s: the station does not answer, its place is not saved", route)


def _state_keeper(config: Config) -> StateKeeper | None:
    if config.state_dir is None:
        return None
    directory = config.state_dir
    return StateKeeper(lambda route: StateFile(directory, route))


def main(argv: Sequence[str] | None = None) -> int:
    """The program: 0 after a signal, 2 for a wrong command line, 1 where the port cannot be had."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["health"]:
        from radiostream import selfcheck

        return selfcheck.main(words[1:], os.environ)
    try:
        config = Config.load(words, os.environ)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    logs.setup(config.log_level, config.log_format)
    threading.stack_size(STACK_BYTES)
    if config.sentry_dsn:
        from radiostream import reporting

        reporting.start(config)
    try:
        radio = Radio(config)
    except OSError as error:
        log.error("can not listen on %s port %d: %s", config.host, config.port, error.strerror)
        return 1
    _run_until_signal(radio)
    if config.sentry_dsn:
        reporting.flush()
    return 0


def _run_until_signal(radio: Radio) -> None:
    ended = threading.Event()

    def end(_number: int, _frame: object) -> None:
        if ended.is_set():
            os._exit(1)
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, lambda _number, _frame: radio.rescan())
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    )  # entrypoint.sh blocks them
    radio.start()
    ended.wait()
    log.info("stopping")
    radio.stop()
