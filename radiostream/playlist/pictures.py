"""A track's picture: the one embedded in its file, else the one beside it or in the station's directory.

Runs in the tagger's thread. A picture comes out of somebody's file: its type is told by its first bytes alone, never
by what the file or the tag claims, and only the four kinds that a browser draws without running anything are pictures.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Final

from radiostream.playlist.tagfile import OverBudgetError, TagFile
from radiostream.playlist.tags_id3 import ape_fields, id3v2_fields
from radiostream.playlist.tags_mp4 import mp4_fields
from radiostream.playlist.tags_ogg import PICTURE_BLOCK, PICTURE_COMMENT, ogg_fields
from radiostream.playlist.track import open_track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.playlist.tagfile import Part

log = logging.getLogger(__name__)

COVER_BYTES: Final = 2 * 1024 * 1024
"""A larger picture is passed over."""

_FRONT_COVER: Final = 3
_NAME_BYTES: Final = 1024
"""What a picture's field holds besides the picture."""
_COVERS: Final = tuple(
    f"{stem}{suffix}" for stem in ("cover", "folder") for suffix in (".jpg", ".jpeg", ".png", ".webp", ".gif")
)
_ENTRIES: Final = 500

_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Picture:
    """A picture as it is shown: kept once, whoever shows it."""

    data: bytes = field(repr=False)
    kind: str
    """Its content type."""
    version: str
    """Tells it from every other, in URLs and as entity tag."""


def image_type(data: bytes) -> str | None:
    """The content type of a JPEG, PNG, GIF or WebP picture by its first bytes; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def find_picture(path: str, root: str) -> Picture | None:
    """The picture of the track at `path`: its own, else the one beside it or in the station's directory `root`."""
    data = read_cover(path) or _beside(path, root)
    kind = image_type(data) if data else None
    if data is None or kind is None:
        return None
    return Picture(data, kind, blake2b(data, digest_size=12).hexdigest())


def _beside(path: str, root: str) -> bytes | None:
    beside = directory_cover(path, root)
    if beside is None:
        return None
    try:
        with open_track(beside) as file:
            data = file.read(COVER_BYTES + 1) or b""
    except OSError as error:
        log.debug("no picture in %s: %s", os.fsencode(beside), error)
        return None
    return data if len(data) <= COVER_BYTES else None


def directory_cover(path: str, root: str) -> str | None:
    """The picture file that goes with the track at `path`: `cover.*` or `folder.*` beside it, else in the station's
    directory `root`; at most `COVER_BYTES` large, its name in any case of letters."""
    for directory in dict.fromkeys((os.path.dirname(path), os.path.abspath(root))):
        for name in _candidates(directory):
            if _is_picture(picture := os.path.join(directory, name)):
                return picture
    return None


def _candidates(directory: str) -> list[str]:
    """Names of pictures in the directory, best first. Of a large directory only the first entries are read, as a
    listing is dear: there, names in small letters are tried."""
    names: dict[str, str] = {}
    try:
        with os.scandir(directory) as entries:
            for entry in islice(entries, _ENTRIES):
                if (low := entry.name.lower()) in _COVERS:
                    names[low] = min(entry.name, names.get(low, entry.name))
            large = next(entries, None) is not None
    except OSError:
        return []
    return [names.get(cover, cover) for cover in _COVERS if large or cover in names]


def _is_picture(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode) or not status.st_size or not os.access(path, os.R_OK):
        return False
    if status.st_size > COVER_BYTES:
        log.debug("the picture %s is passed over: it is larger than %d bytes", os.fsencode(path), COVER_BYTES)
        return False
    return True


def read_cover(path: str) -> bytes | None:
    """The picture embedded in the file, the front cover where there are several; at most `COVER_BYTES`.
    Whatever the file holds, this costs a bounded number of bytes and time, and raises nothing."""
    found: list[bytes] = []
    try:
        with open_track(path) as opened, suppress(OverBudgetError):
            for kind, data in _pictures(TagFile(opened.fileno())):
                if kind == _FRONT_COVER:
                    return data
                found = found or [data]
    except OSError as error:
        log.debug("no picture in %s: %r", os.fsencode(path), error)
    except Exception:
        log.exception("reading the picture of %s failed", os.fsencode(path))
    return found[0] if found else None


def _pictures(file: TagFile) -> Iterator[tuple[int, bytes]]:
    """Every embedded picture of a bounded size, with its kind by ID3v2.4 §4.14."""
    for kind, data in _embedded(file):
        if len(data) <= COVER_BYTES and image_type(data):
            yield kind, data


def _embedded(file: TagFile) -> Iterator[tuple[int, bytes]]:
    head = file.at(0, 12)
    if head.startswith(b"OggS"):
        for part in ogg_fields(file):
            if part.name == PICTURE_BLOCK and _fits(part):
                yield _flac_picture(part.read(part.size))
            elif part.name == PICTURE_COMMENT and _fits(part, 4 / 3):
                yield _flac_picture(_unbase64(part.read(part.size)))
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free"):
        for part in mp4_fields(file):
            if part.name == "covr" and _fits(part):
                yield _FRONT_COVER, part.read(part.size)
    else:
        for part in id3v2_fields(file):
            if part.name in ("APIC", "PIC") and _fits(part):
                yield _id3_picture(part.read(part.size), part.name)
        for part in ape_fields(file):
            if part.name == "cover art (front):binary" and _fits(part):
                yield _FRONT_COVER, part.read(part.size).partition(b"\0")[2]


def _fits(part: Part, expansion: float = 1.0) -> bool:
    if part.size <= (COVER_BYTES + _NAME_BYTES) * expansion:
        return True
    log.debug("an embedded picture of %d bytes is passed over", part.size)
    return False


def _id3_picture(data: bytes, name: str) -> tuple[int, bytes]:
    """Encoding, MIME type (three letters in v2.2), kind, description, picture (ID3v2.4 §4.14, v2.2 §4.15)."""
    kind_at = 4 if name == "PIC" else data.find(b"\0", 1) + 1
    text = data[kind_at + 1 : kind_at + 1 + _NAME_BYTES]
    end = _end_of_text(text, data[:1])
    return data[kind_at] if 0 < kind_at < len(data) else 0, data[kind_at + 1 + end :]


def _end_of_text(text: bytes, encoding: bytes) -> int:
    """Where the text's end mark ends: one zero, two at an even place in UTF-16."""
    if encoding not in (b"\x01", b"\x02"):
        return text.find(b"\0") + 1
    pairs = range(0, len(text) - 1, 2)
    return next((at + 2 for at in pairs if text[at : at + 2] == b"\0\0"), 0)


def _flac_picture(block: bytes) -> tuple[int, bytes]:
    """Kind, MIME type, description, four numbers, picture (RFC 9639 §8.8)."""
    mime = int.from_bytes(block[4:8])
    description = int.from_bytes(block[8 + mime : 12 + mime])
    start = 32 + mime + description
    size = int.from_bytes(block[start - 4 : start])
    return int.from_bytes(block[:4]), block[start : start + size]


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""
