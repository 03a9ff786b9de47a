"""AAC in ADTS (`.aac`): frames of MPEG-2 and MPEG-4, with or without a CRC, passed through as they are.

HE-AAC (SBR and PS implicit) is paced by the header's rate, which is that of the core, and is right for its duration:
a frame of 1024 core samples is decoded to 2048 at twice the rate. Pure. Header: ISO 14496-3, 1.A.2.2.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.framed import FramedReader
from radiostream.audio.frames import AAC, SBR, Params
from radiostream.audio.framing import Framing
from radiostream.audio.sbr import is_he_aac
from radiostream.audio.span import read_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.audio.framing import Found

RATES_HZ: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sample rates by their index in a header."""
SAMPLES: Final = 1024
"""Samples of each channel in one raw block, at the header's rate."""
HEADER_BYTES: Final = 7
LONGEST: Final = 8191
"""Bytes of the longest frame that a header can describe."""
CHANNELS: Final = (0, 1, 2, 3, 4, 5, 6, 8)
"""Channels by their configuration; 0 leaves them to an element that encoders write into the first frame only."""

_CRC_BYTES: Final = 2
_FIRST_FRAMES: Final = 8 << 10
"""Bytes of a part's begin that are searched for SBR."""

_WORD: Final = Struct(">I").unpack_from
_DECISIVE: Final = 0xFFFF_FDC0
"""The bits of a header's first four bytes that matter here: not private, copyright, original and length."""
_WITHOUT_CRC: Final = 1 << 16


class Header(NamedTuple):
    """What the seven bytes of a frame's header say."""

    kind: int
    """Equal for all frames of one track: MPEG version, profile, sample rate, channels."""
    rate_hz: int
    channels: int
    samples: int
    length: int
    """Bytes of the frame, header included."""


@lru_cache(maxsize=64)
def _parsed(word: int) -> tuple[int, int, int, int] | None:
    """Kind, sample rate, channels and least length of a frame whose header begins so, None where that is no header."""
    rate_index = word >> 10 & 15
    channels = CHANNELS[word >> 6 & 7]
    if word >> 20 != 0xFFF or word >> 17 & 3 or rate_index >= len(RATES_HZ) or not channels:
        return None
    least = HEADER_BYTES if word & _WITHOUT_CRC else HEADER_BYTES + _CRC_BYTES
    return word & ~_WITHOUT_CRC, RATES_HZ[rate_index], channels, least


def header_at(data: bytes | memoryview, at: int) -> Header | None:
    """The ADTS header at `at`, which must have seven bytes there; None where there is none."""
    parsed = _parsed(_WORD(data, at)[0] & _DECISIVE)
    if parsed is None:
        return None
    kind, rate_hz, channels, least = parsed
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if length < least:
        return None
    return Header(kind, rate_hz, channels, SAMPLES * (1 + (data[at + 6] & 3)), length)


def _refusal(head: bytes) -> str:
    """Why there are no ADTS frames in audio that begins with these bytes."""
    if head[:4] == b"ADIF":
        return "is AAC in ADIF, which cannot be streamed"
    if head[:1] == b"\x56" and head[1:2] >= b"\xe0":
        return "is AAC in LOAS, which is not supported"
    word = int.from_bytes(head[:4], "big")
    if word >> 20 == 0xFFF and not word >> 17 & 3 and not word >> 6 & 7:
        return "is AAC that tells its channels in its first frame only, which nobody could join"
    return "holds no AAC frames" if head else "is empty but for tags"


class AdtsReader(FramedReader):
    """One `.aac` file as the `Reader` interface describes it."""

    framing = Framing("AAC", AAC, HEADER_BYTES, LONGEST, re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), header_at, _refusal)

    def _params(self, first: Found) -> Params:
        """The header's, and whether the first frames carry SBR, which no header tells."""
        data = read_at(self._file, first.at, _FIRST_FRAMES)
        setup = SBR if is_he_aac(_raw_blocks(data, first.header.kind)) else ""
        return Params(AAC, first.header.rate_hz, first.header.channels, setup)


def _raw_blocks(data: bytes, kind: int) -> Iterator[bytes]:
    """The content of the frames of one kind at the begin of `data`, but for those of several blocks."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        header = header_at(data, at)
        if header is None or header.kind != kind or at + header.length > len(data):
            return
        if header.samples == SAMPLES:
            start = HEADER_BYTES if data[at + 1] & 1 else HEADER_BYTES + _CRC_BYTES
            yield data[at + start : at + header.length]
        at += header.length
