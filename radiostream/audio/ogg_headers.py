"""The header packets of a logical Ogg stream: Vorbis, Opus and FLAC-in-Ogg, told apart, checked and made small.

A listener gets these packets before any audio, so pictures and other entries of more than a few kilobytes are taken
out of the comment while it passes by; however large they are, they are never in memory. Pure. Formats: the Vorbis I
specification, RFC 7845 (Opus), xiph.org's "Ogg FLAC mapping" and RFC 9639 (FLAC's own blocks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.frames import AudioError, Params
from radiostream.audio.ogg_page import BOS, CONTINUED, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.audio.ogg_page import Page, PageScanner

VORBIS: Final = "vorbis"
OPUS: Final = "opus"
FLAC: Final = "flac"

OPUS_HZ: Final = 48000
"""Opus counts its time at this rate, whatever was fed to the encoder."""

_MOST_STREAMS: Final = 64
_MOST_HEADERS: Final = 32 << 20
_LARGEST_PACKET: Final = 256 << 10
_LARGEST_ENTRY: Final = 4096
_MOST_ENTRIES: Final = 32 << 10
_PICTURES: Final = (b"METADATA_BLOCK_PICTURE=", b"COVERART")
_RATES_HZ: Final = range(1000, 1_000_000)

_FLAC_FIRST_PACKET: Final = 51
_FLAC_COMMENT: Final = 4
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
    """Header packets behind it in the file."""
    longest_packet: int
    """Ticks that no packet's audio exceeds."""
    pre_skip: int = 0
    """Ticks at the beginning that a decoder throws away although granule positions count them (Opus)."""
    lead: int = 0
    """Ticks by which the granule positions sent run ahead of the file's."""
    key: bytes = b""
    """What else must be equal for another stream to be decoded by the same headers; empty: none is."""


class Link(NamedTuple):
    """One logical stream of a file, ready to be played: its audio pages follow in the scanner."""

    ident: Ident
    serial: int
    """Its serial number in the file."""
    packets: list[bytes]
    """The header packets to send."""
    is_alone: bool
    """No other stream shares the file's pages."""

    @property
    def key(self) -> bytes:
        """Links of equal, not empty keys can follow one another as one stream: only their comments differ."""
        return self.ident.key and self.ident.key + b"".join(self.packets[2:])


def read_link(scanner: PageScanner) -> Link:
    """The next link's first playable stream with its headers. Raises `AudioError` with the reason why there is none."""
    firsts = _first_pages(scanner)
    for first in firsts:
        ident = _read_ident(first)
        if ident is not None:
            packets = [ident.packet, *_read_packets(scanner, first.serial, ident)]
            return Link(ident, first.serial, packets, len(firsts) == 1)
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


def _read_packets(scanner: PageScanner, serial: int, ident: Ident) -> list[bytes]:
    """The header packets to send behind the first one. Audio begins on a page of its own: what else is on the last
    page of headers is left out."""
    most = scanner.position + _MOST_HEADERS
    packets: list[bytes] = []
    seen = 0
    sink: _Sink | None = None
    while seen < ident.headers:
        page = scanner.next(min(most, scanner.position + PATIENCE))
        if page is None or page.flags & BOS:
            raise AudioError("ends within its header pages")
        if page.serial != serial:
            continue
        if bool(page.flags & CONTINUED) != (sink is not None):
            raise AudioError("has damaged header pages")
        for part, is_end in page.fragments():
            sink = sink or _sink_for(ident.params.codec, part)
            sink.feed(part)
            if is_end:
                packets.append(sink.packet())
                seen, sink = seen + 1, None
    return _completed(ident.params.codec, packets[: ident.headers])


def _completed(codec: str, packets: list[bytes]) -> list[bytes]:
    kept = [packet for packet in packets if packet]
    if codec == FLAC:
        return kept[:1] or [_flac_comment(_entries([b""]))]
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


def _vorbis(packet: bytes) -> Ident:
    rate_hz, channels = int.from_bytes(packet[12:16], "little"), packet[11]
    short, long = 1 << (packet[28] & 15), 1 << (packet[28] >> 4)
    if any(packet[7:11]) or not 64 <= short <= long <= 8192:
        raise AudioError("has a broken Vorbis header")
    params, key = _params(VORBIS, rate_hz, channels), packet[11:16] + packet[28:29]
    return Ident(params, packet, 2, long // 2, lead=short // 2, key=key)


def _opus(packet: bytes) -> Ident:
    if packet[8] & 0xF0 or (packet[18] == 0 and packet[9] > 2):
        raise AudioError("has a broken Opus header")
    pre_skip = int.from_bytes(packet[10:12], "little")
    return Ident(_params(OPUS, OPUS_HZ, packet[9]), packet, 1, 5760, pre_skip, key=packet[9:10] + packet[16:])


def _flac(packet: bytes) -> Ident:
    """The number of header packets (and their last-block flag) is changed to the one comment that is sent."""
    bits = int.from_bytes(packet[27:31], "big")
    headers, longest = int.from_bytes(packet[7:9], "big"), int.from_bytes(packet[19:21], "big")
    if packet[5] != 1 or packet[9:13] != b"fLaC" or longest < 16:
        raise AudioError("has a broken FLAC header")
    if not headers:
        raise AudioError("is FLAC in Ogg that does not tell the number of its headers")
    sent = packet[:7] + b"\0\1fLaC" + bytes([packet[13] & ~_FLAC_LAST]) + packet[14:_FLAC_FIRST_PACKET]
    key = packet[17:21] + (bits >> 4).to_bytes(4, "big")
    return Ident(_params(FLAC, bits >> 12, (bits >> 9 & 7) + 1), sent, headers, longest, key=key)


def _params(codec: str, rate_hz: int, channels: int) -> Params:
    if rate_hz not in _RATES_HZ or not channels:
        raise AudioError(f"has a broken {codec.capitalize()} header: {channels} channels at {rate_hz} Hz")
    return Params(codec, rate_hz, channels)


_IDENTS: Final[tuple[tuple[bytes, int, Callable[[bytes], Ident]], ...]] = (
    (b"\x01vorbis", 30, _vorbis),
    (b"OpusHead", 19, _opus),
    (b"\x7fFLAC", _FLAC_FIRST_PACKET, _flac),
)


class _Sink:
    """Takes one header packet part by part; this one drops it."""

    def feed(self, part: bytes) -> None:
        """Take the next part. Raises `AudioError`."""

    def packet(self) -> bytes:
        """The packet to send, empty for none."""
        return b""


class _Whole(_Sink):
    """Keeps a packet as it is."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, part: bytes) -> None:
        """Take the next bytes of the packet, of any length; only what may still be needed of them is kept."""
        self._data += part
        if len(self._data) > _LARGEST_PACKET:
            raise AudioError(f"has a header packet of more than {_LARGEST_PACKET >> 10} KB")

    def packet(self) -> bytes:
        return bytes(self._data)


class _Comment(_Sink):
    """Keeps a comment's vendor and short entries while it passes by."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._data = bytearray()
        self._skip = _COMMENT_HEADS[codec]
        self._left: int | None = None
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, part: bytes) -> None:
        """Take the next bytes of the packet, of any length; only what may still be needed of them is kept."""
        self._data += part
        while self._left != 0 and self._data:
            if self._skip:
                passed = min(self._skip, len(self._data))
                self._skip -= passed
                del self._data[:passed]
            elif not self._take():
                return
        self._data.clear()

    def _take(self) -> bool:
        """Take the next field (vendor, number of entries, an entry) off the front; False: it is not all here yet."""
        if len(self._data) < 4:
            return False
        number = int.from_bytes(self._data[:4], "little")
        if self._kept and self._left is None:
            self._left = number
            self._skip = 4
            return True
        if 4 + number > len(self._data) and number <= _LARGEST_ENTRY:
            return False
        self._keep(bytes(self._data[4 : 4 + number]) if number <= _LARGEST_ENTRY else b"")
        self._skip = 4 + number
        return True

    def _keep(self, field: bytes) -> None:
        if self._left is not None:
            self._left -= 1
        self._size += len(field)
        is_wanted = field and self._size <= _MOST_ENTRIES and not field[:32].upper().startswith(_PICTURES)
        if is_wanted or not self._kept:
            self._kept.append(field)

    def packet(self) -> bytes:
        entries = _entries(self._kept or [b""])
        if self._codec == FLAC:
            return _flac_comment(entries)
        return b"\x03vorbis" + entries + b"\x01" if self._codec == VORBIS else b"OpusTags" + entries


_COMMENT_HEADS: Final = {VORBIS: 7, OPUS: 8, FLAC: 4}
"""Bytes of a comment packet before its vendor string."""


def _sink_for(codec: str, part: bytes) -> _Sink:
    """What to do with the header packet that begins with `part`."""
    if codec == FLAC:
        return _Comment(codec) if part[:1] and part[0] & 0x7F == _FLAC_COMMENT else _Sink()
    if part.startswith(b"\x03vorbis" if codec == VORBIS else b"OpusTags"):
        return _Comment(codec)
    if codec == VORBIS and part.startswith(b"\x05vorbis"):
        return _Whole()
    raise AudioError("has a header packet out of place")


def _entries(kept: list[bytes]) -> bytes:
    """A comment's body: the vendor, the number of the other entries, and those."""
    vendor, *entries = (len(entry).to_bytes(4, "little") + entry for entry in kept)
    return vendor + len(entries).to_bytes(4, "little") + b"".join(entries)


def _flac_comment(entries: bytes) -> bytes:
    return bytes([_FLAC_LAST | _FLAC_COMMENT]) + len(entries).to_bytes(3, "big") + entries
