"""ADTS: every frame is passed on as it is, whatever lies around it, and paced by what its header says."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.adts import AdtsReader, header_at
from radiostream.audio.frames import WIDEST_FRAME, AudioError, Params

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[..., Any]
Edits = list[tuple[int, int, bytes]]

SHAPES = [(8000, 1, 0.1), (8000, 1, 3), (44100, 2, 0.1), (44100, 2, 3), (48000, 6, 3)]


def frame(size: int = 100, *, word: int = 0xFFF15080, blocks: int = 1, fill: int = 0) -> bytes:
    """A frame of `size` bytes whose header begins with the bits of `word`; its content is no audio."""
    header = word << 24 | size << 13 | 0x7FF << 2 | blocks - 1
    return header.to_bytes(7, "big") + bytes([fill]) * (size - 7)


def reader_of(data: bytes) -> AdtsReader:
    return AdtsReader(io.BytesIO(data))


class TestHeader:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("fff15080 2c7ffc", (44100, 2, 1024, 355)),
            ("fff95080 2c7ffc", (44100, 2, 1024, 355)),
            ("fff05080 2c7ffc", (44100, 2, 1024, 355)),
            ("fff16c40 2c7ffd", (8000, 1, 2048, 354)),
            ("fff14dc0 2c7fff", (48000, 8, 4096, 355)),
            ("fff15080 00dffc", None),
            ("fff05080 011ffc", None),
            ("fff17480 2c7ffc", None),
            ("fff15000 2c7ffc", None),
            ("fff35080 2c7ffc", None),
            ("fef15080 2c7ffc", None),
        ],
    )
    def test_fields(self, header: str, expected: tuple[int, ...] | None) -> None:
        """Rate, channels, samples and length of MPEG-2 and -4, with and without CRC; reserved values are no header."""
        found = header_at(bytes.fromhex(header), 0)
        if expected is None:
            assert found is None
        else:
            assert found is not None
            assert (found.rate_hz, found.channels, found.samples) == expected[:3]

    def test_length(self) -> None:
        """The length takes bits of three bytes."""
        found = header_at(frame(8191), 0)
        assert found is not None
        assert found.length == 8191

    @pytest.mark.parametrize("word", [0xFFF05080, 0xFFF152B0, 0xFFF1508C])
    def test_same_kind(self, word: int) -> None:
        """A CRC, the private and copyright bits make no other track of it."""
        assert header_at(frame(word=word), 0) == header_at(frame(), 0)

    @pytest.mark.parametrize("word", [0xFFF95080, 0xFFF11080, 0xFFF14C80, 0xFFF15040])
    def test_other_kind(self, word: int) -> None:
        """MPEG version, profile, rate and channels do."""
        one, other = header_at(frame(), 0), header_at(frame(word=word), 0)
        assert one is not None
        assert other is not None
        assert one.kind != other.kind


class TestTrack:
    @pytest.mark.parametrize(("rate_hz", "channels", "seconds"), SHAPES)
    def test_whole(
        self,
        rate_hz: int,
        channels: int,
        seconds: float,
        ogg_aac_encode: Encode,
        ogg_aac_play: Play,
        ogg_aac_decode: Decode,
    ) -> None:
        """An encoder's file is sent byte for byte, and lasts as long as its samples do."""
        data = ogg_aac_encode("adts", rate_hz=rate_hz, channels=channels, seconds=seconds).read_bytes()
        reader = reader_of(data)
        played = ogg_aac_play(reader)
        assert played.data == data
        assert reader.params == Params("aac", rate_hz, channels)
        assert reader.preamble == b""
        assert reader.kbps == pytest.approx(len(data) * reader.tick_hz / played.ticks / 125, rel=0.05)
        assert reader.duration_s == pytest.approx(played.ticks / rate_hz, rel=0.05)
        assert ogg_aac_decode(played.data, channels, before=("-f", "aac")) == (played.ticks, [])

    def test_joined(self, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """From any start on the rest decodes without a word, and no sample of it is missing."""
        played = ogg_aac_play(reader_of(ogg_aac_encode("adts").read_bytes()))
        for offset, ticks in played.starts()[::20]:
            assert ogg_aac_decode(played.data[offset:], 2) == (played.ticks - ticks, [])

    @pytest.mark.parametrize("channels", [3, 4])
    def test_layout_in_the_first_frame(self, channels: int, ogg_aac_encode: Encode) -> None:
        """What nobody can join in the middle is refused: headers that leave the channels to the first frame."""
        with pytest.raises(AudioError, match="first frame"):
            reader_of(ogg_aac_encode("adts", channels=channels).read_bytes())

    def test_mpeg2(self, ogg_aac_encode: Encode, ogg_aac_play: Play, tmp_path: Path) -> None:
        """MPEG-2 headers are as good."""
        source, other = ogg_aac_encode("mp4"), tmp_path / "mpeg2.aac"
        copy = ["-c", "copy", "-write_mpeg2", "1"]
        subprocess.run(["ffmpeg", "-v", "error", "-i", source, *copy, other], check=True)
        data = other.read_bytes()
        assert data[1] & 8
        assert ogg_aac_play(reader_of(data)).data == data

    def test_blocks_of_any_size(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Bytes, starts and times do not depend on how large the blocks are."""
        data = ogg_aac_encode("adts").read_bytes()
        results = []
        for size, seconds in [(WIDEST_FRAME, 0.001), (65536, 0.5), (1 << 20, 100.0)]:
            played = ogg_aac_play(reader_of(data), size, seconds)
            results.append((played.data, played.starts(), played.ticks))
        assert results[0] == results[1] == results[2]

    def test_several_blocks_a_frame(self, ogg_aac_play: Play) -> None:
        """A frame of four raw blocks lasts four times as long."""
        played = ogg_aac_play(reader_of(frame(blocks=4) + frame() + frame(blocks=2)))
        assert [ticks for _, ticks in played.starts()] == [0, 4096, 5120]
        assert played.ticks == 7168


class TestSurroundings:
    @pytest.mark.parametrize(
        ("front", "back"),
        [
            (b"ID3\4\0\0\0\0\0\x7f" + bytes(127), b""),
            (b"ID3\4\0\0\0\0\0\x7f" + bytes(127), b"TAG" + bytes(125)),
            (b"ICY 200 OK\r\n\r\n" + b"\xff\xf1" * 40, b""),
            (frame(word=0xFFF14C80)[50:], b"\xff\xf1rubbish"),
            (b"", frame()[:60]),
            (b"", b"\xff\xf1\x50\x80\0\0\0" * 50),
        ],
    )
    def test_left_out(self, front: bytes, back: bytes, ogg_aac_play: Play) -> None:
        """Tags, junk, the halves of frames before and behind the audio never reach a listener."""
        audio = b"".join(frame(80 + number, fill=number) for number in range(30))
        assert ogg_aac_play(reader_of(front + audio + back)).data == audio

    def test_resync(self, ogg_aac_play: Play) -> None:
        """Rubbish in the middle is left out; so are two frames of another kind and a frame that was cut short."""
        ours = [frame(80 + number, fill=number) for number in range(40)]
        data = b"".join([*ours[:10], b"rubbish\xff\xf1" * 9, *ours[10:20], frame(word=0xFFF14C80) * 2, *ours[20:30]])
        data += ours[30][:50] + b"".join(ours[31:])
        assert ogg_aac_play(reader_of(data)).data == b"".join(ours[:30] + ours[31:])

    def test_glued(self, ogg_aac_play: Play) -> None:
        """A frame that a tag in the middle of a glued file cuts short is left out with the tag."""
        ours = [frame(80 + number, fill=number) for number in range(40)]
        tag = b"ID3\4\0\0\0\0\0\x0a" + bytes(10)
        data = b"".join([*ours[:10], ours[10][:-33], tag, *ours[11:20], tag, *ours[20:]])
        assert ogg_aac_play(reader_of(data)).data == b"".join(ours[:10] + ours[11:])

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "empty"),
            (b"ADIF" + bytes(2000), "ADIF"),
            (b"\x56\xe1" + bytes(2000), "LOAS"),
            (frame(word=0xFFF15000) * 9, "first frame"),
            (b"nothing of the kind" * 99, "no AAC frames"),
            (bytes(70_000), "no AAC frames"),
            (frame() + bytes(200), "no AAC frames"),
            (frame()[:-1], "no AAC frames"),
        ],
    )
    def test_refused(self, data: bytes, reason: str) -> None:
        """What is not ADTS is refused with the reason."""
        with pytest.raises(AudioError, match=reason):
            reader_of(data)

    @pytest.mark.slow
    def test_endless_rubbish(self, ogg_aac_play: Play) -> None:
        """Megabytes of what only looks like headers end the track, though there is audio behind."""
        assert ogg_aac_play(reader_of(frame() * 10 + b"\xff\xf1" * (2 << 20) + frame() * 10)).data == frame() * 10

    def test_shrinking_file(self) -> None:
        """A file that is cut while it plays ends there."""
        file = io.BytesIO(frame() * 1000)
        reader = AdtsReader(file)
        view = memoryview(bytearray(WIDEST_FRAME))
        assert reader.fill(view, 1024).length == 100
        file.truncate(450)
        assert reader.fill(view, 1 << 30).length == 300
        assert not reader.fill(view, 1 << 30).length


def survey(data: bytes, size: int, ticks: int) -> tuple[bytes, list[tuple[int, int]], str]:
    """Everything that a reader makes of these bytes: what it sends, the starts, and its complaint."""
    sent, starts, passed = b"", [], 0
    view = memoryview(bytearray(size))
    try:
        reader = reader_of(data)
        while (block := reader.fill(view, ticks)).length or reader.next_part():
            starts += [(len(sent) + at, passed + tick) for at, tick in zip(block.offsets, block.ticks, strict=True)]
            sent += view[: block.length]
            passed += block.ticks_total
    except AudioError as error:
        return sent, starts, str(error)
    return sent, starts, ""


class TestHostile:
    @given(
        st.lists(st.sampled_from([b"\xff\xf1", b"\xff\xf9\x50\x80", frame(9), frame(30), b"ID3\4\0\0"]) | st.binary())
    )
    def test_random(self, parts: list[bytes]) -> None:
        """Random bytes raise nothing but the reader's own error; what is sent is frames back to back."""
        sent, starts, _ = survey(b"".join(parts), WIDEST_FRAME, 48000)
        at = 0
        for offset, _ in starts:
            header = header_at(sent, at)
            assert header is not None
            assert at == offset
            at += header.length
        assert at == len(sent)

    @given(
        st.lists(st.tuples(st.integers(0, 999), st.integers(0, 400), st.binary(max_size=300)), max_size=6),
        st.integers(WIDEST_FRAME, 200_000),
        st.integers(0, 1 << 34),
    )
    @settings(deadline=None)
    def test_mutated(self, edits: Edits, size: int, ticks: int) -> None:
        """Whatever happens to a file, the result is the same for all sizes of blocks."""
        data = bytearray(b"".join(frame(30 + 7 * number % 300, fill=number) for number in range(60)))
        for where, gone, new in edits:
            at = len(data) * where // 1000
            data[at : at + gone] = new
        assert survey(bytes(data), size, ticks) == survey(bytes(data), WIDEST_FRAME, 1)
