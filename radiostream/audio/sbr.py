"""Whether AAC carries SBR (HE-AAC) that no header tells of: such a stream is heard at twice the rate of its headers.

SBR data lie in a fill element (FIL) behind the audio's own elements, near the end of a raw block. To come to it from
the front the whole block would have to be decoded; from the end only a few places are possible, as the block ends with
ID_END, and a fill element tells its length. Pure. ISO 14496-3, 4.4.2.1 (elements), 4.4.2.7 (fill elements),
4.5.2.8.2.1 (extension types).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_ID_FIL, _ID_END = 0b110, 0b111
_ID_BITS: Final = 3
_COUNT_BITS, _ESCAPE, _ESCAPE_BITS = 4, 15, 8
_TYPE_BITS: Final = 4
_FILL_TYPES: Final = (0, 1)
_SBR_TYPES: Final = (13, 14)
"""EXT_SBR_DATA and EXT_SBR_DATA_CRC."""
_MOST_BYTES: Final = 269
"""The longest fill element's."""
_DEEPEST: Final = 2
"""Padding elements that may lie behind the SBR data."""
_TAIL: Final = 3 * _MOST_BYTES

_MOST_BLOCKS: Final = 12
_SHARE: Final = 0.75
"""Of the blocks; in one of a hundred without SBR the bits look like it."""


def is_he_aac(blocks: Iterable[bytes]) -> bool:
    """Whether most of these raw blocks (frames without their ADTS header), of which some are looked at, carry SBR."""
    found = [carries_sbr(block) for block, _ in zip(blocks, range(_MOST_BLOCKS), strict=False)]
    return bool(found) and sum(found) >= _SHARE * len(found)


def carries_sbr(block: bytes) -> bool:
    """Whether a raw block seems to end with SBR data."""
    bits = int.from_bytes(block[-_TAIL:], "big")
    if not bits:
        return False
    bits >>= (bits & -bits).bit_length() - 1
    return bits & _ID_END == _ID_END and _ends_with_sbr(bits >> _ID_BITS, _DEEPEST)


def _ends_with_sbr(bits: int, depth: int) -> bool:
    """Whether bits end with a fill element that holds SBR data, or with padding behind one."""
    for count in range(1, min(_MOST_BYTES, bits.bit_length() // 8) + 1):
        rest = bits >> 8 * count
        if count >= _ESCAPE:
            if rest & 0xFF != count - _ESCAPE + 1:
                continue
            rest >>= _ESCAPE_BITS
        if rest & 0x7F != _ID_FIL << _COUNT_BITS | min(count, _ESCAPE):
            continue
        kind = bits >> 8 * count - _TYPE_BITS & 15
        if kind in _SBR_TYPES:
            return True
        if kind in _FILL_TYPES and depth and _ends_with_sbr(rest >> _COUNT_BITS + _ID_BITS, depth - 1):
            return True
    return False
