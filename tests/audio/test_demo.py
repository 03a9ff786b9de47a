"""The demo station's tracks, as they are shipped."""

from __future__ import annotations

from pathlib import Path

import radiostream
from radiostream.audio.frames import Params
from radiostream.audio.mpeg import MpegReader

TRACKS = sorted(Path(radiostream.__file__).parent.joinpath("demo").glob("*.mp3"))


def test_demo_tracks_fit_one_stream() -> None:
    """Same rate and channels throughout, some twenty seconds each, under 500 KB together."""
    assert len(TRACKS) == 3
    assert sum(path.stat().st_size for path in TRACKS) < 500_000
    for path in TRACKS:
        with path.open("rb") as file:
            reader = MpegReader(file)
        assert reader.params == Params("mp3", 44100, 2)
        assert reader.duration_s is not None
        assert 18 < reader.duration_s < 22
