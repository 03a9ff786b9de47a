"""A thread's inbox: others leave commands and get futures; its owner waits for the next one, until a time.

The wait for a command, for a due time and for the end is one wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from radiostream.clock import Clock

T = TypeVar("T")


class Inbox:
    """Any number of threads `post`; one thread takes with `obey_until`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wake = threading.Condition()  # guards _commands and closed
        self._commands: deque[tuple[Callable[[], Any], Future[Any], bool]] = deque()
        self.closed = False

    def post(self, command: Callable[[], T], *, only_reads: bool = False) -> Future[T]:
        """Let the owner run `command`; its result or exception arrives in the future, which is cancelled at the end.

        Cancel the future to withdraw a command that has not begun. `only_reads`: the command changes nothing, so what
        it raises arrives in the future alone, and is no reason for the owner to restart.
        """
        future: Future[T] = Future()
        with self._wake:
            if self.closed:
                future.cancel()
            else:
                self._commands.append((command, future, only_reads))
                self._wake.notify()
        return future

    def close(self) -> None:
        """End the owner's wait, now and later; what still waits is cancelled."""
        with self._wake:
            self.closed = True
            while self._commands:
                self._commands.popleft()[1].cancel()
            self._wake.notify()

    def obey_until(self, due_s: float) -> bool:
        """The owner: wait until `due_s` of the clock (False), or for one command and run it (True), or the end (True).

        What a command raises arrives in its future, and here.
        """
        with self._wake:
            while not self._commands and not self.closed:
                wait_s = due_s - self._clock.now_s()
                if wait_s <= 0:
                    return False
                self._clock.wait(self._wake, wait_s)
            if self.closed:
                return True
            command, future, only_reads = self._commands.popleft()
        if not future.set_running_or_notify_cancel():
            return True
        try:
            future.set_result(command())
        except BaseException as error:
            future.set_exception(error)
            if not only_reads:
                raise
        return True

    def pause(self, seconds: float) -> None:
        """The owner: let `seconds` pass, or less when something comes."""
        with self._wake:
            if not self.closed:
                self._clock.wait(self._wake, seconds)
