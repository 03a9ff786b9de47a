"""Tracks to measure by: slow chirps, whose pitch says which station, which track and which second of it is heard.

Every station has two tracks; each has a band of frequencies of its own, through which it rises.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

LENGTH_S: Final = 8.0
TRACKS: Final = 2  # a station
_LOWEST_HZ: Final = 600.0
_STEP_HZ: Final = 220.0
_SLOPE_HZ: Final = 20.0  # a second
LEVEL: Final = 0.5  # of full scale
_SLACK_S: Final = 0.5  # what a decoder adds at the ends, and the measurement errs


class Encoding(NamedTuple):
    """How one station's two tracks are made: the files' suffix and ffmpeg's options for each."""

    suffix: str
    first: str
    second: str


STATIONS: Final = {
    "mp3": Encoding("mp3", "-c:a libmp3lame -b:a 128k", "-c:a libmp3lame -b:a 128k"),
    "aac": Encoding("aac", "-c:a aac -b:a 128k", "-c:a aac -b:a 128k"),
    # Two settings: another set-up header for each track, which Chromium does not follow.
    "vorbis": Encoding("ogg", "-c:a libvorbis -q:a 4", "-c:a libvorbis -q:a 0"),
    "opus": Encoding("opus", "-c:a libopus -b:a 96k", "-c:a libopus -b:a 96k"),
    "flac": Encoding("oga", "-c:a flac -f ogg", "-c:a flac -f ogg"),
    # Another rate and other channels in each track.
    "changes": Encoding("mp3", "-c:a libmp3lame -b:a 128k -ar 48000", "-c:a libmp3lame -b:a 128k -ar 44100 -ac 1"),
    "turns": Encoding("aac", "-c:a aac -b:a 128k -ar 48000", "-c:a aac -b:a 128k -ar 44100 -ac 1"),
}
_NAMES: Final = tuple(STATIONS)


class Place(NamedTuple):
    """What is heard at a moment: the station's name, its track (0 or 1) and the second of that track."""

    station: str
    track: int
    second_s: float

    @property
    def in_cycle_s(self) -> float:
        """Seconds since the first track began."""
        return self.track * LENGTH_S + self.second_s


def lowest_hz(station: str, track: int) -> float:
    """The pitch that a track begins with."""
    return _LOWEST_HZ + _STEP_HZ * (_NAMES.index(station) * TRACKS + track)


def hz_at(place: Place) -> float:
    """The pitch at a place."""
    return lowest_hz(place.station, place.track) + _SLOPE_HZ * place.second_s


def place_of(hz: float) -> Place | None:
    """Where a pitch is heard; None where no track has it."""
    band, above_hz = divmod(hz - _LOWEST_HZ + _SLACK_S * _SLOPE_HZ, _STEP_HZ)
    second_s = above_hz / _SLOPE_HZ - _SLACK_S
    if not 0 <= band < len(_NAMES) * TRACKS or second_s > LENGTH_S + _SLACK_S:
        return None
    return Place(_NAMES[int(band) // TRACKS], int(band) % TRACKS, second_s)


def behind_s(server: Place, ear: Place) -> float:
    """How many seconds the ear is behind the server, less than half a cycle either way."""
    cycle_s = TRACKS * LENGTH_S
    return (server.in_cycle_s - ear.in_cycle_s + cycle_s / 2) % cycle_s - cycle_s / 2


def make(directory: Path, *names: str) -> dict[str, Path]:
    """The directories of the stations `names`, else of all, below `directory`, by name."""
    for name in names or STATIONS:
        encoding = STATIONS[name]
        (directory / name).mkdir()
        for track, options in enumerate((encoding.first, encoding.second)):
            _encode(directory / name / f"{track}.{encoding.suffix}", lowest_hz(name, track), options)
    return {name: directory / name for name in names or STATIONS}


def _encode(path: Path, hz: float, options: str) -> None:
    """A tone; noise far below it keeps the encoders from saving everything."""
    tone = f"aevalsrc={LEVEL}*sin(2*PI*({hz}*t+{_SLOPE_HZ / 2}*t*t)):s=48000:d={LENGTH_S}"
    noise = f"anoisesrc=d={LENGTH_S}:c=pink:a=0.004:seed=1:r=48000"
    mixed = "amix=inputs=2:normalize=0,aformat=channel_layouts=stereo"
    sources = ("-f", "lavfi", "-i", tone, "-f", "lavfi", "-i", noise, "-filter_complex", mixed)
    title = f"title=Chirp from {hz:.0f} Hz"
    subprocess.run(["ffmpeg", "-v", "error", *sources, "-metadata", title, *options.split(), str(path)], check=True)
