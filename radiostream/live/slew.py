"""How a source's clock is followed: the station's due times run a little faster or slower than the media says.

A sound card that says 44,100 Hz is off by up to 200 ppm, which is 17 s a day. The buffer's level tells: it rises under
a source that is fast. What is published is stretched in proportion to how far the level is from where it should be, by
at most `MOST`. Nobody hears that: no sample is changed, only when it is sent. Pure.
"""

from __future__ import annotations

import math
from typing import Final

MOST: Final = 500e-6
"""The largest correction; twice what clocks that work are off."""
GAIN: Final = 400e-6
"""Correction for each second of level; 200 ppm move the level by half a second for good."""
SMOOTH_S: Final = 60.0
"""Time constant of the level's mean: packets and pages make it jump."""


class Slew:
    """The correction for one feed's time on the air. Used by the producer's thread."""

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self._mean_s: float | None = None
        self._at_s = 0.0

    def stretch(self, level_s: float, now_s: float) -> float:
        """By what to multiply the duration of what is published now, while the buffer holds `level_s` seconds.

        Less than 1 where it holds too much. `now_s` is the monotonic clock.
        """
        if self._mean_s is None:
            self._mean_s = level_s
        else:
            weight = 1 - math.exp(-max(0.0, now_s - self._at_s) / SMOOTH_S)
            self._mean_s += (level_s - self._mean_s) * weight
        self._at_s = now_s
        return 1 - max(-MOST, min(MOST, GAIN * (self._mean_s - self._target_s)))
