"""Synthesises the demo station's three tracks: `python tests/tools/make_demo.py radiostream/demo` (needs lame
and mutagen).

Everything is made here from sines: soft pads, plucked strings and bells over a few chords, some echo and a short
reverberation. No sample, no melody and no recording of anybody else's is in them. Takes about a minute.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
import tempfile
import wave
from array import array
from pathlib import Path
from typing import NamedTuple

from mutagen import id3

RATE_HZ = 44100
PEAK = 10 ** (-3.2 / 20)
TAIL_S = 2.5
LAME = ["lame", "--quiet", "-V", "6", "-q", "2", "-m", "j", "--resample", "44.1", "--lowpass", "13", "--noreplaygain"]


class Sound(NamedTuple):
    """How a note sounds: partials as (multiple of the pitch, strength, decay a second), and its ends in seconds."""

    partials: tuple[tuple[float, float, float], ...]
    attack_s: float
    release_s: float
    detune: float = 0.0
    """Part of the pitch by which the left channel is below and the right one above it."""


PAD = Sound(((1, 1.0, 0), (2, 0.28, 0.1), (3, 0.12, 0.2), (4, 0.05, 0.3)), 1.1, 1.6, 0.0016)
PLUCK = Sound(((1, 1.0, 2.2), (2, 0.45, 3.4), (3, 0.22, 5.0), (4, 0.1, 7.0), (5, 0.05, 9.0)), 0.004, 0.25, 0.0004)
BELL = Sound(((1, 1.0, 1.6), (2.0, 0.22, 2.4), (3.01, 0.12, 4.5), (5.42, 0.05, 8.0)), 0.006, 0.5, 0.0007)
BASS = Sound(((1, 1.0, 1.0), (2, 0.35, 2.0), (3, 0.08, 4.0)), 0.012, 0.3)


class Song(NamedTuple):
    """A piece: chords (one a bar) as MIDI notes from the bass up, and a melody of (beat, note, beats)."""

    name: str
    title: str
    beat_s: float
    beats_a_bar: int
    chords: tuple[tuple[int, ...], ...]
    arpeggio: tuple[tuple[float, int], ...]
    """Plucked in every bar: (beat, which note of the chord; 0 is the bass)."""
    melody: tuple[tuple[float, int, float], ...]


SONGS = (
    Song(
        "01-morning-harbour",
        "Morning Harbour",
        0.8,
        4,
        ((36, 55, 59, 64, 67), (45, 55, 60, 64, 67), (41, 57, 60, 64, 69), (43, 55, 59, 62, 69), (36, 55, 59, 64, 67)),
        ((0, 0), (0.5, 2), (1, 3), (1.5, 4), (2, 3), (2.5, 2), (3, 4), (3.5, 3)),
        (
            *((2, 79, 1.5), (3.5, 76, 0.5), (4, 74, 1), (5, 76, 2.5), (8, 72, 1), (9, 74, 1), (10, 76, 1.5)),
            *((11.5, 79, 0.5), (12, 81, 1), (13, 79, 1), (14, 74, 2), (16, 76, 1), (17, 72, 3)),
        ),
    ),
    Song(
        "02-paper-boats",
        "Paper Boats",
        0.5,
        3,
        (
            *(
                (43, 55, 59, 62),
                (40, 55, 59, 64),
                (48, 55, 60, 64),
                (50, 54, 57, 62),
                (43, 55, 59, 62),
                (40, 55, 59, 64),
            ),
            *((45, 57, 60, 64), (50, 54, 60, 66), (48, 55, 60, 64), (50, 57, 60, 66), (43, 55, 59, 62)),
        ),
        ((0, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3)),
        (
            *((0, 83, 2), (2, 81, 1), (3, 79, 2), (5, 83, 1), (6, 84, 1), (7, 83, 1), (8, 81, 1), (9, 78, 3)),
            *((12, 79, 2), (14, 83, 1), (15, 86, 2), (17, 83, 1), (18, 84, 2), (20, 81, 1), (21, 78, 2), (23, 81, 1)),
            *((24, 79, 1), (25, 76, 1), (26, 79, 1), (27, 81, 1), (28, 78, 1), (29, 74, 1), (30, 79, 3)),
        ),
    ),
    Song(
        "03-slow-lantern",
        "Slow Lantern",
        0.85,
        4,
        ((38, 57, 60, 65, 69), (46, 57, 62, 65, 70), (41, 57, 60, 65, 69), (48, 55, 62, 64, 67), (38, 57, 62, 65, 69)),
        ((0, 0), (1, 3), (1.5, 4), (2, 2), (2.5, 3), (3.5, 1)),
        (
            *((1, 74, 1), (2, 77, 1.5), (3.5, 76, 0.5), (4, 74, 2), (6, 69, 2), (8, 72, 1), (9, 77, 1), (10, 79, 1.5)),
            *((11.5, 77, 0.5), (12, 76, 2), (14, 72, 1), (15, 74, 1), (16, 74, 4)),
        ),
    ),
)


class Mix:
    """Two channels that notes are added to."""

    def __init__(self, duration_s: float) -> None:
        self.channels = [array("d", bytes(8 * int(duration_s * RATE_HZ))) for _ in range(2)]

    def add(self, sound: Sound, note: float, start_s: float, length_s: float, gain: float, pan: float = 0.0) -> None:
        """Add one note; `pan` from -1 (left) to 1 (right)."""
        pitch_hz = 440 * 2 ** ((note - 69) / 12)
        first = int(start_s * RATE_HZ)
        for channel, side in zip(self.channels, (-1, 1), strict=True):
            level = gain * math.sqrt((1 + side * pan) / 2)
            tone = tone_of(sound, pitch_hz * (1 + side * sound.detune), length_s)
            for at, sample in enumerate(tone[: len(channel) - first], first):
                channel[at] += sample * level

    def finish(self) -> bytes:
        """Echo, reverberation, fades and level: 16-bit stereo samples."""
        wet = [reverberated(channel, seed) for seed, channel in enumerate(self.channels)]
        peak = max(max(map(abs, channel)) for channel in wet)
        size = len(wet[0])
        fade_in, fade_out = int(0.4 * RATE_HZ), int(TAIL_S * RATE_HZ)
        out = array("h")
        for at in range(size):
            fade = min(1.0, at / fade_in, (size - at) / fade_out)
            gain = 32767 * PEAK / peak * math.sin(fade * math.pi / 2) ** 2
            out.extend(round(channel[at] * gain) for channel in wet)
        return out.tobytes()


def tone_of(sound: Sound, pitch_hz: float, length_s: float) -> list[float]:
    """One note's samples, held for `length_s` and then released."""
    size = int((length_s + sound.release_s) * RATE_HZ)
    tone = [0.0] * size
    for multiple, strength, decay in sound.partials:
        step = 2 * math.pi * pitch_hz * multiple / RATE_HZ
        fall = math.exp(-decay / RATE_HZ)
        level = strength
        for at in range(size):
            tone[at] += math.sin(step * at) * level
            level *= fall
    attack, release = int(sound.attack_s * RATE_HZ), int(sound.release_s * RATE_HZ)
    for at in range(min(attack, size)):
        tone[at] *= 0.5 - 0.5 * math.cos(math.pi * at / attack)
    for at in range(min(release, size)):
        tone[-1 - at] *= 0.5 - 0.5 * math.cos(math.pi * at / release)
    return tone


def reverberated(dry: array[float], seed: int) -> array[float]:
    """Schroeder's reverberation: combs with damping side by side, then an all-pass; the channels differ a little."""
    wet = array("d", bytes(8 * len(dry)))
    for delay in (1557 + 23 * seed, 1617 - 19 * seed, 1491 + 31 * seed, 1422 - 17 * seed):
        line = [0.0] * delay
        low = 0.0
        for at, sample in enumerate(dry):
            slot = at % delay
            echo = line[slot]
            wet[at] += echo
            low = echo * 0.7 + low * 0.3
            line[slot] = sample + low * 0.8
    line = [0.0] * 556
    for at, sample in enumerate(wet):
        slot = at % 556
        echo = line[slot]
        line[slot] = sample + echo * 0.5
        wet[at] = dry[at] + 0.09 * (echo - sample)
    return wet


def play(song: Song) -> bytes:
    """The whole piece."""
    bar_s = song.beat_s * song.beats_a_bar
    mix = Mix(bar_s * len(song.chords) + TAIL_S)
    chance = random.Random(song.name)
    for bar, chord in enumerate(song.chords):
        start_s = bar * bar_s
        for number, note in enumerate(chord[1:]):
            mix.add(PAD, note, start_s, bar_s - 0.3, 0.13, (-0.5, 0.5, -0.25, 0.25)[number])
        for beat, which in song.arpeggio:
            sound, gain = (BASS, 0.42) if which == 0 else (PLUCK, 0.17)
            when_s = start_s + beat * song.beat_s + chance.uniform(0, 0.012)
            held_s = song.beat_s * (2 if which == 0 else 1.2)
            mix.add(sound, chord[which], when_s, held_s, gain * chance.uniform(0.85, 1), 0.0 if which == 0 else 0.35)
    for beat, note, beats in song.melody:
        mix.add(BELL, note, beat * song.beat_s + chance.uniform(0, 0.01), beats * song.beat_s, 0.24, -0.3)
    return mix.finish()


def encode(song: Song, number: int, samples: bytes, directory: Path) -> None:
    """One tagged MP3."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "song.wav")
        with wave.open(str(source), "wb") as file:
            file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(samples)
        target = directory / f"{song.name}.mp3"
        subprocess.run([*LAME, str(source), str(target)], check=True)
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text=song.title))
    tags.add(id3.TPE1(encoding=3, text="radiostream"))
    tags.add(id3.TALB(encoding=3, text="Demo"))
    tags.add(id3.TRCK(encoding=3, text=f"{number}/{len(SONGS)}"))
    tags.save(target, v2_version=4, padding=lambda _: 0)


if __name__ == "__main__":
    for number, song in enumerate(SONGS, 1):
        encode(song, number, play(song), Path(sys.argv[1]))
