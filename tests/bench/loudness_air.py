"""An hour on the air at one level: what 120 MP3s of all kinds come to as they are heard: `make loudness ARGS=--air`.

A hundred without tags and twenty that a tagger has seen, from -36 to -8 LUFS, as twelve stations of ten tracks; each
station is recorded for the six minutes that its tracks take. A recording is cut by looking its frames up in the files,
apart from the bits that the server may change. What judges it shares no code with the server: ffmpeg's ebur128.
"""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import mutagen.id3

from tests.bench.frames import Frame, audio_of, frames
from tests.bench.loudness import LENGTHS_S, SOUNDS, WORDS, ebur128
from tests.bench.recorder import Recorder
from tests.ffmpeg import complaints
from tests.loudness.makers import decode, residual_db
from tests.server import Radio
from tests.waiting import until

TARGET_LUFS: Final = -18.0
SECONDS: Final = 36
TRACKS: Final = 10
PLAIN: Final = 10
TAGGED: Final = 2
"""Stations of ten tracks each."""
LIMIT_LU: Final = 1.0
TAGGED_LIMIT_LU: Final = 0.8
MOST_LU: Final = 2.0
RESIDUAL_DB: Final = -90.0
EVERY: Final = 5
"""The residual is computed of every so many tracks."""
BOOST_DB: Final = 6.0
STEP_DB: Final = 1.50515
LAME: Final = "lame"
ENCODERS: Final[tuple[tuple[str, ...], ...]] = (
    (LAME, "-b", "128"),
    (LAME, "-b", "320", "-p"),
    (LAME, "-V", "2"),
    (LAME, "-V", "7"),
    (LAME, "-m", "s", "-b", "192"),
    (LAME, "-m", "m", "-b", "64"),
    (LAME, "--resample", "22.05", "-b", "56"),
    (LAME, "--resample", "16", "-m", "m", "-b", "32"),
    (LAME, "--abr", "112", "--resample", "32"),
    ("-b:a", "96k", "-joint_stereo", "1"),
    ("-q:a", "4", "-ar", "48000"),
)
"""Options of LAME, or of ffmpeg's encoder."""


class Heard(NamedTuple):
    """One track on the air."""

    name: str
    is_tagged: bool
    file_lufs: float
    air_lufs: float
    peak: float
    """The file's highest sample, where 1.0 is full scale."""
    clipped: int
    """Samples beyond full scale, more than in the file."""
    residual_db: float | None

    @property
    def is_cut(self) -> bool:
        """Whether it had to be turned down."""
        return self.file_lufs > TARGET_LUFS

    @property
    def off_lu(self) -> float:
        """How far from the level: where a boost ends at 6 dB, at the peak or at nothing, from what it may come to."""
        return self.air_lufs - TARGET_LUFS


def run(directory: Path) -> int:
    """Make, play, record and judge; 1 where something is not as promised."""
    make(directory)
    with Radio(options(directory)) as radio:
        until(lambda: unknown(radio) == 0, "the loudness of all", 1200)
        for route in routes():  # what the first tracks were measured from in haste does not count
            radio.post(f"/next-track/{route}")
        recorders = [Recorder(radio.port, f"/{route}", directory / f"{route}.air") for route in routes()]
        for recorder in recorders:
            recorder.start()
        time.sleep(SECONDS * (TRACKS + 1))
        for recorder in recorders:
            recorder.stop()
    heard = [one for recorder in recorders for one in judged(directory, recorder.path)]
    said = [line for recorder in recorders for line in decoders(recorder.path)]
    return told(heard, said)


def options(directory: Path) -> list[str]:
    """The server's."""
    return ["--stations", str(directory / "stations"), "--level", str(TARGET_LUFS), "--burst", "1", "--port", "0"]


def routes() -> list[str]:
    """The stations, those with tags last."""
    return [f"plain{number}" for number in range(PLAIN)] + [f"tagged{number}" for number in range(TAGGED)]


def unknown(radio: Radio) -> int:
    """How many tracks the server knows no loudness of."""
    found = re.findall(r'audio_tracks_loudness\{.*?state="unknown".*?\} ([\d.]+)', radio.get("/metrics")[2].decode())
    return int(sum(map(float, found))) if found else -1


# -- the files ---------------------------------------------------------------------------------------------------------


def make(directory: Path) -> None:
    """All stations' tracks: every sound by every encoder, each at a loudness of its own."""
    rng = random.Random(19)
    sources = list(made_sounds(directory, rng))
    for number, route in enumerate(routes()):
        place = directory / "stations" / route
        place.mkdir(parents=True)
        for track in range(TRACKS):
            wav, lufs = sources[(number + track) % len(sources)]
            encoder = ENCODERS[(number * TRACKS + track) % len(ENCODERS)]
            gain_db = rng.uniform(-36, min(-8.0, lufs + 3)) - lufs
            encode(wav, place / f"{track} {wav.stem}.mp3", encoder, gain_db)
            if route.startswith("tagged"):
                tag(place / f"{track} {wav.stem}.mp3")


def made_sounds(directory: Path, rng: random.Random) -> Iterator[tuple[Path, float]]:
    """Sounds with their loudness."""
    for name, effects in SOUNDS.items():
        wav = directory / f"{name}.wav"
        length_s = LENGTHS_S.get(name, SECONDS)
        head = ["sox", "-R", "-n", "-r", "44100", "-b", "16", "-c", "2", str(wav)]
        subprocess.run([*head, "synth", str(length_s), *effects, "trim", "0", str(SECONDS)], check=True)
        yield wav, ebur128(wav)
    for voice in ("en", "de", "fr"):
        wav, mono = directory / f"speech {voice}.wav", directory / f"{voice}.wav"
        speed = str(rng.randint(130, 180))
        subprocess.run(["espeak-ng", "-v", voice, "-s", speed, "-w", mono, WORDS * 6], check=True)
        subprocess.run(["sox", "-R", mono, "-r", "44100", "-c", "2", wav, "trim", "0", str(SECONDS)], check=True)
        yield wav, ebur128(wav)


def encode(wav: Path, out: Path, encoder: Sequence[str], gain_db: float) -> None:
    """`wav`, so much louder, as an MP3 without any tag."""
    volume = ["-af", f"volume={gain_db:.2f}dB"]
    if encoder[0] != LAME:
        plain = ["-write_xing", "0", "-id3v2_version", "0", "-map_metadata", "-1"]
        subprocess.run(["ffmpeg", "-v", "error", "-i", wav, *volume, *encoder, *plain, out], check=True)
        return
    louder = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", wav, *volume, "-f", "wav", "-"], capture_output=True, check=True
    ).stdout
    subprocess.run(["lame", "--quiet", "-t", *encoder[1:], "-", out], input=louder, check=True)


def tag(path: Path) -> None:
    """What a tagger writes."""
    tags = mutagen.id3.ID3()
    for name, value in (("gain", f"{-18 - ebur128(path):.2f} dB"), ("peak", f"{peak_of(path.read_bytes()):.6f}")):
        tags.add(mutagen.id3.TXXX(3, f"replaygain_track_{name}", value))
    tags.save(path)


# -- what was recorded -------------------------------------------------------------------------------------------------


def fixed(frame: Frame) -> bytes:
    """What no change of level touches: the header and the main data."""
    second, fourth = frame.data[1], frame.data[3]
    is_mpeg1, is_mono = second >> 3 & 1, fourth >> 6 == 3
    side = {(1, True): 17, (1, False): 32, (0, True): 9, (0, False): 17}[is_mpeg1, is_mono]
    return frame.data[:4] + frame.data[4 + (0 if second & 1 else 2) + side :]


def judged(directory: Path, recording: Path) -> Iterator[Heard]:
    """Each track that was recorded whole."""
    files = sorted((directory / "stations" / recording.stem).iterdir())
    tracks = [audio_of(path.read_bytes()) for path in files]
    places: dict[bytes, int] = {}
    for number, track in enumerate(tracks):
        for frame in track:
            key = fixed(frame)
            places[key] = number if places.get(key, number) == number else -1
    seen: set[int] = set()
    for number, cut in runs(frames(recording.read_bytes()), places):
        if number in seen or len(cut) < 0.98 * len(tracks[number]):
            continue
        seen.add(number)
        yield compared(files[number], tracks[number], cut)


def runs(recorded: Iterator[Frame], places: dict[bytes, int]) -> Iterator[tuple[int, list[Frame]]]:
    """The recording in pieces of one track each; frames that several tracks have belong to the one before."""
    now, piece = -1, list[Frame]()
    for frame in recorded:
        number = places.get(fixed(frame), -1)
        if number not in (-1, now):
            if now >= 0:
                yield now, piece
            now, piece = number, []
        piece.append(frame)
    yield now, piece


def compared(path: Path, own: Sequence[Frame], cut: Sequence[Frame]) -> Heard:
    """One track of the file and as it was sent."""
    whole = path.with_suffix(".own.mp3"), path.with_suffix(".air.mp3")
    data = [b"".join(frame.data for frame in one) for one in (own, cut)]
    for place, content in zip(whole, data, strict=True):
        place.write_bytes(content)
    file_lufs, air_lufs = map(ebur128, whole)
    for place in whole:
        place.unlink()
    samples = [decode(one) for one in data]
    clipped = [sum(abs(sample) > 1 for sample in one) for one in samples]
    factor = 10 ** (round((air_lufs - file_lufs) / STEP_DB) * STEP_DB / 20)
    same = len(own) == len(cut) and int(path.name[0]) % EVERY == 0
    return Heard(
        f"{path.parent.name} {path.stem}",
        path.parent.name.startswith("tagged"),
        file_lufs,
        air_lufs,
        max(map(abs, samples[0])),
        max(0, clipped[1] - clipped[0]),
        residual_db(samples[0], samples[1], factor) if same else None,
    )


def peak_of(data: bytes) -> float:
    """The highest sample."""
    return max(map(abs, decode(data)))


def decoders(recording: Path) -> list[str]:
    """What ffmpeg and mpg123 have to say about a recording; its last frame is cut off."""
    data = b"".join(frame.data for frame in frames(recording.read_bytes()))
    said = []
    for command in (
        ["ffmpeg", "-v", "warning", "-f", "mp3", "-i", "-", "-f", "null", "-"],
        ["mpg123", "-t", "-q", "-"],
    ):
        said += complaints(subprocess.run(command, input=data, capture_output=True, check=False).stderr)
    return said


# -- the verdict -------------------------------------------------------------------------------------------------------


def told(heard: Sequence[Heard], said: Sequence[str]) -> int:
    """Print the table; 1 where something is not as promised."""
    print(f"{'track':34} {'file':>6} {'air':>6} {'off':>6} {'residual':>8}")
    for one in heard:
        rest = "" if one.residual_db is None else f"{one.residual_db:.0f}"
        print(f"{one.name:34} {one.file_lufs:6.1f} {one.air_lufs:6.1f} {one.off_lu:6.1f} {rest:>8}")
    faults = list(said)
    cut = [one for one in heard if one.is_cut and not one.is_tagged]
    near = sum(abs(one.off_lu) <= LIMIT_LU for one in cut)
    worst = max(abs(one.off_lu) for one in cut)
    print(f"\n{len(cut)} of {len(heard)} tracks have no tags and were turned down", end="; ")
    print(f"{near} of them came within {LIMIT_LU} LU, worst {worst:.1f}")
    if near < 0.95 * len(cut) or worst > MOST_LU:
        faults.append("untagged tracks are too far from the level")
    tagged = [one for one in heard if one.is_tagged and may_reach(one)]
    worst = max(abs(one.off_lu) for one in tagged)
    print(f"{len(tagged)} with tags can reach the level: worst {worst:.1f} LU")
    if worst > TAGGED_LIMIT_LU:
        faults.append("tagged tracks are too far from the level")
    if clipped := sum(one.clipped for one in heard):
        faults.append(f"{clipped} samples were clipped that are not in the files")
    rests = [one.residual_db for one in heard if one.residual_db is not None]
    print(f"residual of {len(rests)} tracks: at most {max(rests):.0f} dBFS")
    if max(rests) > RESIDUAL_DB:
        faults.append("something else than the level was changed")
    print("\n".join(faults) or "all as promised")
    return 1 if faults or len(heard) < TRACKS * (PLAIN + TAGGED) else 0


def may_reach(one: Heard) -> bool:
    """Whether a tagged track's nearest step ends neither beyond 6 dB nor over its peak."""
    nearest_db = round((TARGET_LUFS - one.file_lufs) / STEP_DB) * STEP_DB
    return nearest_db <= BOOST_DB and one.peak * 10 ** (nearest_db / 20) <= 1
