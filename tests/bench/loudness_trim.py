"""Dead air on the air: what `--trim` leaves of 60 files' silence, as it is heard: `make loudness ARGS=--trim`.

Six stations of ten tracks; each has 0.3 to 20 s of digital silence or of noise at -75 dBFS at either end, every third a
quiet beginning that is music. A recording is cut by marks that the bench puts into frame headers (the copyright and
original bits), and its samples by mpg123 tell where the sound begins and ends. No code is shared with the server.
"""

from __future__ import annotations

import random
import subprocess
import time
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.frames import Frame, audio_of, frames
from tests.bench.recorder import Recorder
from tests.bench.recorder import decode as complaints_of
from tests.loudness.makers import decode
from tests.server import Radio
from tests.waiting import until

STATIONS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (44100, ("-b", "128")),
    (44100, ("-b", "320")),
    (44100, ("-V", "2")),
    (44100, ("-m", "m", "-b", "64")),
    (48000, ("-V", "7", "--resample", "48")),
    (22050, ("-b", "56")),
)
"""Sample rate and LAME's options."""
TRACKS: Final = 10
SOUND_S: Final = 6.0
INTRO_S: Final = 3.0
INTRO_DB: Final = -48.0
"""A quiet beginning's level."""
LEFT_S: Final = 0.25
SOUND_DBFS: Final = -58.0
"""Louder than what is dead air, quieter than a quiet beginning."""
DELAY: Final = 529 + 576
"""Samples that a sound comes later than its frame."""


class Made(NamedTuple):
    """One file."""

    path: Path
    intro_s: float
    silences_s: tuple[float, float]


class Heard(NamedTuple):
    """One track on the air."""

    name: str
    before_s: float
    after_s: float
    """Dead air that was left."""
    sound_s: float
    wanted_s: float


def run(directory: Path) -> int:
    """Make, play, record and judge; 1 where something is not as promised."""
    made = {f"s{number}": list(make(directory, number)) for number in range(len(STATIONS))}
    options = ["--stations", str(directory / "stations"), "--trim", "--burst", "1", "--port", "0"]
    with Radio([*options, "--state-dir", str(directory / "state")]) as radio:
        radio.logged("the loudness of .* more tracks is known")
        recorders = [Recorder(radio.port, f"/{route}", directory / f"{route}.air") for route in made]
        for recorder in recorders:
            radio.post(f"/next-track{recorder.route}")
            recorder.start()
        length_s = (TRACKS + 2) * (SOUND_S + INTRO_S / 3 + 2 * LEFT_S)
        began_s = time.monotonic()
        until(lambda: time.monotonic() - began_s > length_s, "the tracks' end", 2 * length_s)
        for recorder in recorders:
            recorder.stop()
    heard, faults = [], list[str]()
    for number, recorder in enumerate(recorders):
        data = b"".join(frame.data for frame in frames(recorder.path.read_bytes()))
        faults += complaints_of(recorder.path, len(data))
        heard += list(judged(data, made[f"s{number}"], STATIONS[number][0], is_mono="m" in STATIONS[number][1]))
    return told(heard, faults)


def make(directory: Path, number: int) -> Iterator[Made]:
    """A station's files: each frame of the n-th says `n % 4` in its header."""
    rng = random.Random(number)
    place = directory / "stations" / f"s{number}"
    place.mkdir(parents=True)
    rate_hz, options = STATIONS[number]
    for track in range(TRACKS):
        intro_s = INTRO_S if track % 3 == 0 else 0.0
        silences_s = (round(rng.choice((0.3, 0.6, 2, 7, 20)) * rng.uniform(1, 1.01), 3), rng.choice((0.3, 1, 4, 20)))
        wav, path = directory / "made.wav", place / f"{track}.mp3"
        wav.write_bytes(sound(rate_hz, intro_s, silences_s, noise_db=-75 if track % 2 else None, seed=track))
        subprocess.run(["lame", "--quiet", "-t", *options, wav, path], check=True)
        path.write_bytes(b"".join(marked(frame, track % 4) for frame in audio_of(path.read_bytes())))
        yield Made(path, intro_s, silences_s)


def sound(rate_hz: int, intro_s: float, silences_s: Sequence[float], noise_db: float | None, seed: int) -> bytes:
    """A WAV: dead air, a quiet beginning or none, sound, dead air."""
    tone = f"sine=frequency={300 + 40 * seed}:sample_rate={rate_hz}:duration="
    floor = "anullsrc" if noise_db is None else f"anoisesrc=amplitude={10 ** (noise_db / 20) * 1.7:.8f}:seed={seed}"
    silent = f"{floor}{'=' if noise_db is None else ':'}r={rate_hz}:d="
    pieces = [f"{silent}{silences_s[0]}[a]", f"{tone}{intro_s or 0.1},volume={INTRO_DB + 18}dB[b]"]
    pieces += [f"{tone}{SOUND_S},volume=6dB[c]", f"{silent}{silences_s[1]}[d]"]
    names = ("a", "b", "c", "d") if intro_s else ("a", "c", "d")
    if not intro_s:
        del pieces[1]
    formats = [
        f"[{name}]aformat=sample_fmts=dblp:channel_layouts=stereo:sample_rates={rate_hz}[{name}0]" for name in names
    ]
    joined = "".join(f"[{name}0]" for name in names) + f"concat=n={len(names)}:v=0:a=1[out]"
    graph = ";".join([*pieces, *formats, joined])
    output = ["-map", "[out]", "-c:a", "pcm_s16le", "-f", "wav", "-"]
    command = ["ffmpeg", "-v", "error", "-filter_complex", graph, *output]
    return subprocess.run(command, check=True, capture_output=True).stdout


def marked(frame: Frame, mark: int) -> bytes:
    """The frame with `mark` in its copyright and original bits, which no checksum covers in frames without one."""
    return frame.data[:3] + bytes([frame.data[3] & 0xF3 | mark << 2]) + frame.data[4:]


def judged(data: bytes, made: Sequence[Made], rate_hz: int, *, is_mono: bool) -> Iterator[Heard]:
    """Each track that was recorded whole."""
    samples = decode(data, by="mpg123", channels=1) if is_mono else stereo_peaks(decode(data, by="mpg123"))
    each = 1152 if rate_hz >= 32000 else 576
    at, pieces = 0, []
    for mark, run_of in groupby(frames(data), lambda frame: frame.data[3] >> 2 & 3):
        count = sum(1 for _ in run_of)
        pieces.append((mark, at * each, (at + count) * each))
        at += count
    number = 1  # the first track is skipped at the begin
    for mark, start, end in pieces[1:-1]:
        while number % 4 != mark:
            number = (number + 1) % TRACKS
        yield heard_of(made[number], samples[start + DELAY : end + DELAY], rate_hz)
        number = (number + 1) % TRACKS


def stereo_peaks(samples: array[float]) -> array[float]:
    """The louder one of two channels."""
    return array("f", map(max, map(abs, samples[::2]), map(abs, samples[1::2])))


def heard_of(made: Made, samples: array[float], rate_hz: int) -> Heard:
    """One track's samples: how much dead air, how much sound."""
    limit = 10 ** (SOUND_DBFS / 20)
    loud = [at for at, sample in enumerate(samples) if abs(sample) > limit]
    first, last = (loud[0], loud[-1]) if loud else (0, 0)
    name = f"{made.path.parent.name} {made.path.stem} {made.silences_s[0]} {made.intro_s} {made.silences_s[1]}"
    left_s = first / rate_hz, (len(samples) - last) / rate_hz
    return Heard(name, *left_s, (last - first) / rate_hz, SOUND_S + made.intro_s)


def told(heard: Sequence[Heard], faults: list[str]) -> int:
    """Print the table; 1 where something is not as promised."""
    print(f"{'track, silence, intro, silence':34} {'before s':>8} {'after s':>8} {'sound s':>8} {'wanted s':>8}")
    for one in heard:
        print(f"{one.name:34} {one.before_s:8.3f} {one.after_s:8.3f} {one.sound_s:8.2f} {one.wanted_s:8.2f}")
        if max(one.before_s, one.after_s) > LEFT_S:
            faults.append(f"{one.name}: more than {LEFT_S} s of dead air are left")
        if one.sound_s < one.wanted_s - 0.02:
            faults.append(f"{one.name}: sound is missing")
    names = {one.name for one in heard}
    print(f"\n{len(names)} tracks; at most {max(max(one[1:3]) for one in heard):.3f} s left")
    if len(names) < TRACKS * len(STATIONS):
        faults.append("not all tracks were recorded whole")
    print("\n".join(faults) or "all as promised")
    return 1 if faults else 0
