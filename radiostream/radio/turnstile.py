"""Where listeners wait for the next chunk: a condition variable that lets its waiters through one at a time.

A thousand threads let loose at once fight over the interpreter lock. Here all of them sleep on one lock, the gate,
which the producer opens when it has published. Whoever comes through holds it while it sends, and opens it for the
next one when it is about to wait again, or to block, or leaves. The kernel wakes in the order of arrival and looks
only at the first of its queue, however many wait (a lock for each waiter cost three times as much with 5,000).

Nobody is lost: the gate is looked up before the look at what there is, so whatever is published after that look opens
the very gate at which the waiter then stands. Each publication has a gate of its own: who has been through waits at
the next one, and cannot come round again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turn:
    """A thread's right to go on while others wait. One a thread, for as long as the thread lives."""

    __slots__ = ("_gate",)

    def __init__(self) -> None:
        self._gate: threading.Lock | None = None

    def take(self, gate: threading.Lock) -> None:
        """The gate let this thread through, and is shut behind it."""
        self._gate = gate

    def pass_on(self) -> None:
        """Let the next one through; before anything that may block, and when leaving. Nothing to do without a turn."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.release()


class Turnstile:
    """Wakes its waiters one after another. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # makes "open this gate, set up the next" one step
        self._gate = _shut_gate()

    def wait(self, turn: Turn, ready: Callable[[], bool], timeout_s: float = -1) -> bool:
        """Wait until the gate is opened, unless `ready()` holds already; False when time ran out.

        Who comes through has the turn. `ready` must be quick and take no lock. A negative timeout waits without end.
        """
        gate = self._gate
        if ready():
            return True
        turn.pass_on()
        if not gate.acquire(timeout=timeout_s):
            return False
        turn.take(gate)
        return True

    def open(self) -> None:
        """Let through everybody who waits now, one after another."""
        with self._lock:
            gate, self._gate = self._gate, _shut_gate()
        gate.release()


def _shut_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate
