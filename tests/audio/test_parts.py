"""Files of frames whose rate, channels or version change inside: everything is sent, part by part."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from radiostream.audio.adts import AdtsReader
from radiostream.audio.frames import WIDEST_FRAME, Params, Reader
from radiostream.audio.mpeg import MpegReader, parse_header

STEREO, MONO, RATE_48, MPEG_2 = 0xFFFB9064, 0xFFFB90C4, 0xFFFB9464, 0xFFF39064
TAG_V2 = b"ID3\4\0\0\0\0\1\0" + b"y" * 128
TAG_V1 = b"TAG" + b"x" * 125


def mp3(word: int, count: int) -> bytes:
    """So many frames with this header."""
    header = parse_header(word)
    assert header is not None
    return b"".join(word.to_bytes(4, "big") + (b"%08d" % n * 200)[: header.length - 4] for n in range(count))


def adts(word: int, count: int) -> bytes:
    """So many AAC frames of 60 bytes whose header begins with these bits."""
    head = (word << 24 | 60 << 13 | 0x7FF << 2).to_bytes(7, "big")
    return b"".join(head + (b"%06d" % n * 9)[:53] for n in range(count))


def info(word: int) -> bytes:
    """A Xing frame of this kind that counts far more than there is."""
    header = parse_header(word)
    assert header is not None
    side = {(1152, 2): 32, (1152, 1): 17, (576, 2): 17}[header.samples, header.channels]
    return (word.to_bytes(4, "big") + bytes(side) + b"Xing" + b"\0\0\0\3" + b"\0\1\0\0" * 2).ljust(header.length, b"\0")


def parts_of(reader: Reader, max_ticks: int = 1 << 20) -> list[tuple[Params, bytes, float]]:
    """Each part's parameters, bytes and seconds."""
    view = memoryview(bytearray(WIDEST_FRAME))
    parts = []
    while True:
        data, ticks = b"", 0
        while (block := reader.fill(view, max_ticks)).length:
            data += view[: block.length]
            ticks += block.ticks_total
        parts.append((reader.params, data, ticks / reader.tick_hz))
        if not reader.next_part():
            return parts


WORDS = {"mono": MONO, "another rate": RATE_48, "MPEG-2": MPEG_2}
BETWEEN = {"nothing": b"", "tags": TAG_V1 + TAG_V2, "a frame cut short": mp3(STEREO, 1)[:200], "rubbish": b"?" * 99999}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("info_frame", [False, True], ids=["without info frame", "with info frame"])
def test_joined_mp3s_are_sent_whole(word: int, between: bytes, info_frame: bool) -> None:
    """Two MP3s of other parameters joined into one file, in both orders: all frames, tags and info frames apart."""
    for one, other in ((STEREO, word), (word, STEREO)):
        second = (info(other) if info_frame else b"") + mp3(other, 60)
        reader = MpegReader(io.BytesIO(mp3(one, 50) + between + second + TAG_V1))
        parts = parts_of(reader)
        assert [data for _, data, _ in parts] == [mp3(one, 50), mp3(other, 60)]
        kinds = [parse_header(one), parse_header(other)]
        assert [params for params, _, _ in parts] == [Params("mp3", k.rate_hz, k.channels) for k in kinds if k]
        assert reader.duration_s == pytest.approx(sum(seconds for _, _, seconds in parts), rel=0.02)


@pytest.mark.parametrize("word", [0xFFF14C80, 0xFFF15040, 0xFFF95080], ids=["48 kHz", "mono", "MPEG-2"])
def test_joined_adts_is_sent_whole(word: int) -> None:
    """ADTS as MP3; a stream that goes to and fro has as many parts."""
    data = [adts(0xFFF15080, 50), adts(word, 40), adts(0xFFF15080, 30)]
    reader = AdtsReader(io.BytesIO(b"".join(data)))
    assert [part for _, part, _ in parts_of(reader)] == data
    assert parts_of(AdtsReader(io.BytesIO(b"".join(data))), 1)[1][1] == data[1]


def test_a_part_has_a_rate_of_its_own() -> None:
    """`tick_hz` and `kbps` are those of the part that is read."""
    reader = MpegReader(io.BytesIO(mp3(STEREO, 50) + mp3(0xFFFBE4C4, 50)))
    view = memoryview(bytearray(WIDEST_FRAME))
    while reader.fill(view, 1 << 20).length:
        pass
    assert reader.next_part()
    assert (reader.tick_hz, reader.kbps) == (48000, 320)
    assert reader.fill(view, 1152).ticks_total == 1152


def test_a_file_that_changes_all_the_time_ends() -> None:
    """Changes of parameters without end are work that no file is worth."""
    reader = MpegReader(io.BytesIO((mp3(STEREO, 3) + mp3(MONO, 3)) * 3000))
    assert 100 < len(parts_of(reader)) < 2000


def test_parts_of_real_encoders(tmp_path: Path, mp3_encode: Callable[..., Path]) -> None:
    """LAME's files joined as `cat` does it: the frames of each are sent, less the info frames."""
    kinds = [("-b128",), ("-mm", "-b64"), ("-V4", "--resample", "22.05"), ("-V2",)]
    for one, other in itertools.permutations(kinds, 2):
        alone = [parts_of(MpegReader(io.BytesIO(mp3_encode(*kind).read_bytes())))[0] for kind in (one, other)]
        joined = MpegReader(io.BytesIO(mp3_encode(*one).read_bytes() + mp3_encode(*other).read_bytes()))
        parts = parts_of(joined)
        assert b"".join(data for _, data, _ in parts) == alone[0][1] + alone[1][1]
        assert joined.duration_s == pytest.approx(alone[0][2] + alone[1][2], rel=0.02)
