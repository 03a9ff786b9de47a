"""Audio for the tests of readers, made with the encoders of this machine, and what is done with readers often."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from radiostream.audio.frames import Block, Reader
from tests.ffmpeg import complaints

ENCODERS = {
    "vorbis": ("ogg", ["oggenc", "--quiet", "-o", "{out}", "{wav}"]),
    "opus": ("opus", ["opusenc", "--quiet", "{wav}", "{out}"]),
    "flac": ("oga", ["flac", "--silent", "--ogg", "-o", "{out}", "{wav}"]),
    "vorbis by ffmpeg": ("ogg", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "libvorbis", "{out}"]),
    "opus by ffmpeg": ("opus", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "libopus", "{out}"]),
    "flac by ffmpeg": ("oga", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "flac", "{out}"]),
    "adts": ("aac", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "aac", "{out}"]),
    "mp3": ("mp3", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "libmp3lame", "-id3v2_version", "0", "{out}"]),
    "mp4": ("m4a", ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "aac", "{out}"]),
}


class Played(NamedTuple):
    """All that a reader gave: the blocks' bytes and what was said of them."""

    pieces: list[bytes]
    blocks: list[Block]

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ticks(self) -> int:
        return sum(block.ticks_total for block in self.blocks)

    def starts(self) -> list[tuple[int, int]]:
        """Offset and ticks of every start since the beginning of the track."""
        starts, length, ticks = [], 0, 0
        for block in self.blocks:
            starts += [(length + at, ticks + tick) for at, tick in zip(block.offsets, block.ticks, strict=True)]
            length, ticks = length + block.length, ticks + block.ticks_total
        return starts


class Decoded(NamedTuple):
    """What ffmpeg makes of a stream: samples of each channel, and its complaints about the sound."""

    samples: int
    complaints: list[str]


Encode = Callable[..., Path]
Play = Callable[..., Played]
Decode = Callable[..., Decoded]


@pytest.fixture(scope="session")
def ogg_aac_encode(tmp_path_factory: pytest.TempPathFactory) -> Encode:
    """Make a file of a tone: `encode("opus", rate_hz=8000, channels=1, seconds=0.1, options=[...])`."""
    directory = tmp_path_factory.mktemp("encoded")
    made: dict[str, Path] = {}

    def encode(
        codec: str, *, rate_hz: int = 44100, channels: int = 2, seconds: float = 3, options: tuple[str, ...] = ()
    ) -> Path:
        key = f"{codec}-{rate_hz}-{channels}-{seconds}-{options}"
        if key not in made:
            suffix, command = ENCODERS[codec]
            wav, out = directory / f"{len(made)}.wav", directory / f"{len(made)}.{suffix}"
            tone = ["synth", str(seconds), "sine", "440", "synth", "whitenoise", "mix", "gain", "-6"]
            subprocess.run(
                ["sox", "-R", "-n", "-r", str(rate_hz), "-b", "16", "-c", str(channels), wav, *tone], check=True
            )
            filled = [part.format(wav=wav, out=out) for part in command]
            subprocess.run([*filled[:-1], *options, filled[-1]], check=True, capture_output=True)
            made[key] = out
        return made[key]

    return encode


@pytest.fixture(scope="session")
def ogg_aac_play() -> Play:
    """Drain a reader: `play(reader, size=65536, seconds=0.5)`; the part that it is in with `is_part=True`."""

    def play(reader: Reader, size: int = 65536, seconds: float = 0.5, *, is_part: bool = False) -> Played:
        played = Played([], [])
        view = memoryview(bytearray(size))
        while (block := reader.fill(view, int(seconds * reader.tick_hz))).length or (
            not is_part and reader.next_part()
        ):
            played.pieces.append(bytes(view[: block.length]))
            played.blocks.append(block)
        return played

    return play


@pytest.fixture(scope="session")
def ogg_aac_decode() -> Decode:
    """Decode a stream as a player does that cannot seek: `decode(data, channels)`; `before` and `after` are
    options around the input."""

    def decode(data: bytes, channels: int, *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Decoded:
        command = ["ffmpeg", "-v", "warning", *before, "-i", "-", *after, "-f", "s16le", "-ac", str(channels), "-"]
        ran = subprocess.run(command, input=data, capture_output=True, check=False)
        return Decoded(len(ran.stdout) // 2 // channels, complaints(ran.stderr))

    return decode


@pytest.fixture(scope="session")
def mp3_encode(tmp_path_factory: pytest.TempPathFactory) -> Encode:
    """Make an MP3 of a few seconds with LAME: `encode("-V2")`, each kind once."""
    directory = tmp_path_factory.mktemp("mp3")
    wav = directory / "source.wav"
    tone = ["synth", "4", "sine", "300:3000", "synth", "whitenoise", "mix", "gain", "-6"]
    subprocess.run(["sox", "-R", "-n", "-r", "44100", "-b", "16", "-c", "2", wav, *tone], check=True)

    def encode(*options: str) -> Path:
        out = directory / f"{'_'.join(options)}.mp3"
        if not out.exists():
            subprocess.run(["lame", "--quiet", *options, wav, out], check=True)
        return out

    return encode


@pytest.fixture(scope="session")
def mp3_frames() -> Callable[[Path], list[bytes]]:
    """The frames of an MP3 as ffmpeg counts them, without the info frame."""

    def frames(path: Path) -> list[bytes]:
        copy = ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy", "-write_xing", "0", "-id3v2_version", "0"]
        data = subprocess.run([*copy, "-f", "mp3", "-"], check=True, capture_output=True).stdout
        probe = ["ffprobe", "-v", "error", "-show_entries", "packet=size", "-of", "csv=p=0", str(path)]
        listed = subprocess.run(probe, check=True, capture_output=True, text=True).stdout.split()
        found, at = [], 0
        for size in (int(line.rstrip(",")) for line in listed):
            found.append(data[at : at + size])
            at += size
        assert at == len(data)
        return found

    return frames
