"""A station whose tracks are brought to one level."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from radiostream.loudness.known import Known
from radiostream.loudness.levels import Levels
from tests.loudness.makers import decibels, decode, frames_of, lame, make_wav
from tests.radio.studio import Studio


@pytest.mark.players
def test_a_station_plays_at_its_level(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    """What is published is the file with its gain; what is on the air tells of it."""
    studio = make_studio()
    levels = Levels(None)
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-3", seconds=3)
    path = lame(wav, tmp_path / "a.mp3", "-b", "128")
    track = studio.listed(path)
    levels._table.put(track, Known(-12.0, None, "measured"))
    studio.do(
        studio.station.configure(studio.station.config.__class__("/", studio.directory, "Main", level_lufs=-18.0))
    )
    studio.do(studio.station.take_levels(levels))
    studio.show(track)
    studio.run_until(2)
    on_air = studio.station.status.on_air
    assert on_air is not None
    assert on_air.level is not None
    assert (on_air.level.lufs, on_air.level.source, on_air.level.gain_db) == (-12.0, "measured", -6.02)
    original = b"".join(frames_of(path))[: len(studio.data[0])]
    louder_db = decibels(decode(studio.data[0])) - decibels(decode(original))
    assert louder_db == pytest.approx(-6.02, abs=0.02)
