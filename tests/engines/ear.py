"""What a recording of chirps says: which second of which track was heard when, silences, peaks. Pure.

A recording is interleaved stereo of 32-bit floats (little-endian) at `RATE_HZ`: there, what is over full scale is still
seen. Its pitch is that of the left channel, from where its sign changes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from tests.engines.chirps import LENGTH_S, Place, place_of

RATE_HZ: Final = 48_000
FRAME_BYTES: Final = 8  # two channels
WINDOW: Final = 2_880  # frames over which a pitch is taken: 60 ms
_HOP: Final = 960
QUIET: Final = 0.02  # of full scale
_STEADY: Final = 0.03  # by how much the pitch of a tone's thirds may differ
_JUMP_S: Final = 0.25
_PAUSE_S: Final = 0.1
_CHANGE_S: Final = 0.2  # windows over a change hold a bit of two things: no noise
_SIGNS: Final = bytes(sign >> 7 for sign in range(256))
_RISES: Final = b"\x01\x00"


class Run(NamedTuple):
    """A stretch of one kind, by the middles of its first and last window, in seconds of the recording; `first` and
    `last` are the places heard then, None in noise."""

    begin_s: float
    end_s: float
    first: Place | None
    last: Place | None


class Seam(NamedTuple):
    """A track's end and the next one's begin, as heard: silence between, and how much of the two never came."""

    at_s: float
    silence_ms: int
    lost_s: float


def samples_of(recording: bytes) -> array[float]:
    """The samples of a recording, both channels in turn."""
    samples = array("f")
    samples.frombytes(recording[: len(recording) // FRAME_BYTES * FRAME_BYTES])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def peak(samples: array[float]) -> float:
    """The largest value, 1.0 being full scale."""
    return max(max(samples), -min(samples)) if samples else 0.0


def silences(samples: array[float], least_ms: int = 4) -> list[tuple[float, float]]:
    """Begin and end in seconds of each stretch of `least_ms` or more in which nothing is heard."""
    step = RATE_HZ // 1000 * 2
    quiet = (peak(samples[at : at + step]) < QUIET for at in range(0, len(samples) - step + 1, step))
    found = []
    for is_quiet, stretch in groupby(enumerate(quiet), key=lambda one: one[1]):
        times = [ms for ms, _ in stretch]
        if is_quiet and len(times) >= least_ms:
            found.append((times[0] / 1000, (times[-1] + 1) / 1000))
    return found


def place_in(recording: bytes) -> Place | None:
    """What the last window of a recording is; None for silence, noise, and what is too short."""
    end = len(recording) // FRAME_BYTES * FRAME_BYTES
    window = recording[max(0, end - WINDOW * FRAME_BYTES) : end]
    if peak(samples_of(window)) < QUIET:
        return None
    return _place(_signs(window))


def runs(recording: bytes) -> list[Run]:
    """The recording without its silences: stretches of one track in step with the clock, or of noise."""
    found: list[Run] = []
    for at_s, is_loud, place in _windows(recording):
        if not is_loud:
            continue
        last = found[-1] if found else None
        if last and at_s - last.end_s < _PAUSE_S and _goes_on(last, at_s, place):
            found[-1] = last._replace(end_s=at_s, last=place)
        else:
            found.append(Run(at_s, at_s, place, place))
    return [run for run in found if run.first or run.end_s - run.begin_s > _CHANGE_S]


def seams(found: list[Run], quiet: list[tuple[float, float]]) -> list[Seam]:
    """Where a track of a station is followed by the other one of it."""
    tones = [run for run in found if run.first and run.end_s > run.begin_s]
    return [_seam(one, other, quiet) for one, other in pairwise(tones) if _follows(one, other)]


def _follows(one: Run, other: Run) -> bool:
    a, b = one.last, other.first
    return a is not None and b is not None and a.station == b.station and a.track != b.track


def _seam(one: Run, other: Run, quiet: list[tuple[float, float]]) -> Seam:
    assert one.last
    assert other.first
    silence_s = sum(end - begin for begin, end in quiet if begin > one.end_s - 0.1 and end < other.begin_s + 0.1)
    sounding_s = other.begin_s - one.end_s - silence_s
    lost_s = LENGTH_S - one.last.second_s + other.first.second_s - sounding_s
    return Seam(other.begin_s, round(silence_s * 1000), lost_s)


def _windows(recording: bytes) -> Iterator[tuple[float, bool, Place | None]]:
    samples, signs = samples_of(recording), _signs(recording)
    for at in range(0, len(signs) - WINDOW + 1, _HOP):
        is_loud = peak(samples[at * 2 : (at + WINDOW) * 2]) >= QUIET
        yield (at + WINDOW / 2) / RATE_HZ, is_loud, _place(signs[at : at + WINDOW]) if is_loud else None


def _goes_on(run: Run, at_s: float, place: Place | None) -> bool:
    if run.last is None or place is None:
        return run.last is place
    if run.last[:2] != place[:2]:
        return False
    return abs(place.second_s - run.last.second_s - (at_s - run.end_s)) < _JUMP_S


def _signs(recording: bytes) -> bytes:
    """One byte a frame: 1 where the left channel is negative (the top bit of its last byte)."""
    return recording[3::FRAME_BYTES].translate(_SIGNS)


def _place(signs: bytes) -> Place | None:
    third = len(signs) // 3
    parts = [_hz(signs[at : at + third]) for at in (0, third, 2 * third)]
    if not all(parts) or max(parts) > min(parts) * (1 + _STEADY):
        return None
    return place_of(_hz(signs))


def _hz(signs: bytes) -> float:
    count = signs.count(_RISES)
    first, last = signs.find(_RISES), signs.rfind(_RISES)
    return (count - 1) * RATE_HZ / (last - first) if count > 2 else 0.0
