"""Plays, listeners and events on their way to the disk and to webhooks: what the rest of the server sees of it.

Producers tell of plays (`began`, `ended`), which only queues them. The thread "plays" writes the log and, each minute,
the statistics; it runs where there is a state directory. Webhooks have threads of their own, in `hooks` and `watch`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from radiostream.playlist.track import title_from_name
from radiostream.plays import reading, report, statistics
from radiostream.plays.log import PlayLog, zone_of
from radiostream.threads import Deadline, Worker

if TYPE_CHECKING:
    from pathlib import Path

    from radiostream.clock import Clock
    from radiostream.plays.hooks import Hooks
    from radiostream.plays.watch import Watch
    from radiostream.radio.plays import Began, Play
    from radiostream.radio.station import Station
    from radiostream.settings import StationConfig

log = logging.getLogger(__name__)

QUEUE_MOST: Final = 5000
"""Plays that wait for a disk that hangs; what is more is lost."""
MINUTE_S: Final = 60
TIDY_S: Final = 3600.0
_TIMES: Final = (("started_at", "start"), ("ended_at", "end"))
ALERTS_STOP_S: Final = 0.3
"""How long the end waits for a webhook that is being told."""


class Keeper:
    """The log and the statistics of all stations. `worker`: its thread, which writes what waits before it ends."""

    def __init__(
        self, directory: Path, keep_months: int, stations: Callable[[], Mapping[str, Station]], clock: Clock
    ) -> None:
        """`directory`: that of the state. `stations()`: those that are there now."""
        self.directory = directory
        self._log = PlayLog(directory, keep_months)
        self._stations = stations
        self._clock = clock
        self._lock = threading.Lock()  # guards _waiting and _overflow; held for assignments only
        self._waiting: deque[Play] = deque()
        self._overflow = 0
        self._counted: dict[str, Station] = {}
        """The stations of the sample before, so that those that have gone are counted to their end."""
        self._sampled_s = clock.now_s()
        self._sample_at = 0.0
        self._tidy_s = clock.now_s()
        self._in_trouble = False
        self.worker = Worker("plays", self.step, clock=clock, last_step=True)

    @property
    def written(self) -> int:
        """Lines of the log written so far."""
        return self._log.written

    @property
    def lost(self) -> int:
        """Lines lost so far: to a full disk, or to one that hangs."""
        return self._log.lost + self._overflow

    def ended(self, play: Play) -> None:
        """Log `play` soon. Any thread; answers at once."""
        with self._lock:
            if len(self._waiting) >= QUEUE_MOST:
                self._overflow += 1
                return
            self._waiting.append(play)
        self.worker.wake()

    def unix_s(self) -> float:
        """The moment by the stations' clock."""
        return self._clock.unix_s()

    def knows(self, route: str) -> bool:
        """Whether there is a log of a station, one that has gone for instance. Reads the disk."""
        return reading.is_kept(self.directory, route)

    def history(self, config: StationConfig, moment: float, limit: int) -> list[dict[str, Any]]:
        """The latest plays that began before `moment`, newest first, as `/history` shows them. Reads the disk."""
        found = reading.before(self.directory, config.route, moment, limit, zone_of(config.timezone))
        return [_as_history(report.entry(row)) for row in found]

    # -- the thread "plays" --------------------------------------------------------------------------------------------

    def step(self) -> float:
        """Write what waits, and the sample that is due; seconds until the next one is."""
        while self._waiting:
            self._log.append(self._waiting.popleft())
        now_s, unix_s = self._clock.now_s(), self._clock.unix_s()
        if self.worker.stopping or unix_s >= self._sample_at or self._sample_at > unix_s + MINUTE_S:
            self._sample(now_s, unix_s)
            self._sample_at = (unix_s // MINUTE_S + 1) * MINUTE_S
        if now_s >= self._tidy_s:
            self._tidy_s = now_s + TIDY_S
            self._log.tidy(unix_s)
        return max(0.001, self._sample_at - unix_s)

    def _sample(self, now_s: float, unix_s: float) -> None:
        """Count who has listened since the sample before, where that was."""
        covered_s, self._sampled_s = now_s - self._sampled_s, now_s
        stations = dict(self._stations())
        gone = [one for route, one in self._counted.items() if stations.get(route) is not one]
        self._counted = stations
        for station in (*gone, *stations.values()):
            window = station.audience.window(begin_next=True)
            hls = station.hls_listeners()
            sample = statistics.Sample(window.listeners, window.peak, hls, covered_s, window.listener_s)
            path = statistics.path_of(self.directory, station.config.route)
            try:
                statistics.add(path, sample, unix_s, zone_of(station.config.timezone))
            except OSError as error:
                if not self._in_trouble:
                    log.error("the statistics of listeners cannot be written: %s", error)
                self._in_trouble = True
                return
        if self._in_trouble:
            self._in_trouble = False
            log.info("the statistics of listeners are written again")


def _as_history(play: dict[str, Any]) -> dict[str, Any]:
    track = play["file"].rpartition("/")[2]
    times = {name: datetime.fromisoformat(play[key]).astimezone(UTC) for name, key in _TIMES}
    return {
        "track": track,
        "title": play["title"] or title_from_name(track),
        "artist": play["artist"],
        **{name: moment.isoformat(timespec="milliseconds") for name, moment in times.items()},
        "ended": play["ended"],
        "kind": play["kind"],
    }


class Alerts(NamedTuple):
    """Webhooks, and who makes their events."""

    watch: Watch
    hooks: Hooks


class Plays:
    """All that is told of plays; `keeper` and `alerts` are None where they are off. Implements `radio.plays.Told`."""

    def __init__(self, keeper: Keeper | None, alerts: Alerts | None = None) -> None:
        self.keeper = keeper
        self.alerts = alerts

    def began(self, began: Began) -> None:
        """See `Told`."""
        if self.alerts is not None:
            self.alerts.watch.began(began)

    def ended(self, play: Play) -> None:
        """See `Told`."""
        if self.keeper is not None:
            self.keeper.ended(play)

    @property
    def _workers(self) -> list[Worker]:
        return [one.worker for one in (self.keeper, *(self.alerts or ())) if one is not None]

    def start(self) -> None:
        """Start the threads."""
        for worker in self._workers:
            worker.start()

    def close(self) -> None:
        """Ask the threads to end, and do not wait for them."""
        for worker in self._workers:
            worker.close()

    def stop(self, timeout_s: float) -> None:
        """Write what waits and end the threads; one that hangs is left behind."""
        deadline = Deadline(timeout_s)
        if self.keeper is not None:
            self.keeper.worker.stop(deadline.left_s)
        for one in self.alerts or ():
            one.worker.stop(min(ALERTS_STOP_S, deadline.left_s))
