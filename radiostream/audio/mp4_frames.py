"""The frames of an MP4 track by number: where each lies and how long it is. Pure; two bytes a frame are kept."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Final

from radiostream.audio.adts import HEADER_BYTES, LONGEST
from radiostream.audio.frames import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FRAMES: Final = 4 << 20
_LARGEST_FRAME: Final = LONGEST - HEADER_BYTES
_LOW_HALF: Final = 0 if sys.byteorder == "little" else 1
"""Which half of a 32-bit number is the low one; converting number by number takes ten times as long."""

BEHIND_THE_END: Final = "is cut off, or its tables are wrong: audio lies behind the end of the file"


class Frames:
    """The frames of a track in order of time: in chunks of consecutive bytes, and runs of chunks of equally many."""

    def __init__(self, room: int) -> None:
        """`room`: bytes of the file, which the frames cannot exceed."""
        self._room = room
        self.bytes = 0
        self._sizes = array("H")
        self._chunks = array("Q")
        self._run_chunks = array("I")
        """The first chunk (from 0) of each run."""
        self._run_frames = array("I")
        """How many frames each of the run's chunks has."""

    def __len__(self) -> int:
        return len(self._sizes)

    def starting(self, first: int) -> Iterator[tuple[int, int]]:
        """Offset in the file and bytes of each frame from number `first` on."""
        frame = 0
        for offset, count in self._filled_chunks():
            if frame + count > first:
                behind = max(0, first - frame)
                at = offset + sum(self._sizes[frame : frame + behind])
                for size in self._sizes[frame + behind : frame + count]:
                    yield at, size
                    at += size
            frame += count

    def _filled_chunks(self) -> Iterator[tuple[int, int]]:
        """Offset of each chunk, and how many frames it holds."""
        run = -1
        for chunk, offset in enumerate(self._chunks):
            while run + 1 < len(self._run_chunks) and self._run_chunks[run + 1] <= chunk:
                run += 1
            yield offset, self._run_frames[run] if run >= 0 else 0

    @property
    def last_chunk(self) -> int:
        """The highest offset at which a chunk begins."""
        return max(self._chunks, default=0)

    def add_sizes(self, sizes: array[int]) -> None:
        """Raises `AudioError` where ADTS cannot carry such a frame, or the file cannot hold as much."""
        self._grow(len(sizes), sum(sizes), max(sizes, default=0))
        self._sizes.extend(array("H", sizes.tobytes())[_LOW_HALF::2] if sizes.itemsize == 4 else array("H", sizes))

    def add_equal(self, size: int, count: int) -> None:
        """`count` frames of the same size; errors as above."""
        self._grow(count, size * count, size)
        self._sizes.extend(array("H", [size]) * count)

    def _grow(self, frames: int, size: int, largest: int) -> None:
        self.bytes += size
        if self.bytes > self._room:
            raise AudioError(BEHIND_THE_END)
        if len(self._sizes) + frames > _MOST_FRAMES:
            raise AudioError("is MP4 with more frames than any track has")
        if largest > _LARGEST_FRAME:
            raise AudioError("is MP4 with AAC frames too large for ADTS")

    def add_chunks(self, offsets: array[int]) -> None:
        self._chunks.extend(array("Q", offsets))

    def add_run(self, chunk: int, frames: int) -> None:
        self._run_chunks.append(chunk)
        self._run_frames.append(frames)

    def add_fragment(self, offset: int, frames: int) -> None:
        """A chunk of its own with so many frames, whose sizes are added besides."""
        if not 0 <= offset < 1 << 63:
            raise AudioError("is damaged: an MP4 fragment lies outside of the file")
        self.add_run(len(self._chunks), frames)
        self._chunks.append(offset)
