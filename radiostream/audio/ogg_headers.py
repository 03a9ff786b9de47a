"""The header packets of a logical Ogg stream: Vorbis, Opus and FLAC-in-Ogg, told apart, checked and made small.

A listener gets these packets before any audio, so pictures and other entries of more than a few kilobytes are taken
out of the comment while it passes by; however large they are, they are never in memory. Pure. Formats: the Vorbis I
specification, RFC 7845 (Opus), xiph.org's "Ogg FLAC mapping" and RFC 9639 (FLAC's own blocks).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.frames import AudioError, Params
from radiostream.audio.ogg_comment import Sink, entries, flac_comment, sink_for
from radiostream.audio.ogg_packets import FLAC, OPUS, VORBIS, FlacClock, OpusClock, VorbisClock
from radiostream.audio.ogg_page import BOS, CONTINUED, PATIENCE, without_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiostream.audio.ogg_packets import PacketClock
    from radiostream.audio.ogg_page import Page, PageScanner

OPUS_HZ: Final = 48000
"""Opus counts its time at this rate, whatever was fed to the encoder."""

_MOST_STREAMS: Final = 64
_MOST_HEADERS: Final = 32 << 20
_RATES_HZ: Final = range(1000, 1_000_000)

_FLAC_FIRST_PACKET: Final = 51
_FLAC_LAST: Final = 0x80

_OTHERS: Final = (
    (b"\x80theora", "Theora video"),
    (b"\x01video", "OGM video"),
    (b"BBCD", "Dirac video"),
    (b"Speex   ", "Speex"),
    (b"CELT", "CELT"),
    (b"fLaC", "FLAC in Ogg as it was before 2004"),
)


class Ident(NamedTuple):
    """What the first packet of a logical stream says."""

    params: Params
    packet: bytes
    """The packet as it is to be sent."""
    headers: int
    """Header packets behind it in the file; 0 where it does not tell."""
    longest_packet: int
    """Ticks that no packet's audio exceeds."""
    pre_skip: int = 0
    """Ticks at the beginning that a decoder throws away although granule positions count them (Opus)."""
    lead: int = 0
    """Ticks by which the granule positions sent run ahead of the sound."""


class Link(NamedTuple):
    """One logical stream of a file, ready to be played: its audio pages follow in the scanner."""

    ident: Ident
    params: Params
    """Those of `ident`, and what the other headers decide."""
    serial: int
    """Its serial number in the file."""
    packets: list[bytes]
    """The header packets to send."""
    is_alone: bool
    """No other stream shares the file's pages."""
    rest: Page | None
    """What follows the last header packet on its page: the first audio. Encoders begin a new page there, as they
    should (Vorbis I, A.2; RFC 7845, 3); some programs that edit tags do not."""

    def clock(self) -> PacketClock:
        """What tells how long its packets last."""
        if self.params.codec == OPUS:
            return OpusClock()
        if self.params.codec == FLAC:
            return FlacClock(self.ident.longest_packet)
        return VorbisClock(*_vorbis_blocks(self.packets[0]), self.packets[-1])


def read_link(scanner: PageScanner) -> Link:
    """The next link's first playable stream with its headers. Raises `AudioError` with the reason why there is none."""
    firsts = _first_pages(scanner)
    for first in firsts:
        ident = _read_ident(first)
        if ident is not None:
            others, rest = _read_packets(scanner, first, ident)
            packets = [ident.packet, *others]
            return Link(ident, _params_of(ident, packets), first.serial, packets, len(firsts) == 1, rest)
    names = {name for first in firsts for magic, name in _OTHERS if first.data[27:].find(magic, 0, 64) >= 0}
    raise AudioError(f"holds {' and '.join(sorted(names)) or 'nothing known'}, neither Vorbis nor Opus nor FLAC")


def _first_pages(scanner: PageScanner) -> list[Page]:
    """The first pages of all streams that begin here; the scanner then stands behind them."""
    limit = scanner.position + PATIENCE
    firsts: list[Page] = []
    while len(firsts) < _MOST_STREAMS and (page := scanner.next(limit)) is not None:
        if page.flags & BOS:
            firsts.append(page)
        elif firsts:
            scanner.back(page)
            break
    if not firsts:
        raise AudioError("has no Ogg header pages")
    return firsts


def _params_of(ident: Ident, packets: list[bytes]) -> Params:
    """In Vorbis the block sizes and the third header, which holds the codebooks, decide decoding."""
    params = ident.params
    if params.codec != VORBIS:
        return params
    digest = zlib.crc32(packets[-1], zlib.crc32(ident.packet[28:29]))
    return Params(VORBIS, params.rate_hz, params.channels, f"set-up {digest:08x}")


def _read_packets(scanner: PageScanner, first: Page, ident: Ident) -> tuple[list[bytes], Page | None]:
    """The header packets to send behind the first one, and what follows the last one on its page."""
    packets: list[bytes] = []
    sink: Sink | None = None
    for page in _header_pages(scanner, first):
        if bool(page.flags & CONTINUED) != (sink is not None):
            raise AudioError("has damaged header pages")
        ended = 0
        for part, is_end in page.fragments():
            if sink is None and _is_behind_headers(ident, packets, part):
                return _completed(ident.params.codec, packets), without_first(page, ended)
            sink = sink or sink_for(ident.params.codec, part)
            sink.feed(part)
            if is_end:
                packets.append(sink.packet())
                ended, sink = ended + 1, None
        if sink is None and _is_behind_headers(ident, packets, b""):
            return _completed(ident.params.codec, packets), None
    raise AudioError("ends within its header pages")


def _header_pages(scanner: PageScanner, first: Page) -> Iterator[Page]:
    """The pages that may hold header packets: what follows the first packet on its page, and the stream's next ones."""
    if rest := without_first(first, 1):
        yield rest
    most = scanner.position + _MOST_HEADERS
    while (page := scanner.next(min(most, scanner.position + PATIENCE))) and not page.flags & BOS:
        if page.serial == first.serial:
            yield page


def _is_behind_headers(ident: Ident, packets: list[bytes], part: bytes) -> bool:
    """Whether the packet that begins with `part` (empty: any) is audio, or there are as many headers as there are to
    be. FLAC need not tell their number (RFC 9639, 10.1); its audio begins with a sync code, which no header has."""
    if ident.headers:
        is_audio = ident.params.codec == FLAC and part[:1] == b"\xff"
        return len(packets) >= ident.headers or is_audio
    return part[:1] == b"\xff"


def _completed(codec: str, packets: list[bytes]) -> list[bytes]:
    kept = [packet for packet in packets if packet]
    if codec == FLAC:
        return kept[:1] or [flac_comment(entries([b""]))]
    return kept


def _read_ident(page: Page) -> Ident | None:
    """The stream that begins with `page`, None where it is of no codec that is played. Raises `AudioError`."""
    packet, is_whole = next(page.fragments(), (b"", False))
    for magic, size, read in _IDENTS:
        if packet.startswith(magic):
            if not is_whole or len(packet) < size:
                raise AudioError("has a broken header")
            return read(packet)
    return None


def _vorbis_blocks(packet: bytes) -> tuple[int, int]:
    return 1 << (packet[28] & 15), 1 << (packet[28] >> 4)


def _vorbis(packet: bytes) -> Ident:
    rate_hz, channels = int.from_bytes(packet[12:16], "little"), packet[11]
    short, long = _vorbis_blocks(packet)
    if any(packet[7:11]) or not 64 <= short <= long <= 8192:
        raise AudioError("has a broken Vorbis header")
    return Ident(_params(VORBIS, rate_hz, channels), packet, 2, long // 2, lead=short // 2)


def _opus(packet: bytes) -> Ident:
    if packet[8] & 0xF0 or (packet[18] == 0 and packet[9] > 2):
        raise AudioError("has a broken Opus header")
    pre_skip = int.from_bytes(packet[10:12], "little")
    return Ident(_params(OPUS, OPUS_HZ, packet[9], _opus_setup(packet)), packet, 1, 5760, pre_skip)


def _opus_setup(packet: bytes) -> str:
    """The mapping where it is not that of plain mono and stereo, and the output gain: Chromium and ffmpeg keep both
    over the begin of a further link (RFC 7845, 5.1)."""
    channels, gain = packet[9], int.from_bytes(packet[16:18], "little", signed=True)
    table = packet[19 : 21 + channels]
    is_plain = packet[18] == 0 or (packet[18] == 1 and table in (b"\1\0\0", b"\1\1\0\1"))
    mapping = "" if is_plain else f"mapping {packet[18]} {table.hex()}"
    return ", ".join(part for part in (mapping, f"gain {gain / 256:+.1f} dB" if gain else "") if part)


def _flac(packet: bytes) -> Ident:
    """The number of header packets (and their last-block flag) is changed to the one comment that is sent."""
    bits = int.from_bytes(packet[27:31], "big")
    headers, longest = int.from_bytes(packet[7:9], "big"), int.from_bytes(packet[19:21], "big")
    if packet[5] != 1 or packet[9:13] != b"fLaC" or longest < 16:
        raise AudioError("has a broken FLAC header")
    sent = packet[:7] + b"\0\1fLaC" + bytes([packet[13] & ~_FLAC_LAST]) + packet[14:_FLAC_FIRST_PACKET]
    setup = f"{(bits >> 4 & 31) + 1} bit, blocks of {longest}"
    return Ident(_params(FLAC, bits >> 12, (bits >> 9 & 7) + 1, setup), sent, headers, longest)


def _params(codec: str, rate_hz: int, channels: int, setup: str = "") -> Params:
    if rate_hz not in _RATES_HZ or not channels:
        raise AudioError(f"has a broken {codec.capitalize()} header: {channels} channels at {rate_hz} Hz")
    return Params(codec, rate_hz, channels, setup)


_IDENTS: Final[tuple[tuple[bytes, int, Callable[[bytes], Ident]], ...]] = (
    (b"\x01vorbis", 30, _vorbis),
    (b"OpusHead", 19, _opus),
    (b"\x7fFLAC", _FLAC_FIRST_PACKET, _flac),
)
