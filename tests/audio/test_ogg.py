"""Ogg: what is sent decodes without a word wherever it is joined, and no bytes break the reader."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.frames import WIDEST_FRAME, AudioError, Params
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
    paged,
    parse_page,
    stamp,
    trimmed,
)

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[[bytes, int], Any]
Edits = list[tuple[int, int, bytes]]

if TYPE_CHECKING:
    from typing_extensions import Buffer

MANY = 1 << 40
CODECS = ["vorbis", "opus", "flac"]
SHAPES = [(8000, 1, 0.1), (8000, 1, 3), (44100, 2, 0.1), (44100, 2, 3), (48000, 6, 3)]


def pages_of(data: bytes) -> list[Page]:
    """All sound pages; fails where bytes lie between them."""
    scanner = PageScanner(io.BytesIO(data))
    pages = []
    while page := scanner.next(MANY):
        pages.append(page)
    assert sum(len(page.data) for page in pages) == len(data)
    return pages


def joined(pages: list[Page]) -> bytes:
    return b"".join(page.data for page in pages)


def tone(encode: Encode, codec: str = "vorbis", **shape: float) -> bytes:
    return encode(codec, **shape).read_bytes()


def slow_crc(page: bytes) -> int:
    """The CRC as RFC 3533 describes it, bit by bit."""
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


class TestPages:
    @given(st.binary(min_size=27, max_size=200))
    def test_crc(self, page: bytes) -> None:
        """The fast CRC is the one of the specification, whatever the CRC field holds."""
        assert page_crc(page) == slow_crc(page).to_bytes(4, "little")

    def test_encoders_agree(self, ogg_aac_encode: Encode) -> None:
        """Pages as encoders write them have the CRC that we compute."""
        pages = pages_of(tone(ogg_aac_encode))
        assert [page_crc(page.data) for page in pages] == [page.data[22:26] for page in pages]

    def test_stamp(self) -> None:
        """A stamped page has the new fields and a CRC that fits, and the old packets."""
        data = build_page(CONTINUED, 5, 7, 1, b"\3", b"abc")
        stamp(data, EOS, 6, 8, 2)
        assert pages_of(bytes(data)) == [Page(data, EOS, 6, 8, 2, b"\3")]
        assert data.endswith(b"abc")

    @given(st.lists(st.binary(max_size=100_000), min_size=1, max_size=4))
    @settings(max_examples=30)
    def test_paged(self, packets: list[bytes]) -> None:
        """Packets laid into pages come out of the pages again; none is wider than a page may be."""
        pages = [parse_page(data) for data in paged(packets, 7, 3)]
        assert [page.sequence for page in pages] == list(range(3, 3 + len(pages)))
        found, open_packet = [], b""
        for page in pages:
            assert bool(page.flags & CONTINUED) == bool(open_packet)
            for part, is_end in page.fragments():
                open_packet += part
                if is_end:
                    found.append(open_packet)
                    open_packet = b""
        assert found == packets

    @pytest.mark.parametrize(
        ("lacing", "head", "tail", "left"),
        [
            ([10, 20, 30], True, False, [20, 30]),
            ([255, 255, 10, 20], True, False, [20]),
            ([255, 255], True, False, []),
            ([10, 255, 255], False, True, [10]),
            ([255, 255], False, True, []),
            ([10, 20], False, True, [10, 20]),
            ([10, 5, 255], True, True, [5]),
            ([], True, True, []),
        ],
    )
    def test_trimmed(self, lacing: list[int], head: bool, tail: bool, left: list[int]) -> None:
        """Halves of packets go, whole packets stay; without a packet's end there is no granule position."""
        body = b"".join(bytes([index]) * size for index, size in enumerate(lacing))
        page = parse_page(build_page(CONTINUED, 99, 7, 1, bytes(lacing), body))
        result = trimmed(page, head=head, tail=tail)
        assert list(result.lacing) == left
        assert len(result.data) == 27 + len(left) + sum(left)
        assert result.granule == (99 if any(size < 255 for size in left) else NO_GRANULE)
        assert bool(result.flags & CONTINUED) != head

    def test_scanner_gives_back(self) -> None:
        """A page given back comes again."""
        scanner = PageScanner(io.BytesIO(build_page(0, 0, 1, 0, b"\1", b"a")))
        page = scanner.next(MANY)
        assert page is not None
        scanner.back(page)
        assert scanner.next(MANY) == page
        assert scanner.next(MANY) is None


class TestStream:
    @pytest.mark.parametrize("codec", CODECS)
    @pytest.mark.parametrize(("rate_hz", "channels", "seconds"), SHAPES)
    def test_whole(
        self,
        codec: str,
        rate_hz: int,
        channels: int,
        seconds: float,
        ogg_aac_encode: Encode,
        ogg_aac_play: Play,
        ogg_aac_decode: Decode,
    ) -> None:
        """What is sent decodes without a word to as many samples as the file itself, and lasts as long as it does."""
        data = tone(ogg_aac_encode, codec, rate_hz=rate_hz, channels=channels, seconds=seconds)
        reader = OggReader(io.BytesIO(data), 7)
        played = ogg_aac_play(reader)
        assert reader.params == Params(codec, 48000 if codec == "opus" else rate_hz, channels, reader.params.setup)
        assert reader.duration_s == pytest.approx(seconds, abs=0.001)
        assert played.ticks / reader.tick_hz == pytest.approx(seconds, abs=0.001)
        assert ogg_aac_decode(reader.preamble + played.data, channels) == ogg_aac_decode(data, channels)
        assert ogg_aac_decode(data, channels).complaints == []

    @pytest.mark.parametrize("codec", CODECS)
    def test_numbering(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Pages have our serial number, count up from the headers, begin with bos and end with eos."""
        reader = OggReader(io.BytesIO(tone(ogg_aac_encode, codec)), 0xFEDCBA98)
        pages = pages_of(reader.preamble + ogg_aac_play(reader).data)
        assert {page.serial for page in pages} == {0xFEDCBA98}
        assert [page.sequence for page in pages] == list(range(len(pages)))
        assert [page.flags & BOS for page in pages] == [BOS] + [0] * (len(pages) - 1)
        assert [page.flags & EOS for page in pages] == [0] * (len(pages) - 1) + [EOS]

    def test_random_serial(self, ogg_aac_encode: Encode) -> None:
        """Without a serial number each reader takes one of its own."""
        data = tone(ogg_aac_encode)
        preambles = {OggReader(io.BytesIO(data)).preamble for _ in range(3)}
        assert len(preambles) == 3

    @pytest.mark.parametrize("codec", CODECS)
    @pytest.mark.parametrize("channels", [2, 6])
    def test_joined(
        self, codec: str, channels: int, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode
    ) -> None:
        """A listener who gets the preamble and then any start on hears the rest, but for a packet or two."""
        data = tone(ogg_aac_encode, codec, rate_hz=48000, channels=channels, seconds=5)
        reader = OggReader(io.BytesIO(data), 7)
        played = ogg_aac_play(reader)
        for offset, ticks in played.starts()[1::3]:
            decoded = ogg_aac_decode(reader.preamble + played.data[offset:], channels)
            assert decoded.complaints == []
            assert 0 <= played.ticks - ticks - decoded.samples <= 2 * 4608

    @pytest.mark.parametrize("codec", CODECS)
    @pytest.mark.parametrize("seconds", [(3, 2.2, 2.7), (3, 0.2, 0.25, 2)])
    def test_track_ends(
        self,
        codec: str,
        seconds: tuple[float, ...],
        ogg_aac_encode: Encode,
        ogg_aac_play: Play,
        ogg_aac_decode: Decode,
    ) -> None:
        """Tracks sent one after another decode as one stream, whatever little of its last packet a track keeps."""
        sent, ticks = b"", 0
        for serial, length in enumerate(seconds, 1):
            reader = OggReader(io.BytesIO(tone(ogg_aac_encode, codec, seconds=length)), serial)
            played = ogg_aac_play(reader)
            sent += reader.preamble + played.data
            ticks += played.ticks
        decoded = ogg_aac_decode(sent, 2)
        assert decoded.complaints == []
        assert decoded.samples == pytest.approx(ticks, abs=1024 * len(seconds))

    @pytest.mark.parametrize("codec", CODECS)
    def test_blocks_of_any_size(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Bytes, starts and times do not depend on how large the blocks are."""
        data = tone(ogg_aac_encode, codec)
        results = []
        for size, seconds in [(WIDEST_FRAME, 0.001), (65536, 0.5), (1 << 20, 100.0)]:
            played = ogg_aac_play(OggReader(io.BytesIO(data), 7), size, seconds)
            results.append((played.data, played.starts(), played.ticks))
        assert results[0] == results[1] == results[2]

    def test_kbps(self, ogg_aac_encode: Encode) -> None:
        """The bitrate is bytes by seconds, not what the header promises."""
        data = tone(ogg_aac_encode, "opus", seconds=5)
        assert OggReader(io.BytesIO(data)).kbps == pytest.approx(len(data) / 125 / 5, rel=0.05)


class TestHeaders:
    def with_comment(self, encode: Encode, codec: str, entries: list[bytes]) -> bytes:
        """A file whose comment has these entries."""
        pages = pages_of(tone(encode, codec))
        count = {"vorbis": 3, "opus": 2, "flac": 2}[codec]
        packets: list[bytes] = []
        parts, used = b"", 0
        while len(packets) < count:
            for part, is_end in pages[used].fragments():
                parts += part
                if is_end:
                    packets, parts = [*packets, parts], b""
            used += 1
        comment = b"\1\0\0\0v" + len(entries).to_bytes(4, "little")
        comment += b"".join(len(entry).to_bytes(4, "little") + entry for entry in entries)
        if codec == "flac":
            while pages[used].granule == 0:
                used += 1
            packets[0] = packets[0][:7] + b"\0\1" + packets[0][9:]
            packets[1] = b"\x84" + (len(comment) & 0xFFFFFF).to_bytes(3, "big") + comment
        else:
            packets[1] = b"\x03vorbis" + comment + b"\1" if codec == "vorbis" else b"OpusTags" + comment
        headers = paged(packets[:1], pages[0].serial, 0, BOS) + paged(packets[1:], pages[0].serial, 1)
        return b"".join(headers) + joined(pages[used:])

    @pytest.mark.parametrize("codec", CODECS)
    def test_cover(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """A picture of megabytes in the comment is not sent; title and artist around it are."""
        entries = [b"TITLE=One", b"metadata_block_picture=" + b"A" * 3_000_000, b"LYRICS=" + b"a" * 9000, b"ARTIST=Two"]
        data = self.with_comment(ogg_aac_encode, codec, entries)
        reader = OggReader(io.BytesIO(data), 7)
        assert len(reader.preamble) < 10_000
        assert b"TITLE=One" in reader.preamble
        assert b"ARTIST=Two" in reader.preamble
        assert b"AAAA" not in reader.preamble
        played = ogg_aac_play(reader)
        decoded = ogg_aac_decode(reader.preamble + played.data, 2)
        assert decoded == (played.ticks, [])

    def test_small_picture(self, ogg_aac_encode: Encode) -> None:
        """A picture goes even where it is small; entries of any case stay."""
        data = self.with_comment(ogg_aac_encode, "opus", [b"METADATA_BLOCK_PICTURE=AAAA", b"title=x", b""])
        preamble = OggReader(io.BytesIO(data), 7).preamble
        assert b"AAAA" not in preamble
        assert b"\1\0\0\0v\1\0\0\0\7\0\0\0title=x" in preamble

    def test_lying_comment(self, ogg_aac_encode: Encode) -> None:
        """A comment whose entry is longer than the packet is sent as far as it is sound."""
        data = self.with_comment(ogg_aac_encode, "opus", [b"title=x", b"LIE=" + b"x" * 50])
        lying = bytearray(data)
        at = lying.find(b"LIE=")
        lying[at - 4 : at] = b"\xff\xff\xff\x7f"
        begin = lying.rfind(b"OggS", 0, at)
        end = lying.find(b"OggS", at)
        lying[begin + 22 : begin + 26] = page_crc(lying[begin:end])
        preamble = OggReader(io.BytesIO(lying), 7).preamble
        assert b"title=x" in preamble
        assert b"LIE" not in preamble

    @pytest.mark.parametrize(
        ("packet", "reason"),
        [
            (b"\x80theora\3\2\1" + bytes(40), "holds Theora video, neither Vorbis nor Opus nor FLAC"),
            (b"Speex   1.2" + bytes(80), "holds Speex, neither"),
            (b"nothing", "holds nothing known"),
            (b"", "holds nothing known"),
            (b"OpusHead\1\0" + bytes(9), "broken Opus header: 0 channels"),
            (b"OpusHead\1\3" + bytes(9), "broken Opus header"),
            (b"OpusHead\1\2", "broken header"),
            (b"\x01vorbis" + bytes(23), "broken Vorbis header"),
            (b"\x01vorbis\0\0\0\0\2\0\0\0\0" + bytes(12) + b"\xb8\1", "broken Vorbis header: 2 channels at 0 Hz"),
            (b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22" + bytes(34), "broken FLAC header"),
        ],
    )
    def test_refused(self, packet: bytes, reason: str) -> None:
        """What is not played is refused with a reason that names it."""
        page = build_page(BOS, 0, 1, 0, bytes([len(packet)]), packet)
        with pytest.raises(AudioError, match=reason):
            OggReader(io.BytesIO(page))

    def test_no_audio(self, ogg_aac_encode: Encode) -> None:
        """Header pages alone are no track, and neither are half of them or none."""
        pages = pages_of(tone(ogg_aac_encode))
        for part, reason in [(pages[:2], "no audio"), (pages[:1], "within its header"), (pages[2:], "no Ogg header")]:
            with pytest.raises(AudioError, match=reason):
                OggReader(io.BytesIO(joined(part)))


class TestDamage:
    @pytest.mark.parametrize("codec", CODECS)
    def test_lost_pages(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """Damaged pages and rubbish are left out, and the time that they lasted with them."""
        data = tone(ogg_aac_encode, codec, rate_hz=48000, seconds=6)
        pages = pages_of(data)
        audio = len(pages) - 2
        pages[audio // 2].data[-1] ^= 1
        damaged = joined(pages[: audio // 3]) + b"OggS\0rubbish" * 50 + joined(pages[audio // 3 :])
        reader = OggReader(io.BytesIO(damaged), 7)
        played = ogg_aac_play(reader)
        sent = pages_of(reader.preamble + played.data)
        assert [page.sequence for page in sent] == list(range(len(sent)))
        decoded = ogg_aac_decode(reader.preamble + played.data, 2)
        assert decoded.samples == pytest.approx(played.ticks, abs=5000)
        assert played.ticks < 6 * 48000

    def test_torn_packets(self, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """Where a page is missing, no half packet is left in its neighbours: FLAC of noise spans every page."""
        data = tone(ogg_aac_encode, "flac", rate_hz=48000, channels=6, seconds=6)
        pages = pages_of(data)
        assert sum(page.is_unfinished for page in pages) > len(pages) // 2
        del pages[len(pages) // 2]
        reader = OggReader(io.BytesIO(joined(pages)), 7)
        played = ogg_aac_play(reader)
        decoded = ogg_aac_decode(reader.preamble + played.data, 6)
        assert decoded == (played.ticks, [])
        opened = False
        for page in pages_of(reader.preamble + played.data):
            assert bool(page.flags & CONTINUED) == opened
            opened = page.is_unfinished
        assert not opened

    @pytest.mark.parametrize("codec", CODECS)
    def test_cut_off(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """A last page that is cut off is left out, and eos is on the one before it."""
        data = tone(ogg_aac_encode, codec, seconds=5)
        reader = OggReader(io.BytesIO(data[:-100]), 7)
        played = ogg_aac_play(reader)
        assert pages_of(played.data)[-1].flags & EOS
        decoded = ogg_aac_decode(reader.preamble + played.data, 2)
        assert decoded.complaints == []
        assert decoded.samples == pytest.approx(played.ticks, abs=2048)

    def test_other_streams(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Of streams that share a file the first one that can be played is sent, alone."""
        data = tone(ogg_aac_encode)
        video = build_page(BOS, 0, 1, 0, b"\x2a", b"\x80theora" + bytes(35))
        pages = pages_of(data)
        mixed = video + pages[0].data
        for page in pages[1:]:
            mixed += page.data + build_page(0, 0, 1, 1, b"\5", b"video")
        alone, together = OggReader(io.BytesIO(data), 7), OggReader(io.BytesIO(mixed), 7)
        assert ogg_aac_play(together) == ogg_aac_play(alone)
        assert together.preamble == alone.preamble
        assert together.duration_s == alone.duration_s
        assert together.kbps == pytest.approx(alone.kbps, rel=0.1)

    @pytest.mark.parametrize("codec", CODECS)
    def test_chained_file(self, codec: str, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """Every link is a part with headers, serial number, begin and end of its own, whatever it is coded with."""
        shapes = [(48000, 2, 3), (48000, 2, 2), (8000, 1, 2)]
        links = [
            tone(ogg_aac_encode, codec, rate_hz=rate_hz, channels=channels, seconds=seconds)
            for rate_hz, channels, seconds in shapes
        ]
        reader = OggReader(io.BytesIO(b"".join(links)), 7)
        serials = set()
        for link, (_, channels, seconds) in zip(links, shapes, strict=True):
            alone = OggReader(io.BytesIO(link), 7)
            assert reader.params == alone.params
            assert reader.kbps == pytest.approx(alone.kbps, rel=0.15)
            played = ogg_aac_play(reader, is_part=True)
            assert played.ticks / reader.tick_hz == pytest.approx(seconds, abs=0.01)
            pages = pages_of(reader.preamble + played.data)
            assert [page.flags & (BOS | EOS) for page in pages] == [BOS] + [0] * (len(pages) - 2) + [EOS]
            serials |= {page.serial for page in pages}
            decoded = ogg_aac_decode(reader.preamble + played.data, channels)
            assert decoded == ogg_aac_decode(link, channels)
            has_more = reader.next_part()
        assert not has_more
        assert len(serials) == 3

    @pytest.mark.parametrize("codec", CODECS)
    @pytest.mark.parametrize("lengths", [(3, 3), (2, 4), (4, 1), (1, 4, 2)])
    def test_chained_measures(self, codec: str, lengths: tuple[int, ...], ogg_aac_encode: Encode) -> None:
        """The last link's granule positions are not taken for the whole file's, the bitrate is that of the audio."""
        parts = [tone(ogg_aac_encode, codec, rate_hz=48000, seconds=length) for length in lengths]
        reader = OggReader(io.BytesIO(b"".join(parts)), 7)
        assert reader.duration_s is None
        assert reader.kbps == pytest.approx(sum(map(len, parts)) / 125 / sum(lengths), rel=0.15)

    @pytest.mark.parametrize("codec", CODECS)
    def test_cut_measures(self, codec: str, ogg_aac_encode: Encode) -> None:
        """A last page that is not whole counts neither as time nor as bytes."""
        data = tone(ogg_aac_encode, codec, seconds=3)
        cut = OggReader(io.BytesIO(data[:-2000]), 7)
        assert cut.kbps == pytest.approx(OggReader(io.BytesIO(data), 7).kbps, rel=0.07)

    def test_chained_with_another_codec(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """A link of another codec is a part like any other; one that is not played ends the track, as does rubbish."""
        data, other = tone(ogg_aac_encode), tone(ogg_aac_encode, "opus")
        reader = OggReader(io.BytesIO(data + other), 7)
        assert ogg_aac_play(reader, is_part=True) == ogg_aac_play(OggReader(io.BytesIO(data), 7))
        assert reader.next_part()
        assert reader.params.codec == "opus"
        video = bytes(build_page(BOS, 0, 1, 0, b"\x2a", b"\x80theora" + bytes(35)))
        for end in (video, bytes(5 << 20), b""):
            reader = OggReader(io.BytesIO(data + end), 7)
            ogg_aac_play(reader, is_part=True)
            assert not reader.next_part()

    @pytest.mark.parametrize("granule", [-5, NO_GRANULE, 0, 1 << 40, (1 << 63) - 1])
    @pytest.mark.parametrize("codec", CODECS)
    def test_absurd_granules(self, codec: str, granule: int, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """A granule position that makes no sense is replaced by counting packets: never a flood, never a standstill."""
        pages = pages_of(tone(ogg_aac_encode, codec, rate_hz=48000, seconds=6))
        first = next(index for index, page in enumerate(pages) if page.granule > 0)
        for page in pages[first + 1 : -1]:
            stamp(page.data, page.flags, granule, page.serial, page.sequence)
        played = ogg_aac_play(OggReader(io.BytesIO(joined(pages)), 7))
        assert played.ticks / 48000 == pytest.approx(6, rel=0.25)

    def test_recorded_stream(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """A recording whose granule positions begin at an hour lasts as long as its packets do."""
        pages = pages_of(tone(ogg_aac_encode, "opus", seconds=5))
        for page in pages[2:]:
            stamp(page.data, page.flags, page.granule + 3600 * 48000, page.serial, page.sequence)
        reader = OggReader(io.BytesIO(joined(pages)), 7)
        assert reader.duration_s == pytest.approx(5, abs=0.05)
        assert ogg_aac_play(reader).ticks / 48000 == pytest.approx(5, abs=0.05)

    def test_endless_rubbish(self, ogg_aac_encode: Encode) -> None:
        """Megabytes without a page end the track as the end of its file would."""
        data = tone(ogg_aac_encode)
        reader = OggReader(io.BytesIO(data[:-100] + bytes(6 << 20)), 7)
        view = memoryview(bytearray(1 << 20))
        block = reader.fill(view, 1 << 30)
        assert pages_of(bytes(view[: block.length]))[-1].flags & EOS
        assert not reader.fill(view, 1 << 30).length
        assert not reader.next_part()

    def test_packet_without_end(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """A packet that never ends is no reason to send pages for ever."""
        pages = pages_of(tone(ogg_aac_encode))
        endless = [
            build_page(CONTINUED if index else 0, NO_GRANULE, pages[0].serial, 2 + index, b"\xff" * 255, bytes(65025))
            for index in range(100)
        ]
        reader = OggReader(io.BytesIO(joined(pages[:2]) + b"".join(endless)), 7)
        with pytest.raises(AudioError, match="MB without a page"):
            ogg_aac_play(reader)

    def test_failing_disk(self, ogg_aac_encode: Encode) -> None:
        """What was read before the disk failed is sent and ended, then the error is passed on."""

        class Failing(io.BytesIO):
            reads_left = 1000

            def readinto(self, view: Buffer) -> int:
                self.reads_left -= 1
                if self.reads_left < 0:
                    raise OSError(5, "Input/output error")
                return super().readinto(view)

        file = Failing(tone(ogg_aac_encode, "flac", seconds=6))
        reader = OggReader(file, 7)
        file.reads_left = 2
        view = memoryview(bytearray(1 << 20))
        block = reader.fill(view, 1 << 30)
        assert pages_of(bytes(view[: block.length]))[-1].flags & EOS
        with pytest.raises(OSError, match="Input/output"):
            reader.fill(view, 1 << 30)


@st.composite
def damage(draw: st.DrawFn) -> Edits:
    """Where in the file (per mille), how many bytes go, and what comes instead."""
    edits = st.tuples(st.integers(0, 999), st.integers(0, 400), st.binary(max_size=300))
    return draw(st.lists(edits, max_size=6))


def applied(data: bytes, edits: Edits, *, mend: bool) -> bytes:
    """The file after the damage; `mend` makes the CRCs right again, so that it gets behind that check."""
    damaged = bytearray(data)
    for where, gone, new in edits:
        at = len(damaged) * where // 1000
        damaged[at : at + gone] = new
    at = 0
    while mend and (at := damaged.find(b"OggS", at)) >= 0 and at + 27 <= len(damaged):
        end = at + 27 + damaged[at + 26] + sum(damaged[at + 27 : at + 27 + damaged[at + 26]])
        if end <= len(damaged):
            damaged[at + 22 : at + 26] = page_crc(damaged[at:end])
        at += 4
    return bytes(damaged)


def survey(data: bytes, size: int, ticks: int) -> tuple[bytes, list[tuple[int, int]], str]:
    """Everything that a reader makes of these bytes: what it sends, the starts, and its complaint."""
    sent, starts, length, passed = b"", [], 0, 0
    view = memoryview(bytearray(size))
    try:
        reader = OggReader(io.BytesIO(data), 7)
        while (block := reader.fill(view, ticks)).length:
            assert list(block.offsets) == sorted(set(block.offsets))
            assert list(block.ticks) == sorted(set(block.ticks))
            starts += [(length + at, passed + tick) for at, tick in zip(block.offsets, block.ticks, strict=True)]
            sent += view[: block.length]
            length, passed = length + block.length, passed + block.ticks_total
    except AudioError as error:
        return sent, starts, str(error)
    return sent, starts, ""


class TestHostile:
    @given(st.binary(max_size=4000), st.sampled_from([b"", b"OggS\0\2"]))
    def test_random(self, data: bytes, begin: bytes) -> None:
        """Random bytes raise nothing but the reader's own error."""
        with pytest.raises(AudioError):
            OggReader(io.BytesIO(begin + data))

    @pytest.mark.parametrize("codec", CODECS)
    def test_mutated(self, codec: str, ogg_aac_encode: Encode) -> None:
        """Whatever happens to a file: one kind of error, sound pages, the same result for all sizes of blocks."""
        data = tone(ogg_aac_encode, codec, rate_hz=8000, channels=1, seconds=3)

        @given(damage(), st.booleans(), st.integers(WIDEST_FRAME, 200_000), st.integers(0, 1 << 34))
        @settings(max_examples=100, deadline=None)
        def check(edits: Edits, mend: bool, size: int, ticks: int) -> None:
            damaged = applied(data, edits, mend=mend)
            result = survey(damaged, size, ticks)
            assert result == survey(damaged, WIDEST_FRAME, 4000)
            pages = pages_of(result[0])
            assert [page.flags & EOS for page in pages] == ([0] * (len(pages) - 1) + [EOS] if pages else [])

        check()

    def test_looks_like_pages(self) -> None:
        """A file made of what looks like large pages costs no more than its first few looks."""
        fake = b"OggS\0" + bytes(21) + b"\xff" * 256
        rng = random.Random(1)
        with pytest.raises(AudioError, match="looks like Ogg"):
            OggReader(io.BytesIO(fake * 10_000 + rng.randbytes(65536)))


@pytest.mark.parametrize("size", range(27, 40))
def test_the_head_of_a_page_is_cut(size: int) -> None:
    """It is no page, wherever in its head or its lacing the file ends."""
    page = build_page(0, 0, 1, 0, b"\x05" * 10, bytes(50))
    assert PageScanner(io.BytesIO(page[:size])).next(1 << 40) is None
