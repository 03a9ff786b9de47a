"""One source's audio on its way from the source's thread to the producer's: a bounded buffer of whole frames or pages.

Two threads. The source's `write`s what comes off its socket, and waits where the buffer is full: then nothing more is
read, and the sender's own connection holds it back. A relay that is not on the air keeps the newest instead. The
producer looks whether there is something to take and takes it; it never waits here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from radiostream.clock import Clock
from radiostream.live.said import Said
from radiostream.live.units import Part, Unit, open_parser

STALL_S: Final = 2.0
"""A source that gives nothing for so long is off the air."""
SLACK_S: Final = 5.0
"""Seconds that the buffer holds beyond what going on the air needs."""
BYTES_MOST: Final = 8 << 20
WAIT_S: Final = 0.5

BROADCASTER: Final = "broadcaster"
RELAY: Final = "relay"


class FeedOver(Exception):  # noqa: N818 - no error, an end
    """Nothing more is taken from this source; the text says why."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom a feed comes from, for the operator."""

    kind: str
    """`broadcaster` or `relay`."""
    address: str
    """A broadcaster's address, a relay's URL."""
    agent: str = ""
    name: str = ""


class Cued(NamedTuple):
    """A unit in the buffer."""

    unit: Unit
    title: Said
    """What the source called it when it came."""


class Feed:
    """One connection of one source; see the module."""

    def __init__(self, about: About, family: str, clock: Clock, *, reserve_s: float, chunk_s: float) -> None:
        self.about = about
        self.family = family
        self.reserve_s = reserve_s
        """Seconds that the buffer should hold while the feed is on the air, before each chunk is taken."""
        self.chunk_s = chunk_s
        """The longest chunk."""
        self.since = clock.unix_s()
        self.bytes_total = 0
        self.stalls = 0
        self.on_arrival: Callable[[], None] = lambda: None
        """Called by the source's thread, with no lock held, where audio came while the feed is not on the air."""
        self._clock = clock
        self._parser = open_parser(family)
        self._room = threading.Condition()
        """Guards everything below; notified where the producer has taken something, and at the end."""
        self._units: deque[Cued] = deque()
        self._level_s = 0.0
        self._bytes = 0
        self._most_s = reserve_s + SLACK_S
        self._title = Said()
        self._part: Part | None = None
        """That of the newest unit."""
        self._over = ""
        self._is_on_air = False
        self._heard_s = clock.now_s()
        self._ahead_until_s = self._heard_s
        """Until when what has come lasts: a server sends seconds of sound at once, and then nothing for as long."""
        self._clean_since_s: float | None = None
        self._ticked: tuple[float, int] = (0.0, 0)
        self._is_held_back = False

    # -- the source's thread -----------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Take what has come. Waits while the buffer is full. Raises `FeedOver`, and `AudioError` for rubbish."""
        units = self._parser.feed(data)
        with self._room:
            self._insist()
            now_s = self._clock.now_s()
            if self._clean_since_s is not None and now_s - self._ahead_until_s > STALL_S:
                self._clean_since_s = None
                self.stalls += 1
            self._heard_s = now_s
            self.bytes_total += len(data)
        self._put_all(units)

    def finish(self) -> None:
        """Nothing more comes: take the last unit, behind which none followed. Raises `FeedOver`."""
        self._put_all(self._parser.end())

    def _put_all(self, units: list[Unit]) -> None:
        for unit in units:
            self._put(unit)
            if not self._is_on_air:
                self.on_arrival()

    def _put(self, unit: Unit) -> None:
        with self._room:
            while self._is_full() and self.keeps_all:
                self._is_held_back = True
                self._insist()
                self._clock.wait(self._room, WAIT_S)
            self._insist()
            if unit.part is not self._part:
                self._part = unit.part
                self._title = self._title if unit.part.title is None else unit.part.title
            self._units.append(Cued(unit, self._title))
            self._level_s += unit.duration_s
            self._bytes += len(unit.data)
            seconds, size = self._ticked
            self._ticked = seconds + unit.duration_s, size + len(unit.data)
            now_s = self._clock.now_s()
            if self._clean_since_s is None:
                self._clean_since_s = now_s
            self._ahead_until_s = min(max(self._ahead_until_s, now_s) + unit.duration_s, now_s + self._most_s)
            while self._is_full() and not self.keeps_all:
                self._drop_oldest()

    @property
    def keeps_all(self) -> bool:
        """Whether the sender is held back where the buffer is full; else the oldest audio makes room."""
        return self._is_on_air or self.about.kind == BROADCASTER

    def _is_full(self) -> bool:
        return self._level_s >= self._most_s or self._bytes >= BYTES_MOST

    def _drop_oldest(self) -> Cued:
        cued = self._units.popleft()
        self._level_s = self._level_s - cued.unit.duration_s if self._units else 0.0
        self._bytes -= len(cued.unit.data)
        return cued

    def _insist(self) -> None:
        if self._over:
            raise FeedOver(self._over)

    # -- any thread --------------------------------------------------------------------------------------------------

    def retitle(self, title: Said) -> None:
        """The source calls what comes from now on `title`."""
        with self._room:
            self._title = title

    def end(self, why: str, *, at_once: bool = False) -> None:
        """Nothing more comes, or is wanted; what is in the buffer is played out unless it is to end `at_once`."""
        with self._room:
            self._over = self._over or why
            if at_once:
                self._clear()
            self._room.notify_all()

    def make_room(self, burst_s: float) -> None:
        """The station's burst is so long: that much more is needed to go on the air at once."""
        with self._room:
            self._most_s = burst_s + self.reserve_s + SLACK_S

    @property
    def over(self) -> str:
        """Why nothing more comes; empty while something may."""
        return self._over

    @property
    def is_on_air(self) -> bool:
        return self._is_on_air

    @property
    def level_s(self) -> float:
        """Seconds in the buffer."""
        return self._level_s

    @property
    def title(self) -> Said:
        """What the source calls what it sends now."""
        return self._title

    @property
    def kbps(self) -> int:
        """The mean bitrate of what has come, at least 1."""
        seconds, size = self._ticked
        return max(1, round(size / 125 / seconds)) if seconds else 1

    def clean_s(self) -> float:
        """For how long sound has come without a stall."""
        since_s, now_s = self._clean_since_s, self._clock.now_s()
        if since_s is None or self._over or now_s - self._ahead_until_s > STALL_S:
            return 0.0
        return now_s - since_s

    def is_silent(self) -> bool:
        """Whether what has come is over for `STALL_S`: the source may be gone without a word."""
        return self._clock.now_s() - max(self._heard_s, self._ahead_until_s) > STALL_S

    def is_ready(self, burst_s: float) -> bool:
        """Whether it can go on the air with a burst of `burst_s` (0: behind a track's end)."""
        return not self._over and self._level_s >= burst_s + self.reserve_s and self.clean_s() > 0

    # -- the producer's thread ---------------------------------------------------------------------------------------

    def go_on_air(self, level_s: float) -> None:
        """Its audio is taken from now on; a relay begins with the newest `level_s` seconds of it."""
        with self._room:
            while self.about.kind == RELAY and len(self._units) > 1 and self._level_s > level_s:
                self._drop_oldest()
            self._is_on_air = True

    def leave_air(self) -> None:
        """Nothing more is taken for now; what a source brings after a stall starts over."""
        with self._room:
            self._is_on_air = False
            self._clean_since_s = None
            self._clear()
            self._room.notify_all()

    def _clear(self) -> None:
        self._units.clear()
        self._level_s, self._bytes = 0.0, 0

    def first(self) -> Cued | None:
        """What is to be taken next."""
        with self._room:
            return self._units[0] if self._units else None

    def second(self) -> Cued | None:
        """What comes behind that."""
        with self._room:
            return self._units[1] if len(self._units) > 1 else None

    def take(self) -> None:
        """Take the first unit off."""
        with self._room:
            if self._units:
                self._drop_oldest()
                self._room.notify()

    def has_stalled(self) -> bool:
        """Whether nothing has come for `STALL_S`. Counts where nothing is left of what came before."""
        return self._clock.now_s() - self._heard_s >= STALL_S

    def was_held_back(self) -> bool:
        """Whether the buffer was full since the last question: then its level tells nothing of the source's clock."""
        held, self._is_held_back = self._is_held_back, False
        return held
