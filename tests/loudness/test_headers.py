"""The gain in Opus's and Vorbis's headers: what decoders make of it, and what stays."""

from __future__ import annotations

import io
import subprocess
from array import array
from pathlib import Path

import mutagen.oggopus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.audio.ogg import OggReader
from radiostream.audio.ogg_page import BOS, paged
from radiostream.loudness.headers import with_gain
from tests.ffmpeg import complaints
from tests.loudness.makers import decibels, make_wav, residual_db

ENCODERS = {
    "opus": ["opusenc", "--quiet", "{wav}", "{out}"],
    "vorbis": ["oggenc", "--quiet", "-o", "{out}", "{wav}"],
    "vorbis, low quality": ["oggenc", "--quiet", "-q", "-1", "-o", "{out}", "{wav}"],
    "vorbis, high quality": ["oggenc", "--quiet", "-q", "9", "-o", "{out}", "{wav}"],
    "vorbis by ffmpeg": ["ffmpeg", "-v", "error", "-i", "{wav}", "-c:a", "libvorbis", "-f", "ogg", "{out}"],
}


def encoded(directory: Path, kind: str) -> tuple[bytes, bytes]:
    """Header pages and audio pages of a second or two."""
    wav, out = make_wav(directory / "a.wav", "pinknoise", "gain", "-9", seconds=2), directory / "a.ogg"
    command = [part.format(wav=wav, out=out) for part in ENCODERS[kind]]
    subprocess.run(command, check=True, capture_output=True)
    reader = OggReader(io.BytesIO(out.read_bytes()), 7)
    view, audio = memoryview(bytearray(1 << 18)), b""
    while (block := reader.fill(view, reader.tick_hz)).length:
        audio += view[: block.length]
    return reader.preamble, audio


def decode(data: bytes) -> array[float]:
    command = ["ffmpeg", "-v", "warning", "-f", "ogg", "-i", "-", "-f", "f32le", "-ac", "2", "-"]
    ran = subprocess.run(command, input=data, capture_output=True, check=True)
    assert complaints(ran.stderr) == []
    return array("f", ran.stdout)


@pytest.mark.players
@pytest.mark.parametrize("gain_db", [-9.03, 3.3])
@pytest.mark.parametrize("kind", ENCODERS)
def test_only_the_level_changes(kind: str, gain_db: float, tmp_path: Path) -> None:
    """The decoder finds the same sound, louder or quieter by the factor; not a byte of audio was touched."""
    preamble, audio = encoded(tmp_path, kind)
    changed = with_gain(preamble, gain_db)
    assert changed is not None
    assert len(changed) == len(preamble)
    before, after = decode(preamble + audio), decode(changed + audio)
    exact_db = round(gain_db * 256) / 256 if kind == "opus" else gain_db
    assert decibels(after) - decibels(before) == pytest.approx(gain_db, abs=0.02)
    assert residual_db(before, after, 10 ** (exact_db / 20)) < -90


@pytest.mark.players
def test_opus_by_its_own_decoder(tmp_path: Path) -> None:
    """The reference decoder applies the header's gain too."""
    preamble, audio = encoded(tmp_path, "opus")
    levels = []
    for head in (preamble, with_gain(preamble, -6.0) or b""):
        source, wav = tmp_path / "b.opus", tmp_path / "b.wav"
        source.write_bytes(head + audio)
        subprocess.run(["opusdec", "--quiet", "--float", source, wav], check=True, capture_output=True)
        data = wav.read_bytes()
        levels.append(decibels(array("f", data[len(data) % 4 + 80 :][: (len(data) - 100) // 4 * 4])))
    assert levels[1] - levels[0] == pytest.approx(-6.0, abs=0.1)


@pytest.mark.players
def test_tags_are_not_applied_twice(tmp_path: Path) -> None:
    """A player that follows tags finds none of gains that are in the header now."""
    encoded(tmp_path, "opus")
    path = tmp_path / "a.ogg"
    tags = mutagen.oggopus.OggOpus(path)
    tags["r128_track_gain"], tags["title"] = "-512", "R128_TRACK_GAINS"
    tags.save()
    changed = with_gain(OggReader(io.BytesIO(path.read_bytes()), 7).preamble, -3.0)
    assert changed is not None
    assert b"R128_TRACK_GAIN=" not in changed.upper()
    assert b"R128_TRACK_GAINS" in changed


def test_nothing_to_do() -> None:
    """No gain, and headers that have none, are left alone."""
    assert with_gain(b"", -3.0) is None
    assert with_gain(b"OggS" + bytes(100), -3.0) is None


@pytest.mark.players
def test_flac_has_no_gain(tmp_path: Path) -> None:
    """FLAC's samples are what they are."""
    wav = make_wav(tmp_path / "a.wav", "pinknoise", seconds=1)
    subprocess.run(["flac", "--silent", "--ogg", "-o", tmp_path / "a.oga", wav], check=True)
    assert with_gain(OggReader(io.BytesIO((tmp_path / "a.oga").read_bytes()), 7).preamble, -3.0) is None


@pytest.fixture(scope="module")
def vorbis_preamble(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return encoded(tmp_path_factory.mktemp("vorbis"), "vorbis")[0]


def test_a_set_up_header_of_endless_codebooks_is_left_alone(vorbis_preamble: bytes) -> None:
    """Its entries are not gone through: that would take a second of the producer's time."""
    setup = b"\x05vorbis" + bytes([0]) + (0x564342).to_bytes(3, "little") + b"\1\0" + b"\xff\xff\xff" + bytes(200_000)
    identification = vorbis_preamble[28:58]
    pages = b"".join(paged([identification, b"\x03vorbis" + bytes(9), setup], 7, 0, BOS))
    assert with_gain(pages, -6.0) is None


@given(at=st.integers(100, 4000), noise=st.binary(min_size=1, max_size=40))
def test_damaged_headers(vorbis_preamble: bytes, at: int, noise: bytes) -> None:
    """A set-up header of other bytes is changed or left alone, and nothing else happens."""
    damaged = vorbis_preamble[:at] + noise + vorbis_preamble[at + len(noise) :]
    changed = with_gain(damaged, -6.0)
    assert changed is None or len(changed) <= len(damaged)
