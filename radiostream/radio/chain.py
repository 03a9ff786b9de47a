"""A condition variable whose waiters wake one another.

A thousand threads let loose at once fight over the interpreter lock. Here the notifier wakes a few; each of them wakes
the next when it has done its work and comes back to wait (or leaves). The order is the order of arrival.

Rules
- A woken seat holds a baton until its thread calls `wait` or `pass_on`; whoever may block for long passes it on first.
- No seat is lost: one that times out while a baton is on its way to it takes the baton and passes it on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

WIDTH = 4
"""How many are woken at once: enough to fill the cores while one of them is in a system call."""


class Seat:
    """A waiter's place: one a thread, for as long as the thread lives."""

    __slots__ = ("gate", "has_baton")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.has_baton = False


class Chain:
    """See the module. `wait` and `pass_on` may be called from any thread, each with its own seat."""

    def __init__(self, width: int = WIDTH) -> None:
        self._width = width
        self._lock = threading.Lock()  # guards _waiting, and makes "look, then wait" one step
        self._waiting: deque[Seat] = deque()
        self._to_wake: deque[Seat] = deque()  # popleft is atomic: no lock

    def wait(self, seat: Seat, ready: Callable[[], bool], timeout_s: float = -1) -> bool:
        """Wait until notified, unless `ready()` holds already; say whether it was ready or notified in time.

        `ready` is called with the lock held: it must be quick and take no lock. A negative timeout waits without end.
        """
        self.pass_on(seat)
        with self._lock:
            if ready():
                return True
            self._waiting.append(seat)
        if seat.gate.acquire(timeout=timeout_s):
            seat.has_baton = True
            return True
        with self._lock:
            if seat in self._waiting:
                self._waiting.remove(seat)
                return False
        seat.gate.acquire()  # it left the queue: a baton is on its way
        seat.has_baton = True
        return True

    def pass_on(self, seat: Seat) -> None:
        """Wake the next one, if this seat was woken and has not done so yet."""
        if seat.has_baton:
            seat.has_baton = False
            self._wake_one()

    def notify_all(self) -> None:
        """Begin to wake everybody who waits now."""
        with self._lock:
            woken, self._waiting = self._waiting, deque()
        self._to_wake.extend(woken)
        for _ in range(self._width):
            self._wake_one()

    def _wake_one(self) -> None:
        try:
            seat = self._to_wake.popleft()
        except IndexError:
            return
        seat.gate.release()
