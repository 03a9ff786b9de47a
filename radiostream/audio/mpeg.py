"""MP3: the frames of MPEG-1, 2 and 2.5 Layer III as they lie in a file, without tags, info frames and rubbish.

Info frames (Xing, Info, VBRI) are left out; everything else about finding frames is `FramedReader`'s.

Headers: ISO 11172-3 and 13818-3; Xing and VBRI: Gabriel Bouvigne's and Fraunhofer's notes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import combinations, islice
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.framed import FramedReader
from radiostream.audio.frames import MP3
from radiostream.audio.framing import Framing
from radiostream.audio.span import read_at
from radiostream.audio.survey import Survey, even, survey

if TYPE_CHECKING:
    from radiostream.audio.framing import Found, Matcher
    from radiostream.audio.framing import Header as FrameHeader

_KBPS_MPEG1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ: Final = (44100, 48000, 32000)
_VERSION_SHIFT: Final = {3: 0, 2: 1, 0: 2}
"""The header's version bits to the power of two by which MPEG-1's sample rates are divided."""

_HEADER: Final = Struct(">I").unpack_from
_HEADER_BYTES: Final = 4
_DECISIVE: Final = 0xFFFE_FEC3
"""The bits of a header that matter here; not the CRC, private, mode extension, copyright and original bits."""
_KIND: Final = 0xFFFE_0C00
"""The bits of a header that stay the same throughout a track; mono or not is the other thing that must."""
_SHORTEST: Final = 24
_LONGEST: Final = 1441
"""Bytes of the shortest and the longest legal frame: 8 kbps at 24 kHz, and 320 kbps at 32 kHz, padded."""

_SYNC: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
"""The first two bytes of a Layer III header of any version."""
_FREE: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\0-\x0b]")
"""A header that leaves the bitrate open, of any sample rate."""
_FREE_LOOKS, _FREE_FIRST = 1000, 20
_INFO_ERROR_MOST: Final = 0.02
"""By how much of it the audio's size may differ from what the info frame says; more means glued or cut files."""


class Header(NamedTuple):
    """What the four bytes of a frame's header say."""

    kind: int
    """Equal for all frames of one track: version, layer, sample rate, mono or not."""
    rate_hz: int
    channels: int
    samples: int
    kbps: int
    length: int
    """Bytes of the frame, header included."""


@lru_cache(maxsize=1024)
def parse_header(word: int) -> Header | None:
    """The header in these 32 bits (big-endian), None where they are not one of Layer III with a stated bitrate."""
    shift = _VERSION_SHIFT.get(word >> 19 & 3)
    bitrate, rate = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or shift is None or word >> 17 & 3 != 1 or bitrate in (0, 15) or rate == 3 or word & 3 == 2:
        return None
    kbps = (_KBPS_MPEG2 if shift else _KBPS_MPEG1)[bitrate]
    rate_hz = _RATES_HZ[rate] >> shift
    samples = 576 if shift else 1152
    mono = word >> 6 & 3 == 3
    length = samples // 8 * kbps * 1000 // rate_hz + (word >> 9 & 1)
    return Header(word & _KIND | mono, rate_hz, 1 if mono else 2, samples, kbps, length)


def header_at(data: bytes | memoryview, at: int) -> Header | None:
    """The header at `at`, which must have four bytes there."""
    return parse_header(_HEADER(data, at)[0] & _DECISIVE)


def _info_matcher(header: FrameHeader) -> Matcher:
    """What matches an info frame of this version and channels: a mark behind the side information (two bytes further
    with a CRC, though LAME leaves those out), Fraunhofer's always at 36."""
    side = {(1152, 2): 32, (1152, 1): 17, (576, 2): 17, (576, 1): 9}[header.samples, header.channels]
    return re.compile(rb"(?s).{4}(?:.{%d}(?:..)?(?:Xing|Info)|.{32}VBRI)" % side).match


def _counts(frame: bytes, info: re.Match[bytes] | None) -> tuple[int, int]:
    """Frames and bytes as an info frame counts them, 0 for what it leaves open."""
    if info is None:
        return 0, 0
    fields = frame[info.end() :][:14].ljust(14, b"\0")
    if info.group().endswith(b"VBRI"):
        return int.from_bytes(fields[10:14], "big"), int.from_bytes(fields[6:10], "big")
    if fields[3] & 3 != 3:
        return 0, 0
    return int.from_bytes(fields[4:8], "big"), int.from_bytes(fields[8:12], "big")


def _refusal(head: bytes) -> str:
    """Why there is no MP3 in audio that begins with these bytes."""
    if len(head) < _HEADER_BYTES:
        return "is empty but for tags"
    word = _HEADER(head)[0]
    layer = word >> 17 & 3
    if word >> 21 == 0x7FF and layer > 1:
        return f"is MPEG Layer {'I' * (4 - layer)}, not MP3"
    if _is_free_format(head):
        return "is MP3 in free format, which cannot be streamed"
    return "holds no MP3 frames"


def _is_free_format(head: bytes) -> bool:
    """Whether there are three headers alike that leave the bitrate open, at even distances but for padding."""
    alike: dict[bytes, list[int]] = {}
    for match in islice(_FREE.finditer(head), _FREE_LOOKS):
        at = match.start()
        alike.setdefault(bytes([head[at + 1], head[at + 2] & 0xFD]), []).append(at)
    for places in alike.values():
        near = set(places)
        for first, second in combinations(places[:_FREE_FIRST], 2):
            behind = 2 * second - first
            if second - first > _SHORTEST and near & {behind - 1, behind, behind + 1}:
                return True
    return False


class MpegReader(FramedReader):
    """`Reader` of an MP3 file; see `radiostream.audio.frames.Reader` for what the members promise."""

    framing = Framing("MP3", MP3, _HEADER_BYTES, _LONGEST, _SYNC, header_at, _refusal, _info_matcher)

    def _surveyed(self, first: Found) -> Survey:
        """By the info frame's figures where they agree with the file's size, or with what many looks tell."""
        head = read_at(self._file, first.at, first.header.length)
        info = _info_matcher(first.header)(head)
        frames, size = _counts(head, info)
        counted_s = frames * first.header.samples / first.header.rate_hz
        room = self._search.end - first.at
        if frames and abs(size - room) <= room * _INFO_ERROR_MOST:
            mean = (size - first.header.length) / frames
            if _SHORTEST <= mean <= _LONGEST:
                is_constant = info is not None and info.group().endswith(b"Info")
                rate = (size - first.header.length) / counted_s
                return even(first.at, self._search.end, counted_s, rate, is_exact=is_constant)
        return survey(self._search, first.at)
