"""The loudness that a file's tags claim: ReplayGain's, R 128's or RVA2's, brought to LUFS. Pure.

References: ReplayGain 2.0 (-18 LUFS; 89 dB in its first version), RFC 7845 section 5.2.1 (R128_TRACK_GAIN, Q7.8, to
-23 LUFS), ID3v2.4 section 4.11 (RVA2, in 1/512 dB; its reference is ReplayGain's).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from radiostream.playlist.track import TagGain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPLAYGAIN: Final = "replaygain"
R128: Final = "r128"
RVA2: Final = "rva2"

NAMES: Final = {
    "replaygain_track_gain": "gain",
    "replaygain_track_peak": "peak",
    "replaygain_reference_loudness": "reference",
    "r128_track_gain": "r128",
}
"""Fields by the names of Vorbis comments, APE items, and described text in ID3 and MP4."""

_REPLAYGAIN_LUFS: Final = -18.0
_R128_LUFS: Final = -23.0
_FIRST_REPLAYGAIN_DB: Final = 89.0
"""What ReplayGain's first version called the level of -18 LUFS."""
_MOST_DB: Final = 51.0
"""Gains beyond it are nobody's; ReplayGain 2.0 tells readers to ignore them."""
_NUMBER: Final = re.compile(r"\s*([+-]?\d{1,9}(?:[.,]\d{0,9})?)\s*(dB|LUFS|LU)?\s*\Z", re.IGNORECASE)
_MASTER: Final = 1
_PEAK_BITS: Final = range(1, 65)


def gain_of(fields: Mapping[str, Sequence[str]]) -> TagGain | None:
    """What the fields (`NAMES`, and those of `rva2_fields`) claim; None where none is a sensible number."""
    gain_db, peak = _number(fields.get("gain")), _peak(fields.get("peak"))
    if gain_db is not None and abs(gain_db) <= _MOST_DB:
        return TagGain(_reference(_number(fields.get("reference"))) - gain_db, peak, REPLAYGAIN)
    steps = _number(fields.get("r128"))
    if steps is not None and abs(steps / 256) <= _MOST_DB:
        return TagGain(_R128_LUFS - steps / 256, peak, R128)
    gain_db = _number(fields.get("rva2"))
    if gain_db is not None and abs(gain_db) <= _MOST_DB:
        return TagGain(_REPLAYGAIN_LUFS - gain_db, _peak(fields.get("rva2_peak")) or peak, RVA2)
    return None


def rva2_fields(data: bytes) -> dict[str, list[str]]:
    """The master channel's adjustment and peak out of an RVA2 frame; an `album` one is not the track's."""
    name, _zero, rest = data.partition(b"\0")
    if name.lower() == b"album" or len(rest) < 3 or rest[0] != _MASTER:
        return {}
    fields = {"rva2": [str(int.from_bytes(rest[1:3], signed=True) / 512)]}
    bits = rest[3] if len(rest) > 3 else 0
    if bits in _PEAK_BITS:
        fields["rva2_peak"] = [f"{int.from_bytes(rest[4 : 4 + (bits + 7) // 8]) / (1 << bits - 1):.6f}"]
    return fields


def _reference(number: float | None) -> float:
    """The loudness that gains lead to, by REPLAYGAIN_REFERENCE_LOUDNESS: `89.0 dB` or `-18.00 LUFS`."""
    if number is not None and 70 <= number <= 100:
        return _REPLAYGAIN_LUFS + number - _FIRST_REPLAYGAIN_DB
    return number if number is not None and -40 <= number <= -5 else _REPLAYGAIN_LUFS


def _peak(values: Sequence[str] | None) -> float | None:
    peak = _number(values)
    return peak if peak is not None and 0 < peak < 100 else None


def _number(values: Sequence[str] | None) -> float | None:
    """The number of the first value, as in `-6.20 dB`."""
    found = _NUMBER.match(values[0]) if values else None
    number = float(found[1].replace(",", ".")) if found else math.nan
    return number if math.isfinite(number) else None
