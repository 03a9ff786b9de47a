"""MP3's level changed without decoding: exactness, protected frames, limits, and bytes that must stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.loudness.gain import STEP_DB, frame_crc, shift_gain
from tests.loudness.makers import PINK, decibels, decode, frames_of, lame, make_wav, residual_db

KINDS = {
    "joint stereo": ("-b", "128"),
    "stereo": ("-m", "s", "-b", "192"),
    "VBR": ("-V", "4"),
    "mono": ("-m", "m", "-b", "64"),
    "protected": ("-p", "-b", "128"),
    "protected mono": ("-p", "-m", "m", "-b", "64"),
    "320 kbps": ("-b", "320"),
    "MPEG-2": ("--resample", "22.05", "-b", "64"),
    "MPEG-2 mono": ("--resample", "16", "-m", "m", "-b", "32"),
    "MPEG-2 protected": ("--resample", "24", "-p", "-b", "64"),
    "MPEG-2.5": ("--resample", "11.025", "-b", "32"),
    "MPEG-2.5 mono": ("--resample", "8", "-m", "m", "-b", "16"),
}


def shifted(frames: list[bytes], steps: int) -> bytes:
    """The frames back to back, their level moved."""
    data = bytearray(b"".join(frames))
    offsets, at = [], 0
    for frame in frames:
        offsets.append(at)
        at += len(frame)
    shift_gain(memoryview(data), offsets, steps)
    return bytes(data)


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wav(tmp_path_factory.mktemp("gain") / "pink.wav", *PINK, seconds=2)


@pytest.mark.parametrize("by", ["ffmpeg", "mpg123"])
@pytest.mark.parametrize("steps", [-7, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_level_changes(wav: Path, tmp_path: Path, kind: str, steps: int, by: str) -> None:
    """A decoder finds the same sound, louder or quieter by the factor, with a residual below -90 dBFS."""
    frames = frames_of(lame(wav, tmp_path / "a.mp3", *KINDS[kind]))
    channels = 1 if "mono" in kind else 2
    original = decode(b"".join(frames), by=by, channels=channels)
    changed = decode(shifted(frames, steps), by=by, channels=channels)
    assert residual_db(original, changed, 2 ** (steps / 4)) < -90
    assert decibels(changed) - decibels(original) == pytest.approx(steps * STEP_DB, abs=0.01)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "protected" in kind])
def test_protected_frames_have_a_new_crc(wav: Path, tmp_path: Path, kind: str) -> None:
    """The CRC is that of the encoder before, and right for the changed side information after."""
    frames = frames_of(lame(wav, tmp_path / "a.mp3", *KINDS[kind]))
    side_bytes = {"protected": 32, "protected mono": 17, "MPEG-2 protected": 17}[kind]
    data, at = shifted(frames, -3), 0
    for frame in frames:
        changed = data[at : at + len(frame)]
        assert int.from_bytes(frame[4:6], "big") == frame_crc(frame, side_bytes)
        assert int.from_bytes(changed[4:6], "big") == frame_crc(changed, side_bytes)
        assert changed[:4] == frame[:4]
        at += len(frame)
    assert data != b"".join(frames)


def test_no_steps_change_no_byte(wav: Path, tmp_path: Path) -> None:
    """0 dB is byte for byte what the file holds."""
    frames = frames_of(lame(wav, tmp_path / "a.mp3", "-b", "128"))
    assert shifted(frames, 0) == b"".join(frames)


def test_there_and_back_is_where_it_began(wav: Path, tmp_path: Path) -> None:
    """Nothing but the gain is touched: moved down and up again, the bytes are the file's."""
    frames = frames_of(lame(wav, tmp_path / "a.mp3", "-V", "2"))
    data, back = shifted(frames, -9), []
    for frame in frames:
        back.append(data[: len(frame)])
        data = data[len(frame) :]
    assert shifted(back, 9) == b"".join(frames)


def frame_with(gains: tuple[int, ...], lengths: tuple[int, ...]) -> bytes:
    """A frame of MPEG-1 stereo with these fields in its four granules, all other bits set."""
    side = (1 << 20) - 1
    for gain, length in zip(gains, lengths, strict=True):
        side = side << 12 | length
        side = side << 9 | 0x1FF
        side = side << 8 | gain
        side = side << 30 | (1 << 30) - 1
    return b"\xff\xfb\x90\x00" + side.to_bytes(32, "big") + bytes(381)


@pytest.mark.parametrize(
    ("gains", "steps", "expected"),
    [
        ((100, 101, 102, 103), -4, (96, 97, 98, 99)),
        ((2, 101, 0, 103), -4, (0, 97, 0, 99)),
        ((255, 254, 102, 103), 4, (255, 255, 106, 107)),
        ((4, 4, 4, 4), -4, (0, 0, 0, 0)),
        ((251, 251, 251, 251), 4, (255, 255, 255, 255)),
    ],
)
def test_a_gain_stays_in_its_field(gains: tuple[int, ...], steps: int, expected: tuple[int, ...]) -> None:
    """A field that would overflow stops at its end and leaves its neighbours alone."""
    lengths = (1, 0xFFF, 700, 0x800)
    assert shifted([frame_with(gains, lengths)], steps) == frame_with(expected, lengths)


def test_silence_is_left_as_it_is() -> None:
    """A granule without a spectrum keeps its gain, whatever is in it; a frame of such stays byte for byte."""
    gains = (210, 0, 255, 7)
    assert shifted([frame_with(gains, (0, 0, 0, 0))], -5) == frame_with(gains, (0, 0, 0, 0))
    assert shifted([frame_with(gains, (0, 9, 9, 9))], -5) == frame_with((210, 0, 250, 2), (0, 9, 9, 9))


@given(st.binary(max_size=60), st.integers(-40, 4))
def test_any_bytes_survive(tail: bytes, steps: int) -> None:
    """Whatever lies behind a header, also a frame cut short, raises nothing and keeps its length."""
    for header in (b"\xff\xfb\x90\x00", b"\xff\xf2\x90\xc0", b"\xff\xe2\x90\xc0"):
        data = bytearray(header + tail)
        shift_gain(memoryview(data), [0], steps)
        assert len(data) == 4 + len(tail)
        assert bytes(data[:4]) == header
