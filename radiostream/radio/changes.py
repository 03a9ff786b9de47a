"""A counter of changes that threads wait on: whoever wakes looks for itself what is new, so nothing queues up."""

from __future__ import annotations

import threading


class Changes:
    """One for the whole radio: stations and audiences bump it, event readers wait on it. For any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()  # guards _count and _closed
        self._count = 0
        self._closed = False

    def bump(self) -> None:
        """Something that is shown to others has changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """End every wait, now and later."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def closed(self) -> bool:
        """Whether all is over (one bool that only ever becomes true, so read without the lock)."""
        return self._closed

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until there is more than `seen`, at most `timeout_s`; return the count there is then."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._count > seen, timeout_s)
            return self._count

    def pause(self, timeout_s: float) -> None:
        """Let `timeout_s` pass, unless all ends meanwhile."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed, timeout_s)
