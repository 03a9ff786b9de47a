"""Who listens to a station: the listeners that are connected, and what those before them took.

Each listener's thread writes its own `Listener`; nothing on the path of the audio touches shared state. Totals are
added up when somebody asks.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

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
    """How often it had fallen out of the ring and was moved to the live point."""


class Audience:
    """The listeners of one station. For any thread."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._lock = threading.Lock()  # guards everything below
        self._present: dict[int, Listener] = {}
        self._bytes_of_the_gone = 0
        self._moves_of_the_gone = 0
        self.dropped = 0
        self.peak = 0
        self.plot: deque[tuple[int, int]] = deque(maxlen=PLOT_POINTS)

    def __len__(self) -> int:
        return len(self._present)

    def enter(self, listener: Listener) -> None:
        """Count `listener` from now on: it has taken its first audio."""
        with self._lock:
            self._present[listener.id] = listener
            self.peak = max(self.peak, len(self._present))
        self._changes.bump()

    def leave(self, listener: Listener, *, dropped: bool = False) -> None:
        """Count `listener` no more, if it ever was; `dropped`: it was shown the door for taking nothing."""
        with self._lock:
            was_there = self._present.pop(listener.id, None)
            self._bytes_of_the_gone += listener.bytes_sent
            self._moves_of_the_gone += listener.moved
            self.dropped += dropped
        if was_there:
            self._changes.bump()

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
    def moved(self) -> int:
        """How often a listener was moved to the live point so far."""
        with self._lock:
            return self._moves_of_the_gone + sum(listener.moved for listener in self._present.values())
