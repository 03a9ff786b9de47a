"""Ogg pages (RFC 3533): find, check, build, trim and stamp them. Pure; a scanner belongs to one reader's thread."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.frames import WIDEST_FRAME, AudioError
from radiostream.audio.span import read_into

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CONTINUED: Final = 1
BOS: Final = 2
EOS: Final = 4
NO_GRANULE: Final = -1
"""The granule position of a page on which no packet ends."""

PATIENCE: Final = 4 << 20
"""Bytes without a page of the stream wanted after which a file counts as endless rubbish."""

_HEAD: Final = struct.Struct("<4sBBqIIIB")
_STAMP: Final = struct.Struct("<BqII")
_STAMP_AT: Final = 5
_ALLOWANCE: Final = 8 << 20
"""Bytes of what only looked like pages that are checked in one file; sound pages earn as many again."""
_MISS_BYTES: Final = 4096
"""A false page costs at least as much as so many bytes."""
_MAGIC: Final = b"OggS\0"
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """One whole page; `data` is a copy of its own, so whoever holds the page may change it."""

    data: bytearray
    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes

    @property
    def packets_ended(self) -> int:
        return len(self.lacing) - self.lacing.count(255)

    @property
    def is_unfinished(self) -> bool:
        """The last packet goes on in the next page."""
        return self.lacing[-1:] == b"\xff"

    def fragments(self, most: int = WIDEST_FRAME) -> Iterator[tuple[bytes, bool]]:
        """The packets' parts that lie in this page, each (its first `most` bytes) with whether its packet ends here."""
        at = begin = _HEAD.size + len(self.lacing)
        for size in self.lacing:
            at += size
            if size < 255:
                yield bytes(self.data[begin : min(at, begin + most)]), True
                begin = at
        if begin < at:
            yield bytes(self.data[begin : min(at, begin + most)]), False


def page_crc(page: bytes | bytearray) -> bytes:
    """The four CRC bytes that belong into a page, whatever its CRC field holds now.

    Ogg's CRC is CRC-32 with the bits in the other order, without preset and final inversion: on bit-reversed bytes
    zlib computes it, 140 times as fast as a loop over a table.
    """
    reversed_bits = page.translate(_REVERSED)
    crc = zlib.crc32(reversed_bits[:22], 0xFFFFFFFF)
    crc = zlib.crc32(memoryview(reversed_bits)[26:], zlib.crc32(bytes(4), crc))
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_REVERSED)


def parse_page(data: bytearray) -> Page:
    """A page whose extent is known; nothing but the extent is checked."""
    _, _, flags, granule, serial, sequence, _, segments = _HEAD.unpack_from(data)
    return Page(data, flags, granule, serial, sequence, bytes(data[_HEAD.size : _HEAD.size + segments]))


def page_at(data: memoryview, at: int) -> Page | None:
    """The page that begins there, None where none does or only a part of it is there. Its CRC is not checked.

    It is copied before it is looked at, so bytes that change meanwhile do no harm.
    """
    page = bytearray(data[at : at + WIDEST_FRAME])
    if len(page) < _HEAD.size or not page.startswith(_MAGIC):
        return None
    body = _HEAD.size + page[_HEAD.size - 1]
    length = body + sum(page[_HEAD.size : body])
    if len(page) < length:
        return None
    del page[length:]
    return parse_page(page)


def build_page(flags: int, granule: int, serial: int, sequence: int, lacing: bytes, body: bytes) -> bytearray:
    """A page with its CRC; `body` is as long as `lacing` says."""
    page = bytearray(_HEAD.pack(b"OggS", 0, flags, granule, serial, sequence, 0, len(lacing)) + lacing + body)
    page[22:26] = page_crc(page)
    return page


def stamp(page: bytearray, flags: int, granule: int, serial: int, sequence: int) -> None:
    """Give a page other flags, granule position, serial and sequence number, and the CRC that goes with them."""
    _STAMP.pack_into(page, _STAMP_AT, flags, granule, serial, sequence)
    page[22:26] = page_crc(page)


def paged(packets: list[bytes], serial: int, sequence: int, flags: int = 0) -> list[bytearray]:
    """Header packets (granule position 0) laid into as few pages as they need, the last page closed behind them;
    `flags` are the first one's."""
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    body = b"".join(packets)
    pages: list[bytearray] = []
    at = 0
    for first in range(0, len(lacing), 255):
        part = lacing[first : first + 255]
        granule = 0 if part.count(255) < len(part) else NO_GRANULE
        end = at + sum(part)
        pages.append(build_page(flags, granule, serial, sequence + len(pages), part, body[at:end]))
        at, flags = end, CONTINUED if part[-1] == 255 else 0
    return pages


def trimmed(page: Page, *, head: bool, tail: bool) -> Page:
    """The page without the end of a packet begun before it (`head`) and the begin of one that does not end in it
    (`tail`): what is left where a neighbour is missing. Its CRC is not redone."""
    lacing, size = page.lacing, len(page.lacing)
    first, last = 0, size
    if head:
        first = min(size, size - len(lacing.lstrip(b"\xff")) + 1)
    if tail:
        last = max(first, len(lacing.rstrip(b"\xff")))
    left = lacing[first:last]
    body = _HEAD.size + size + sum(lacing[:first])
    granule = page.granule if left.count(255) < len(left) else NO_GRANULE
    flags = page.flags & ~CONTINUED if head else page.flags
    fixed = _HEAD.pack(b"OggS", 0, flags, granule, page.serial, page.sequence, 0, len(left))
    return parse_page(bytearray(fixed + left + page.data[body : body + sum(left)]))


def without_first(page: Page, packets: int) -> Page | None:
    """The page from behind the end of its first `packets` packets on, None where nothing follows. A packet that the
    page before began counts as one. Its CRC is not redone."""
    first = 0
    for _ in range(packets):
        ends = (at for at in range(first, len(page.lacing)) if page.lacing[at] < 255)
        first = next(ends, len(page.lacing)) + 1
    left = page.lacing[first:]
    if not left:
        return None
    body = _HEAD.size + len(page.lacing) + sum(page.lacing[:first])
    granule = page.granule if left.count(255) < len(left) else NO_GRANULE
    flags = page.flags & ~CONTINUED if packets else page.flags
    fixed = _HEAD.pack(b"OggS", 0, flags, granule, page.serial, page.sequence, 0, len(left))
    return parse_page(bytearray(fixed + left + page.data[body:]))


class RubbishError(AudioError):
    """So much of a file holds no page that the search is given up."""


class Budget:
    """How many bytes of what only looks like pages may still be checked; all scanners of a file share one."""

    def __init__(self) -> None:
        self._left = _ALLOWANCE

    def earn(self, size: int) -> None:
        """A sound page of `size` bytes was found."""
        self._left = min(_ALLOWANCE, self._left + size)

    def spend(self, size: int) -> None:
        """`size` bytes were checked for nothing. Raises `AudioError` where that is too much."""
        self._left -= max(size, _MISS_BYTES)
        if self._left < 0:
            raise AudioError("is damaged: what looks like Ogg pages is not")


class PageScanner:
    """Goes through a file page by page in a window of one page, leaving out rubbish and pages whose CRC is wrong."""

    def __init__(self, file: BinaryIO, start: int = 0, budget: Budget | None = None) -> None:
        self._file = file
        self._buffer = bytearray(WIDEST_FRAME)
        self._at = self._end = 0
        self.budget = budget or Budget()
        self.position = start
        """Offset in the file behind the last page given out (or the rubbish skipped)."""

    def next(self, limit: int) -> Page | None:
        """The next sound page, None at the end of the file. Raises `AudioError` (again and again) where there is none
        before the file offset `limit`, or where too much only looks like pages; `OSError` where reading failed."""
        while self._find_magic(limit):
            length = self._page_length()
            if length and self._have(length):
                data = self._buffer[self._at : self._at + length]
                if page_crc(data) == data[22:26]:
                    self._skip(length)
                    self.budget.earn(length)
                    return parse_page(data)
            self.budget.spend(length)
            self._skip(1)
        return None

    def back(self, page: Page) -> None:
        """Give back the page that `next` gave last: it comes again."""
        self._skip(-len(page.data))

    def _find_magic(self, limit: int) -> bool:
        while self._have(len(_MAGIC)):
            if self.position > limit:
                raise RubbishError(f"is damaged: {PATIENCE >> 20} MB without a page to play")
            found = self._buffer.find(_MAGIC, self._at, self._end)
            if found >= 0:
                self._skip(found - self._at)
                return True
            self._skip(self._end - self._at - len(_MAGIC) + 1)
        return False

    def _page_length(self) -> int:
        if not self._have(_HEAD.size):
            return 0
        body = self._at + _HEAD.size + self._buffer[self._at + _HEAD.size - 1]
        if not self._have(body - self._at):
            return 0
        lacing = self._at + _HEAD.size
        return _HEAD.size + self._buffer[lacing - 1] + sum(self._buffer[lacing : lacing + self._buffer[lacing - 1]])

    def _have(self, wanted: int) -> bool:
        """Whether `wanted` bytes from here on are in the window, read as needed."""
        if self._end - self._at >= wanted:
            return True
        left = self._end - self._at
        self._buffer[:left] = self._buffer[self._at : self._end]
        with memoryview(self._buffer) as view:
            got = read_into(self._file, self.position + left, view[left:])
        self._at, self._end = 0, left + got
        return self._end >= wanted

    def _skip(self, count: int) -> None:
        self._at += count
        self.position += count
