"""A hostile file's bytes, read forward in pieces and within a budget, for the tag readers.

Pure but for the file's descriptor; belongs to the thread that reads.
"""

from __future__ import annotations

import os
import time
from typing import Final, Protocol

_BUDGET_BYTES: Final = 24 * 1024 * 1024
_BUDGET_S: Final = 0.25
_READ_COSTS: Final = 64
_PIECE: Final = 64 * 1024
_WINDOW: Final = 4096


class OverBudgetError(Exception):
    """The file costs more than its tags are worth: what was found so far counts."""


class TagFile:
    """A file of which only so many bytes are read, in so much of the thread's CPU time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        self._left = _BUDGET_BYTES
        self._until_s = time.thread_time() + _BUDGET_S
        self._window = b""
        self._window_at = 0

    def at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on. Raises `OverBudgetError`; many small reads use the budget up too."""
        size = min(size, self.size - offset)
        self._left -= max(size, _READ_COSTS)
        if self._left < 0 or time.thread_time() > self._until_s:
            raise OverBudgetError
        if offset < 0 or size <= 0:
            return b""
        if size >= _WINDOW // 2:
            return os.pread(self._fd, size, offset)
        begin = offset - self._window_at
        if begin < 0 or begin + size > len(self._window):
            self._window, self._window_at, begin = os.pread(self._fd, _WINDOW, offset), offset, 0
        return self._window[begin : begin + size]


class Stream(Protocol):
    """Bytes in order, wherever they lie in the file."""

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end."""

    def skip(self, size: int) -> None:
        """Go over the next bytes."""


class Region:
    """The bytes from `start` to `end` of a file."""

    def __init__(self, file: TagFile, start: int, end: int) -> None:
        self._file = file
        self.position = start
        self._end = min(end, file.size)

    def read(self, size: int) -> bytes:
        """See `Stream`."""
        data = self._file.at(self.position, min(size, self._end - self.position))
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """See `Stream`."""
        self.position = min(self.position + max(0, size), self._end)

    def peek(self, ahead: int, size: int) -> bytes:
        """`size` bytes that lie `ahead` of the position, which stays."""
        return self._file.at(self.position + ahead, min(size, self._end - self.position - ahead))

    def is_end(self, ahead: int) -> bool:
        """Whether the region ends exactly so many bytes ahead."""
        return self.position + ahead == self._end


class Unsynchronised:
    """A region without the zero bytes that ID3's unsynchronisation put behind each FF (ID3v2.3 §5, v2.4 §6.1)."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._ready = b""
        self._after_ff = False

    def read(self, size: int) -> bytes:
        """See `Stream`."""
        parts = []
        while size > 0 and (self._ready or self._refill()):
            part, self._ready = self._ready[:size], self._ready[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """See `Stream`."""
        while size > 0 and (self._ready or self._refill()):
            size, self._ready = size - len(self._ready[:size]), self._ready[size:]

    def _refill(self) -> bool:
        raw = self._region.read(_PIECE)
        if not raw:
            return False
        begin = 1 if self._after_ff and raw[0] == 0 else 0
        self._after_ff = raw[-1] == 0xFF
        self._ready = raw[begin:].replace(b"\xff\x00", b"\xff")
        return True


class Part:
    """One named field of a tag, of which a reader takes as much as it wants."""

    def __init__(self, name: str, stream: Stream, size: int) -> None:
        self.name = name
        self.size = size
        self._stream = stream
        self._left = size

    def read(self, size: int) -> bytes:
        """The next bytes of the field, at most `size`; fewer only at its end or the file's."""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data

    def finish(self) -> None:
        """Go to the field's end."""
        self._stream.skip(self._left)
        self._left = 0
