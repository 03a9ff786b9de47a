"""Waiting for what another process does: one patience for all tests, and one loop that asks again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""After so long a test gives up what it waits for. No passing test waits so long, however busy the machine."""
POLL_S: Final = 0.02
"""How often a server of the standard library looks whether it is to end, and how often `until` asks."""


def until(look: Callable[[], T], what: str = "what was waited for", patience_s: float = PATIENCE_S) -> T:
    """What `look` returns, once that is true: for what lies outside this process and offers nothing to block on."""
    end_s = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < end_s, f"{what} did not come within {patience_s:g} s"
        time.sleep(POLL_S)
    return found


def every_second(seconds: int) -> Iterator[int]:
    """0, 1, 2 … as the seconds pass."""
    begin_s = time.monotonic()
    for second in range(seconds):
        time.sleep(max(0.0, begin_s + second - time.monotonic()))
        yield second
