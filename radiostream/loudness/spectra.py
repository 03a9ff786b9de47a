"""The energy of MP3 frames, weighted as BS.1770 does, read from their spectra: no synthesis, no samples.

Pure; used by the process that measures. A frame's main data is entropy-decoded (ISO 11172-3, 2.4.1.7 and 2.4.3.4;
13818-3, 2.4.3.2 for MPEG-2 and 2.5), each pair of lines looked up as an energy, each band scaled as its scale factors
say. The transform keeps energy on average, so nothing behind it is needed. M/S stereo keeps the sum of both channels'
energies; in intensity stereo the left channel stands for both, by the factor of its position.
"""

from __future__ import annotations

import math
from functools import cache
from operator import mul
from struct import unpack_from
from typing import Final, NamedTuple

from radiostream.loudness.bands import LONG, SHORT, Shape, shape
from radiostream.loudness.huffman import ESCAPE, LINBITS, energy, pairs, quads
from radiostream.loudness.sideinfo import PAIRS, BrokenFrameError, Format, Granule, SideInfo

_PRETAB: Final = (0,) * 11 + (1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0)
_SCALE_BITS: Final = (
    (0, 0), (0, 1), (0, 2), (0, 3), (3, 0), (1, 1), (1, 2), (1, 3),
    (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (4, 2), (4, 3),
)  # fmt: skip
"""`slen1` and `slen2` by `scalefac_compress` (ISO 11172-3, 2.4.2.7)."""
_SCFSI_GROUPS: Final = (range(6), range(6, 11), range(11, 16), range(16, 21))
_LSF_COUNTS: Final = (
    ((6, 5, 5, 5), (9, 9, 9, 9), (6, 9, 9, 9)),
    ((6, 5, 7, 3), (9, 9, 12, 6), (6, 9, 12, 6)),
    ((11, 10, 0, 0), (18, 18, 0, 0), (15, 18, 0, 0)),
    ((7, 7, 7, 0), (12, 12, 12, 0), (6, 15, 12, 0)),
    ((6, 6, 6, 3), (12, 9, 9, 6), (6, 12, 9, 6)),
    ((8, 8, 5, 0), (15, 12, 9, 0), (6, 18, 9, 0)),
)
"""Scale factors of each size in MPEG-2 (ISO 13818-3, 2.4.3.2), by row, kind of granule and part."""
_UNITY_GAIN: Final = 210
_ALL_LEFT: Final = 6
"""The intensity position of sound in the left channel only; 7 is none."""


class FrameMeter:
    """Measures the frames of one track, each with the main data it needs; `is_flat`: without BS.1770's filters."""

    def __init__(self, form: Format, *, is_flat: bool = False) -> None:
        self._form = form
        self._is_flat = is_flat

    def energies(self, mode_extension: int, side: SideInfo, main: bytes) -> list[float]:
        """Weighted mean energy of a frame's granules in each channel; `main` begins with its main data.

        `mode_extension` is the header's, 0 in other modes than joint stereo, where only the sum over both channels is
        known and shared out evenly. Raises `BrokenFrameError`.
        """
        words = _words(main)
        channels = self._form.channels
        totals, pos = [0.0] * channels, 0
        factors: list[list[int]] = [[] for _ in range(channels)]
        try:
            for number in range(0, len(side.granules), channels):
                decoded = []
                for channel, granule in enumerate(side.granules[number : number + channels]):
                    if pos + granule.bits > len(main) * 8:
                        raise BrokenFrameError
                    is_intensity = channel == 1 and bool(mode_extension & 1)
                    scfsi = side.scfsi[channel] if number and side.scfsi else 0
                    decoded.append(self._channel(words, pos, granule, factors, channel, scfsi, is_intensity))
                    pos += granule.bits
                for channel, value in enumerate(_by_channel(decoded, mode_extension, self._form)):
                    totals[channel] += value
        except IndexError:
            raise BrokenFrameError from None
        granules = len(side.granules) // channels
        return [total / granules for total in totals]

    def _channel(
        self,
        words: list[int],
        pos: int,
        granule: Granule,
        factors: list[list[int]],
        channel: int,
        scfsi: int,
        is_intensity: bool,
    ) -> _Decoded:
        form = shape(self._form.rate_hz, granule.kind, self._is_flat)
        end = pos + granule.bits
        if self._form.is_mpeg1:
            pos, scale, limits = _scale_factors(words, pos, granule, factors[channel], scfsi)
            pretab = granule.has_pretab
        else:
            pos, scale, limits, pretab = _lsf_scale_factors(words, pos, granule, is_intensity)
        factors[channel] = scale
        energies = _energies(words, pos, end, granule)
        gains = _gains(granule, form, scale, pretab)
        return _Decoded(_band_energies(energies, form, gains), form, scale, limits, granule.scale_compress & 1)


class _Decoded(NamedTuple):
    """One granule of a channel."""

    bands: list[float]
    """Weighted energies, as far as there are any."""
    shape: Shape
    factors: list[int]
    limits: list[int]
    """In MPEG-2 the scale factor that means "no intensity stereo here", by band."""
    intensity_scale: int


def _words(main: bytes) -> list[int]:
    """The 32 bits that begin at each byte."""
    count = len(main) // 4 + 1
    padded = main + bytes(8)
    words = [0] * (4 * count)
    for at in range(4):
        words[at::4] = unpack_from(f">{count}I", padded, at)
    return words


def _take(words: list[int], pos: int, count: int) -> int:
    return words[pos >> 3] >> 32 - (pos & 7) - count & (1 << count) - 1


def _scale_factors(
    words: list[int], pos: int, granule: Granule, before: list[int], scfsi: int
) -> tuple[int, list[int], list[int]]:
    """The scale factors, one for each band in the order of the shape, and where they end (MPEG-1)."""
    low, high = _SCALE_BITS[granule.scale_compress]
    if granule.kind != LONG:
        lows, highs = (18, 18) if granule.kind == SHORT else (17, 18)
        sizes = [low] * lows + [high] * highs
        scale = []
        for size in sizes:
            scale.append(_take(words, pos, size))
            pos += size
        return pos, scale, []
    scale = [0] * 21
    for group, numbers in enumerate(_SCFSI_GROUPS):
        if scfsi & 8 >> group and len(before) == len(scale):
            scale[numbers.start : numbers.stop] = before[numbers.start : numbers.stop]
            continue
        size = low if group < 2 else high
        for number in numbers:
            scale[number] = _take(words, pos, size)
            pos += size
    return pos, scale, []


def _lsf_sizes(compress: int, is_intensity: bool) -> tuple[int, tuple[int, int, int, int]]:
    """Row of `_LSF_COUNTS` and the bits of each part's scale factors (ISO 13818-3, 2.4.3.2)."""
    if is_intensity:
        half = compress >> 1
        if half < 180:
            return 3, (half // 36, half % 36 // 6, half % 6, 0)
        if half < 244:
            rest = half - 180
            return 4, (rest >> 4 & 3, rest >> 2 & 3, rest & 3, 0)
        return 5, ((half - 244) // 3, (half - 244) % 3, 0, 0)
    if compress < 400:
        return 0, ((compress >> 4) // 5, (compress >> 4) % 5, compress >> 2 & 3, compress & 3)
    if compress < 500:
        rest = compress - 400
        return 1, ((rest >> 2) // 5, (rest >> 2) % 5, rest & 3, 0)
    return 2, ((compress - 500) // 3, (compress - 500) % 3, 0, 0)


def _lsf_scale_factors(
    words: list[int], pos: int, granule: Granule, is_intensity: bool
) -> tuple[int, list[int], list[int], bool]:
    """The same for MPEG-2 and 2.5, and whether there is a pretab."""
    row, sizes = _lsf_sizes(granule.scale_compress, is_intensity)
    scale: list[int] = []
    limits: list[int] = []
    for count, size in zip(_LSF_COUNTS[row][granule.kind], sizes, strict=True):
        for _ in range(count):
            scale.append(_take(words, pos, size))
            pos += size
        limits += [(1 << size) - 1] * count
    return pos, scale, limits, row == 2


@cache
def _power(quarters: int) -> float:
    return math.ldexp(1.0, quarters >> 1) * (math.sqrt(2) if quarters & 1 else 1.0)


def _gains(granule: Granule, form: Shape, scale: list[int], has_pretab: bool) -> list[float]:
    """What the energies of each band are multiplied with; bands without a scale factor have 0."""
    step, base = 2 * granule.scale_step, granule.gain - _UNITY_GAIN
    factors = scale + [0] * (len(form.bands) - len(scale))
    gains = []
    for band, factor in zip(form.bands, factors, strict=True):
        if band.window < 0:
            lowered = step * (factor + (_PRETAB[band.number] if has_pretab else 0))
        else:
            lowered = step * factor + 8 * granule.subblock_gains[band.window]
        gains.append(_power(base - lowered))
    return gains


def _band_energies(energies: list[float], form: Shape, gains: list[float]) -> list[float]:
    count, weights = len(energies), form.weights
    return [
        gain * sum(map(mul, energies[band.start : band.stop], weights[band.start : band.stop]))
        for band, gain in zip(form.bands, gains, strict=True)
        if band.start < count
    ]


def _energies(words: list[int], pos: int, end: int, granule: Granule) -> list[float]:
    """The energy of each pair of lines, up to the last one that is coded."""
    energies: list[float] = []
    big_values = min(granule.big_values, PAIRS)
    edges = (0, *(min(edge, big_values) for edge in granule.regions), big_values)
    for select, start, stop in zip(granule.tables, edges, edges[1:], strict=False):
        if start < stop:
            pos = _read_pairs(words, pos, stop - start, select, energies)
    _read_quads(words, pos, end, granule.count1_table, energies)
    return energies


def _read_pairs(words: list[int], pos: int, count: int, select: int, energies: list[float]) -> int:
    """Append the energies of `count` pairs; the position behind them."""
    if not select:
        energies += [0.0] * count
        return pos
    if select in (4, 14):
        raise BrokenFrameError
    first, further = pairs(select)
    append = energies.append
    for _ in range(count):
        word = words[pos >> 3] << (pos & 7)
        bits, pair, escaped = first[word >> 22 & 1023]
        if not bits:
            bits, pair, escaped = further[escaped][word >> 13 & 511]
        pos += bits
        if escaped:
            pos, pair = _escape(words, pos, LINBITS[select], escaped)
        append(pair)
    return pos


def _escape(words: list[int], pos: int, linbits: int, values: int) -> tuple[int, float]:
    """A pair with a 15 that more bits follow; `pos` is where it would end without those. A sign follows each value."""
    x, y = values >> 4, values & ESCAPE
    pos -= (x > 0) + (y > 0)
    total = 0.0
    for value in (x, y):
        if value == ESCAPE:
            value += _take(words, pos, linbits)
            pos += linbits
        total += energy(value)
        pos += value > 0
    return pos, total


def _read_quads(words: list[int], pos: int, end: int, select: int, energies: list[float]) -> None:
    """Append the energies of the lines of 0 and 1 that fill the rest of the granule."""
    table = quads(select)
    append = energies.append
    for _ in range((PAIRS - len(energies)) // 2):
        if pos >= end:
            return
        bits, first, second = table[words[pos >> 3] << (pos & 7) >> 22 & 1023]
        pos += bits
        if pos > end:
            return
        append(first)
        append(second)


def _by_channel(decoded: list[_Decoded], mode_extension: int, form: Format) -> list[float]:
    """The granule's energy in each channel; in joint stereo half of the sum of both."""
    energies = [sum(one.bands) for one in decoded]
    if len(decoded) < 2 or not mode_extension:
        return energies
    total = sum(energies) + (_beyond_left(decoded[0], decoded[1], form) if mode_extension & 1 else 0.0)
    return [total / 2] * 2


def _beyond_left(left: _Decoded, right: _Decoded, form: Format) -> float:
    """What intensity stereo adds to the left channel's energy (or takes): in the bands above the right one's last."""
    top = dict.fromkeys((-1, 0, 1, 2), -1)
    for at, value in enumerate(right.bands):
        if value:
            top[right.shape.bands[at].window] = at
    if any(top[window] >= 0 for window in (0, 1, 2)):
        top[-1] = len(right.shape.bands)
    return sum(
        value * (_intensity(right, at, form) - 1)
        for at, value in enumerate(left.bands)
        if value and at > top[right.shape.bands[at].window]
    )


def _intensity(right: _Decoded, at: int, form: Format) -> float:
    """By what the left channel's energy in a band is multiplied to be that of both (ISO 11172-3, 2.4.3.4.9.3)."""
    band = right.shape.bands[at]
    while at >= len(right.factors):  # the last band has its neighbour's position
        at -= 3 if band.window >= 0 else 1
    position = right.factors[at]
    if form.is_mpeg1:
        if position >= _ALL_LEFT:
            return 1.0
        ratio = math.tan(position * math.pi / 12)
        return (ratio * ratio + 1) / (1 + ratio) ** 2
    if right.limits and position == right.limits[at]:
        return 1.0
    step = 0.5 if right.intensity_scale else math.sqrt(0.5)
    return 1.0 + math.pow(step, (position + 1) // 2)
