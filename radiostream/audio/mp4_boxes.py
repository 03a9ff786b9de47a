"""The boxes of an MP4 file and the tables in them, read in pieces and never past their ends. Pure. ISO 14496-12."""

from __future__ import annotations

import os
import sys
from array import array
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.budget import BOX_NS, NUMBER_NS
from radiostream.audio.frames import AudioError
from radiostream.audio.span import read_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from radiostream.audio.budget import Budget

_MOST_ENTRIES: Final = 4 << 20
"""Entries of one table: as many AAC frames last a day."""
_PIECE: Final = 1 << 16
_NEAR: Final = 2048
"""Bytes read at once where boxes are looked at one by one; most of a fragment's."""

U32: Final = Struct(">I").unpack_from
I32: Final = Struct(">i").unpack_from
U64: Final = Struct(">Q").unpack_from
I64: Final = Struct(">q").unpack_from


class Box(NamedTuple):
    """One box: it begins at `at`, its content lies from `start` to `end`."""

    kind: bytes
    at: int
    start: int
    end: int


class BoxFile:
    """A file of boxes. All its methods raise `OSError`, and `AudioError` where the file is not sound."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = file
        self.budget = budget
        """What may be spent on the file, by whoever reads from it."""
        self._near = b""
        self._near_at = 0
        self.size = file.seek(0, os.SEEK_END)

    def boxes(self, start: int, end: int) -> Iterator[Box]:
        """The boxes that follow one another from `start` on; one that claims more than there is, is clipped."""
        while end - start >= 8:
            self.budget.demand(BOX_NS)
            head = self._read(start, min(16, end - start))
            if len(head) < 8:
                return
            size, content = U32(head)[0], 8
            if size == 1 and len(head) == 16:
                size, content = U64(head, 8)[0], 16
            elif size == 0:
                size = end - start
            if size < content:
                return
            yield Box(head[4:8], start, start + content, min(end, start + size))
            start += size

    def children(self, box: Box, kind: bytes) -> Iterator[Box]:
        """The boxes of one kind in a box."""
        return (child for child in self.boxes(box.start, box.end) if child.kind == kind)

    def find(self, box: Box, *path: bytes) -> Box | None:
        """The box below `box` that is reached by a path of kinds, the first one of each."""
        found: Box | None = box
        for kind in path:
            found = found and next(self.children(found, kind), None)
        return found

    def content(self, box: Box | None, most: int) -> bytes:
        """The box's first bytes, `most` of them, filled up with zeros where there are fewer (or no box)."""
        data = self._read(box.start, min(most, box.end - box.start)) if box else b""
        return data.ljust(most, b"\0")

    def table(self, box: Box, at: int, count: int, width: int = 1, typecode: str = "I") -> Iterator[array[int]]:
        """A table's numbers (`B`, `H`, `I`, `Q`: 8 to 64 bits) in pieces of whole rows.

        It begins at `at` in the box's content and has `count` rows of `width` numbers.
        """
        row = width * array(typecode).itemsize
        if count > _MOST_ENTRIES or count * row > box.end - box.start - at:
            raise AudioError("is cut off or damaged: an MP4 table is larger than its place")
        self.budget.demand(count * width * NUMBER_NS)
        start, end = box.start + at, box.start + at + count * row
        step = _PIECE // row * row
        for offset in range(start, end, step):
            data = read_at(self._file, offset, min(step, end - offset))
            if len(data) < min(step, end - offset):
                raise AudioError("is cut off")
            numbers = array(typecode, data)
            if sys.byteorder == "little":  # pragma: no branch - no machine that CI has is otherwise
                numbers.byteswap()
            yield numbers

    def _read(self, at: int, count: int) -> bytes:
        """As `read_at`, from what is near the last read where that will do."""
        skip = at - self._near_at
        if skip < 0 or skip + count > len(self._near):
            self._near, self._near_at, skip = read_at(self._file, at, max(count, _NEAR)), at, 0
        return self._near[skip : skip + count]
