"""Scale-factor bands of Layer III, and what each line of a spectrum weighs in a measurement of loudness.

Pure. Bands: ISO 11172-3, Table B.8; ISO 13818-3, Table B.2; those of MPEG-2.5 as decoders have them. Weights: the two
filters of ITU-R BS.1770-4, Annex 1, as the squared magnitude of their response.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import accumulate
from typing import Final, NamedTuple

LINES: Final = 576

_LONG_22050: Final = (6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 46, 52, 60, 68, 58, 54)
_SHORT_11025: Final = (4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 30, 40, 18)

_LONG: Final = {
    44100: (4, 4, 4, 4, 4, 4, 6, 6, 8, 8, 10, 12, 16, 20, 24, 28, 34, 42, 50, 54, 76, 158),
    48000: (4, 4, 4, 4, 4, 4, 6, 6, 6, 8, 10, 12, 16, 18, 22, 28, 34, 40, 46, 54, 54, 192),
    32000: (4, 4, 4, 4, 4, 4, 6, 6, 8, 10, 12, 16, 20, 24, 30, 38, 46, 56, 68, 84, 102, 26),
    22050: _LONG_22050,
    24000: (6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 18, 22, 26, 32, 38, 46, 54, 62, 70, 76, 36),
    16000: _LONG_22050,
    11025: _LONG_22050,
    12000: _LONG_22050,
    8000: (12, 12, 12, 12, 12, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 76, 90, 2, 2, 2, 2, 2),
}
_SHORT: Final = {
    44100: (4, 4, 4, 4, 6, 8, 10, 12, 14, 18, 22, 30, 56),
    48000: (4, 4, 4, 4, 6, 6, 10, 12, 14, 16, 20, 26, 66),
    32000: (4, 4, 4, 4, 6, 8, 12, 16, 20, 26, 34, 42, 12),
    22050: (4, 4, 4, 6, 6, 8, 10, 14, 18, 26, 32, 42, 18),
    24000: (4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 32, 44, 12),
    16000: (4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 30, 40, 18),
    11025: _SHORT_11025,
    12000: _SHORT_11025,
    8000: (8, 8, 8, 12, 16, 20, 24, 28, 36, 2, 2, 2, 26),
}


class Band(NamedTuple):
    """One band of one window, as a granule has them one after another."""

    start: int
    """First pair of lines."""
    stop: int
    number: int
    """The scale-factor band."""
    window: int
    """0 to 2 for short windows, -1 for a long one."""


class Shape(NamedTuple):
    """How the lines of a granule are ordered."""

    bands: tuple[Band, ...]
    weights: list[float]
    """Of each pair of lines: what a unit of energy there is worth. A line of a short window sounds a third as long."""
    long_bands: int
    """Bands at the front that are of long windows."""


LONG: Final = 0
SHORT: Final = 1
MIXED: Final = 2


@cache
def shape(rate_hz: int, kind: int, is_flat: bool = False) -> Shape:
    """The bands of a granule of long windows, short ones, or long ones below and short ones above; with `is_flat`
    every line weighs the same."""
    weigh = _flat_weights if is_flat else _pair_weights
    long_bands = {LONG: 22, SHORT: 0, MIXED: 8 if rate_hz >= 32000 else 6}[kind]
    bands: list[Band] = []
    weights: list[float] = []
    line = 0
    for number, width in enumerate(_LONG[rate_hz][:long_bands]):
        bands.append(Band(len(weights), len(weights) + width // 2, number, -1))
        weights += weigh(line, width, rate_hz / 2 / LINES)
        line += width
    if kind != LONG:
        first = 3 if kind == MIXED else 0
        line = sum(_SHORT[rate_hz][:first])
        for number, width in enumerate(_SHORT[rate_hz][first:], first):
            for window in range(3):
                bands.append(Band(len(weights), len(weights) + width // 2, number, window))
                weights += (weight / 3 for weight in weigh(line, width, rate_hz * 3 / 2 / LINES))
            line += width
    return Shape(tuple(bands), weights, long_bands)


@cache
def long_edges(rate_hz: int) -> tuple[int, ...]:
    """First line of each band of long windows, and the end."""
    return (0, *accumulate(_LONG[rate_hz]))


def _flat_weights(_line: int, width: int, _spacing_hz: float) -> list[float]:
    return [1.0] * (width // 2)


def _pair_weights(line: int, width: int, spacing_hz: float) -> list[float]:
    return [
        (k_weight((at + 0.5) * spacing_hz) + k_weight((at + 1.5) * spacing_hz)) / 2
        for at in range(line, line + width, 2)
    ]


_SHELF: Final = (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
_HIGH_PASS: Final = (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621)
"""BS.1770-4, Tables 1 and 2, for 48 kHz: b0, b1, b2, a1, a2."""


def k_weight(hz: float) -> float:
    """By what factor the filters of BS.1770 change the energy at a frequency."""
    angle = 2 * math.pi * hz / 48000
    gain = 1.0
    for b0, b1, b2, a1, a2 in (_SHELF, _HIGH_PASS):
        gain *= _power(b0, b1, b2, angle) / _power(1.0, a1, a2, angle)
    return gain


def _power(zeroth: float, first: float, second: float, angle: float) -> float:
    """The squared magnitude of a polynomial of z^-1 on the unit circle."""
    real = zeroth + first * math.cos(angle) + second * math.cos(2 * angle)
    imaginary = first * math.sin(angle) + second * math.sin(2 * angle)
    return real * real + imaginary * imaginary
