"""AAC of one channel made louder or quieter as it is: `global_gain`, in steps of 1.5 dB.

Pure; run by the producer's thread for each block that was read. In ADTS frames of one raw data block without CRC that
begin with a single channel element, the field's 8 bits lie behind the element's 3 bits of kind and 4 bits of tag
(ISO 14496-3, 4.4.2.1 and 4.4.2.7); a step is a factor of 2^(1/4) there too. In pairs of channels the second field lies
behind the first one's Huffman codes: those are left as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER: Final = 7
_SINGLE: Final = 0


def can_shift(view: memoryview, offsets: Sequence[int]) -> bool:
    """Whether all the ADTS frames at `offsets` have their gain at the fixed place."""
    return all(_is_single(view, at) for at in offsets)


def _is_single(view: memoryview, at: int) -> bool:
    if at + _HEADER + 2 > len(view):
        return False
    is_bare = bool(view[at + 1] & 1) and not view[at + 6] & 3
    return is_bare and view[at + _HEADER] >> 5 == _SINGLE


def shift_gain(view: memoryview, offsets: Sequence[int], steps: int) -> None:
    """Change the level of the ADTS frames at `offsets` by `steps` of 1.5 dB, where they lie."""
    for at in offsets:
        if not _is_single(view, at):
            continue
        first = at + _HEADER
        word = view[first] << 8 | view[first + 1]
        gain = word >> 1 & 0xFF
        word += (min(max(gain + steps, 0), 255) - gain) << 1
        view[first], view[first + 1] = word >> 8, word & 0xFF
