"""MP3 made louder or quieter as it is: `global_gain` of every granule and channel, in steps of 1.5 dB.

Pure; run by the producer's thread for each block that was read. One step is a factor of 2^(1/4) in amplitude
(ISO 11172-3, 2.4.3.4.7.1); the field has 8 bits for each granule and channel in the side information (2.4.1.7, for
MPEG-2 and 2.5 13818-3, 2.4.1.7). All fields of a frame move with one addition, where none of them would overflow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_DB: Final = 20 * math.log10(2) / 4
"""What one step of `global_gain` changes: 1.505 dB."""

_HEADER: Final = 4
_CRC: Final = 2
_MOST: Final = 255


class _Layout(NamedTuple):
    """Where the fields lie in the side information of one version and number of channels, taken as one integer."""

    size: int
    """Bytes of the side information."""
    gains: tuple[int, ...]
    """How far to the left of the integer's last bit the last bit of each `global_gain` lies, the granule's
    `part2_3_length` 17 bits further."""
    ones: int
    """1 in each `global_gain`."""
    gain_mask: int
    gain_guard: int
    """The bit above each `global_gain`, where a carry shows."""
    length_ones: int
    length_mask: int
    length_guard: int
    """The same for `part2_3_length`."""


_LENGTH_AT: Final = 17
"""From the last bit of `global_gain` to that of `part2_3_length`: 8 bits of it, and 9 of `big_values`."""


def _layout(*, is_mpeg1: bool, is_mono: bool) -> _Layout:
    channels = 1 if is_mono else 2
    fields, bits = channels * (2 if is_mpeg1 else 1), 59 if is_mpeg1 else 63
    size = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[is_mpeg1, is_mono]
    gains = tuple(bits * number + bits - 29 for number in range(fields))
    ones = sum(1 << at for at in gains)
    length_ones = ones << _LENGTH_AT
    return _Layout(size, gains, ones, ones * 0xFF, ones << 8, length_ones, length_ones * 0xFFF, length_ones << 12)


_LAYOUTS: Final = tuple(
    _layout(is_mpeg1=is_mpeg1, is_mono=is_mono) for is_mpeg1 in (False, True) for is_mono in (False, True)
)
"""By the header's bits: twice the version (1 for MPEG-1) and whether it is mono."""


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x8005 if crc & 0x8000 else 0)
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def frame_crc(frame: bytes | memoryview, side_bytes: int) -> int:
    """CRC-16 of a protected frame: over the last two bytes of its header and its side information, which lies behind
    the CRC (ISO 11172-3, 2.4.3.1)."""
    crc, table = 0xFFFF, _CRC_TABLE
    for byte in bytes(frame[2:4]) + bytes(frame[_HEADER + _CRC : _HEADER + _CRC + side_bytes]):
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
    return crc


def shift_gain(view: memoryview, offsets: Sequence[int], steps: int) -> None:
    """Change the level of the MP3 frames that begin at `offsets` by `steps` of 1.5 dB, where they lie.

    A granule without a spectrum is left as it is. A field that would leave 0 to 255 stops there: below, where it is
    far from being heard, and above, where only broken files are. The CRC of protected frames is computed again.
    """
    if not steps:
        return
    for at in offsets:
        second, fourth = view[at + 1], view[at + 3]
        layout = _LAYOUTS[(second >> 2 & 2) | (fourth >> 6 == 3)]
        is_protected = not second & 1
        begin = at + _HEADER + (_CRC if is_protected else 0)
        end = begin + layout.size
        if end > len(view):
            return
        side = int.from_bytes(view[begin:end], "big")
        shifted = _shifted(side, layout, steps)
        if shifted == side:
            continue
        view[begin:end] = shifted.to_bytes(layout.size, "big")
        if is_protected:
            crc = frame_crc(view[at:end], layout.size)
            view[at + _HEADER : begin] = crc.to_bytes(_CRC, "big")


def _shifted(side: int, layout: _Layout, steps: int) -> int:
    """The side information with its gains moved: all at once where no field is in the way."""
    gains, guard = side & layout.gain_mask, layout.gain_guard
    change = layout.ones * steps
    fits = (gains | guard) + change & guard == guard if steps < 0 else not gains + change & guard
    has_spectra = (side & layout.length_mask | layout.length_guard) - layout.length_ones & layout.length_guard
    if fits and has_spectra == layout.length_guard:
        return side + change
    return _shifted_one_by_one(side, layout, steps)


def _shifted_one_by_one(side: int, layout: _Layout, steps: int) -> int:
    for at in layout.gains:
        if side >> at + _LENGTH_AT & 0xFFF:
            gain = side >> at & 0xFF
            side += (min(max(gain + steps, 0), _MOST) - gain) << at
    return side
