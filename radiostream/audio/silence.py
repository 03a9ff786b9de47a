"""Silence for a station that has nothing to play: endless valid frames in the station's own format.

The readers are like those of files, only that they never end by themselves. Their frames are padded to about 32 kbps:
browsers wait for 32 KiB before they play, which must fit into the burst. Pure, used by one thread at a time.
Formats: ISO 11172-3 (MP3), ISO 14496-3 (AAC), RFC 6716 and RFC 7845 (Opus in Ogg).
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AAC, MP3, OGG, Block, Params

if TYPE_CHECKING:
    from radiostream.audio.frames import Reader

_KBPS: Final = 32
_RATE_HZ: Final = 44100

_MP3_WORDS: Final = {
    44100: 0xFFFB1000,
    48000: 0xFFFB1400,
    32000: 0xFFFB1800,
    22050: 0xFFF34000,
    24000: 0xFFF34400,
    16000: 0xFFF34800,
    11025: 0xFFE34000,
    12000: 0xFFE34400,
    8000: 0xFFE34800,
}
"""Sample rate to the header of a stereo frame at 32 kbps without a CRC."""
_MP3_MONO: Final = 0xC0

_AAC_SAMPLES: Final = 1024
_AAC_RATES_HZ: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_ADTS_HEADER_BYTES: Final = 7
_AAC_ICS_INFO: Final = "0" + "00" + "0" + "000000" + "0"
"""Reserved bit, long window, its shape, no scale factor bands, no prediction."""
_AAC_MONO: Final = "000" + "0000" + "00000000" + _AAC_ICS_INFO + "000"
"""A single channel element: tag, gain, info, neither pulses, noise shaping nor gain control."""
_AAC_STEREO: Final = "001" + "0000" + "1" + _AAC_ICS_INFO + "00" + 2 * ("00000000" + "000")
"""A channel pair element with a window in common: tag, info, no mid/side, and as above for both channels."""
_AAC_OVERHEAD_BYTES: Final = 15
"""About what a frame takes beside its padding."""
_AAC_FILL: Final = "110" + "1111"
_AAC_FILL_BYTES: Final = range(15, 270)
_AAC_END: Final = "111"

_OPUS_HZ: Final = 48000
_OPUS_PACKET_BYTES: Final = 80
_OPUS_PAGE_PACKETS: Final = 25
_OPUS_PAGE_TICKS: Final = 960 * _OPUS_PAGE_PACKETS
_OPUS_PAGE_LACING: Final = bytes([_OPUS_PACKET_BYTES]) * _OPUS_PAGE_PACKETS
_OPUS_PAGE_BYTES: Final = 27 + len(_OPUS_PAGE_LACING) + sum(_OPUS_PAGE_LACING)
_OPUS_VENDOR: Final = b"radiostream"


def silence(family: str, like: Params | None, serial: int = 0) -> Reader:
    """An endless reader of silence for a station of this family.

    MP3 and AAC take the sample rate and channels of `like` where the format has them, else 44100 Hz stereo. Ogg is
    Opus with the serial number given.
    """
    rate_hz, channels = (like.rate_hz, like.channels) if like else (_RATE_HZ, 2)
    if family == OGG:
        return OpusSilence(1 if channels == 1 else 2, serial)
    make, rates_hz = (_mp3_silence, _MP3_WORDS) if family == MP3 else (_aac_silence, _AAC_RATES_HZ)
    return make(rate_hz if rate_hz in rates_hz else _RATE_HZ, 1 if channels == 1 else 2)


class FrameSilence:
    """`Reader` that repeats one frame."""

    def __init__(self, frame: bytes, samples: int, params: Params) -> None:
        self._frame = frame
        self._samples = samples
        self.params = params
        self.tick_hz = params.rate_hz
        self.kbps = max(1, round(len(frame) * params.rate_hz / (samples * 125)))
        self.duration_s: float | None = None
        self.preamble = b""

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """As many frames as last `max_ticks` or fit."""
        size, samples = len(self._frame), self._samples
        count = min(max(1, -(-max_ticks // samples)), len(view) // size)
        view[: count * size] = self._frame * count
        return Block(
            count * size,
            count * samples,
            array("I", range(0, count * size, size)),
            array("I", range(0, count * samples, samples)),
        )

    def next_part(self) -> bool:
        """Silence does not end, so nothing follows it."""
        return False

    def seek(self, position_s: float) -> float:  # noqa: ARG002 - as `Reader` has it
        """Silence is the same everywhere."""
        return 0.0


class OpusSilence:
    """`Reader` of a logical Ogg stream of its own: Opus packets that decode to zeros, half a second a page."""

    def __init__(self, channels: int, serial: int) -> None:
        from radiostream.audio.ogg_page import BOS, build_page  # stations of MP3 and AAC never need it

        head = b"OpusHead\1" + bytes([channels]) + struct.pack("<HIhB", 0, _OPUS_HZ, 0, 0)
        tags = b"OpusTags" + struct.pack("<I", len(_OPUS_VENDOR)) + _OPUS_VENDOR + bytes(4)
        pages = [
            build_page(flags, 0, serial, sequence, bytes([len(packet)]), packet)
            for sequence, (flags, packet) in enumerate(((BOS, head), (0, tags)))
        ]
        self._build_page = build_page
        self._body = _opus_packet(channels) * _OPUS_PAGE_PACKETS
        self._serial = serial
        self._sequence = len(pages)
        self._granule = 0
        self.params = Params("opus", _OPUS_HZ, channels)
        self.tick_hz = _OPUS_HZ
        self.kbps = _KBPS
        self.duration_s: float | None = None
        self.preamble = b"".join(pages)

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """As many whole pages as last `max_ticks` or fit."""
        block = Block()
        while not block.length or (block.ticks_total < max_ticks and len(view) - block.length >= _OPUS_PAGE_BYTES):
            self._add_page(block, view)
        return block

    def next_part(self) -> bool:
        """Silence does not end, so nothing follows it."""
        return False

    def seek(self, position_s: float) -> float:  # noqa: ARG002 - as `Reader` has it
        """Silence is the same everywhere."""
        return 0.0

    def _add_page(self, block: Block, view: memoryview) -> None:
        self._granule += _OPUS_PAGE_TICKS
        page = self._build_page(0, self._granule, self._serial, self._sequence, _OPUS_PAGE_LACING, self._body)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        view[block.length : block.length + len(page)] = page
        block.offsets.append(block.length)
        block.ticks.append(block.ticks_total)
        block.length += len(page)
        block.ticks_total += _OPUS_PAGE_TICKS


def _mp3_silence(rate_hz: int, channels: int) -> Reader:
    """Frames whose side information is all zero: no bits of main data, hence no sound."""
    from radiostream.audio.mpeg import parse_header

    word = _MP3_WORDS[rate_hz] | (_MP3_MONO if channels == 1 else 0)
    header = parse_header(word)
    assert header is not None  # noqa: S101 - a word of our own table
    frame = word.to_bytes(4, "big").ljust(header.length, b"\0")
    return FrameSilence(frame, header.samples, Params(MP3, rate_hz, channels))


def _aac_silence(rate_hz: int, channels: int) -> Reader:
    """AAC-LC frames without scale factor bands, padded by a fill element, with an ADTS header."""
    wanted = _KBPS * 125 * _AAC_SAMPLES // rate_hz - _AAC_OVERHEAD_BYTES
    fill = min(max(wanted, _AAC_FILL_BYTES.start), _AAC_FILL_BYTES.stop - 1)
    element = _AAC_MONO if channels == 1 else _AAC_STEREO
    bits = f"{element}{_AAC_FILL}{fill - _AAC_FILL_BYTES.start + 1:08b}{'0' * 8 * fill}{_AAC_END}"
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    frame = _adts_header(rate_hz, channels, _ADTS_HEADER_BYTES + len(body)) + body
    return FrameSilence(frame, _AAC_SAMPLES, Params(AAC, rate_hz, channels))


def _adts_header(rate_hz: int, channels: int, length: int) -> bytes:
    """MPEG-4 AAC-LC without a CRC, one block, the buffer's fullness left open."""
    rate = _AAC_RATES_HZ.index(rate_hz)
    fields = 0xFFF1 << 40 | 1 << 38 | rate << 34 | channels << 30 | length << 13 | 0x7FF << 2
    return fields.to_bytes(_ADTS_HEADER_BYTES, "big")


def _opus_packet(channels: int) -> bytes:
    """One 20 ms CELT frame that says "silence", in a packet padded as RFC 6716, 3.2.5 has it."""
    toc = 31 << 3 | (channels - 1) << 2 | 3
    head, frame = bytes([toc, 0x41]), b"\xff\xfe"
    padding = _OPUS_PACKET_BYTES - len(head) - 1 - len(frame)
    return head + bytes([padding]) + frame + bytes(padding)
