"""A small MP3 frame parser of the bench's own: what judges the server shares no code with it.

Formats: ISO 11172-3 (MPEG-1) and 13818-3 (MPEG-2) Layer III. Strict: a frame follows a frame, anything else is rubbish
and is reported where it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class NoFrameError(ValueError):
    """Bytes that are no frame where one should start."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame, header included."""

    data: bytes
    seconds: float

    @property
    def is_info(self) -> bool:
        """A Xing, Info or VBRI frame: figures for a file's player, not audio; it has no place in a stream."""
        return any(mark in self.data[4:44] for mark in (b"Xing", b"Info", b"VBRI"))


def frame_at(data: bytes, at: int) -> tuple[int, float]:
    """Bytes and seconds of the frame that starts at `at`; raises `NoFrameError`."""
    header = int.from_bytes(data[at : at + 4], "big")
    version, layer, index, rate_index = header >> 19 & 3, header >> 17 & 3, header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or index in {0, 15} or rate_index == 3:
        raise NoFrameError(f"no frame at byte {at}: {data[at : at + 8].hex(' ')}")
    kbps = (_KBPS_1 if version == 3 else _KBPS_2)[index]
    rate_hz = _RATES[version][rate_index]
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbps * 1000 // rate_hz + (header >> 9 & 1), samples / rate_hz


def frames(data: bytes) -> Iterator[Frame]:
    """Every frame of a stream, from its first byte on; one cut off at the end is left out. Raises `NoFrameError`."""
    at = 0
    while at + 4 <= len(data):
        length, seconds = frame_at(data, at)
        if at + length > len(data):
            return
        yield Frame(data[at : at + length], seconds)
        at += length


def audio_of(file: bytes) -> list[Frame]:
    """The audio frames of one of the bench's own files: ID3v2 in front, ID3v1 behind and the info frame left out."""
    start = 0
    if file[:3] == b"ID3":
        size = file[6:10]
        start = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    end = len(file) - 128 if file[-128:-125] == b"TAG" else len(file)
    return [frame for frame in frames(file[start:end]) if not frame.is_info]
