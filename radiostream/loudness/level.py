"""What is done to one track so that it is as loud as the station is to be: how many decibels, and by whom.

Pure. A cut is free; a boost is 6 dB at most, and only up to the file's known peak: where nobody knows the peak there is
none, for what is clipped cannot be mended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AAC, MP3
from radiostream.loudness.gain import STEP_DB

if TYPE_CHECKING:
    from radiostream.audio.frames import Params
    from radiostream.loudness.known import Known

MOST_BOOST_DB: Final = 6.0
UNKNOWN: Final = "unknown"

_VORBIS: Final = "vorbis"
_OPUS: Final = "opus"
_PLAIN_AAC_HZ: Final = 32000
"""Below this sample rate AAC may be the lower half of HE-AAC, whose upper half would stay as loud as it is."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a track's level is and becomes, as it is told."""

    lufs: float | None = None
    """Of the file; None where it is not known."""
    source: str = UNKNOWN
    """`replaygain`, `r128`, `rva2`, `lame`, `measured` or `unknown`."""
    gain_db: float = 0.0
    """By how much the stream is louder than the file."""
    volume_db: float = 0.0
    """By how much a browser has to turn it down besides: its stream carries the file's own headers."""
    silences: tuple[tuple[float, float], ...] = ()
    """Seconds of the track as it is played between which it is silent, where that is longer than listeners bear."""


def wanted_db(known: Known, target_lufs: float) -> float:
    """The gain that brings a track to the target, as far as it may be brought there."""
    if known.lufs is None:
        return 0.0
    gain_db = target_lufs - known.lufs
    return gain_db if gain_db <= 0 else min(gain_db, _most_boost_db(known))


def _most_boost_db(known: Known) -> float:
    if known.peak is None:
        return 0.0
    return min(MOST_BOOST_DB, max(0.0, -20 * math.log10(known.peak)))


def steps_of(known: Known, target_lufs: float) -> int:
    """The same in whole steps of 1.5 dB: the nearest, but never over the peak."""
    if known.lufs is None:
        return 0
    nearest = round((target_lufs - known.lufs) / STEP_DB)
    return min(nearest, math.floor(_most_boost_db(known) / STEP_DB))


def has_steps(params: Params) -> bool:
    """Whether a track's level is changed in steps, frame by frame."""
    if params.codec == MP3:
        return True
    return params.codec == AAC and params.channels == 1 and params.rate_hz >= _PLAIN_AAC_HZ


def has_header_gain(params: Params) -> bool:
    """Whether a track's level is changed by its header pages."""
    return params.codec in (_VORBIS, _OPUS)
