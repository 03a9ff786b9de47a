"""The radio put together: what is built from what, started and stopped in which order, and what a signal does.

The main thread builds everything, waits for signals, and takes everything down again. SIGTERM, SIGINT and SIGHUP are
blocked in every thread, and taken one by one with `sigwait`: between two calls there is no moment in which one is lost.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from radiostream import __version__, logs
from radiostream.clock import SystemClock
from radiostream.config import SETTINGS, Config, ConfigError, StationConfig
from radiostream.health import Health
from radiostream.http.auth import Auth
from radiostream.http.protocol.limits import LISTENERS, Limits, short_places
from radiostream.http.server import STACK_BYTES, RadioServer
from radiostream.http.site import Site
from radiostream.playlist.library import Library
from radiostream.playlist.roster import Roster
from radiostream.playlist.scan import Directory
from radiostream.playlist.state import StateFile, StateKeeper
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Track
from radiostream.radio.changes import Changes
from radiostream.radio.station import Station
from radiostream.stations import Stations, wanted
from radiostream.threads import Deadline, Worker

if TYPE_CHECKING:
    from radiostream.plays.plays import Alerts, Plays

log = logging.getLogger(__name__)

FIRST_LOOK_S: Final = 1.5
"""How long the start waits for the first scan of the directories; a slow disk's stations begin with silence."""

FIRST_TRACK_S: Final = 1.5
"""How long the listening socket stays closed for stations that have nothing on the air yet."""

SAVE_S: Final = 10.0
SAMPLE_S: Final = 300.0
END_S: Final = 2.5
"""All that the end may take: 3 s are promised."""
GOODBYE_S: Final = 1.5
"""How much of that is for listeners to be told."""
PRODUCERS_S: Final = 0.5
"""And how much for producers, which tell at their end what they played."""
REFUSED_S: Final = 2.0
"""How long a program that cannot listen waits for its line in the log: without it nobody knows why it ended."""
START_POLL_S: Final = 0.1
"""How often a start that waits looks whether it is to end already."""

ENDING: Final = frozenset((signal.SIGTERM, signal.SIGINT))
SIGNALS: Final = ENDING | {signal.SIGHUP}

CHANGEABLE: Final = frozenset(
    (
        *("stations", "stations_dir", "audio_dir_given", "family", "shuffle", "level_lufs", "trim"),
        *("max_clients", "kbps", "log_level", "log_format"),
        *("site_name", "embed_origins", "public_url", "base_path", "trusted_proxies"),
    )
)
"""What takes effect while the server runs, when the file of --config is read again."""

DEMO: Final = Path(__file__).parent / "demo"


class Radio:
    """Everything that runs. Built, started and stopped by the main thread."""

    def __init__(self, config: Config) -> None:
        """Builds all, and binds the listening socket: raises `OSError` where that cannot be had."""
        self.config = config
        self._clock = SystemClock()
        self._changes = Changes()
        self._state = _state_keeper(config)
        self._plays = self._plays_of(config)
        self._tagger = Tagger(on_tags=lambda track, tags: self._stations.tags_read(track, tags))
        self._stations = Stations(
            config,
            clock=self._clock,
            tagger=self._tagger,
            changes=self._changes,
            state=self._state,
            fallback=self._demo,
            told=self._plays,
        )
        self._roster = Roster(wanted(config), self._clock)
        self._library = Library(
            {},
            self._stations.directory_changed,
            config.poll_interval_s,
            survey=self._roster.find,
            follow=self._follow_roster,
            settings=self._roster.settings,
        )
        self._looked = False
        self._health = Health(config, {}, self._library)
        self._health.roster = self._roster if config.stations_dir is not None else None
        self.site = Site(
            config=config,
            stations={},
            limits=Limits(config.max_clients, config.max_clients_per_address),
            auth=Auth(config.status_password, time.monotonic),
            source_auth=Auth(config.source_password, time.monotonic) if config.source_password else None,
            changes=self._changes,
            rescan=self._library.rescan,
            readiness=self._health.readiness,
            metrics=self._metrics,
            server_facts=self._health.facts,
            scan_costs=self._library.costs,
            plays=self._plays,
        )
        self._most_stations = -1
        self._stations.on_change = self._show
        self._stations.follow(self._roster.commanded(), self._library, trusting=True)
        self.server = RadioServer(self.site, config.host, config.port)
        self._keeper = Worker("keeper", self._keep, clock=self._clock)
        self._next_sample_s = 0.0
        self._accepts = False

    def _demo(self, config: StationConfig) -> tuple[Track, ...]:
        """What plays while somebody who has configured nothing has no audio of their own either."""
        alone = len(self.config.stations) == 1 and self.config.stations_dir is None
        if self.config.audio_dir_given or not alone or config.family not in (None, "mp3"):
            return ()
        return Directory(str(DEMO)).look(eager=True).tracks

    def _plays_of(self, config: Config) -> Plays | None:
        """The log of plays, their statistics and webhooks, where any of it is on."""
        if config.state_dir is None and not config.webhooks:
            return None
        from radiostream.plays.plays import Keeper, Plays  # who keeps and tells nothing does not pay for it

        keeper = None
        if config.state_dir is not None:
            keeper = Keeper(config.state_dir, config.keep_log_months, lambda: self._stations.table, self._clock)
        return Plays(keeper, self._alerts_of(config) if config.webhooks else None)

    def _alerts_of(self, config: Config) -> Alerts:
        from radiostream.plays.hooks import Hooks
        from radiostream.plays.plays import Alerts
        from radiostream.plays.watch import Server, Watch

        hooks = Hooks(config.webhooks, config.webhook_format, config.webhook_secret, self._clock)
        server = Server(
            stations=lambda: self._stations.table,
            refused=lambda: self.site.limits.refused[LISTENERS],
            places=lambda: self.config.max_clients,
            disk=lambda: self._health.state_disk(),
        )
        return Alerts(Watch(server, hooks.tell, self._clock), hooks)

    # -- start and stop --------------------------------------------------------------------------------------------

    def start(self, is_to_end: Callable[[], bool] = lambda: False) -> None:
        """Directories first, then producers, then the listening socket; less of it once `is_to_end()`."""
        self._tagger.start()
        if self._state is not None:
            self._state.start()
        if self._plays is not None:
            self._plays.start()
        self._library.start()
        deadline = Deadline(FIRST_LOOK_S, self._clock)
        while deadline.left_s and not is_to_end() and not self._library.wait_looked(min(START_POLL_S, deadline.left_s)):
            pass
        for station in self._stations.table.values():
            self._stations.launch(station)
        self._await_first_tracks(is_to_end)
        self._keeper.start()
        if is_to_end():
            return
        self._accepts = True
        threading.Thread(target=self.server.serve_forever, name="acceptor", daemon=True).start()
        self._greet()

    def _await_first_tracks(self, is_to_end: Callable[[], bool]) -> None:
        """Whoever comes first finds all stations on the air, unless a disk is asleep."""
        deadline, seen = Deadline(FIRST_TRACK_S, self._clock), -1
        while any(one.status.on_air is None for one in self._stations.table.values()):
            if not deadline.left_s or is_to_end():
                return
            seen = self._changes.wait(seen, min(START_POLL_S, deadline.left_s))

    def _greet(self) -> None:
        port = self.server.server_port
        host = "localhost" if self.config.host in ("0.0.0.0", "::", "127.0.0.1") else self.config.host  # noqa: S104 - compared, not bound
        root = self.config.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}{self.config.base_path}"
        log.info("radiostream %s listens on port %d", __version__, port)
        for station in self._stations.table.values():
            status = station.status
            count = "1 track" if status.tracks == 1 else f"{status.tracks} tracks"
            state = "the demo" if status.demo else status.trouble or count
            log.info("station: %s%s %s: %s", root, quote(status.route), logs.quoted(status.name), state)
        log.info("player: %s/web", root)
        log.info("status: %s/status", root)
        if self.config.default_password:
            log.warning("the operator's password is one that everybody knows: set STATUS_PASSWORD")

    def stop(self, deadline: Deadline | None = None) -> None:
        """The listening socket first, then the streams, each at the end of a frame; what is to be kept is saved on the
        way. Over by `deadline` (2.5 s from now on); who hangs is named and left behind."""
        deadline = deadline or Deadline(END_S, self._clock)
        self._health.stop()
        if self._accepts:
            self.server.shutdown()
        self.server.server_close()
        self._keeper.close()
        try:
            self._stations.save()
        finally:
            self._changes.close()
            self._stations.stop()
        self.site.limits.listeners.wait_empty(min(GOODBYE_S, deadline.left_s))
        self._stations.await_end(min(PRODUCERS_S, deadline.left_s))
        workers = [
            one for one in (self._state, self._plays, self._library, self._tagger, self._keeper) if one is not None
        ]
        for worker in workers:
            worker.close()
        for worker in workers:
            worker.stop(deadline.left_s)

    def rescan(self) -> None:
        """Ask for a scan of the directories; does not wait for it."""
        self._library.rescan(0)

    def reconfigure(self, new: Config) -> None:
        """Take over what `new` says otherwise, as far as that can be while the server runs; name the rest."""
        old = self.config
        differ = {one.name for one in fields(Config) if getattr(old, one.name) != getattr(new, one.name)}
        for label in sorted(_label(name) for name in differ - CHANGEABLE):
            log.warning("%s cannot change while the server runs, restart it for that", label)
        changed = {name: getattr(new, name) for name in differ & CHANGEABLE}
        if not changed:
            return
        self.config = self.site.config = self._health.config = replace(old, **changed)
        self._roster.wanted = wanted(self.config)
        self.site.limits.listeners.places = self.config.max_clients
        logs.setup(self.config.log_level, self.config.log_format)
        log.info("settings read again: %s", ", ".join(sorted(map(_label, changed))))

    # -- what threads call -----------------------------------------------------------------------------------------

    def _follow_roster(self, _: object) -> None:
        """The library's thread, before each scan of the directories: stations come, change and go."""
        self._stations.follow(self._roster.table(), self._library, trusting=not self._looked)
        self._looked = True

    def _show(self, table: Mapping[str, Station]) -> None:
        """Requests, checks and metrics see the new table from now on; there are descriptors for its tracks."""
        self.site.stations = self._health.stations = table
        if len(table) > self._most_stations:
            self._most_stations = len(table)
            self.site.limits.short_max = short_places(self.config.max_clients, len(table))

    def _metrics(self, accept: str) -> tuple[str, bytes]:
        from radiostream.metrics import render

        return render(self.site, accept)

    def _keep(self) -> float:
        """A step of the keeper's thread: saves where the stations are, and notes how many listen."""
        with suppress(ImportError):  # a scrape will say so
            import radiostream.metrics  # noqa: F401 - neither the start nor the first scrape waits for it

        is_first = not self._next_sample_s
        if self._clock.now_s() >= self._next_sample_s:
            self._next_sample_s = self._clock.now_s() + SAMPLE_S
            self._stations.sample()
        if not is_first:
            self._stations.save()
        return SAVE_S


def _label(name: str) -> str:
    """A field of `Config` as the operator knows it."""
    known = {one.target: one.label for one in SETTINGS}
    return known.get(name, {"stations": "--directory-routes (DIRECTORY_ROUTES)"}.get(name, name.upper()))


def _state_keeper(config: Config) -> StateKeeper | None:
    if config.state_dir is None:
        return None
    directory = config.state_dir
    return StateKeeper(lambda route: StateFile(directory, route))


def main(argv: Sequence[str] | None = None) -> int:
    """The program: 0 after a signal, 2 for a wrong command line, 1 where the port cannot be had."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["health"]:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        from radiostream import selfcheck

        return selfcheck.main(words[1:], os.environ)
    if words[:1] == ["check"]:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        from radiostream.doctor import command

        return command.main(words[1:], os.environ)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # before there is a second thread: all inherit it
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
        log.error("cannot listen on %s port %d: %s", config.host, config.port, error.strerror)
        logs.flush(REFUSED_S)
        return 1
    deadline = _run_until_signal(radio, words)
    if config.sentry_dsn:
        reporting.flush(deadline.left_s)
    return 0


def _run_until_signal(radio: Radio, argv: Sequence[str]) -> Deadline:
    """Start, obey signals, stop; by when all has to be over."""
    radio.start(lambda: bool(signal.sigpending() & ENDING))
    while signal.sigwait(SIGNALS) not in ENDING:
        _read_again(radio, argv)
    deadline = Deadline(END_S)
    for number in ENDING:
        signal.signal(number, lambda _number, _frame: os._exit(1))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # a second one ends the process at once
    log.info("stopping")
    radio.stop(deadline)
    return deadline


def _read_again(radio: Radio, argv: Sequence[str]) -> None:
    """SIGHUP: the settings, where they are in a file, and the directories."""
    if radio.config.config:
        try:
            radio.reconfigure(Config.load(argv, os.environ))
        except ConfigError as error:
            for problem in error.problems:
                log.error("the settings stay as they were: %s", problem)
    radio.rescan()
