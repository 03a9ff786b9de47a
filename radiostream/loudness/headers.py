"""The gain in the headers of Ogg streams: Opus's output gain, and the codebooks of Vorbis.

Pure; run by the producer's thread once a track. No audio page is touched. Opus: 1/256 dB in the first packet (RFC 7845,
5.1). Vorbis: each codebook with vectors has a minimum and a step as floats of 32 bits (Vorbis I, 3.2.1 and 9.2.2),
which scale the residue. Floor curves stay, so residue times a factor is sound times that factor.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from radiostream.audio.ogg_page import page_at, parse_page, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.audio.ogg_page import Page

_OPUS: Final = b"OpusHead"
_OPUS_GAIN_AT: Final = 16
_VORBIS_SETUP: Final = b"\x05vorbis"
_CODEBOOK_SYNC: Final = 0x564342
_MANTISSA_BITS: Final = 21
_MOST_ENTRIES: Final = 100_000
"""Codebook entries that are gone through; encoders make some 10,000 to 30,000."""
_GAIN_TAG: Final = re.compile(rb"R(?=(?:EPLAYGAIN|128)_(?:TRACK|ALBUM)_GAIN=)", re.IGNORECASE)
"""The first letter of a tag whose gain is in the header now: players that follow tags are not to apply it twice."""


class _UnreadableError(Exception):
    """This set-up header is not as the specification has it."""


def with_gain(preamble: bytes, gain_db: float) -> bytes | None:
    """The header pages of an Opus or Vorbis stream, with so much more gain; None where they cannot be changed."""
    pages = _pages(preamble)
    packets = _packets(pages)
    if len(packets) < 2 or not gain_db:
        return None
    if packets[0].startswith(_OPUS) and len(packets[0]) >= 18:
        packets[0] = _opus(packets[0], gain_db)
    elif len(packets) >= 3 and packets[2].startswith(_VORBIS_SETUP):
        try:
            packets[2] = _vorbis(packets[2], 10 ** (gain_db / 20))
        except _UnreadableError:
            return None
    else:
        return None
    packets[1] = _GAIN_TAG.sub(b"X", packets[1])
    return _laid_into(pages, b"".join(packets))


def _pages(preamble: bytes) -> list[Page]:
    pages, at = [], 0
    with memoryview(preamble) as view:
        while (page := page_at(view, at)) is not None:
            pages.append(page)
            at += len(page.data)
    return pages


def _packets(pages: list[Page]) -> list[bytes]:
    packets, unfinished = [], b""
    for page in pages:
        for part, is_end in page.fragments():
            unfinished += part
            if is_end:
                packets.append(unfinished)
                unfinished = b""
    return packets


def _laid_into(pages: list[Page], body: bytes) -> bytes:
    """The same pages around packets of the same sizes."""
    changed, at = [], 0
    for page in pages:
        size = sum(page.lacing)
        data = page.data[: len(page.data) - size] + body[at : at + size]
        at += size
        again = parse_page(data)
        stamp(data, again.flags, again.granule, again.serial, again.sequence)
        changed.append(bytes(data))
    return b"".join(changed)


def _opus(packet: bytes, gain_db: float) -> bytes:
    before = int.from_bytes(packet[_OPUS_GAIN_AT : _OPUS_GAIN_AT + 2], "little", signed=True)
    after = min(max(before + round(gain_db * 256), -32768), 32767)
    return packet[:_OPUS_GAIN_AT] + after.to_bytes(2, "little", signed=True) + packet[_OPUS_GAIN_AT + 2 :]


class _Bits:
    """A Vorbis packet as one integer, whose lowest bit is the first one; `value` is what has been changed."""

    def __init__(self, packet: bytes) -> None:
        self._words, self.value, self.at, self._size = packet, int.from_bytes(packet, "little"), 0, len(packet) * 8
        self.entries = 0
        """Of all codebooks passed so far."""

    def take(self, count: int) -> int:
        """The next bits. Raises `_UnreadableError` behind the end."""
        if self.at + count > self._size:
            raise _UnreadableError
        first, last = self.at >> 3, self.at + count + 7 >> 3
        word = int.from_bytes(self._words[first:last], "little") >> (self.at & 7)
        self.at += count
        return word & (1 << count) - 1


def _vorbis(packet: bytes, factor: float) -> bytes:
    """The set-up header with minimum and step of every codebook scaled."""
    bits = _Bits(packet[len(_VORBIS_SETUP) :])
    changes: list[tuple[int, int]] = []
    for _ in range(bits.take(8) + 1):
        _codebook(bits, lambda at, word: changes.append((at, word)), factor)
    value = bits.value
    for at, word in changes:
        value ^= word << at
    return _VORBIS_SETUP + value.to_bytes(len(packet) - len(_VORBIS_SETUP), "little")


def _codebook(bits: _Bits, change: Callable[[int, int], None], factor: float) -> None:
    """Pass one codebook; tells of each float where it lies and which of its bits change."""
    if bits.take(24) != _CODEBOOK_SYNC:
        raise _UnreadableError
    dimensions, entries = bits.take(16), bits.take(24)
    bits.entries += entries
    if bits.entries > _MOST_ENTRIES:
        raise _UnreadableError
    if bits.take(1):
        _ordered_lengths(bits, entries)
    else:
        is_sparse = bits.take(1)
        for _ in range(entries):
            if not is_sparse or bits.take(1):
                bits.take(5)
    lookup = bits.take(4)
    if not lookup:
        return
    if lookup > 2 or not dimensions:
        raise _UnreadableError
    for _ in range(2):
        at, word = bits.at, bits.take(32)
        change(at, word ^ _scaled(word, factor))
    value_bits = bits.take(4) + 1
    bits.take(1)
    values = _lookup1_values(entries, dimensions) if lookup == 1 else entries * dimensions
    bits.take(min(values, bits.value.bit_length()) * value_bits)


def _ordered_lengths(bits: _Bits, entries: int) -> None:
    bits.take(5)
    entry = 0
    while entry < entries:
        count = bits.take((entries - entry).bit_length())
        entry += count
        if entry > entries:
            raise _UnreadableError


def _lookup1_values(entries: int, dimensions: int) -> int:
    """The greatest number whose power of `dimensions` is not above `entries` (9.2.3)."""
    root = int(math.pow(entries, 1 / dimensions)) if entries else 0
    while (root + 1) ** dimensions <= entries:
        root += 1
    while root**dimensions > entries:
        root -= 1
    return root


def _scaled(word: int, factor: float) -> int:
    """A float of the specification (9.2.2: 21 bits of mantissa, 10 of exponent, a sign) times `factor`."""
    mantissa = word & 0x1FFFFF
    if not mantissa:
        return word
    exponent = (word >> _MANTISSA_BITS & 0x3FF) - 788
    fraction, power = math.frexp(mantissa * factor)
    scaled, exponent = round(math.ldexp(fraction, _MANTISSA_BITS)), exponent + power - _MANTISSA_BITS
    if scaled >> _MANTISSA_BITS:
        scaled, exponent = scaled >> 1, exponent + 1
    if not 0 <= exponent + 788 <= 0x3FF:
        raise _UnreadableError
    return word & 1 << 31 | exponent + 788 << _MANTISSA_BITS | scaled
