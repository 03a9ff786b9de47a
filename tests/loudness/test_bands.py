"""The tables of Layer III and of BS.1770 are as the standards have them."""

from __future__ import annotations

import math

import pytest

from radiostream.loudness.bands import LONG, MIXED, SHORT, k_weight, long_edges, shape
from radiostream.loudness.huffman import FIRST_BITS, LINBITS, NEXT_BITS, pairs, quads

RATES_HZ = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)


@pytest.mark.parametrize("kind", [LONG, SHORT, MIXED])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_bands_fill_a_granule(rate_hz: int, kind: int) -> None:
    """One behind the other, without gaps, up to the last of 576 lines."""
    form = shape(rate_hz, kind)
    assert [band.start for band in form.bands] == [0, *(band.stop for band in form.bands[:-1])]
    assert form.bands[-1].stop == len(form.weights) == 288
    assert long_edges(rate_hz)[-1] == 576


@pytest.mark.parametrize(
    ("hz", "decibels"), [(20, -13.6), (100, -1.1), (997, 0.69), (2000, 3.2), (10000, 4.0), (16000, 4.0)]
)
def test_the_weighting_of_bs_1770(hz: float, decibels: float) -> None:
    """Little below 100 Hz, 0.69 dB at 1 kHz (which the constant -0.691 takes back), 4 dB above."""
    assert 10 * math.log10(k_weight(hz)) == pytest.approx(decibels, abs=0.35)


@pytest.mark.parametrize("select", [select for select in range(1, 32) if select not in (4, 14)])
def test_every_word_is_a_code(select: int) -> None:
    """Codes are complete: any bits are a code word, of a length that can be."""
    first, further = pairs(select)
    assert len(first) == 1 << FIRST_BITS
    for entry in first + [entry for table in further for entry in table]:
        assert entry[0] >= 0
        assert entry[0] <= FIRST_BITS + NEXT_BITS + 2
    assert all(len(table) == 1 << NEXT_BITS for table in further)
    escapes = any(entry[2] for entry in first if entry[0])
    assert escapes == bool(LINBITS[select]) or not LINBITS[select]


def test_quads() -> None:
    """Table A has one bit for four zeros, table B four for everything."""
    assert quads(0)[0b1000000000] == (1, 0.0, 0.0)
    assert quads(1)[0b1111000000] == (4, 0.0, 0.0)
    assert quads(1)[0] == (8, 2.0, 2.0)
