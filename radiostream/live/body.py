"""The body of a request or an answer that has no length: as it is, or chunked (RFC 9112 section 7.1). Pure."""

from __future__ import annotations

from typing import Final

_LINE_MOST: Final = 1024


class BodyError(Exception):
    """The body is not what its head says."""


class Plain:
    """A body that ends with the connection, or after `length` bytes."""

    def __init__(self, length: int | None = None) -> None:
        self._left = length

    @property
    def is_over(self) -> bool:
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """What of `data` belongs to the body."""
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data


class Chunked:
    """A chunked body; trailers are ignored."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._left = 0
        self._is_behind_chunk = False
        self.is_over = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body that `data` brings. Raises `BodyError`."""
        self._data += data
        body = bytearray()
        while self._data and not self.is_over:
            if self._left:
                part = self._data[: self._left]
                del self._data[: len(part)]
                self._left -= len(part)
                self._is_behind_chunk = not self._left
                body += part
            elif not self._take_line():
                break
        if self.is_over:
            self._data.clear()
        return bytes(body)

    def _take_line(self) -> bool:
        """Take a chunk's size, or the line's end behind a chunk; False where it is not all here."""
        end = self._data.find(b"\n")
        if end < 0:
            if len(self._data) > _LINE_MOST:
                raise BodyError("a chunk's size is too long")
            return False
        line = bytes(self._data[:end]).strip()
        del self._data[: end + 1]
        if self._is_behind_chunk:
            if line:
                raise BodyError("a chunk is longer than its size")
            self._is_behind_chunk = False
            return True
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
            raise BodyError("a chunk's size is no number")
        self._left = int(digits, 16)
        self.is_over = not self._left
        return True
