"""Who listens to a station: the listeners that are connected, and what those before them took.

Each listener's thread writes its own `Listener`; nothing on the path of the audio touches shared state. Totals are
added up when somebody asks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from radiostream.radio.changes import Changes

PLOT_POINTS = 288
"""A point each five minutes: a day."""


@dataclass(slots=True, eq=False)
class Listener:
    """One connected listener. Written by its own thread, read by any."""

    id: int
    address: str
    agent: str
    since_s: float
    """Monotonic seconds."""
    bytes_sent: int = 0
    moved: int = 0
    """How often it had fallen out of the ring and was moved to the live edge."""
    is_paused: bool = False
    """It takes nothing, and is kept for a while."""


class Reading(NamedTuple):
    """The audience at one moment; the last two only ever grow, so that two readings tell of the time between them."""

    listeners: int
    joins: int
    listener_s: float
    """Seconds that all listeners together have been connected."""


class Window(NamedTuple):
    """The audience since the window before."""

    listeners: int
    """At its end."""
    peak: int
    listener_s: float


class Audience:
    """The listeners of one station. For any thread."""

    def __init__(self, changes: Changes, now_s: Callable[[], float] = time.monotonic) -> None:
        """`now_s`: monotonic seconds."""
        self._changes = changes
        self._now_s = now_s
        self._lock = threading.Lock()  # guards everything below
        self._present: dict[int, Listener] = {}
        self._bytes_of_the_gone = 0
        self._moves_of_the_gone = 0
        self._joins = 0
        self._listener_s = 0.0
        self._added_up_s = now_s()
        """Until when `_listener_s` is added up."""
        self._window_peak = 0
        self._window_from_s = 0.0
        """What `_listener_s` was when the window began."""
        self.dropped = 0
        self.peak = 0
        self.plot: deque[tuple[int, int]] = deque(maxlen=PLOT_POINTS)

    def __len__(self) -> int:
        return len(self._present)

    def enter(self, listener: Listener) -> None:
        """Count `listener` from now on: it has taken its first audio."""
        with self._lock:
            self._add_up()
            self._joins += listener.id not in self._present
            self._present[listener.id] = listener
            self.peak = max(self.peak, len(self._present))
            self._window_peak = max(self._window_peak, len(self._present))
        self._changes.bump()

    def leave(self, listener: Listener, *, dropped: bool = False) -> None:
        """Count `listener` no more, if it ever was; `dropped`: it was disconnected for taking nothing."""
        with self._lock:
            self._add_up()
            was_there = self._present.pop(listener.id, None)
            self._bytes_of_the_gone += listener.bytes_sent
            self._moves_of_the_gone += listener.moved
            self.dropped += dropped
        if was_there:
            self._changes.bump()

    def _add_up(self) -> None:
        """Bring `_listener_s` up to now; the caller holds the lock."""
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        now_s = self._now_s()
        self._listener_s += len(self._present) * (now_s - self._added_up_s)
        self._added_up_s = now_s

    def reading(self) -> Reading:
        """How many listen and have listened, up to now."""
        with self._lock:
            self._add_up()
            return Reading(len(self._present), self._joins, self._listener_s)

    def window(self, *, begin_next: bool = False) -> Window:
        """Who listened since the window began. With `begin_next` another one begins: for the statistics alone."""
        with self._lock:
            self._add_up()
            window = Window(len(self._present), self._window_peak, self._listener_s - self._window_from_s)
            if begin_next:
                self._window_peak, self._window_from_s = len(self._present), self._listener_s
            return window

    def sample(self, unix_s: float) -> None:
        """Add a point to the plot of listeners over time."""
        with self._lock:
            self.plot.append((round(unix_s), len(self._present)))

    def present(self) -> list[Listener]:
        """Those connected now, in the order of their arrival."""
        with self._lock:
            return list(self._present.values())

    @property
    def bytes_sent(self) -> int:
        """Bytes of audio that all listeners took so far."""
        with self._lock:
            return self._bytes_of_the_gone + sum(listener.bytes_sent for listener in self._present.values())

    @property
    def paused(self) -> int:
        """How many take nothing just now, and are kept for a while."""
        return sum(listener.is_paused for listener in self.present())

    @property
    def moved(self) -> int:
        """How often a listener was moved to the live edge so far."""
        with self._lock:
            return self._moves_of_the_gone + sum(listener.moved for listener in self._present.values())
