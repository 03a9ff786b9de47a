"""The ear itself, on sound whose truth is known."""

from __future__ import annotations

import random
from array import array

import pytest

from tests.engines import chirps, ear
from tests.engines.chirps import LENGTH_S, STATIONS, Place
from tests.engines.synthetic import chirp, silence


@pytest.mark.parametrize("track", [0, 1])
@pytest.mark.parametrize("station", STATIONS)
def test_a_pitch_names_station_track_and_second(station: str, track: int) -> None:
    """From any tenth of a second it is told what is heard."""
    heard = ear.place_in(chirp(station, track, 3.0, 0.1))
    assert heard
    assert heard[:2] == (station, track)
    assert heard.second_s == pytest.approx(3.07, abs=0.05)


@pytest.mark.parametrize("hz", [0, 100, 590 - 0.1, 790, 5000])
def test_a_pitch_of_no_track_is_nowhere(hz: float) -> None:
    """Wrong pitch is not taken for a track."""
    assert chirps.place_of(hz) is None


def test_a_seam_tells_silence_and_loss() -> None:
    """A pause between two tracks is told to the millisecond, and what the second one lacks at its begin."""
    recording = chirp("aac", 0, LENGTH_S - 1, 1) + silence(0.042) + chirp("aac", 1, 0.5, 1)
    (seam,) = ear.seams(ear.runs(recording), ear.silences(ear.samples_of(recording)))
    assert seam.silence_ms == pytest.approx(42, abs=2)
    assert seam.lost_s == pytest.approx(0.5, abs=0.05)


def test_a_seam_without_a_pause() -> None:
    """Two tracks that follow at once lack nothing."""
    recording = chirp("flac", 1, LENGTH_S - 1, 1) + chirp("flac", 0, 0, 1)
    (seam,) = ear.seams(ear.runs(recording), ear.silences(ear.samples_of(recording)))
    assert seam.silence_ms == 0
    assert seam.lost_s == pytest.approx(0, abs=0.05)


def test_a_jump_inside_a_track_parts_it() -> None:
    """Sound that was left out is seen, though the track is the same."""
    found = ear.runs(chirp("opus", 0, 1, 0.5) + chirp("opus", 0, 3, 0.5))
    assert len(found) > 1
    assert found[0].last
    assert found[-1].first
    assert (found[0].last.second_s, found[-1].first.second_s) == pytest.approx((1.5, 3), abs=0.1)


def test_noise_is_no_track() -> None:
    """What has no pitch is told as noise for as long as it lasts."""
    chance = random.Random(1)
    noise = array("f", (chance.uniform(-0.5, 0.5) for _ in range(ear.RATE_HZ * 2))).tobytes()
    found = ear.runs(chirp("mp3", 0, 1, 0.5) + noise + silence(0.5))
    noisy = sum(run.end_s - run.begin_s for run in found if run.first is None)
    assert noisy == pytest.approx(1.0, abs=0.15)


def test_what_is_too_loud_is_seen() -> None:
    """A peak over full scale is not cut off."""
    assert ear.peak(ear.samples_of(chirp("mp3", 0, 0, 0.1, level=1.2))) == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize("recording", [b"", b"\0" * 7, silence(0.03), silence(1)])
def test_silence_is_nothing(recording: bytes) -> None:
    """No sound, and too little of it, is no place and no run."""
    assert ear.place_in(recording) is None
    assert ear.runs(recording) == []


def test_behind_goes_round() -> None:
    """The ear may be behind by less than the cycle, over its end too, and a little ahead."""
    late = chirps.behind_s(Place("mp3", 0, 0.2), Place("mp3", 1, LENGTH_S - 0.3))
    early = chirps.behind_s(Place("mp3", 0, 1.0), Place("mp3", 0, 1.5))
    assert (late, early) == pytest.approx((0.5, -0.5))
