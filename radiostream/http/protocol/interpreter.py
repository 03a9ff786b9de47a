"""How threads by the thousand share one interpreter: how often they ask for its lock, and who makes room for whom.

CPython's waiters wake after every switch interval (5 ms as delivered) only to ask the thread that has the lock to let
go (Python/ceval_gil.h), also while the lock goes from hand to hand as fast as it can. Five thousand that come back from
full sockets at once are a million such wake-ups a second, and each costs some 20 us: two cores do nothing else, the
clients get none, their sockets stay full, and that state lasts. With 100 ms it still took a whole core. Threads of
listeners let go by themselves after microseconds, at every send.

So whoever waits for a client says so, and the interval is in proportion to how many do. Any thread may call; the
interval is the process's.

And a listener's thread never pushes another out of its core. Whoever lets the next one through at the turnstile still
has the interpreter lock: a thread that took the core at once would only find that out, and sleep again. To the kernel
a thread of the class `SCHED_BATCH` (sched(7)) is one that can wait until the core is free: with 5,000 listeners that
halves what a chunk costs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import Final

LEAST_S: Final = 0.005
"""The interpreter's own."""
MOST_S: Final = 2.0
"""How long a thread that computes may keep others waiting at most, where thousands wait for their clients."""
A_THREAD_S: Final = 400e-6
"""So much for each thread: 2,500 wake-ups a second, of all that wait."""

_outside: Final[set[int]] = set()
"""Threads that wait for a client, by identity. Changed by each for itself, in single steps of the interpreter."""


@contextmanager
def outside() -> Iterator[None]:
    """Around a wait for a client, from which many may come back at once."""
    me = get_ident()
    _outside.add(me)
    expect(len(_outside))
    try:
        yield
    finally:
        _outside.discard(me)
        expect(len(_outside))


def expect(threads: int) -> None:
    """Set the interval for so many threads."""
    sys.setswitchinterval(min(MOST_S, max(LEAST_S, threads * A_THREAD_S)))


def make_room() -> None:
    """Let the calling thread push nobody out of a core from now on. Where the system has no such thing, or does not
    allow it, all stays as it was."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
