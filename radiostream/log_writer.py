"""The log's last step: lines to a descriptor that nobody may be reading, so that no other thread ever waits for it.

A pipe that is full, a terminal stopped by Ctrl-S, a disk that hangs: a write to them blocks for as long as it lasts.
Only the thread "log" writes. All others append to a queue of bounded size; what does not fit is dropped and counted,
and told in the log as soon as it is read again.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

QUEUE_BYTES: Final = 256 << 10
"""Some thousand lines."""
BATCH_BYTES: Final = 16 << 10
FLUSH_S: Final = 0.2
"""How long the end of the program waits for a log that is not read."""


class Writer:
    """Writes lines to the descriptor `fd`. `told(count)` makes the line that says how many were dropped."""

    def __init__(self, fd: int, told: Callable[[int], bytes]) -> None:
        self._fd = fd
        self._told = told
        self._wake = threading.Condition()  # guards everything below; nobody holds it over a write
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        """Of `_lines` and of what is being written."""
        self._untold = 0
        self._ends = False
        self.dropped = 0
        """Lines dropped so far (an int, read without the lock)."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Queue `line`, its line end included, or drop it where the queue is full. Any thread; never waits."""
        with self._wake:
            if self._bytes + len(line) > QUEUE_BYTES:
                self._count(1)
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._wake.notify_all()

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything queued is written, at most `timeout_s`; whether it is."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._bytes, timeout_s)

    def close(self) -> None:
        """End the thread once it has written what is queued; does not wait for it."""
        with self._wake:
            self._ends = True
            self._wake.notify_all()

    def _count(self, lines: int) -> None:
        """So many more are lost. The caller holds the lock."""
        self.dropped += lines
        self._untold += lines

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
        while batch := self._next():
            is_written = self._send(b"".join(batch))
            with self._wake:
                self._bytes -= sum(map(len, batch))
                if not is_written:
                    self._count(len(batch))
                self._wake.notify_all()

    def _next(self) -> list[bytes]:
        """The next lines to write, waited for; empty at the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._lines or self._ends)
            batch, size = [], 0
            while self._lines and size < BATCH_BYTES:
                batch.append(self._lines.popleft())
                size += len(batch[-1])
            if batch and not self._lines and self._untold:  # here is where they would have stood
                batch.append(self._told(self._untold))
                self._bytes += len(batch[-1])
                self._untold = 0
            return batch

    def _send(self, data: bytes) -> bool:
        """Write all of `data`, however long that takes; False where it cannot be written at all."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # another program that shares the descriptor has set it so
                self._await_room()
            except OSError:
                return False
        return True

    def _await_room(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        poll.poll()
