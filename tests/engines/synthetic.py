"""Sound as the card would give it, made in memory: recordings whose truth is known."""

from __future__ import annotations

import math
from array import array

from tests.engines.chirps import Place, hz_at, lowest_hz
from tests.engines.ear import FRAME_BYTES, RATE_HZ


def chirp(station: str, track: int, begin_s: float, seconds: float, level: float = 0.5) -> bytes:
    """A stretch of a track."""
    base = lowest_hz(station, track)
    slope = hz_at(Place(station, track, 1.0)) - base
    times = (begin_s + frame / RATE_HZ for frame in range(int(seconds * RATE_HZ)))
    values = (level * math.sin(2 * math.pi * (base * at_s + slope / 2 * at_s * at_s)) for at_s in times)
    return array("f", (value for each in values for value in (each, each))).tobytes()


def silence(seconds: float) -> bytes:
    """Nothing for so long."""
    return bytes(int(seconds * RATE_HZ) * FRAME_BYTES)
