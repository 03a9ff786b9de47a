"""The side information of MP3 frames: where each granule's main data lies, and how it is coded.

Pure; used by the process that measures. Formats: ISO 11172-3, 2.4.1.7 and 2.4.2.7; ISO 13818-3 for MPEG-2 and 2.5.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from radiostream.loudness.bands import LINES, LONG, MIXED, SHORT, long_edges

PAIRS: Final = LINES // 2
"""Pairs of lines in a granule."""


class BrokenFrameError(Exception):
    """This frame's main data makes no sense, or is not all there."""


class Granule(NamedTuple):
    """Side information of one granule and channel."""

    bits: int
    big_values: int
    gain: int
    scale_compress: int
    kind: int
    """Of long windows, short, or mixed."""
    tables: tuple[int, int, int]
    regions: tuple[int, int]
    """The pairs at which the second and third table begin."""
    subblock_gains: tuple[int, int, int]
    has_pretab: bool
    scale_step: int
    """1 or 2 halvings of energy a unit of scale factor."""
    count1_table: int


class SideInfo(NamedTuple):
    """A frame's side information."""

    main_begin: int
    """Bytes before the frame at which its main data begins, not counting headers and side information."""
    scfsi: tuple[int, ...]
    granules: tuple[Granule, ...]
    """Channel by channel within granule by granule."""


class _Bits:
    """Reads an integer's bits from the left."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & (1 << count) - 1


class Format(NamedTuple):
    """What is the same for all frames of a track."""

    rate_hz: int
    channels: int

    @property
    def is_mpeg1(self) -> bool:
        return self.rate_hz >= 32000

    @property
    def samples(self) -> int:
        """Of one frame."""
        return 1152 if self.is_mpeg1 else 576

    @property
    def side_bytes(self) -> int:
        return (32 if self.channels == 2 else 17) if self.is_mpeg1 else (17 if self.channels == 2 else 9)


def parse_side_info(data: bytes, form: Format) -> SideInfo:
    """The side information in `data`, which has `form.side_bytes`."""
    bits, is_mono = _Bits(data), form.channels == 1
    main_begin = bits.take(9 if form.is_mpeg1 else 8)
    bits.take((5 if is_mono else 3) if form.is_mpeg1 else (1 if is_mono else 2))
    scfsi = tuple(bits.take(4) for _ in range(form.channels if form.is_mpeg1 else 0))
    count = form.channels * (2 if form.is_mpeg1 else 1)
    return SideInfo(main_begin, scfsi, tuple(_granule(bits, form) for _ in range(count)))


def _granule(bits: _Bits, form: Format) -> Granule:
    length, big_values, gain = bits.take(12), bits.take(9), bits.take(8)
    compress = bits.take(4 if form.is_mpeg1 else 9)
    kind, subblock_gains = LONG, (0, 0, 0)
    edges = long_edges(form.rate_hz)
    if bits.take(1):
        is_short, is_mixed = bits.take(2) == 2, bits.take(1)
        kind = LONG if not is_short else MIXED if is_mixed else SHORT
        tables = (bits.take(5), bits.take(5), 0)
        subblock_gains = (bits.take(3), bits.take(3), bits.take(3))
        first = edges[8] if not is_short else 72 if form.rate_hz == 8000 else 36
        regions = (first // 2, PAIRS)
    else:
        tables = (bits.take(5), bits.take(5), bits.take(5))
        first, second = bits.take(4) + 1, bits.take(3) + 1
        regions = (edges[min(first, 22)] // 2, edges[min(first + second, 22)] // 2)
    has_pretab = bool(form.is_mpeg1 and bits.take(1))
    step, table = 1 + bits.take(1), bits.take(1)
    return Granule(length, big_values, gain, compress, kind, tables, regions, subblock_gains, has_pretab, step, table)
