"""Loudness that a file's own tags tell: ReplayGain, R128, RVA2, LAME's info frame.

Reads files with mutagen; run by the process that measures, never by the server's own threads. References: ReplayGain
2.0 (-18 LUFS), RFC 7845 section 5.2.1 (Q7.8, -23 LUFS), ID3v2.4 section 4.11 for RVA2 (whose reference is ReplayGain's,
89 dB), LAME's tag (89 dB).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import mutagen
from mutagen import MutagenError
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3
from mutagen.mp3 import MP3

if TYPE_CHECKING:
    from typing import BinaryIO

REPLAYGAIN: Final = "replaygain"
R128: Final = "r128"
RVA2: Final = "rva2"
LAME: Final = "lame"

_REPLAYGAIN_LUFS: Final = -18.0
_R128_LUFS: Final = -23.0
_REPLAYGAIN_DB: Final = 89.0
"""What ReplayGain's first version called the level of -18 LUFS."""
_MOST_DB: Final = 51.0
"""Gains beyond it are nobody's; ReplayGain 2.0 tells readers to ignore them."""
_NUMBER: Final = re.compile(r"\s*([+-]?\d+(?:[.,]\d+)?)\s*(dB|LUFS|LU)?\s*\Z", re.IGNORECASE)
_ITUNES: Final = "----:com.apple.itunes:"


class Told(NamedTuple):
    """What tags say."""

    lufs: float
    peak: float | None
    """The highest sample, where 1.0 is full scale; None where no tag tells it."""
    source: str


def told(file: BinaryIO) -> Told | None:
    """The loudness by the first tag that tells it; LAME's info frame is not asked. None where there is none."""
    words = _words(file)
    peak = _number(words.get("replaygain_track_peak", ""))
    peak = peak if peak is not None and 0 < peak < 100 else None
    gain = _decibels(words.get("replaygain_track_gain", ""))
    if gain is not None:
        return Told(_reference(words.get("replaygain_reference_loudness", "")) - gain, peak, REPLAYGAIN)
    raw = _number(words.get("r128_track_gain", ""))
    if raw is not None and abs(raw) <= 32768:
        return Told(_R128_LUFS - raw / 256, peak, R128)
    gain = _decibels(words.get("rva2", ""))
    if gain is not None:
        rva2_peak = _number(words.get("rva2_peak", "")) or None
        return Told(_REPLAYGAIN_LUFS - gain, rva2_peak, RVA2)
    return None


def told_by_lame(file: BinaryIO) -> Told | None:
    """The loudness by LAME's info frame, some 1 to 2 dB off as its analysis is the older one."""
    file.seek(0)
    try:
        info = MP3(file).info
    except MutagenError:
        return None
    gain, peak = info.track_gain, info.track_peak
    if gain is None or not math.isfinite(gain):
        return None
    return Told(_REPLAYGAIN_LUFS - gain, peak or None, LAME)


def _words(file: BinaryIO) -> dict[str, str]:
    """The tags that matter, by lower-case names; ID3 and APE together, where a file has both."""
    words: dict[str, str] = {}
    for read in (mutagen.File, ID3, APEv2):
        file.seek(0)
        try:
            found = read(file)
        except Exception:  # noqa: S112 - mutagen raises anything for broken files; another tag may be sound
            continue
        for name, value in _entries(found):
            words.setdefault(name, value)
    return words


def _entries(tags: Any) -> Iterable[tuple[str, str]]:
    """Names in lower case and first values of what mutagen found, None where that is nothing."""
    for key, value in [] if tags is None else tags.items():
        name = str(key).lower()
        if name.startswith("txxx:"):
            yield name.removeprefix("txxx:"), str(value)
        elif name.startswith("rva2:") and getattr(value, "channel", 0) == 1:
            if name == "rva2:album":
                continue
            yield "rva2", str(value.gain)
            yield "rva2_peak", str(value.peak)
        elif name.startswith(("replaygain_", "r128_", _ITUNES)):
            first = value[0] if isinstance(value, list) and value else value
            text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
            yield name.removeprefix(_ITUNES), text


def _reference(text: str) -> float:
    """The loudness that gains lead to, by REPLAYGAIN_REFERENCE_LOUDNESS: `89.0 dB` or `-18.00 LUFS`."""
    number = _number(text)
    if number is None:
        return _REPLAYGAIN_LUFS
    if 70 <= number <= 100:
        return _REPLAYGAIN_LUFS + number - _REPLAYGAIN_DB
    return number if -40 <= number <= -5 else _REPLAYGAIN_LUFS


def _number(text: str) -> float | None:
    match = _NUMBER.match(text)
    return float(match[1].replace(",", ".")) if match else None


def _decibels(text: str) -> float | None:
    number = _number(text)
    return number if number is not None and abs(number) <= _MOST_DB else None
