"""Loudness by LAME's info frame: some 1 to 2 dB off, as its analysis is the older one.

Run by the process that measures. mutagen reads it: whatever it makes of a broken file, no thread of the server waits.
Reference: LAME's tag (89 dB, which is -18 LUFS).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mutagen import MutagenError
from mutagen.mp3 import MP3

from radiostream.playlist.track import TagGain

if TYPE_CHECKING:
    from typing import BinaryIO

LAME: Final = "lame"
_REFERENCE_LUFS: Final = -18.0


def told_by_lame(file: BinaryIO) -> TagGain | None:
    """The loudness by the info frame; None where it does not tell."""
    file.seek(0)
    try:
        info = MP3(file).info
    except MutagenError:
        return None
    gain, peak = info.track_gain, info.track_peak
    if gain is None or not math.isfinite(gain):
        return None
    return TagGain(_REFERENCE_LUFS - gain, peak or None, LAME)
