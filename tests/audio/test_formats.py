"""The registry: a suffix names the family, the bytes decide, and what does not fit is refused by its name."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radiostream.audio.formats import FAMILY_BY_SUFFIX, open_reader
from radiostream.audio.frames import AAC, CONTENT_TYPES, MP3, OGG, AudioError

Encode = Callable[..., Path]
Play = Callable[..., Any]


def test_families() -> None:
    """Every suffix leads to a family that has a content type."""
    assert set(FAMILY_BY_SUFFIX.values()) == set(CONTENT_TYPES)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in FAMILY_BY_SUFFIX)


@pytest.mark.parametrize(
    ("made", "family", "codec"),
    [
        ("vorbis", OGG, "vorbis"),
        ("opus", OGG, "opus"),
        ("flac", OGG, "flac"),
        ("adts", AAC, "aac"),
        ("mp4", AAC, "aac"),
        ("mp3", MP3, "mp3"),
    ],
)
@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\0\x7f" + bytes(127)])
def test_opened(made: str, family: str, codec: str, tag: bytes, ogg_aac_encode: Encode) -> None:
    """Each format opens in its family; MP4, Ogg and the rest do not need a suffix, and a tag in front hides nothing."""
    data = ogg_aac_encode(made).read_bytes()
    if made == "mp4" and tag:
        return
    assert open_reader(io.BytesIO(tag + data), family).params.codec == codec


@pytest.mark.parametrize(
    ("made", "family", "reason"),
    [
        ("vorbis", AAC, "is Ogg, not AAC"),
        ("opus", MP3, "is Ogg, not MP3"),
        ("adts", OGG, "is AAC, not Ogg"),
        ("adts", MP3, "is AAC, not MP3"),
        ("mp4", OGG, "is MP4, not Ogg"),
        ("mp4", MP3, "is MP4, not MP3"),
        ("mp3", OGG, "is MP3, not Ogg"),
        ("mp3", AAC, "is MP3, not AAC"),
    ],
)
def test_other_family(made: str, family: str, reason: str, ogg_aac_encode: Encode) -> None:
    """A file of another family is refused by name."""
    with pytest.raises(AudioError, match=f"^{reason}$"):
        open_reader(io.BytesIO(ogg_aac_encode(made).read_bytes()), family)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"fLaC\0\0\0\x22", "is FLAC"),
        (b"ID3\4\0\0\0\0\0\0" * 6 + b"fLaC\0\0\0\x22", "is FLAC"),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7ffLaC\0\0\0\x22", "is FLAC"),
        (b"RIFF\0\0\0\0WAVEfmt ", "is WAV"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0", "is WAV"),
        (b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\xff" + bytes(99), "is WAV"),
        (b"RIFF\0\0\0\0AVI LIST", "is WAV"),
        (b"FORM\0\0\0\0AIFF", "is AIFF"),
        (b"\x1a\x45\xdf\xa3\x01", "is Matroska"),
        (b"\x30\x26\xb2\x75\x8e\x66", "is WMA"),
        (b"wvPk" + bytes(9), "is WavPack"),
    ],
)
@pytest.mark.parametrize("family", [MP3, AAC, OGG])
def test_no_family(data: bytes, reason: str, family: str) -> None:
    """A format that no station sends is named in the reason, tags in front or not, even one whose size lies."""
    with pytest.raises(AudioError, match=reason):
        open_reader(io.BytesIO(data), family)


@pytest.mark.parametrize("family", [MP3, AAC, OGG])
@pytest.mark.parametrize("data", [b"", b"x", b"ID3", b"\xff\xfb", b"\xff\xf1", b"OggS", bytes(1000), b"text " * 99])
def test_nothing(data: bytes, family: str) -> None:
    """An empty file and what is no audio at all are refused."""
    with pytest.raises(AudioError):
        open_reader(io.BytesIO(data), family)


def riff(form: bytes, *chunks: bytes) -> bytes:
    body = form + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


MP3_FORMAT = chunk(b"fmt ", b"\x55\0\2\0" + bytes(26))


@pytest.mark.parametrize("form", ["WAVE", "WAVE with a chunk before", "RMP3"])
def test_mp3_in_riff(form: str, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """The frames of an MP3 that is wrapped in RIFF are sent, and nothing of the wrapper."""
    audio = ogg_aac_encode("mp3").read_bytes()
    data = chunk(b"data", audio)
    wrapped = {
        "WAVE": riff(b"WAVE", MP3_FORMAT, chunk(b"fact", bytes(4)), data, chunk(b"LIST", b"INFOISFT")),
        "WAVE with a chunk before": riff(b"WAVE", chunk(b"JUNK", b"odd"), MP3_FORMAT, data),
        "RMP3": riff(b"RMP3", data),
    }[form]
    alone = ogg_aac_play(open_reader(io.BytesIO(audio), MP3))
    assert ogg_aac_play(open_reader(io.BytesIO(wrapped), MP3)).data == alone.data
    with pytest.raises(AudioError, match="is MP3, not AAC"):
        open_reader(io.BytesIO(wrapped), AAC)


def test_serial(ogg_aac_encode: Encode) -> None:
    """The serial number given is the one that is sent."""
    reader = open_reader(io.BytesIO(ogg_aac_encode("opus").read_bytes()), OGG, 0x01020304)
    assert reader.preamble[14:18] == b"\4\3\2\1"


def test_lazy() -> None:
    """The registry alone loads none of the readers."""
    code = (
        "import sys, radiostream.audio.formats; print([name for name in sys.modules if name.startswith('radiostream')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(name in out for name in ("ogg", "mp4", "adts", "mpeg"))
