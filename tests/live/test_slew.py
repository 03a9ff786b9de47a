"""A source's clock is followed, whatever it is off by."""

from __future__ import annotations

import random

import pytest

from radiostream.live.slew import MOST, Slew

RESERVE_S = 3.0


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-200, -20, 0, 20, 200])
@pytest.mark.parametrize("page_s", [0.026, 1.0], ids=["frames", "pages"])
def test_a_day_with_a_clock_that_is_off(ppm: int, page_s: float) -> None:
    """200 ppm make 17 s a day: the buffer stays near its reserve, so there is neither hole nor lag."""
    rng = random.Random(ppm)
    slew = Slew(RESERVE_S)
    now_s, due_s, taken_s = 0.0, 0.0, 0.0
    levels = []
    while now_s < 86_400:
        now_s = due_s
        jitter_s = rng.random() * 0.2
        sent_s = RESERVE_S + (now_s - jitter_s) * (1 + ppm / 1e6)
        level_s = sent_s // page_s * page_s - taken_s
        levels.append(level_s)
        stretch = slew.stretch(level_s, now_s)
        taken_s += 1.0
        due_s += 1.0 * stretch
    assert min(levels) > RESERVE_S - 0.5 - page_s - 0.5
    assert max(levels) < RESERVE_S + 0.5 + page_s + 0.1


def test_the_correction_is_small() -> None:
    """However wrong the level, no due time moves by more than `MOST`."""
    for level_s in (0.0, 1.0, 100.0):
        assert abs(Slew(RESERVE_S).stretch(level_s, 0.0) - 1) <= MOST
