"""AAC of one channel made louder or quieter as it is: `global_gain`, in steps of 1.5 dB.

Pure; run by the producer's thread for each block that was read. In ADTS frames of one raw data block without CRC that
begin with a single channel element (or fill elements before it), the field's 8 bits lie behind the element's 3 bits of
kind and 4 bits of tag (ISO 14496-3, 4.4.2.1 and 4.4.2.7); a step is a factor of 2^(1/4) there too. In pairs of channels
the second field lies behind the first one's Huffman codes: those are left as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER: Final = 7
_SINGLE: Final = 0
_FILL: Final = 6
_MOST_FILLS: Final = 4
_GAIN_AT: Final = 7
"""Bits from the begin of a single channel element to its gain."""


def can_shift(view: memoryview, offsets: Sequence[int]) -> bool:
    """Whether all the ADTS frames at `offsets` have their gain where it can be found."""
    return all(_gain_bit(view, at) for at in offsets)


def _gain_bit(view: memoryview, at: int) -> int:
    """The bit of the frame's raw data at which its gain begins, behind fill elements; 0 where there is none to find."""
    if at + _HEADER >= len(view) or not view[at + 1] & 1 or view[at + 6] & 3:
        return 0
    raw, bit = view[at + _HEADER :], 0
    for _ in range(_MOST_FILLS + 1):
        kind = _take(raw, bit, 3)
        if kind == _SINGLE:
            return bit + _GAIN_AT if (bit + _GAIN_AT + 7) >> 3 < len(raw) else 0
        if kind != _FILL:
            return 0
        count, bit = _take(raw, bit + 3, 4), bit + 7
        if count == 15:
            count, bit = count + _take(raw, bit, 8) - 1, bit + 8
        bit += 8 * count
    return 0


def _take(raw: memoryview, bit: int, count: int) -> int:
    """Up to 8 bits; behind the end they are 0."""
    first = bit >> 3
    word = int.from_bytes(bytes(raw[first : first + 2]).ljust(2, b"\0"), "big")
    return word >> 16 - (bit & 7) - count & (1 << count) - 1


def shift_gain(view: memoryview, offsets: Sequence[int], steps: int) -> None:
    """Change the level of the ADTS frames at `offsets` by `steps` of 1.5 dB, where they lie."""
    for at in offsets:
        bit = _gain_bit(view, at)
        if not bit:
            continue
        first, shift = at + _HEADER + (bit >> 3), 8 - (bit & 7)
        word = view[first] << 8 | view[first + 1]
        gain = word >> shift & 0xFF
        word += (min(max(gain + steps, 0), 255) - gain) << shift
        view[first], view[first + 1] = word >> 8, word & 0xFF
