"""How near the measured loudness of MP3s is to ffmpeg's ebur128, and what it costs: `make loudness`.

`make loudness ARGS=DIR` takes the MP3s of a directory; without one, a collection is made: dense, sparse, noise, speech,
in every kind of MP3. Prints a row a file, and then the curve: error and CPU by the number of frames decoded.
`ARGS=--air` plays an hour of music on twelve stations, and judges what was heard (`loudness_air`); `ARGS=--trim` plays
files that begin and end in silence (`loudness_trim`).
"""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from radiostream.loudness.meter import FRAMES, measure

SECONDS = 60
WORDS = "Good evening, and welcome. First the news, then the weather; after that two hours of music without a break. "
SOUNDS: dict[str, tuple[str, ...]] = {
    "dense": ("pluck", "C2", "synth", "pinknoise", "mix", "overdrive", "20", "norm", "-0.3"),
    "sparse": ("pluck", "A2", "fade", "0", "3", "2.5", "pad", "0", "1.3", "repeat", "13", "norm", "-3"),
    "noise": ("pinknoise", "tremolo", "0.3", "90", "norm", "-2"),
    "beat": ("sine", "300:60", "fade", "0", "0.4", "0.38", "pad", "0", "0.13", "repeat", "110", "norm", "-1"),
}
LENGTHS_S = {"sparse": 3.0, "beat": 0.4}
ENCODINGS: tuple[tuple[str, ...], ...] = (
    ("-b", "128"),
    ("-b", "320"),
    ("-V", "2"),
    ("-V", "6"),
    ("-m", "s", "-b", "192"),
    ("-m", "m", "-b", "96"),
    ("--resample", "22.05", "-b", "64"),
    ("--resample", "16", "-m", "m", "-b", "32"),
)
CURVE = (240, 480, 1200, FRAMES, 4800)


class Result(NamedTuple):
    """One file at one number of frames."""

    name: str
    ebur128: float
    measured: float
    cpu_s: float


def main(argv: Sequence[str]) -> int:
    """Print the table and the curve; 1 where the default misses what is promised of it."""
    with tempfile.TemporaryDirectory() as directory:
        if argv[:1] == ["--air"]:
            from tests.bench import loudness_air  # it takes names from here

            return loudness_air.run(Path(directory))
        if argv[:1] == ["--trim"]:
            from tests.bench import loudness_trim

            return loudness_trim.run(Path(directory))
        paths = sorted(Path(argv[0]).rglob("*.mp3")) if argv else made(Path(directory))
        truth = {path: ebur128(path) for path in paths}
        print(f"{'file':40} {'ebur128':>8} {'measured':>8} {'error':>6} {'CPU s':>6}")
        for one in results(truth, FRAMES):
            print(f"{one.name:40} {one.ebur128:8.1f} {one.measured:8.2f} {error(one):6.2f} {one.cpu_s:6.2f}")
        print(f"\n{'frames':>8} {'rms dB':>7} {'p95 dB':>7} {'max dB':>7} {'CPU s a track':>14}")
        rows = {frames: results(truth, frames) for frames in CURVE}
    for frames, found in rows.items():
        errors = sorted(abs(error(one)) for one in found)
        p95, cpu_s = errors[int(0.95 * (len(errors) - 1))], sum(one.cpu_s for one in found) / len(found)
        print(f"{frames:8} {rms(found):7.2f} {p95:7.2f} {errors[-1]:7.2f} {cpu_s:14.2f}")
    return 0 if rms(rows[FRAMES]) <= 1 else 1


def error(one: Result) -> float:
    """By how much the measured figure is too high."""
    return one.measured - one.ebur128


def rms(found: Sequence[Result]) -> float:
    """The root of the mean squared error."""
    return math.sqrt(sum(error(one) ** 2 for one in found) / len(found))


def results(truth: dict[Path, float], frames: int) -> list[Result]:
    """Each file measured from so many frames; files that are silent are left out."""
    found = []
    for path, lufs in truth.items():
        began_s = time.process_time()
        with open(path, "rb") as file:
            measured = measure(file, frames).lufs
        if measured is not None:
            found.append(Result(path.name, lufs, measured, time.process_time() - began_s))
    return found


def ebur128(path: Path) -> float:
    """Integrated loudness by ffmpeg."""
    command = ["ffmpeg", "-nostats", "-hide_banner", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def made(directory: Path) -> list[Path]:
    """A collection from -8 to -36 LUFS or so."""
    rng = random.Random(7)
    wavs = []
    for name, effects in SOUNDS.items():
        wav = directory / f"{name}.wav"
        head = ["sox", "-R", "-n", "-r", "44100", "-b", "16", "-c", "2", str(wav)]
        subprocess.run([*head, "synth", str(LENGTHS_S.get(name, SECONDS)), *effects], check=True)
        wavs.append(wav)
    speech = directory / "speech.wav"
    subprocess.run(["espeak-ng", "-w", directory / "mono.wav", WORDS * 6], check=True)
    subprocess.run(["sox", "-R", directory / "mono.wav", "-r", "44100", "-c", "2", speech], check=True)
    made = []
    for wav in (*wavs, speech):
        for encoding in ENCODINGS:
            out = directory / f"{wav.stem} {' '.join(encoding)}.mp3"
            scale = f"{10 ** (rng.uniform(-20, 0) / 20):.3f}"
            subprocess.run(["lame", "--quiet", "-t", "--scale", scale, *encoding, wav, out], check=True)
            made.append(out)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
