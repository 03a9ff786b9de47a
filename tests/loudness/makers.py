"""MP3s made on the fly for the tests of loudness, and what is done with them often."""

from __future__ import annotations

import subprocess
from array import array
from itertools import pairwise
from math import log10
from pathlib import Path

from radiostream.audio.mpeg import MpegReader
from tests.ffmpeg import complaints

PINK = ("pinknoise", "gain", "-3")


def make_wav(path: Path, *effects: str, seconds: float = 3, rate_hz: int = 44100, channels: int = 2) -> Path:
    """A file of sox's `synth effects` in 16 bits."""
    head = ["sox", "-R", "-n", "-r", str(rate_hz), "-b", "16", "-c", str(channels), str(path)]
    subprocess.run([*head, "synth", str(seconds), *effects], check=True)
    return path


def lame(wav: Path, out: Path, *options: str) -> Path:
    """`wav` as an MP3 by LAME, without the Info frame that tells its loudness."""
    subprocess.run(["lame", "--quiet", "-t", *options, wav, out], check=True)
    return out


def frames_of(path: Path) -> list[bytes]:
    """All frames of an MP3 but info frames."""
    found: list[bytes] = []
    with open(path, "rb") as file:
        reader, view = MpegReader(file), memoryview(bytearray(1 << 16))
        while (block := reader.fill(view, reader.tick_hz)).length:
            edges = [*block.offsets, block.length]
            found += [bytes(view[start:stop]) for start, stop in pairwise(edges)]
    return found


def decode(data: bytes, *, by: str = "ffmpeg", channels: int = 2) -> array[float]:
    """Samples of an MP3 in floating point, where 1.0 is full scale; the decoder must have no complaint."""
    command = {
        "ffmpeg": ["ffmpeg", "-v", "warning", "-f", "mp3", "-i", "-", "-f", "f32le", "-ac", str(channels), "-"],
        "mpg123": ["mpg123", "-q", "-e", "f32", "--no-gapless", "-s", "-"],
    }[by]
    ran = subprocess.run(command, input=data, capture_output=True, check=True)
    assert complaints(ran.stderr) == []
    return array("f", ran.stdout)


def decibels(samples: array[float]) -> float:
    """The mean power in dBFS."""
    power = sum(value * value for value in samples) / max(1, len(samples))
    return 10 * log10(power) if power else -999.0


def residual_db(original: array[float], changed: array[float], factor: float) -> float:
    """What is left of `changed` when `original` times `factor` is taken away, as its mean power in dBFS."""
    assert len(original) == len(changed)
    return decibels(array("f", (there - here * factor for here, there in zip(original, changed, strict=True))))
