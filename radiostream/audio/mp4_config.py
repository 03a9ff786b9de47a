"""What an MP4 audio track is encoded with, down to the fields that an ADTS header needs. Pure.

Formats: ISO 14496-14 and Apple's QuickTime file format (sample entries), ISO 14496-1 (descriptors), ISO 14496-3
(AudioSpecificConfig). What ADTS cannot say is refused, as ffmpeg's adtsenc.c does.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from radiostream.audio.adts import CHANNELS, RATES_HZ
from radiostream.audio.frames import AudioError

_REFUSED: Final = {
    b"alac": "is ALAC, not AAC",
    b"enca": "is encrypted",
    b"drms": "is encrypted",
    b"ac-3": "is AC-3, not AAC",
    b"ec-3": "is E-AC-3, not AAC",
    b".mp3": "is MP3 in MP4, not AAC",
    b"Opus": "is Opus in MP4, not AAC",
    b"fLaC": "is FLAC in MP4, not AAC",
}
_AAC_TYPES: Final = (0x40, 0x66, 0x67, 0x68)
_MP3_TYPES: Final = (0x69, 0x6B)

_ENTRY_BYTES: Final = {0: 36, 1: 52, 2: 72}
"""Bytes of a sample entry before its boxes, by the entry's version."""
_ES, _DECODER, _SPECIFIC = 3, 4, 5
_DEEPEST: Final = 4

_SBR, _PS, _ESCAPE = 5, 29, 31
_SYNC_EXTENSION: Final = 0x2B7
_IN_ADTS: Final = range(1, 5)
"""Audio object types that the two bits of an ADTS header can name."""


class AacConfig(NamedTuple):
    """What is the same in all ADTS headers of a track."""

    object_type: int
    rate_index: int
    channel_config: int
    has_sbr: bool = False
    """Whether it says that SBR is used; where it does not, there may be SBR all the same."""

    @property
    def rate_hz(self) -> int:
        """Of the core: half of what comes out where SBR is used."""
        return RATES_HZ[self.rate_index]

    @property
    def channels(self) -> int:
        return CHANNELS[self.channel_config]


def read_config(entry: bytes) -> AacConfig:
    """From a sample entry (of a `stsd` box) with its header. Raises `AudioError` where ADTS cannot carry it."""
    kind = entry[4:8]
    if kind != b"mp4a":
        raise AudioError(_REFUSED.get(kind, f"is {kind.decode('latin-1').strip()!a} in MP4, not AAC"))
    boxes = _ENTRY_BYTES.get(int.from_bytes(entry[16:18], "big"))
    esds = _find_esds(entry[boxes:], 1) if boxes else b""
    if not esds:
        raise AudioError("is MP4 without a description of its AAC")
    return parse_specific(_specific(esds[4:]))


def _find_esds(boxes: bytes, depth: int) -> bytes:
    """The content of the `esds` box, which QuickTime puts into a `wave` box."""
    while len(boxes) >= 8 and depth < _DEEPEST:
        size, kind = int.from_bytes(boxes[:4], "big"), boxes[4:8]
        if size < 8:
            break
        if kind == b"esds":
            return boxes[8:size]
        if kind == b"wave" and (found := _find_esds(boxes[8:size], depth + 1)):
            return found
        boxes = boxes[size:]
    return b""


def _specific(data: bytes) -> bytes:
    """The AudioSpecificConfig within the descriptors of an `esds` box."""
    stream = _descriptor(data, _ES)
    if len(stream) < 3:
        return b""
    flags = stream[2]
    at = 3 + (2 if flags & 0x80 else 0)
    at += 1 + stream[at] if flags & 0x40 and at < len(stream) else 0
    at += 2 if flags & 0x20 else 0
    decoder = _descriptor(stream[at:], _DECODER)
    if decoder[:1] and decoder[0] not in _AAC_TYPES:
        what = "MP3" if decoder[0] in _MP3_TYPES else f"type {decoder[0]:#x}"
        raise AudioError(f"is {what} in MP4, not AAC")
    return _descriptor(decoder[13:], _SPECIFIC)


def _descriptor(data: bytes, tag: int) -> bytes:
    """The content of the first descriptor, if it has this tag; its length comes in up to four times 7 bits."""
    if data[:1] != bytes([tag]):
        return b""
    size = 0
    for at in range(1, min(5, len(data))):
        size = size << 7 | data[at] & 0x7F
        if not data[at] & 0x80:
            return data[at + 1 : at + 1 + size]
    return b""


class _Bits:
    """Reads numbers off the front of a few bytes; behind them are zeros."""

    def __init__(self, data: bytes) -> None:
        self._left = len(data) * 8
        self._bits = int.from_bytes(data, "big")

    def take(self, count: int) -> int:
        self._left -= count
        bits = self._bits >> self._left if self._left >= 0 else self._bits << -self._left
        return bits & ((1 << count) - 1)


def parse_specific(config: bytes) -> AacConfig:
    """From an AudioSpecificConfig (ISO 14496-3, 1.6.2.1); a header made of it names the core where SBR is used."""
    if len(config) < 2:
        raise AudioError("is MP4 without a description of its AAC")
    bits = _Bits(config[:64])
    object_type = _object_type(bits)
    rate_index = _rate_index(bits)
    channel_config = bits.take(4)
    has_sbr = object_type in (_SBR, _PS)
    if has_sbr:
        _rate_index(bits)
        object_type = _object_type(bits)
    if object_type not in _IN_ADTS:
        raise AudioError(f"is AAC of object type {object_type}, which cannot be streamed as ADTS")
    if rate_index >= len(RATES_HZ):
        raise AudioError("is AAC at a sample rate that cannot be streamed as ADTS")
    if not 0 < channel_config < len(CHANNELS):
        raise AudioError("is AAC in a channel layout that cannot be streamed as ADTS")
    if bits.take(3):
        raise AudioError("is AAC with 960 samples a frame or scalable, which cannot be streamed as ADTS")
    return AacConfig(object_type, rate_index, channel_config, has_sbr or _extension_has_sbr(bits))


def _extension_has_sbr(bits: _Bits) -> bool:
    """What the backward compatible extension says, behind the rest of the configuration."""
    return bits.take(11) == _SYNC_EXTENSION and _object_type(bits) == _SBR and bits.take(1) == 1


def _object_type(bits: _Bits) -> int:
    object_type = bits.take(5)
    return 32 + bits.take(6) if object_type == _ESCAPE else object_type


def _rate_index(bits: _Bits) -> int:
    index = bits.take(4)
    if index == 15:
        bits.take(24)
    return index
