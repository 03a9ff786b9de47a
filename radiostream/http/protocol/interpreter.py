"""How often threads that wait for the interpreter lock ask for it: the more of them, the more seldom.

CPython's waiters wake after every switch interval (5 ms as delivered) only to ask the thread that has the lock to let
go (Python/ceval_gil.h), also while the lock goes from hand to hand as fast as it can. Ten thousand that come back from
full sockets at once are two million such wake-ups a second: two cores do nothing else, the clients get none, their
sockets stay full, and that state lasts. Threads of listeners let go by themselves after microseconds, at every send.

Any thread may call; the interval is the process's.
"""

from __future__ import annotations

import sys
from typing import Final

LEAST_S: Final = 0.005
"""The interpreter's own."""
MOST_S: Final = 0.2
"""How long a thread that computes (a scrape, a tag) may keep others waiting in a crowd: less than a skip may take."""
A_THREAD_S: Final = 20e-6
"""So much for each thread: 50,000 wake-ups a second at most, of all that wait."""


def expect(threads: int) -> None:
    """Set the interval for so many threads."""
    sys.setswitchinterval(min(MOST_S, max(LEAST_S, threads * A_THREAD_S)))
