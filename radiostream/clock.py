"""Time as a parameter: what every waiting thread of the radio asks for the time, and waits with.

`SystemClock` is the real one. Tests hand in a clock that they step by hand.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds for pacing, Unix seconds for people, and a wait that a notification ends early."""

    def now_s(self) -> float:
        """Monotonic seconds; a jump of the wall clock does not touch them, a suspended process does not stop them."""

    def unix_s(self) -> float:
        """Unix seconds, for what people read."""

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> None:
        """Wait on `condition`, whose lock the caller holds, at most `timeout_s` seconds (None: without end)."""


class SystemClock:
    """The machine's clocks. May be shared by all threads."""

    now_s = staticmethod(time.monotonic)
    unix_s = staticmethod(time.time)

    @staticmethod
    def wait(condition: threading.Condition, timeout_s: float | None) -> None:
        condition.wait(timeout_s)
