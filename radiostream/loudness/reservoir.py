"""MP3's bit reservoir where a stream begins in the middle of a file.

Pure. A frame's main data may begin in frames before it, `main_data_begin` bytes back (ISO 11172-3, 2.4.2.7). Frames
that reach back further than the stream does are made silent: their side information then says that they reach back to
its begin and hold no spectrum, while their bytes stay for the frames behind them. (Decoders forget what lies before a
frame's main data, so that has to begin as early as it can.)
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from radiostream.loudness.gain import frame_crc

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER: Final = 4
_CRC: Final = 2


class Reservoir:
    """How much main data a decoder has that got these frames from the first one on."""

    def __init__(self) -> None:
        self._bytes = 0

    def fill(self, view: memoryview, offsets: Sequence[int]) -> bool:
        """Silence the frames at `offsets` that lack main data; False once one has all of it: so have all behind it."""
        edges = [*offsets, len(view)]
        for at, stop in pairwise(edges):
            is_mpeg1, is_mono = bool(view[at + 1] & 8), view[at + 3] >> 6 == 3
            size = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
            begin = at + _HEADER + (0 if view[at + 1] & 1 else _CRC)
            back = view[begin] << 1 | view[begin + 1] >> 7 if is_mpeg1 else view[begin]
            if back <= self._bytes:
                return False
            back = min(self._bytes, 511 if is_mpeg1 else 255)
            view[begin : begin + size] = (back << 8 * size - (9 if is_mpeg1 else 8)).to_bytes(size, "big")
            if begin > at + _HEADER:
                view[at + _HEADER : begin] = frame_crc(view[at:stop], size).to_bytes(_CRC, "big")
            self._bytes += stop - begin - size
        return True
