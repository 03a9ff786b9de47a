"""Seeking in files of frames, and how long they are said to last, against what counting every frame tells."""

from __future__ import annotations

import io
import random

import pytest

from radiostream.audio.adts import AdtsReader
from radiostream.audio.frames import WIDEST_FRAME, Reader
from radiostream.audio.mpeg import MpegReader, parse_header

BITRATES = (0x10, 0x50, 0x90, 0xB0, 0xE0)


class CountingFile(io.BytesIO):
    """Counts the bytes read."""

    read_bytes = 0

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer: enough here
        """All of it, and counted."""
        got = super().readinto(buffer)
        self.read_bytes += got
        return got


def mp3_frame(number: int, bitrate: int = 0x90, tail: int = 0x64) -> bytes:
    """A frame whose bytes tell its number."""
    word = 0xFFFB0000 | bitrate << 8 | tail
    header = parse_header(word)
    assert header is not None
    return word.to_bytes(4, "big") + (b"%08d" % number * 200)[: header.length - 4]


def adts_frame(number: int, length: int) -> bytes:
    """A frame of so many bytes whose bytes tell its number."""
    head = (0xFFF15080 << 24 | length << 13 | 0x7FF << 2).to_bytes(7, "big")
    return head + (b"%08d" % number * 900)[: length - 7]


def constant(count: int) -> bytes:
    """128 kbps with its padding as encoders spread it."""
    return b"".join(mp3_frame(n, 0x92 if n % 49 else 0x90) for n in range(count))


def drifting(count: int) -> bytes:
    """Bitrates that change from frame to frame, and in the large."""
    rng = random.Random(3)
    return b"".join(mp3_frame(n, BITRATES[min(4, n * 4 // count + rng.randrange(2))]) for n in range(count))


def drifting_adts(count: int) -> bytes:
    """Lengths that change from frame to frame, and in the large."""
    rng = random.Random(4)
    return b"".join(adts_frame(n, 100 + n * 500 // count + rng.randrange(200)) for n in range(count))


CASES = {
    "constant": (lambda: MpegReader(CountingFile(constant(20_000))), 1152 / 44100, 20_000),
    "varying": (lambda: MpegReader(CountingFile(drifting(20_000))), 1152 / 44100, 20_000),
    "short": (lambda: MpegReader(CountingFile(drifting(500))), 1152 / 44100, 500),
    "AAC": (lambda: AdtsReader(CountingFile(drifting_adts(20_000))), 1024 / 44100, 20_000),
}


@pytest.mark.parametrize(("make", "frame_s", "count"), CASES.values(), ids=CASES)
def test_a_place_is_found(make: object, frame_s: float, count: int) -> None:
    """What follows a seek is the frame of the second that was asked for and told."""
    assert callable(make)
    reader: Reader = make()
    view = memoryview(bytearray(WIDEST_FRAME))
    for share in (0.9, 0.5, 0.0, 0.25):
        reached_s = reader.seek(share * count * frame_s)
        assert reader.fill(view, 1).length
        number = int(bytes(view[4:12]) if isinstance(reader, MpegReader) else bytes(view[7:15]))
        assert number * frame_s == pytest.approx(reached_s, abs=2 * frame_s)
        assert reached_s == pytest.approx(share * count * frame_s, abs=2 * frame_s)


@pytest.mark.parametrize(("make", "frame_s", "count"), CASES.values(), ids=CASES)
def test_durations_are_told_within_two_percent(make: object, frame_s: float, count: int) -> None:
    """By some looks into the file, not by the first frames."""
    assert callable(make)
    assert make().duration_s == pytest.approx(count * frame_s, rel=0.02)


def test_behind_the_end_is_the_end() -> None:
    """A second that the track does not have leads to its end."""
    reader = MpegReader(io.BytesIO(constant(5000)))
    assert reader.seek(1e9) == pytest.approx(5000 * 1152 / 44100, rel=0.01)
    assert not reader.fill(memoryview(bytearray(WIDEST_FRAME)), 1 << 20).length
    assert not reader.next_part()


def test_a_constant_bitrate_is_not_counted() -> None:
    """A place far inside costs as little as one near the begin."""
    file = CountingFile(constant(60_000))
    reader = MpegReader(file)
    file.read_bytes = 0
    reader.seek(1500.0)
    assert file.read_bytes <= 1 << 16


JUNK = {
    "zeros": bytes(9 << 20),
    "noise": random.Random(1).randbytes(1 << 20) * 9,
    "text": b"no audio at all " * 600_000,
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_behind_the_audio_ends_the_track(junk: bytes) -> None:
    """Nine megabytes of it: all frames come, the end is no error, and the duration is that of the frames."""
    for count in (150, 10_000):
        reader = MpegReader(io.BytesIO(constant(count) + junk))
        assert reader.duration_s == pytest.approx(count * 1152 / 44100, rel=0.02)
        view = memoryview(bytearray(1 << 20))
        frames = 0
        while (block := reader.fill(view, 1 << 20)).length:
            frames += len(block.offsets)
        assert frames == count


def test_joined_files_last_as_long_as_both() -> None:
    """The first one's bitrate is not taken for the whole, nor its info frame's count."""
    loud = b"".join(mp3_frame(n, 0xE0) for n in range(6000))
    reader = MpegReader(io.BytesIO(constant(12_000) + loud))
    assert reader.duration_s == pytest.approx(18_000 * 1152 / 44100, rel=0.02)
