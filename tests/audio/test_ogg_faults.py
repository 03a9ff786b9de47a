"""Ogg as some programs write it: sound on header pages, granule positions that lie, false pages; and seeking."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from radiostream.audio import ogg_page
from radiostream.audio.frames import AudioError
from radiostream.audio.ogg import OggReader
from radiostream.audio.ogg_page import (
    BOS,
    CONTINUED,
    EOS,
    NO_GRANULE,
    Page,
    PageScanner,
    build_page,
    page_crc,
    parse_page,
    stamp,
    without_first,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[..., Any]

CODECS = ["vorbis", "opus", "flac"]
HEADERS = {"vorbis": 3, "opus": 2, "flac": 2}
SECONDS = 6


def pages_of(data: bytes) -> list[Page]:
    scanner = PageScanner(io.BytesIO(data))
    return list(iter(lambda: scanner.next(1 << 40), None))


def joined(pages: list[Page]) -> bytes:
    return b"".join(bytes(page.data) for page in pages)


def drain(reader: OggReader) -> float:
    """Read all that is left of the file; how many seconds that were."""
    view, seconds = memoryview(bytearray(1 << 20)), 0.0
    while (block := reader.fill(view, 48000)).length or reader.next_part():
        seconds += block.ticks_total / reader.tick_hz
    return seconds


def tone(encode: Encode, codec: str, seconds: float = SECONDS) -> bytes:
    return encode(codec, rate_hz=48000, seconds=seconds).read_bytes()


def merged(data: bytes, headers: int) -> bytes:
    """The last header and the first audio on one page."""
    pages = pages_of(data)
    ended, at = 0, -1
    while ended < headers:
        at += 1
        ended += pages[at].packets_ended
    last, first = pages[at], pages[at + 1]
    lacing = last.lacing + first.lacing
    assert len(lacing) <= 255
    body = bytes(last.data[27 + len(last.lacing) :] + first.data[27 + len(first.lacing) :])
    both = build_page(last.flags, first.granule, last.serial, last.sequence, lacing, body)
    return joined(pages[:at]) + bytes(both) + joined(pages[at + 2 :])


@pytest.mark.parametrize("codec", CODECS)
def test_audio_on_a_header_page(codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
    """Packets that share a page with the last header are sent too."""
    data = tone(ogg_aac_encode, codec)
    reader = OggReader(io.BytesIO(merged(data, HEADERS[codec])), 7)
    played = ogg_aac_play(reader)
    assert reader.duration_s == pytest.approx(SECONDS, abs=0.001)
    assert played.ticks == SECONDS * 48000
    assert ogg_aac_decode(reader.preamble + played.data, 2) == ogg_aac_decode(data, 2)


def test_flac_that_does_not_tell_its_headers(ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """A number of header packets of 0 means that it is unknown: audio begins with the first sync code."""
    data = tone(ogg_aac_encode, "flac")
    pages = pages_of(data)
    pages[0].data[28 + 7 : 28 + 9] = b"\0\0"
    pages[0].data[22:26] = page_crc(pages[0].data)
    open_reader, told_reader = OggReader(io.BytesIO(joined(pages)), 7), OggReader(io.BytesIO(data), 7)
    assert open_reader.preamble == told_reader.preamble
    assert ogg_aac_play(open_reader) == ogg_aac_play(told_reader)


GRANULES: dict[str, Callable[[int, int], int]] = {
    "all zero": lambda _index, _granule: 0,
    "halved": lambda _index, granule: granule // 2,
    "doubled": lambda _index, granule: granule * 2,
    "negative at first": lambda index, granule: -500 if index == 0 else granule,
    "too small at first": lambda index, granule: granule // 2 if index == 0 else granule,
    "all negative": lambda _index, granule: -1 - granule,
    "from an hour on": lambda _index, granule: granule + 3600 * 48000,
    "with a hole": lambda index, granule: granule + (48000 * 60 if index > 2 else 0),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("lie", GRANULES.values(), ids=GRANULES)
def test_packets_tell_the_time(
    codec: str, lie: Callable[[int, int], int], ogg_aac_encode: Encode, ogg_aac_play: Play
) -> None:
    """Whatever granule positions say: a track lasts as long as its packets, and what is sent counts them from 0."""
    data = tone(ogg_aac_encode, codec)
    pages = pages_of(data)
    audio = [page for page in pages if page.granule > 0]
    for index, page in enumerate(audio):
        stamp(page.data, page.flags, lie(index, page.granule), page.serial, page.sequence)
    reader = OggReader(io.BytesIO(joined(pages)), 7)
    played = ogg_aac_play(reader)
    assert played.ticks == pytest.approx(SECONDS * 48000, abs=2048)
    granules = [page.granule for page in pages_of(played.data)]
    assert granules == sorted(granules)
    assert 0 < granules[0] <= 65536
    assert granules[-1] == pytest.approx(SECONDS * 48000, abs=4096)


@pytest.mark.parametrize("codec", CODECS)
def test_one_page_without_a_granule(codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """A whole link on one page that tells nothing lasts as long as its packets: a track without time would play for
    ever."""
    data = tone(ogg_aac_encode, codec, seconds=0.1)
    pages = pages_of(data)
    stamp(pages[-1].data, EOS, 0, pages[-1].serial, pages[-1].sequence)
    played = ogg_aac_play(OggReader(io.BytesIO(joined(pages)), 7))
    assert played.ticks == pytest.approx(4800, abs=2048)


@pytest.mark.slow
def test_packets_without_time() -> None:
    """Empty packets for ever are no track."""
    head = b"OpusHead\1\2\0\0\0\0\0\0\0\0\0"
    pages = [build_page(BOS, 0, 1, 0, bytes([len(head)]), head)]
    tags = b"OpusTags" + bytes(8)
    pages.append(build_page(0, 0, 1, 1, bytes([len(tags)]), tags))
    pages += [build_page(0, 0, 1, 2 + index, bytes(255), b"") for index in range(20_000)]
    reader = OggReader(io.BytesIO(b"".join(pages)), 7)
    with pytest.raises(AudioError, match="without sound"):
        drain(reader)


def test_false_pages_have_a_budget(ogg_aac_encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only looks like pages is checked for some megabytes of a file, however many sound pages lie between."""
    checked: list[int] = []
    crc = ogg_page.page_crc

    def counted(page: bytes | bytearray) -> bytes:
        checked.append(len(page))
        return crc(page)

    monkeypatch.setattr(ogg_page, "page_crc", counted)
    false = b"OggS\0" + bytes(21) + b"\xff" * 256
    pages = pages_of(tone(ogg_aac_encode, "opus"))
    data = b"".join(false * 250 + page.data for page in pages * 50)
    checked.clear()
    with pytest.raises(AudioError, match="looks like Ogg"):
        drain(OggReader(io.BytesIO(data), 7))
    assert sum(checked) < 20 << 20


@pytest.mark.parametrize(
    ("lacing", "packets", "left", "is_continued"),
    [
        ([10, 20, 30], 0, [10, 20, 30], True),
        ([10, 20, 30], 1, [20, 30], False),
        ([255, 10, 20], 1, [20], False),
        ([10, 255, 255], 1, [255, 255], False),
        ([10, 20], 2, None, False),
        ([255], 1, None, False),
        ([], 1, None, False),
    ],
)
def test_without_first(lacing: list[int], packets: int, left: list[int] | None, is_continued: bool) -> None:
    """What lies behind the first packets, with their bytes."""
    body = b"".join(bytes([index]) * size for index, size in enumerate(lacing))
    page = parse_page(build_page(CONTINUED, 99, 7, 1, bytes(lacing), body))
    rest = without_first(page, packets)
    if left is None:
        assert rest is None
        return
    assert rest is not None
    assert list(rest.lacing) == left
    assert bytes(rest.data[27 + len(left) :]) == body[len(body) - sum(left) :]
    assert bool(rest.flags & CONTINUED) == is_continued
    assert rest.granule == (99 if any(size < 255 for size in left) else NO_GRANULE)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("position_s", [0.0, 0.3, 7.0, 29.0, 30.0, 99.0])
def test_seek(codec: str, position_s: float, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """It goes on with the page in which that second lies, says where that is, and the rest is as long as it says."""
    data = tone(ogg_aac_encode, codec, seconds=30)
    reader = OggReader(io.BytesIO(data), 7)
    whole = ogg_aac_play(OggReader(io.BytesIO(data), 7))
    reached_s = reader.seek(position_s)
    assert min(position_s, 30) - 2.5 <= reached_s <= position_s + 0.01
    rest = ogg_aac_play(reader)
    assert rest.ticks / 48000 == pytest.approx(30 - reached_s, abs=0.15)
    if rest.data:
        assert pages_of(rest.data)[0].sequence == pages_of(whole.data)[0].sequence
        assert pages_of(rest.data)[-1].data[27:] == pages_of(whole.data)[-1].data[27:]
    assert ogg_aac_play(reader).data == b""


@pytest.mark.parametrize("seconds", [30, 3])
@pytest.mark.parametrize("codec", CODECS)
def test_seek_reads_little(codec: str, seconds: int, ogg_aac_encode: Encode) -> None:
    """What it reads does not grow with the file: an hour is entered as cheaply as a minute. So it is where streams
    were glued together, and granule positions count a little less than the packets."""

    class Counting(io.BytesIO):
        read_bytes = 0

        def readinto(self, view: Any) -> int:
            got = super().readinto(view)
            self.read_bytes += got
            return got

    pages = pages_of(tone(ogg_aac_encode, codec, seconds=seconds))
    headers = [page for page in pages if page.granule == 0]
    audio = pages[len(headers) :]
    length = audio[-1].granule
    data, sequence = [bytes(page.data) for page in headers], len(headers)
    for turn in range(1800 // seconds):
        for page in audio:
            granule = page.granule + turn * length if page.granule >= 0 else NO_GRANULE
            stamp(page.data, page.flags & CONTINUED, granule, page.serial, sequence)
            sequence += 1
            data.append(bytes(page.data))
    file = Counting(b"".join(data))
    reader = OggReader(file, 7)
    file.read_bytes = 0
    assert reader.seek(1700) == pytest.approx(1700, abs=2.5)
    assert file.read_bytes < 5 << 20


@pytest.mark.parametrize("position_s", [0.5, 2.5, 6.9, 8.0, 11.0])
def test_seek_over_links(position_s: float, ogg_aac_encode: Encode) -> None:
    """A place may lie in a later link; each counts from its own begin."""
    links = [("vorbis", 3), ("opus", 4), ("flac", 3)]
    reader = OggReader(io.BytesIO(b"".join(tone(ogg_aac_encode, codec, seconds) for codec, seconds in links)), 7)
    reached_s = reader.seek(position_s)
    assert min(position_s, 10) - 1.5 <= reached_s <= position_s
    assert drain(reader) == pytest.approx(10 - reached_s, abs=0.1)


def test_seek_where_granules_lie(ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
    """By the bitrate then."""
    pages = pages_of(tone(ogg_aac_encode, "opus", seconds=30))
    for page in pages[2:]:
        stamp(page.data, page.flags, 0, page.serial, page.sequence)
    reader = OggReader(io.BytesIO(joined(pages)), 7)
    assert reader.duration_s == pytest.approx(30, rel=0.1)
    assert reader.seek(20) == pytest.approx(20, abs=2)
    assert ogg_aac_play(reader).ticks / 48000 == pytest.approx(10, abs=2.5)


def headers_of(pages: list[Page], codec: str) -> int:
    """How many pages hold the headers."""
    ended = 0
    for count, page in enumerate(pages, 1):
        ended += page.packets_ended
        if ended >= HEADERS[codec]:
            return count
    raise AssertionError("no headers")


def renamed(pages: list[Page], serial: int) -> bytes:
    """The pages as those of another logical stream."""
    parts = [bytearray(page.data) for page in pages]
    for part, page in zip(parts, pages, strict=True):
        stamp(part, page.flags, page.granule, serial, page.sequence)
    return b"".join(parts)


@pytest.mark.parametrize("codec", ["vorbis", "opus"])
def test_links_without_audio_are_passed(codec: str, ogg_aac_encode: Encode) -> None:
    """Headers that nothing follows are no part of the track; a file of nothing else ends after some of them."""
    data = tone(ogg_aac_encode, codec, 1)
    heads = pages_of(data)
    heads = heads[: headers_of(heads, codec)]
    few, many = (b"".join(renamed(heads, 1000 + number) for number in range(count)) for count in (3, 70))
    once = drain(OggReader(io.BytesIO(data), 7))
    assert drain(OggReader(io.BytesIO(data + few + renamed(pages_of(data), 9)), 7)) == pytest.approx(2 * once, abs=0.05)
    assert drain(OggReader(io.BytesIO(data + many + renamed(pages_of(data), 9)), 7)) == pytest.approx(once, abs=0.05)


@pytest.mark.parametrize("codec", CODECS)
def test_pages_between_the_headers(codec: str, ogg_aac_encode: Encode) -> None:
    """One of another logical stream is passed; one that says it goes on with what has not begun is damage."""
    pages = pages_of(tone(ogg_aac_encode, codec, 1))
    other = renamed(pages[1:2], 4711)
    plain = drain(OggReader(io.BytesIO(joined(pages)), 7))
    assert drain(OggReader(io.BytesIO(joined(pages[:1]) + other + joined(pages[1:])), 7)) == plain
    broken = bytearray(pages[1].data)
    stamp(broken, pages[1].flags | CONTINUED, pages[1].granule, pages[1].serial, pages[1].sequence)
    with pytest.raises(AudioError, match="damaged header pages"):
        OggReader(io.BytesIO(joined(pages[:1]) + bytes(broken) + joined(pages[2:])), 7)


@pytest.mark.parametrize("codec", CODECS)
def test_two_headers_on_the_first_page(codec: str, ogg_aac_encode: Encode) -> None:
    """What follows the first packet there is read, too, although no encoder writes that."""
    pages = pages_of(tone(ogg_aac_encode, codec, 1))
    first, second = pages[:2]
    body = bytes(first.data[27 + len(first.lacing) :] + second.data[27 + len(second.lacing) :])
    both = build_page(first.flags, second.granule, first.serial, 0, first.lacing + second.lacing, body)
    plain = drain(OggReader(io.BytesIO(joined(pages)), 7))
    assert drain(OggReader(io.BytesIO(bytes(both) + joined(pages[2:])), 7)) == pytest.approx(plain, abs=0.05)


@pytest.mark.parametrize("codec", ["vorbis", "opus"])
@pytest.mark.parametrize("lacing", [b"", b"\xff\xff\xff"], ids=["nothing", "the begin of a packet only"])
def test_pages_that_hold_no_packet(codec: str, lacing: bytes, ogg_aac_encode: Encode) -> None:
    """They are left out: what is sent decodes as before."""
    pages = pages_of(tone(ogg_aac_encode, codec, 2))
    at = headers_of(pages, codec) + 1
    odd = build_page(0, NO_GRANULE, pages[0].serial, pages[at].sequence, lacing, bytes(sum(lacing)))
    plain = drain(OggReader(io.BytesIO(joined(pages)), 7))
    with_odd = drain(OggReader(io.BytesIO(joined(pages[:at]) + bytes(odd) + joined(pages[at:])), 7))
    assert with_odd == pytest.approx(plain, abs=0.05)


class Failing(io.BytesIO):
    """A file whose disk fails from some moment on."""

    fails = False

    def readinto(self, buffer: Buffer, /) -> int:
        if self.fails:
            raise OSError("the disk is gone")
        return super().readinto(buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        if self.fails:
            raise OSError("the disk is gone")
        return super().read(size)


def test_nothing_follows_a_failure(ogg_aac_encode: Encode) -> None:
    """What was read is given out; then the failure is told, and no link is looked for behind it."""
    file = Failing(tone(ogg_aac_encode, "flac", 6))
    reader = OggReader(file, 7)
    file.fails = True
    with pytest.raises(OSError, match="the disk is gone"):
        drain(reader)
    assert not reader.next_part()
