"""What webhooks are told of: looks at the stations twice a second, and makes events of what has changed.

The thread "alerts" runs `step`; producers only queue what began (`began`). Once an incident: a station that is silent
is told once, and once that it is back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from radiostream.playlist.folder import UNSETTLED
from radiostream.playlist.history import LIVE, TRACK
from radiostream.plays import messages
from radiostream.plays.log import zone_of
from radiostream.radio.ring import CHUNK_S
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiostream.clock import Clock
    from radiostream.plays.messages import Event
    from radiostream.radio.plays import Began
    from radiostream.radio.station import Station
    from radiostream.radio.status import LeftOut, OnAir, Status

LOOK_S: Final = 0.5
SILENT_S: Final = 2.5
"""A shorter silence is none: a directory that is moved, a source that comes."""
LEVEL_SILENT_S: Final = 10.0
"""So long a track may be silent inside; what is known of its level tells where it is longer."""
STALLED_S: Final = CHUNK_S + SILENT_S
"""A producer that has published nothing for so long: its newest chunk is over, and nothing follows."""
GATHER_S: Final = 10.0
"""How long files that are left out are gathered, from the first one on."""
NAMED_MOST: Final = 20
DISK_S: Final = 30.0
FULL_S: Final = 60.0
"""Without somebody turned away for so long, listeners find places again."""
BEGUN_MOST: Final = 1000


@dataclass(slots=True)
class Watched:
    """What is known of one station."""

    silent_since_s: float | None = None
    is_told: bool = False
    live_since_s: float | None = None
    left_out: frozenset[LeftOut] = frozenset()
    rejected: dict[LeftOut, None] = field(default_factory=dict)
    """Gathered so far, in the order in which they were found."""
    gather_until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Server:
    """What is looked at besides the stations; each may be asked by any thread."""

    stations: Callable[[], Mapping[str, Station]]
    refused: Callable[[], int]
    """How many were turned away since all places were taken."""
    places: Callable[[], int]
    disk: Callable[[], Mapping[str, Any] | None]
    """The state directory's check, as `/readyz` tells it; None where there is none."""


class Watch:
    """See the module. `worker`: its thread."""

    def __init__(self, server: Server, tell: Callable[[Event], None], clock: Clock) -> None:
        self._server = server
        self._tell = tell
        self._clock = clock
        self._begun: deque[Began] = deque(maxlen=BEGUN_MOST)
        self._watched: dict[str, Watched] = {}
        self._refused = 0
        self._refused_s: float | None = None
        """When somebody was turned away last, while that is an incident."""
        self._is_low = False
        self._disk_s = clock.now_s() + LOOK_S
        self.worker = Worker("alerts", self.step, clock=clock)

    def began(self, began: Began) -> None:
        """Something is on the air. A producer's thread; answers at once."""
        self._begun.append(began)
        self.worker.wake()

    # -- the thread "alerts" -------------------------------------------------------------------------------------------

    def step(self) -> float:
        """One look; seconds until the next one."""
        now_s = self._clock.now_s()
        stations = self._server.stations()
        while self._begun:
            began = self._begun.popleft()
            if began.route in stations:
                self._note(began, stations[began.route], now_s)
        for route, station in stations.items():
            watched = self._watched.setdefault(route, Watched())
            self._listen(watched, station, now_s)
            self._gather(watched, station, now_s)
        for route in self._watched.keys() - stations.keys():
            del self._watched[route]
        self._look_at_places(now_s)
        self._look_at_disk(now_s)
        return LOOK_S

    def _event(self, name: str, station: Station | None, at: float | None = None, **more: Any) -> None:
        config = station.config if station else None
        moment = self._clock.unix_s() if at is None else at
        zone = zone_of(config.timezone if config else "")
        route, title = (config.route, config.name) if config else (None, None)
        self._tell({"event": name, "route": route, "station": title, "at": zone.iso(moment), **more})

    def _note(self, began: Began, station: Station, now_s: float) -> None:
        watched = self._watched.setdefault(began.route, Watched())
        tags = began.tags
        if began.kind == LIVE and watched.live_since_s is None:
            watched.live_since_s = now_s
            self._event(messages.LIVE_BEGAN, station, began.at, title=tags.title, artist=tags.artist)
        elif began.kind != LIVE and watched.live_since_s is not None:
            live_s, watched.live_since_s = now_s - watched.live_since_s, None
            self._event(messages.LIVE_ENDED, station, began.at, live_s=round(live_s, 1))
        if began.kind in (TRACK, LIVE):
            about = {"title": began.title, "artist": tags.artist, "album": tags.album}
            self._event(messages.TRACK, station, began.at, kind=began.kind, **about, file=began.file)

    def _listen(self, watched: Watched, station: Station, now_s: float) -> None:
        """Whether listeners hear music."""
        reason = _silence(station.status, now_s, station.progress_s)
        if not reason:
            since_s, watched.silent_since_s = watched.silent_since_s, None
            if watched.is_told and since_s is not None:
                self._event(messages.BACK, station, silent_s=round(now_s - since_s, 1))
            watched.is_told = False
            return
        if watched.silent_since_s is None:
            watched.silent_since_s = now_s
        if now_s - watched.silent_since_s >= SILENT_S and not watched.is_told:
            watched.is_told = True
            self._event(messages.SILENT, station, reason=reason, listeners=len(station.audience))

    def _gather(self, watched: Watched, station: Station, now_s: float) -> None:
        """Files that are left out since the look before, told together; not those that only have not settled, and
        not those that are not left out any more when it is told."""
        left_out = station.status.left_out
        present = frozenset(left_out)
        if present is not watched.left_out and present != watched.left_out:
            if not watched.rejected:
                watched.gather_until_s = now_s + GATHER_S
            news = [one for one in left_out if one not in watched.left_out and one.reason != UNSETTLED]
            watched.rejected |= dict.fromkeys(news)
            watched.left_out = present
        if watched.rejected and now_s >= watched.gather_until_s:
            rejected = [one for one in watched.rejected if one in present]
            files = [{"name": one.name, "reason": one.reason} for one in rejected[:NAMED_MOST]]
            if rejected:
                self._event(messages.REJECTED, station, count=len(rejected), files=files)
            watched.rejected = {}

    def _look_at_places(self, now_s: float) -> None:
        refused = self._server.refused()
        if refused != self._refused:
            if self._refused_s is None:
                self._event(messages.FULL, None, places=self._server.places())
            self._refused, self._refused_s = refused, now_s
        elif self._refused_s is not None and now_s - self._refused_s >= FULL_S:
            self._refused_s = None

    def _look_at_disk(self, now_s: float) -> None:
        if now_s < self._disk_s:
            return
        self._disk_s = now_s + DISK_S
        check = self._server.disk()
        if check is None or check.get("value") is None:
            return
        is_low = check["value"] < check["limit"] and not check["ok"]
        if is_low and not self._is_low:
            self._event(messages.DISK_LOW, None, free_mb=check["value"], limit_mb=check["limit"])
        self._is_low = is_low


def _silence(status: Status, now_s: float, progress_s: float) -> str:
    """Why listeners hear no music; empty while they do. `progress_s`: when something was published last."""
    if now_s - progress_s >= STALLED_S:
        return "nothing is published, its disk may not answer"
    on_air = status.on_air
    if on_air is not None and on_air.track is not None:
        return "the track is silent" if _is_in_silence(on_air, now_s) else ""
    return f"its directory {status.trouble}" if status.trouble else "there is nothing to play"


def _is_in_silence(on_air: OnAir, now_s: float) -> bool:
    """Whether the track has been silent for so long that, with what a silence has to last, it is told in time."""
    elapsed_s = now_s - on_air.started_s
    silences = on_air.level.silences if on_air.level else ()
    return any(begin_s + LEVEL_SILENT_S - SILENT_S <= elapsed_s < end_s for begin_s, end_s in silences)
