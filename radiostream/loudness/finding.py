"""One file's loudness and dead air: by its tags, else by its spectra. Run by the process that measures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from radiostream.audio.frames import MP3, OGG, AudioError
from radiostream.loudness.known import MEASURED, UNMEASURED, UNREADABLE, Known
from radiostream.loudness.meter import FRAMES, Measured, measure
from radiostream.loudness.tags import told_by_lame
from radiostream.playlist.tags import read_tags

if TYPE_CHECKING:
    from typing import BinaryIO


def find_out(path: str, family: str, frames: int = FRAMES) -> Known:
    """What can be known of the file at `path`, measured from about so many frames; never raises."""
    try:
        with open(path, "rb") as file:
            return _found_out(path, file, family, frames)
    except OSError as error:
        return Known(trouble=f"{UNREADABLE}: {error.strerror or type(error).__name__}")
    except Exception as error:
        return Known(trouble=f"{UNMEASURED}: {type(error).__name__}")


def _found_out(path: str, file: BinaryIO, family: str, frames: int) -> Known:
    tags = read_tags(path).gain
    measured, trouble = _measured(file, family, frames)
    silent = measured or Measured(None, 0, 0)
    known = Known(head=silent.head, end=silent.end, silences=silent.silences)
    if tags is not None:
        return replace(known, lufs=tags.lufs, peak=tags.peak, source=tags.source)
    if silent.lufs is not None:
        return replace(known, lufs=round(silent.lufs, 2), source=MEASURED)
    lame = told_by_lame(file) if family == MP3 else None
    if lame is not None:
        return replace(known, lufs=lame.lufs, peak=lame.peak, source=lame.source)
    return replace(known, trouble=trouble or "is silent")


def _measured(file: BinaryIO, family: str, frames: int) -> tuple[Measured | None, str]:
    """What the spectra say, or why they say nothing."""
    if family != MP3:
        return None, f"is {family.capitalize() if family == OGG else family.upper()}, whose loudness only tags tell"
    file.seek(0)
    try:
        return measure(file, frames), ""
    except AudioError as error:
        return None, str(error)
