"""The first page of a listener: it begins with the packet that is due, and decoders hear no fault in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.audio.ogg import OggReader
from radiostream.audio.ogg_page import page_at, page_crc
from radiostream.audio.opening import opening

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[..., Any]

RATE_HZ = 48000
SECONDS = 6
PACKET_TICKS = {"vorbis": 1024, "opus": 960, "flac": 4096}


@pytest.mark.parametrize("codec", ["vorbis", "opus", "flac", "vorbis by ffmpeg", "opus by ffmpeg", "flac by ffmpeg"])
@pytest.mark.parametrize("channels", [2, 6])
def test_what_is_heard(
    codec: str, channels: int, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode
) -> None:
    """Wherever a page is entered: a decoder gives all that is still to come but for a packet or two, silently."""
    data = ogg_aac_encode(codec, rate_hz=RATE_HZ, channels=channels, seconds=SECONDS).read_bytes()
    reader = OggReader(io.BytesIO(data), 7)
    played = ogg_aac_play(reader)
    packet_ticks = PACKET_TICKS[codec.split()[0]]
    starts = [*played.starts(), (len(played.data), played.ticks)]
    for index in (0, len(starts) // 2):
        (offset, begin), (_, end) = starts[index], starts[index + 1]
        for skip in {0, packet_ticks // 2, (end - begin) // 2, end - begin - 1}:
            page, replaced = opening(reader.preamble, memoryview(played.data)[offset:], skip)
            decoded = ogg_aac_decode(reader.preamble + page + played.data[offset + replaced :], channels)
            assert decoded.complaints == []
            late = decoded.samples - (played.ticks - begin - skip)
            assert -2 * packet_ticks <= late <= 2 * packet_ticks


@pytest.mark.parametrize("skip", [-5, 0, 1, 30_000, 1 << 40])
def test_the_page_that_is_left(skip: int, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """It ends like the page it is made from, with its granule position and number, and has a CRC of its own."""
    reader = OggReader(io.BytesIO(ogg_aac_encode("opus", rate_hz=RATE_HZ, seconds=SECONDS).read_bytes()), 7)
    played = ogg_aac_play(reader)
    offset, _ = played.starts()[2]
    ahead = memoryview(played.data)[offset:]
    page, replaced = opening(reader.preamble, ahead, skip)
    whole, cut = page_at(ahead, 0), page_at(memoryview(page), 0)
    assert whole is not None
    assert cut is not None
    assert replaced == len(whole.data)
    assert len(cut.data) == len(page)
    assert page_crc(cut.data) == cut.data[22:26]
    assert (cut.granule, cut.serial, cut.sequence) == (whole.granule, whole.serial, whole.sequence)
    assert whole.lacing.endswith(cut.lacing)
    assert bool(cut.lacing)
    assert whole.data.endswith(cut.data[27 + len(cut.lacing) :])
    assert (cut.lacing == whole.lacing) == (skip < 960)


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(-9, 1 << 40))
def test_any_bytes(preamble: bytes, ahead: bytes, skip: int) -> None:
    """Bytes that are no pages raise nothing, and nothing is sent of them."""
    for begin in (b"", b"OggS\0"):
        assert opening(preamble, memoryview(begin + ahead), skip) == (b"", 0)


def test_headers_that_are_damaged_open_nothing(ogg_aac_encode: Encode) -> None:
    """Without them it cannot be told how long a packet lasts: the listener begins with the page as it is."""
    reader = OggReader(io.BytesIO(ogg_aac_encode("opus", seconds=2).read_bytes()), 7)
    view = memoryview(bytearray(1 << 17))
    block = reader.fill(view, 48000)
    assert opening(b"OggS", view[: block.length], 480) == (b"", 0)
