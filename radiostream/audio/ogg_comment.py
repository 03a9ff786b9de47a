"""Header packets of an Ogg stream while they pass by: a comment is made small, a set-up header kept, others dropped.

A listener gets these packets before any audio, so pictures and other entries of more than a few kilobytes are taken
out of the comment; however large they are, they are never in memory. Pure. Formats: the Vorbis I specification, 5
(comments), RFC 7845, 5.2 (Opus) and RFC 9639, 8.6 (FLAC).
"""

from __future__ import annotations

from typing import Final

from radiostream.audio.frames import AudioError
from radiostream.audio.ogg_packets import FLAC, OPUS, VORBIS

_LARGEST_PACKET: Final = 256 << 10
_LARGEST_ENTRY: Final = 4096
_MOST_ENTRIES: Final = 32 << 10
_PICTURES: Final = (b"METADATA_BLOCK_PICTURE=", b"COVERART")
_FLAC_COMMENT: Final = 4

_FLAC_LAST: Final = 0x80


class Sink:
    """Takes one header packet part by part; this one drops it."""

    def feed(self, part: bytes) -> None:
        """Take the next part. Raises `AudioError`."""

    def packet(self) -> bytes:
        """The packet to send, empty for none."""
        return b""


class _Whole(Sink):
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


class _Comment(Sink):
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
        body = entries(self._kept or [b""])
        if self._codec == FLAC:
            return flac_comment(body)
        return b"\x03vorbis" + body + b"\x01" if self._codec == VORBIS else b"OpusTags" + body


_COMMENT_HEADS: Final = {VORBIS: 7, OPUS: 8, FLAC: 4}
"""Bytes of a comment packet before its vendor string."""


def sink_for(codec: str, part: bytes) -> Sink:
    """What to do with the header packet that begins with `part`."""
    if codec == FLAC:
        return _Comment(codec) if part[:1] and part[0] & 0x7F == _FLAC_COMMENT else Sink()
    if part.startswith(b"\x03vorbis" if codec == VORBIS else b"OpusTags"):
        return _Comment(codec)
    if codec == VORBIS and part.startswith(b"\x05vorbis"):
        return _Whole()
    raise AudioError("has a header packet out of place")


def entries(kept: list[bytes]) -> bytes:
    """A comment's body: the vendor, the number of the other entries, and those."""
    vendor, *entries = (len(entry).to_bytes(4, "little") + entry for entry in kept)
    return vendor + len(entries).to_bytes(4, "little") + b"".join(entries)


def flac_comment(body: bytes) -> bytes:
    """A comment as FLAC's last header packet."""
    return bytes([_FLAC_LAST | _FLAC_COMMENT]) + len(body).to_bytes(3, "big") + body
