"""The end of a link in the middle of a track: decoders hear no fault in it, and no bytes break it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.closing import closing, end_page
from radiostream.audio.frames import AAC, MP3, OGG
from radiostream.audio.ogg import OggReader
from radiostream.audio.ogg_page import CONTINUED, EOS, NO_GRANULE, Page, PageScanner, build_page, page_at, page_crc

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[..., Any]

SERIAL = 7
BODY = bytes(range(256)) * 3
MANY = 99
SAMPLES_COUNTED = ("-af", "asetpts=N/SR/TB")
"""Ffmpeg's own clock does not take links of less than 0.1 s, and warns; only what its decoders say matters here."""
VORBIS_OVERLAP = 128
"""Samples that ffmpeg makes of the seam of two Vorbis links, and by which a link's granule positions run ahead."""


def page(number: int, lacing: list[int], flags: int = 0, granule: int = 900) -> bytes:
    """A page whose packets have these lacing values."""
    return bytes(build_page(flags, granule, SERIAL, number, bytes(lacing), BODY[: sum(lacing)]))


def pages_of(data: bytes) -> list[Page]:
    """All sound pages; fails where bytes lie between them."""
    scanner = PageScanner(io.BytesIO(data))
    pages = []
    while found := scanner.next(1 << 40):
        pages.append(found)
    assert sum(len(found.data) for found in pages) == len(data)
    return pages


MIDDLE = page(5, [255, 255], CONTINUED, NO_GRANULE)
"""A page on which no packet ends."""

CASES = {
    "nothing": (b"", b""),
    "no page": (b"rubbish" * 10, b""),
    "a page cut short": (page(5, [10, 20])[:-1], b""),
    "a page cut short in its lacing values": (page(5, [10, 20])[:28], b""),
    "a page behind rubbish": (b"x" + page(5, [10]), b""),
    "whole packets": (page(5, [10, 20]), page(5, [10, 20], EOS)),
    "the end of a packet": (page(5, [255, 9], CONTINUED), page(5, [255, 9], CONTINUED | EOS)),
    "a packet that goes on": (page(5, [10, 255, 255]), page(5, [10], EOS)),
    "an end and a packet that goes on": (page(5, [3, 255], CONTINUED), page(5, [3], CONTINUED | EOS)),
    "the track's last page": (page(5, [10], EOS), page(5, [10], EOS)),
    "more pages": (page(5, [10]) + page(6, [20]), page(5, [10], EOS)),
    "a packet over two pages": (MIDDLE + page(6, [9, 255], CONTINUED), MIDDLE + page(6, [9], CONTINUED | EOS)),
    "a packet without an end": (MIDDLE * 3, b""),
    "a packet that rubbish ends": (MIDDLE + b"rubbish" * 10, b""),
}


@pytest.mark.parametrize(("ahead", "end"), CASES.values(), ids=CASES)
def test_next_page_is_the_last(ahead: bytes, end: bytes) -> None:
    """The next page that ends a packet ends the stream, without the begin of another packet."""
    assert closing(OGG, memoryview(ahead)) == end


@pytest.mark.parametrize("family", [MP3, AAC])
def test_frames_end_where_they_end(family: str) -> None:
    """Nothing is owed, whatever lies ahead."""
    assert closing(family, memoryview(page(5, [10]))) == b""


@pytest.mark.parametrize(("rate_hz", "channels", "seconds"), [(48000, 2, 5), (48000, 6, 2)])
@pytest.mark.parametrize("codec", ["vorbis", "vorbis by ffmpeg", "opus", "opus by ffmpeg", "flac", "flac by ffmpeg"])
def test_left_and_chained(
    codec: str,
    rate_hz: int,
    channels: int,
    seconds: float,
    ogg_aac_encode: Encode,
    ogg_aac_play: Play,
    ogg_aac_decode: Decode,
) -> None:
    """Skip after skip, then a whole track: each link ends with eos, and all decode without a word or a gap."""
    data = ogg_aac_encode(codec, rate_hz=rate_hz, channels=channels, seconds=seconds).read_bytes()
    sent, ticks = b"", 0
    for serial, before in enumerate((0, 1, 2, 4, MANY), 1):
        reader = OggReader(io.BytesIO(data), serial)
        pages = ogg_aac_play(reader, seconds=0).pieces
        ahead = b"".join(pages[before:])
        end = closing(OGG, memoryview(ahead))
        assert bool(end) == bool(ahead)
        link = reader.preamble + b"".join(pages[:before]) + end
        assert [found.flags & EOS for found in pages_of(link)][-2:] == [0, EOS]
        sent += link
        ticks += ogg_aac_play(OggReader(io.BytesIO(link))).ticks
    decoded = ogg_aac_decode(sent, channels, after=SAMPLES_COUNTED)
    assert decoded.complaints == []
    assert abs(decoded.samples - ticks) <= 4 * VORBIS_OVERLAP  # less than a packet of any codec


def check(ahead: bytes) -> None:
    """What comes is empty, or what lies ahead up to a last page with eos, on which a packet ends and none goes on."""
    end = closing(OGG, memoryview(ahead))
    assert closing(OGG, memoryview(end)) == end
    at, last = 0, page_at(memoryview(end), 0)
    while last is not None and at + len(last.data) < len(end):
        assert not last.packets_ended
        at += len(last.data)
        last = page_at(memoryview(end), at)
    assert end[:at] == ahead[:at]
    if end:
        assert last is not None
        assert last.packets_ended
        assert not last.is_unfinished
        assert last.flags & EOS
        assert page_crc(last.data) == last.data[22:26]


PIECES = st.binary(max_size=40) | st.sampled_from(
    [b"OggS\0", MIDDLE, page(5, [10, 255]), page(6, [9, 255], CONTINUED), page(7, [])]
)


@given(st.lists(PIECES, max_size=8).map(b"".join))
def test_any_bytes(ahead: bytes) -> None:
    """Random bytes and torn pages raise nothing."""
    check(ahead)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9), st.binary(max_size=9)), max_size=6))
def test_mutated(edits: list[tuple[int, int, bytes]]) -> None:
    """Neither does anything that becomes of pages."""
    ahead = MIDDLE + page(6, [9, 255], CONTINUED) + page(7, [255, 40], CONTINUED)
    for where, gone, new in edits:
        at = len(ahead) * where // 1000
        ahead = ahead[:at] + new + ahead[at + gone :]
    check(ahead)


class Overwritten:
    """A buffer whose bytes are others each time they are looked at."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __getitem__(self, part: slice) -> bytes:
        pages = [MIDDLE, page(6, [9, 255], CONTINUED), page(7, [255] * 2), b"OggS\0" + self._random.randbytes(600)]
        return b"".join(self._random.choices(pages, k=3))


@given(st.integers(0, 1 << 32))
def test_overwritten_meanwhile(seed: int) -> None:
    """A listener may look at a buffer that the producer is filling anew: what comes is void then, but it comes."""
    assert isinstance(closing(OGG, cast(memoryview, Overwritten(seed))), bytes)


@pytest.mark.parametrize(
    ("behind", "end"),
    [
        (b"", None),
        (b"rubbish", None),
        (page(5, [10, 20]), 6),
        (page(5, [10]) + page(6, [9, 255]), 7),
        (page(0xFFFFFFFF, [10]), 0),
        (page(5, [10], EOS), None),
        (page(5, [10]) + page(6, [10])[:-1], 6),
    ],
)
def test_an_empty_page_ends_what_has_been_sent(behind: bytes, end: int | None) -> None:
    """The next in sequence, with no packet; none where nothing was sent, or it has ended already."""
    tail = end_page(memoryview(behind))
    if end is None:
        assert tail == b""
    else:
        (last,) = pages_of(tail)
        assert (last.flags, last.granule, last.serial, last.sequence, last.lacing) == (
            EOS,
            NO_GRANULE,
            SERIAL,
            end,
            b"",
        )
