"""A reader brought to its level and without dead air: what is sent decodes, lasts and sounds as it should."""

from __future__ import annotations

import io
import subprocess
from array import array
from pathlib import Path

import pytest

from radiostream.audio.formats import open_reader
from radiostream.loudness.known import Known
from radiostream.loudness.meter import measure
from radiostream.loudness.shaped import ShapedReader
from tests.ffmpeg import complaints
from tests.loudness.makers import decibels, decode, frames_of, lame, make_wav


def shaped(
    data: bytes, known: Known | None, *, family: str = "mp3", target_lufs: float | None = None, trim: bool = False
) -> ShapedReader:
    return ShapedReader(open_reader(io.BytesIO(data), family, 7), known, target_lufs, trim=trim)


def drained(reader: ShapedReader, seconds: float = 1.0) -> tuple[bytes, float]:
    """All that a reader gives, and its seconds."""
    view, data, ticks = memoryview(bytearray(1 << 17)), b"", 0
    while (block := reader.fill(view, round(seconds * reader.tick_hz))).length:
        data += view[: block.length]
        ticks += block.ticks_total
    return data, ticks / reader.tick_hz


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    return lame(make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-9", seconds=3), tmp_path / "a.mp3", "-b", "128")


@pytest.mark.parametrize("known", [None, Known(trouble="is silent"), Known(-18.3, 0.9, "replaygain")])
def test_what_needs_nothing_is_sent_as_it_is(mp3: Path, known: Known | None) -> None:
    """Unknown loudness, or one that is right to less than half a step: byte for byte."""
    reader = shaped(mp3.read_bytes(), known, target_lufs=-18.0, trim=True)
    assert drained(reader)[0] == b"".join(frames_of(mp3))
    assert reader.level.gain_db == 0.0


@pytest.mark.parametrize(
    ("lufs", "peak", "gain_db"),
    [
        (-10.0, None, -7.53),
        (-10.0, 1.4, -7.53),
        (-24.0, None, 0.0),
        (-24.0, 1.0, 0.0),
        (-24.0, 0.8, 1.51),
        (-24.0, 0.1, 6.02),
        (-40.0, 0.01, 4.52),
    ],
)
def test_a_cut_is_free_and_a_boost_is_not(mp3: Path, lufs: float, peak: float | None, gain_db: float) -> None:
    """A boost is 6 dB at most, never over the peak, and none where nobody knows the peak."""
    reader = shaped(mp3.read_bytes(), Known(lufs, peak, "replaygain"), target_lufs=-18.0)
    original = decode(b"".join(frames_of(mp3)))
    assert reader.level.gain_db == pytest.approx(min(gain_db, 6.0) if gain_db != 6.02 else 4.52, abs=0.01)
    changed = decode(drained(reader)[0])
    assert decibels(changed) - decibels(original) == pytest.approx(reader.level.gain_db, abs=0.02)


@pytest.mark.players
@pytest.mark.parametrize("options", [("-b", "128"), ("-V", "5"), ("-b", "32", "-m", "m", "--resample", "22.05")])
def test_dead_air_is_left_out(options: tuple[str, ...], tmp_path: Path) -> None:
    """At most a quarter of a second of silence at either end; ffmpeg and mpg123 have no complaint, and the sound is
    the file's from its first sample on."""
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-9", "pad", "4", "5", seconds=3)
    path = lame(wav, tmp_path / "a.mp3", *options)
    with open(path, "rb") as file:
        measured = measure(file)
    known = Known(measured.lufs, None, "measured", measured.head, measured.end)
    reader = shaped(path.read_bytes(), known, trim=True)
    data, seconds = drained(reader)
    assert reader.duration_s == pytest.approx(seconds, abs=0.001)
    assert 3.0 < seconds < 3.65
    channels = 1 if "m" in options else 2
    decode(data, by="mpg123", channels=channels)
    sound, original = decode(data, channels=channels), decode(path.read_bytes(), channels=channels)
    first, last = edges(sound)
    rate = reader.tick_hz * channels
    assert first / rate <= 0.25
    assert (len(sound) - last) / rate <= 0.25
    shift = known.head * (1152 if reader.tick_hz >= 32000 else 576) * channels
    assert list(sound[first : last + 1]) == pytest.approx(list(original[first + shift : last + 1 + shift]), abs=1e-6)
    begin, end = edges(original)
    assert abs(begin - shift - first) < 0.01 * rate
    assert abs(end - shift - last) < 0.01 * rate


def edges(samples: array[float]) -> tuple[int, int]:
    """The first and the last sample above -60 dBFS."""
    loud = [at for at, value in enumerate(samples) if abs(value) > 0.001]
    return loud[0], loud[-1]


@pytest.mark.players
def test_going_to_a_place(tmp_path: Path) -> None:
    """Positions count from the begin of the sound."""
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-9", "pad", "4", "0", seconds=5)
    path = lame(wav, tmp_path / "a.mp3", "-b", "128")
    reader = shaped(path.read_bytes(), Known(-15.0, None, "measured", 145, 0), trim=True)
    whole = drained(shaped(path.read_bytes(), Known(-15.0, None, "measured", 145, 0), trim=True))[1]
    at_s = reader.seek(2.0)
    assert 1.9 < at_s <= 2.0
    assert at_s + drained(reader)[1] == pytest.approx(whole, abs=0.01)


def mono_aac(directory: Path, channels: int) -> bytes:
    wav = make_wav(directory / "a.wav", "pinknoise", "gain", "-9", seconds=3, channels=channels)
    out = directory / "a.aac"
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", "aac", "-b:a", "96k", "-y", out], check=True)
    return out.read_bytes()


def decode_aac(data: bytes) -> array[float]:
    command = ["ffmpeg", "-v", "warning", "-f", "aac", "-i", "-", "-f", "f32le", "-"]
    ran = subprocess.run(command, input=data, capture_output=True, check=True)
    assert complaints(ran.stderr) == []
    return array("f", ran.stdout)


@pytest.mark.players
def test_aac_of_one_channel(tmp_path: Path) -> None:
    """Its gain lies at a fixed place."""
    data = mono_aac(tmp_path, 1)
    reader = shaped(data, Known(-12.0, None, "replaygain"), family="aac", target_lufs=-18.0)
    changed = decode_aac(drained(reader)[0])
    assert reader.level.gain_db == pytest.approx(-6.02, abs=0.01)
    assert decibels(changed) - decibels(decode_aac(data)) == pytest.approx(-6.02, abs=0.02)


@pytest.mark.players
def test_aac_of_two_channels_is_left_alone(tmp_path: Path) -> None:
    """The second gain lies behind Huffman codes: 0 dB, and a browser's volume is told."""
    data = mono_aac(tmp_path, 2)
    reader = shaped(data, Known(-12.0, None, "replaygain"), family="aac", target_lufs=-18.0)
    assert drained(reader)[0] == drained(shaped(data, None, family="aac"))[0]
    assert reader.level.gain_db == 0.0
    assert reader.level.volume_db == -6.0


@pytest.mark.players
@pytest.mark.parametrize("codec", ["opus", "vorbis"])
def test_ogg_has_two_preambles(codec: str, tmp_path: Path) -> None:
    """Players get headers with the gain, browsers the file's own and a volume."""
    wav, out = make_wav(tmp_path / "a.wav", "pinknoise", seconds=1), tmp_path / "a.ogg"
    subprocess.run(
        ["opusenc", "--quiet", wav, out] if codec == "opus" else ["oggenc", "--quiet", "-o", out, wav], check=True
    )
    reader = shaped(out.read_bytes(), Known(-12.0, None, "r128"), family="ogg", target_lufs=-18.0)
    assert reader.own_preamble == open_reader(io.BytesIO(out.read_bytes()), "ogg", 7).preamble
    assert reader.preamble != reader.own_preamble
    assert (reader.level.gain_db, reader.level.volume_db) == (-6.0, -6.0)
