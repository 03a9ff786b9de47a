"""The MP3 reader: headers as a table, LAME's files against ffmpeg's count of frames, damage of every kind."""

from __future__ import annotations

import io
import itertools
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.budget import Budget
from radiostream.audio.frames import WIDEST_FRAME, AudioError, Params, Reader, read_on
from radiostream.audio.framing import FrameSearch
from radiostream.audio.mpeg import MpegReader, parse_header

Frames = Callable[[Path], list[bytes]]

STEREO = b"\xff\xfb\x90\x64"
"""MPEG-1, 44100 Hz, 128 kbps, joint stereo: 417 bytes."""
BITRATES = (0x10, 0x50, 0x90, 0xB0, 0xE0)


def frame(number: int, head: bytes = STEREO) -> bytes:
    """A frame whose bytes tell its number and never look like a header."""
    header = parse_header(int.from_bytes(head, "big"))
    assert header is not None
    return head + (b"%08d" % number * 200)[: header.length - 4]


def vbr(count: int) -> list[bytes]:
    """Frames of changing bitrate."""
    return [frame(number, b"\xff\xfb" + bytes([BITRATES[number % 5]]) + b"\x64") for number in range(count)]


def info(mark: bytes, frames: int, size: int, head: bytes = STEREO, side: int = 32) -> bytes:
    """A Xing or Info frame."""
    header = parse_header(int.from_bytes(head, "big"))
    assert header is not None
    return (head + bytes(side) + mark + struct.pack(">III", 3, frames, size)).ljust(header.length, b"\0")


def vbri(frames: int, size: int) -> bytes:
    """Fraunhofer's info frame."""
    return (STEREO + bytes(32) + b"VBRI" + struct.pack(">HHHII", 1, 0, 0, size, frames)).ljust(417, b"\0")


def drained(data: bytes, size: int = WIDEST_FRAME, max_ticks: int = 1 << 30) -> tuple[bytes, int]:
    """Everything a reader gives, and how many frames it said that was."""
    return drain(MpegReader(io.BytesIO(data)), size, max_ticks)


def drain(reader: Reader, size: int = WIDEST_FRAME, max_ticks: int = 1 << 30) -> tuple[bytes, int]:
    """As `drained`; checks what is promised of every block."""
    view = memoryview(bytearray(size))
    pieces, count = [], 0
    while (block := reader.fill(view, max_ticks)).length or reader.next_part():
        samples = 1152 if reader.tick_hz >= 32000 else 576
        data = bytes(view[: block.length])
        assert not block.offsets or block.offsets[0] == 0
        lengths = [b - a for a, b in itertools.pairwise([*block.offsets, block.length])]
        headers = [parse_header(int.from_bytes(data[at : at + 4], "big")) for at in block.offsets]
        assert [header and header.length for header in headers] == lengths
        assert list(block.ticks) == [samples * number for number in range(len(block.offsets))]
        assert block.ticks_total == samples * len(block.offsets)
        assert len(block.offsets) <= max(1, -(-max_ticks // samples))
        pieces.append(data)
        count += len(block.offsets)
    return b"".join(pieces), count


HEADERS = {
    0xFFFB9064: (44100, 2, 1152, 128, 417),
    0xFFFB9264: (44100, 2, 1152, 128, 418),
    0xFFFAE4C4: (48000, 1, 1152, 320, 960),
    0xFFFBEA00: (32000, 2, 1152, 320, 1441),
    0xFFFB1000: (44100, 2, 1152, 32, 104),
    0xFFF34000: (22050, 2, 576, 32, 104),
    0xFFF314C4: (24000, 1, 576, 8, 24),
    0xFFF2E880: (16000, 2, 576, 160, 720),
    0xFFE318C4: (8000, 1, 576, 8, 72),
    0xFFE3E840: (8000, 2, 576, 160, 1440),
    0xFFE310C0: (11025, 1, 576, 8, 52),
    0xFFE314C0: (12000, 1, 576, 8, 48),
}


@pytest.mark.parametrize(("word", "fields"), HEADERS.items(), ids=map(hex, HEADERS))
def test_header(word: int, fields: tuple[int, ...]) -> None:
    """Rate, channels, samples, bitrate and length follow from the four bytes."""
    header = parse_header(word)
    assert header is not None
    assert tuple(header[1:]) == fields


@pytest.mark.parametrize(
    "word",
    [0xFFEB9064, 0xFFFD9064, 0xFFFF9064, 0xFFF99064, 0xFFFB0064, 0xFFFBF064, 0xFFFB9C64, 0xFFFB9066, 0xFFDB9064, 0],
    ids=["version", "Layer II", "Layer I", "ADTS", "free", "bitrate", "rate", "emphasis", "sync", "zero"],
)
def test_no_header(word: int) -> None:
    """Reserved values, other layers and free format are no headers."""
    assert parse_header(word) is None


KINDS = {
    "cbr": (["-b128"], Params("mp3", 44100, 2), 128),
    "vbr": (["-V2"], Params("mp3", 44100, 2), None),
    "loudest": (["-b320"], Params("mp3", 44100, 2), 320),
    "crc": (["-b128", "-p"], Params("mp3", 44100, 2), 128),
    "mono mpeg-2": (["-mm", "--resample", "22.05", "-b32"], Params("mp3", 22050, 1), 32),
    "stereo mpeg-2": (["-V4", "--resample", "16"], Params("mp3", 16000, 2), None),
    "mpeg-2.5": (["-mm", "--resample", "8", "-b8"], Params("mp3", 8000, 1), 8),
    "mpeg-2.5 vbr": (["-V6", "--resample", "11.025"], Params("mp3", 11025, 2), None),
    "no info frame": (["-b128", "-t"], Params("mp3", 44100, 2), 128),
    "tagged": (["-b128", "--tt", "A title", "--ta", "Somebody", "--add-id3v2"], Params("mp3", 44100, 2), 128),
}


@pytest.mark.parametrize(("options", "params", "kbps"), KINDS.values(), ids=KINDS)
def test_lames_files_read_as_ffmpeg_reads_them(
    mp3_encode: Callable[..., Path], mp3_frames: Frames, options: list[str], params: Params, kbps: int | None
) -> None:
    """Every frame that ffmpeg counts, none else, byte by byte; rate and duration as they are."""
    path = mp3_encode(*options)
    frames = mp3_frames(path)
    with path.open("rb", buffering=0) as file:
        reader = MpegReader(file)
        data, count = drain(reader, max_ticks=reader.tick_hz // 2)
    samples = 1152 if params.rate_hz >= 32000 else 576
    assert count == len(frames)
    assert data == b"".join(frames)
    assert (reader.params, reader.tick_hz, reader.preamble) == (params, params.rate_hz, b"")
    seconds = len(frames) * samples / params.rate_hz
    assert reader.duration_s == pytest.approx(seconds, rel=0.01)
    assert reader.kbps == kbps or (kbps is None and reader.kbps == pytest.approx(len(data) / 125 / seconds, rel=0.03))


@pytest.mark.parametrize("cut", [0, 1, 100, 416])
def test_the_last_frame_is_whole_or_left_out(cut: int) -> None:
    """A file cut off inside its last frame loses that frame only."""
    frames = vbr(50)
    whole = b"".join(frames)
    data, count = drained(whole[: len(whole) - cut])
    assert (data, count) == (b"".join(frames[:49]), 49) if cut else (whole, 50)


JUNK = {
    "text": b"<html>404</html>",
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "a header that leads nowhere": STEREO + b"x" * 50,
    "ID3v1 and ID3v2": b"TAG" + b"x" * 125 + b"ID3\4\0\0\0\0\1\0" + b"y" * 128,
    "more than one window": b"junk" * 40_000,
    "a Xing frame": info(b"Xing", 10, 1000),
    "an Info frame": info(b"Info", 10, 1000),
    "a Xing frame with a CRC": info(b"Xing", 10, 1000, b"\xff\xfa\x90\x64", 34),
    "LAME's with a CRC": info(b"Info", 10, 1000, b"\xff\xfa\x90\x64"),
    "a VBRI frame": vbri(10, 1000),
    "two info frames": info(b"Info", 10, 1000) + vbri(10, 1000),
    "a tag and an info frame": b"ID3\4\0\0\0\0\1\0" + b"y" * 128 + info(b"Xing", 10, 1000),
}


STRANGE = {
    "two frames of another rate": b"".join(frame(number, b"\xff\xfb\x94\x64") for number in range(2)),
    "two frames in mono": b"".join(frame(number, b"\xff\xfb\x90\xc4") for number in range(2)),
    "two frames of MPEG-2": b"".join(frame(number, b"\xff\xf3\x90\x64") for number in range(2)),
}
"""Too few to be another part of the track."""


@pytest.mark.parametrize(
    ("junk", "place"),
    [
        *(
            pytest.param(junk, place, id=f"{name}-{place}")
            for name, junk in JUNK.items()
            for place in (0, 3, 25, 49, 50)
        ),
        *(pytest.param(junk, place, id=f"{name}-{place}") for name, junk in STRANGE.items() for place in (3, 25, 47)),
    ],
)
def test_what_is_no_frame_is_left_out(junk: bytes, place: int) -> None:
    """Rubbish, tags, strange frames and info frames never come out, wherever they lie, and cost no other frame."""
    frames = vbr(50)
    data, count = drained(b"".join([*frames[:place], junk, *frames[place:]]))
    assert data == b"".join(frames)
    assert count == len(frames)


@pytest.mark.parametrize(
    ("mark", "head", "side"),
    [
        (b"Xing", STEREO, 32),
        (b"Info", b"\xff\xfb\x90\xc4", 17),
        (b"Xing", b"\xff\xf3\x90\x64", 17),
        (b"Info", b"\xff\xe3\x90\xc4", 9),
    ],
)
def test_info_frame_tells_rate_and_duration(mark: bytes, head: bytes, side: int) -> None:
    """Where its size is the file's, the info frame's count is the duration, at every place it has."""
    frames = [frame(number, head) for number in range(40)]
    audio = sum(map(len, frames))
    size = len(info(mark, 0, 0, head, side)) + audio
    reader = MpegReader(io.BytesIO(info(mark, 50, size, head, side) + b"".join(frames)))
    samples = 1152 if reader.tick_hz == 44100 else 576
    assert reader.duration_s == 50 * samples / reader.tick_hz
    assert reader.kbps == max(1, round(audio / 50 * reader.tick_hz / samples / 125))
    assert drain(reader) == (b"".join(frames), 40)


def test_vbri_tells_duration() -> None:
    """Fraunhofer's info frame counts as well."""
    frames = vbr(40)
    reader = MpegReader(io.BytesIO(vbri(40, 417 + sum(map(len, frames))) + b"".join(frames)))
    assert reader.duration_s == 40 * 1152 / 44100


@pytest.mark.parametrize(("count", "size"), [(40, 5), (0, 17097), (1, 17097), (1 << 31, 17097), (4, 0)])
def test_info_frame_that_lies_is_not_believed(count: int, size: int) -> None:
    """Where its size or count cannot be, the frames themselves are counted."""
    reader = MpegReader(io.BytesIO(info(b"Xing", count, size) + frame(1) * 40))
    assert reader.kbps == 128
    assert reader.duration_s == pytest.approx(40 * 1152 / 44100)


@pytest.mark.parametrize("behind", [b"", b"ID3\4\0\0\0\0\1\0" + b"y" * 3000, b"TAG" + b"z" * 125], ids=len)
@pytest.mark.parametrize("left", [10, 200, 416])
def test_a_frame_cut_short_inside_is_left_out(behind: bytes, left: int) -> None:
    """A recording that broke off, with another one behind it: no frame ends in the other's bytes."""
    first, second = [frame(number) for number in range(20)], [frame(number) for number in range(100, 140)]
    data, _ = drained(b"".join([*first, frame(20)[:left], behind, *second]))
    assert data == b"".join(first + second)


REFUSED = {
    "nothing": (b"", "is empty but for tags"),
    "a tag": (b"ID3\4\0\0\0\0\0\5hello", "is empty but for tags"),
    "text": (b"hello " * 30_000, "holds no MP3 frames"),
    "Layer II": ((b"\xff\xfd\x90\x64" + b"x" * 413) * 50, "is MPEG Layer II, not MP3"),
    "Layer I": ((b"\xff\xff\x90\x64" + b"x" * 413) * 50, "is MPEG Layer I, not MP3"),
    "free format": ((b"\xff\xfb\x00\x64" + b"x" * 1200) * 50, "is MP3 in free format, which cannot be streamed"),
    "free format behind junk": (
        b"\0junk\xff\xfb\0" + (b"\xff\xfb\2\x64" + b"x" * 1201 + b"\xff\xfb\0\x64" + b"x" * 1200) * 50,
        "is MP3 in free format, which cannot be streamed",
    ),
    "two frames and rubbish": (frame(1) + frame(2) + b"rubbish" * 100, "holds no MP3 frames"),
    "an info frame alone": (info(b"Xing", 10, 1000), "holds no audio, only an info frame"),
    "megabytes of ones": (b"\xff" * (10 << 20), "is MPEG Layer I, not MP3"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_played_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """The operator reads in plain words why a file is not played."""
    with pytest.raises(AudioError) as caught:
        MpegReader(io.BytesIO(data))
    assert str(caught.value) == reason


def test_frames_behind_a_tag_whose_size_lies() -> None:
    """A tag that claims more than there is, or all there is, does not hide the frames."""
    frames = vbr(30)
    body = b"".join(frames)
    assert drained(b"ID3\3\0\0\x7f\x7f\x7f\x7f" + body) == (body, 30)
    size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    assert drained(b"ID3\3\0\0" + size + body) == (body, 30)


class CountingFile(io.BytesIO):
    """Counts the bytes read."""

    read_bytes = 0

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer: enough here
        """All of it, and counted."""
        got = super().readinto(buffer)
        self.read_bytes += got
        return got


@pytest.mark.slow
@pytest.mark.parametrize("rubbish", [b"\xff", b"\xff\xfb", STEREO, b"\0", random.Random(5).randbytes(99_991)], ids=len)
def test_endless_rubbish_ends_the_track(rubbish: bytes) -> None:
    """A file that turns into rubbish gives its frames and then ends, after bounded work."""
    frames = vbr(50)
    file = CountingFile(b"".join(frames) + rubbish * ((100 << 20) // len(rubbish)))
    reader = MpegReader(file)
    view = memoryview(bytearray(WIDEST_FRAME))
    block = reader.fill(view, 1 << 30)
    assert bytes(view[: sum(map(len, frames))]) == b"".join(frames)
    assert len(block.offsets) <= 51
    assert not drain(reader)[1]
    assert reader.duration_s == pytest.approx(50 * 1152 / 44100, rel=0.03)
    assert file.read_bytes < 70 << 20


def test_rubbish_is_forgiven_as_audio_goes_on() -> None:
    """Large pictures between the chapters of one long file do no harm, as long as there is audio between them."""
    chapter, picture = frame(7) * 6000, b"\x89PNG" * (1 << 19)
    data, count = drained((chapter + picture) * 8)
    assert count == 48_000
    assert data == chapter * 8


def test_at_least_one_frame_comes() -> None:
    """However short the time asked for, one frame comes; and never more than asked for needs."""
    reader = MpegReader(io.BytesIO(b"".join(vbr(10))))
    view = memoryview(bytearray(WIDEST_FRAME))
    counts = [len(reader.fill(view, ticks).offsets) for ticks in (0, 1, 1152, 1153, 3 * 1152)]
    assert counts == [1, 1, 1, 2, 3]


def test_file_that_shrinks_while_it_plays_ends_early(tmp_path: Path) -> None:
    """Whole frames come as long as there are any, then the end."""
    path = tmp_path / "shrinking.mp3"
    path.write_bytes(frame(1) * 1000)
    with path.open("rb", buffering=0) as file:
        reader = MpegReader(file)
        view = memoryview(bytearray(WIDEST_FRAME))
        reader.fill(view, 100 * 1152)
        os.truncate(path, 417 * 110 + 50)
        assert drain(reader) == (frame(1) * 10, 10)


def test_file_whose_bytes_change_while_it_plays() -> None:
    """A file written over in place goes on with what frames it has then."""
    file = io.BytesIO(frame(1) * 300)
    reader = MpegReader(file)
    view = memoryview(bytearray(WIDEST_FRAME))
    reader.fill(view, 100 * 1152)
    file.seek(100 * 417)
    file.write(b"changed" + frame(2) * 199)
    assert drain(reader) == (frame(2) * 199, 199)


PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [*vbr(5), *JUNK.values(), *STRANGE.values(), STEREO, b"\xff\xfa\x90\x64", frame(3)[:200], b"\xff", b"\xff\xfb"]
    ),
    st.integers(1, 60).map(lambda count: b"".join(vbr(count))),
)


def test_an_info_frame_may_leave_its_counts_out() -> None:
    """Flags say which numbers there are: without both of them the frames are counted."""
    head = (STEREO + bytes(32) + b"Xing" + struct.pack(">I", 8) + b"\xff" * 40).ljust(417, b"\0")
    reader = MpegReader(io.BytesIO(head + b"".join(frame(number) for number in range(50))))
    assert reader.duration_s == pytest.approx(50 * 1152 / 44100, abs=0.03)


def test_headers_alike_are_no_free_format() -> None:
    """Three that leave the bitrate open, at uneven distances, are chance."""
    data = b"".join(b"\xff\xfb\x00\x64" + bytes(gap) for gap in (100, 250, 470))
    with pytest.raises(AudioError, match="holds no MP3 frames"):
        MpegReader(io.BytesIO(data))


def test_a_file_that_shrinks_is_sought_in_to_its_new_end() -> None:
    """The place that was asked for is not there any more: nothing follows."""
    file = io.BytesIO(b"".join(vbr(3000)))
    reader = MpegReader(file)
    duration_s = reader.duration_s
    assert duration_s is not None
    file.truncate(5000)
    assert reader.seek(duration_s * 0.9) == duration_s
    assert not reader.fill(memoryview(bytearray(WIDEST_FRAME)), 1 << 30).length


def test_a_place_behind_the_end_of_a_short_file() -> None:
    """Read on to, as it is not worth a table: where the file ends is as far as it goes."""
    reader = MpegReader(io.BytesIO(b"".join(vbr(40))))
    assert read_on(reader, 60.0) == pytest.approx(40 * 1152 / 44100, abs=0.001)


def test_a_sample_costs_no_more_than_the_file_may() -> None:
    """Where the budget is spent, what has been counted is what there is; a file that is shorter ends there."""
    data = b"".join(frame(number) for number in range(20))
    budget = Budget(1)
    search = FrameSearch(io.BytesIO(data), MpegReader.framing, budget, 2 * len(data))
    assert search.sample(0, 4 * len(data)).frame_bytes == len(data)
    assert search.end == len(data)
    budget.spend(1)
    assert search.sample(0, len(data)).frame_bytes == 0


@pytest.mark.parametrize("size", range(WIDEST_FRAME, WIDEST_FRAME + 8))
def test_a_frame_may_be_cut_anywhere_by_the_buffer(size: int) -> None:
    """Also within its header: it is read again with the next block."""
    frames = [frame(number) for number in range(60)]
    assert drained(b"".join(frames), size) == (b"".join(frames), 60)


def outcome(data: bytes, size: int, max_ticks: int) -> tuple[bytes, str]:
    """All bytes that come, and the error's text if one ends them."""
    out = b""
    view = memoryview(bytearray(size))
    try:
        reader = MpegReader(io.BytesIO(data))
        while (block := reader.fill(view, max_ticks)).length or reader.next_part():
            out += bytes(view[: block.length])
    except AudioError as error:
        return out, str(error)
    return out, ""


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=8), st.integers(WIDEST_FRAME, 3 * WIDEST_FRAME), st.integers(0, 60 * 1152))
def test_any_bytes_any_view(pieces: list[bytes], size: int, max_ticks: int) -> None:
    """Hostile bytes give the same frames whatever the view and the time asked for; only `AudioError` leaves."""
    data = b"".join(pieces)
    assert outcome(data, size, max_ticks) == outcome(data, 1 << 20, 1 << 30)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=4)), max_size=12), st.integers(0, 9999)
)
def test_mutated_frames(changes: list[tuple[int, bytes]], max_ticks: int) -> None:
    """A file with bytes changed here and there gives the same frames in any view, an unchanged one all of them."""
    frames = vbr(60)
    data = bytearray(b"".join(frames))
    for at, piece in changes:
        data[at : at + len(piece)] = piece
    result = outcome(bytes(data), WIDEST_FRAME, max_ticks)
    assert result == outcome(bytes(data), 1 << 20, 1 << 30)
    if not changes:
        assert result == (b"".join(frames), "")


@pytest.mark.parametrize("left", range(8))
def test_a_frame_whose_header_is_read_in_two(left: int) -> None:
    """Wherever the buffer ends, no frame is lost."""
    data = b"".join(map(frame, range(40)))
    reader = MpegReader(io.BytesIO(data))
    buffer, got = memoryview(bytearray(10 * 417 + left)), b""
    while length := reader.fill(buffer, 1 << 40).length:
        got += buffer[:length]
    assert got == data
