"""Ogg of every encoder that there is: what is sent is what ffmpeg copies, and lasts as long as it sounds."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from radiostream.audio.ogg import OggReader
from radiostream.audio.ogg_packets import FlacClock, OpusClock, VorbisClock, vorbis_modes
from radiostream.audio.ogg_page import PageScanner
from tests.ffmpeg import complaints

Play = Callable[..., Any]
Command = tuple[str, ...]

OGGENC = ("oggenc", "--quiet", "-o", "{out}", "{wav}")
OPUSENC = ("opusenc", "--quiet", "{wav}", "{out}")
FLAC = ("flac", "--silent", "--ogg", "-f", "-o", "{out}", "{wav}")
FFMPEG = ("ffmpeg", "-v", "error", "-y", "-i", "{wav}")


def shapes() -> Iterator[tuple[str, str, Command, tuple[int, int, int]]]:
    """Name, suffix, command and the source's rate, channels and bits."""
    usual = (44100, 2, 16)
    for quality in range(-1, 11):
        yield f"oggenc -q {quality}", "ogg", (*OGGENC, "-q", str(quality)), usual
    for rate_hz, channels in [(8000, 1), (22050, 2), (48000, 6), (96000, 2)]:
        yield f"oggenc {rate_hz} Hz {channels} ch", "ogg", OGGENC, (rate_hz, channels, 16)
    yield "oggenc managed", "ogg", (*OGGENC, "-b", "96", "--managed"), usual
    yield "ffmpeg libvorbis", "ogg", (*FFMPEG, "-c:a", "libvorbis", "-q:a", "2", "{out}"), usual
    yield "ffmpeg vorbis", "ogg", (*FFMPEG, "-c:a", "vorbis", "-strict", "-2", "{out}"), usual
    for frame_ms in ("2.5", "5", "10", "20", "40", "60"):
        yield f"opusenc {frame_ms} ms", "opus", (*OPUSENC, "--framesize", frame_ms), usual
    for kbps in ("8", "24", "500"):
        yield f"opusenc {kbps} kbps", "opus", (*OPUSENC, "--bitrate", kbps), usual
    for rate_hz, channels in [(8000, 1), (48000, 1), (48000, 6), (96000, 2)]:
        yield f"opusenc {rate_hz} Hz {channels} ch", "opus", OPUSENC, (rate_hz, channels, 16)
    yield "opusenc small pages", "opus", (*OPUSENC, "--max-delay", "0"), usual
    for frame_ms in ("20", "120"):
        command = (*FFMPEG, "-c:a", "libopus", "-frame_duration", frame_ms, "{out}")
        yield f"ffmpeg opus {frame_ms} ms", "opus", command, usual
    yield (
        "ffmpeg opus speech",
        "opus",
        (*FFMPEG, "-c:a", "libopus", "-application", "voip", "-b:a", "16k", "{out}"),
        usual,
    )
    for level in ("0", "5", "8"):
        yield f"flac -{level}", "oga", (*FLAC, f"-{level}"), usual
    for rate_hz, channels, bits in [(8000, 1, 8), (48000, 6, 16), (96000, 2, 24), (192000, 2, 24)]:
        yield f"flac {rate_hz} Hz {channels} ch {bits} bit", "oga", FLAC, (rate_hz, channels, bits)
    yield "flac odd blocks", "oga", (*FLAC, "--lax", "-b", "1000"), usual
    yield "ffmpeg flac", "oga", (*FFMPEG, "-c:a", "flac", "{out}"), usual


SHAPES = {name: (suffix, command, shape) for name, suffix, command, shape in shapes()}


def source(directory: Path, rate_hz: int, channels: int, bits: int) -> Path:
    """Two seconds of tone and noise with a rest between, so that block sizes and modes change."""
    wav = directory / f"{rate_hz}-{channels}-{bits}.wav"
    if not wav.exists():
        sound = ["synth", "0.9", "sine", "440", "synth", "whitenoise", "mix", "gain", "-6", "pad", "0.2@0.3", "0.0123"]
        shape = ["-r", str(rate_hz), "-b", str(bits), "-c", str(channels)]
        subprocess.run(["sox", "-R", "-n", *shape, str(wav), *sound, "repeat", "1"], check=True)
    return wav


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of that name, each made once."""
    directory = tmp_path_factory.mktemp("corpus")

    def made(name: str) -> Path:
        suffix, command, shape = SHAPES[name]
        out = directory / f"{re.sub('[^a-z0-9]+', '-', name)}.{suffix}"
        if not out.exists():
            wav = source(directory, *shape)
            filled = [part.format(wav=wav, out=out) for part in command]
            subprocess.run(filled, check=True, capture_output=True)
        return out

    return made


def packets_of(data: bytes) -> list[str]:
    """The digests of the packets that ffmpeg copies, without the empty ones that some streams end with."""
    command = ["ffmpeg", "-v", "error", "-i", "-", "-map", "0:a", "-c", "copy", "-f", "framemd5", "-"]
    listed = subprocess.run(command, input=data, check=True, capture_output=True, text=False).stdout.decode()
    rows = [line.split(",") for line in listed.splitlines() if not line.startswith("#")]
    return [row[5].strip() for row in rows if int(row[4])]


def samples_of(data: bytes) -> int:
    """Samples of each channel that ffmpeg decodes; none of them louder than full scale is."""
    command = ["ffmpeg", "-v", "error", "-i", "-", "-ac", "1", "-f", "f32le", "-"]
    ran = subprocess.run(command, input=data, check=True, capture_output=True)
    assert complaints(ran.stderr) == []
    return len(ran.stdout) // 4


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_sent(name: str, corpus: Callable[[str], Path], ogg_aac_play: Play) -> None:
    """The file's own packets, no more and no less, in as much time as they sound."""
    data = corpus(name).read_bytes()
    reader = OggReader(io.BytesIO(data), 7)
    played = ogg_aac_play(reader)
    sent = reader.preamble + played.data
    assert packets_of(sent) == packets_of(data)
    assert samples_of(sent) == samples_of(data)
    assert played.ticks == pytest.approx(samples_of(data), abs=2)
    assert reader.duration_s == pytest.approx(played.ticks / reader.tick_hz, abs=0.001)
    assert not reader.next_part()


@pytest.mark.parametrize("name", SHAPES)
def test_granules_are_kept(name: str, corpus: Callable[[str], Path], ogg_aac_play: Play) -> None:
    """The granule positions of a sound file are what counting its packets gives; in Vorbis they run ahead by half a
    short block."""
    data = corpus(name).read_bytes()
    played = ogg_aac_play(OggReader(io.BytesIO(data), 7))

    def granules(bytes_: bytes) -> list[int]:
        scanner = PageScanner(io.BytesIO(bytes_))
        return [page.granule for page in iter(lambda: scanner.next(1 << 40), None) if page.granule > 0]

    ahead = {sent - own for sent, own in zip(granules(played.data), granules(data), strict=True)}
    assert len(ahead) == 1
    assert ahead <= {0, 32, 64, 128, 256, 1024}


@pytest.mark.parametrize(
    ("head", "ticks"),
    [
        (b"", 0),
        (b"\x00", 480),
        (b"\x19", 5760),
        (b"\x70", 480),
        (b"\x78", 960),
        (b"\xf8", 960),
        (b"\xe1", 240),
        (b"\xfb\x83", 2880),
        (b"\xfb\xff", 5760),
        (b"\xfb\x00", 960),
        (b"\xfb", 960),
    ],
)
def test_opus_packets(head: bytes, ticks: int) -> None:
    """The table of RFC 6716, 3.1; never more than 120 ms, and never nothing."""
    assert OpusClock().ticks(head) == ticks


@pytest.mark.parametrize(
    ("head", "ticks"),
    [
        (b"", 0),
        (b"rubbish", 4096),
        (b"\xff\xf8\xc9\x18\x00\xc2", 4096),
        (b"\xff\xf8\x19\x18\x00\xc2", 192),
        (b"\xff\xf8\x39\x18\x00\xc2", 1152),
        (b"\xff\xf8\x69\x18\x00\x3f\xc2", 64),
        (b"\xff\xf8\x79\x18\x00\x03\xe7\xc2", 1000),
        (b"\xff\xf8\x79\x18\xc2\x80\x03\xe7\xc2", 1000),
        (b"\xff\xf8\x79\x18\xe2\x80\x80\x03\xe7\xc2", 1000),
        (b"\xff\xf8\xf9\x18\x00\xc2", 4096),
    ],
)
def test_flac_frames(head: bytes, ticks: int) -> None:
    """The table of RFC 9639, 9.1.1; never more than the stream's longest block."""
    assert FlacClock(4096).ticks(head) == ticks


def setup_of(modes: list[bool], before: bytes = b"\x05vorbis and codebooks\x5a") -> bytes:
    """The end of a set-up header with these modes."""
    bits, at = int.from_bytes(before, "little"), len(before) * 8
    fields = [(len(modes) - 1, 6)] + [(is_long | index % 3 << 33, 41) for index, is_long in enumerate(modes)] + [(1, 1)]
    for value, width in fields:
        bits |= value << at
        at += width
    return bits.to_bytes((at + 7) // 8, "little")


@pytest.mark.parametrize("modes", [[True], [False, True], [True, False, True], [False] * 5 + [True] * 59])
def test_vorbis_modes(modes: list[bool]) -> None:
    """They are read from the end of the header, where they stand."""
    assert list(vorbis_modes(setup_of(modes))) == modes


@pytest.mark.parametrize("setup", [b"", b"\0", b"\xff" * 40, b"\x05vorbis", bytes(500)])
def test_no_vorbis_modes(setup: bytes) -> None:
    """What makes no sense counts as one long mode."""
    assert vorbis_modes(setup) == (True,)


def test_vorbis_packets() -> None:
    """A quarter of a packet's block and of the one before; what is no audio lasts as long as a packet may."""
    clock = VorbisClock(256, 2048, setup_of([False, True]))
    assert [clock.ticks(head) for head in (b"\0", b"\0", b"\2", b"\2", b"\0", b"", b"\1", b"\0")] == [
        0, 128, 576, 1024, 576, 0, 1024, 128,
    ]  # fmt: skip
