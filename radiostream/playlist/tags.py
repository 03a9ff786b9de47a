"""What a track says of itself: title, artist, album, identifiers and loudness, from any of five kinds of tag.

Runs in the tagger's thread, and in the process that measures loudness. A file is hostile: whatever it holds costs a
bounded number of bytes and a bounded time (tagfile.py), and raises nothing; what was found within the bounds counts.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from radiostream.playlist.tagfile import OverBudgetError, TagFile
from radiostream.playlist.tags_gain import NAMES, gain_of, rva2_fields
from radiostream.playlist.tags_id3 import ape_fields, id3v1_fields, id3v2_fields
from radiostream.playlist.tags_mp4 import mp4_fields
from radiostream.playlist.tags_ogg import ogg_fields
from radiostream.playlist.track import Tags, open_track, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from radiostream.playlist.tagfile import Part

log = logging.getLogger(__name__)

TEXT_LENGTH: Final = 1000
"""A tag is cut to so many characters."""

_VALUE_BYTES: Final = 16 * 1024
"""So much of a field is read."""
_VALUES: Final = 20
_ID3V1_BYTES: Final = 30


Fields = dict[str, list[str]]
"""Values by the names on the right of the tables below."""

_ID3: Final = {
    "TIT2": "title",
    "TPE1": "artist",
    "TPE2": "albumartist",
    "TALB": "album",
    "TSRC": "isrc",
    "TPUB": "label",
}
_VORBIS: Final = {
    "title": "title",
    "artist": "artist",
    "albumartist": "albumartist",
    "album artist": "albumartist",
    "album": "album",
    "isrc": "isrc",
    "label": "label",
    "publisher": "label",
    "organization": "label",
    **NAMES,
}
"""Names of Vorbis comments and APE items; described text in ID3 (TXXX) and MP4 (`----`) has the same."""
_MP4: Final = {
    "©nam": "title",
    "©ART": "artist",
    "aART": "albumartist",
    "©alb": "album",
    "©pub": "label",
    **{f"----{name}": field for name, field in _VORBIS.items() if name not in ("title", "artist", "album")},
}
_DESCRIBED: Final = {name: field for name, field in _VORBIS.items() if name not in ("title", "artist", "album")}
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
"""By the byte that an ID3v2 text begins with (ID3v2.4 §4)."""


def read_tags(path: str) -> Tags:
    """What the file's tags say, each text on one line; empty where it has none or cannot be read."""
    fields: Fields = {}
    try:
        with open_track(path) as opened:
            file = TagFile(opened.fileno())
            with suppress(OverBudgetError):
                _collect(file, fields)
        return _tags(fields)
    except OSError as error:
        log.debug("no tags in %s: %r", os.fsencode(path), error)
    except Exception:
        log.exception("reading the tags of %s failed", os.fsencode(path))
    return Tags()


def _collect(file: TagFile, fields: Fields) -> None:
    head = file.at(0, 12)
    if head.startswith(b"OggS"):
        _take(fields, ogg_fields(file), _VORBIS, _utf8)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free"):
        _take(fields, mp4_fields(file), _MP4, _utf8)
    else:
        _take_id3v2(fields, file)
        ape: Fields = {}
        _take(ape, ape_fields(file), _VORBIS, _utf8)
        for name, values in ape.items():
            _fill(fields, name, values)
        for name, raw in id3v1_fields(file):
            _fill(fields, _ID3[name], [_id3v1_text(raw)])


def _take(fields: Fields, parts: Iterable[Part], names: dict[str, str], decode: Callable[[bytes], list[str]]) -> None:
    """Add the parts that `names` knows to `fields`."""
    for part in parts:
        name = names.get(part.name)
        if name is not None and len(values := fields.setdefault(name, [])) < _VALUES:
            values += decode(part.read(_VALUE_BYTES))


def _fill(fields: Fields, name: str, values: list[str]) -> None:
    """Set what is missing, or there and empty."""
    if not any(value.strip() for value in fields.get(name, ())):
        fields[name] = values


def _take_id3v2(fields: Fields, file: TagFile) -> None:
    for part in id3v2_fields(file):
        if part.name in _ID3:
            _fill(fields, _ID3[part.name], _id3_text(part.read(_VALUE_BYTES)))
        elif part.name == "TXXX":
            description, *values = [*_id3_text(part.read(_VALUE_BYTES)), ""]
            name = _DESCRIBED.get(description.lower())
            if name is not None:
                _fill(fields, name, values)
        elif part.name == "RVA2":
            for name, values in rva2_fields(part.read(_VALUE_BYTES)).items():
                fields.setdefault(name, values)


def _utf8(raw: bytes) -> list[str]:
    return raw.decode("utf-8", "replace").split("\0", _VALUES)[:_VALUES]


def _id3_text(data: bytes) -> list[str]:
    if not data or data[0] >= len(_ENCODINGS):
        return []
    return data[1:].decode(_ENCODINGS[data[0]], "replace").split("\0", _VALUES)[:_VALUES]


def _id3v1_text(raw: bytes) -> str:
    """UTF-8 where it is valid, else Latin-1. UTF-8 that fills the field may end within a character."""
    text = raw.decode("utf-8", "ignore")
    cut = len(raw) - len(text.encode())
    fits = raw.startswith(text.encode()) and (not cut or (cut < 4 and len(raw) == _ID3V1_BYTES and not text.isascii()))
    return text if fits else raw.decode("latin-1")


def _tags(fields: Fields) -> Tags:
    def text(name: str) -> str:
        return one_line(fields.get(name, ()))

    return Tags(
        title=text("title"),
        artist=text("artist") or text("albumartist"),
        album=text("album"),
        isrc=text("isrc"),
        label=text("label"),
        gain=gain_of(fields),
    )


def one_line(values: Iterable[str]) -> str:
    """One line of printable text from a tag's values, at most `TEXT_LENGTH` characters."""
    text = ", ".join(value[: 4 * TEXT_LENGTH] for value in values if value.strip("\0"))
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(plain(encodable).split())[:TEXT_LENGTH]
