"""A track: one audio file as the directory listing saw it, and what it says of itself: its tags and its picture.

Mutagen is imported here only, and only when the first tag is read. That runs in the tagger's thread or a request's,
never in a producer's. A file is hostile: whatever it holds costs a bounded number of bytes read and kept, and raises
nothing.
"""

from __future__ import annotations

import base64
import errno
import logging
import os
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import FileIO
    from typing import BinaryIO

T = TypeVar("T")

COVER_BYTES: Final = 2 * 1024 * 1024
"""A larger picture is none."""
TEXT_LENGTH: Final = 1000
"""A tag is cut to so many characters."""

log = logging.getLogger(__name__)

_BUDGET: Final = 16 * 1024 * 1024
_READ_COSTS: Final = 128
_COMMENTS: Final = 1000
_HEADER_PACKETS: Final = 64
_FRONT_COVER: Final = 3

_COVERS: Final = tuple(
    f"{stem}{suffix}" for stem in ("cover", "folder") for suffix in (".jpg", ".jpeg", ".png", ".webp", ".gif")
)

_PLAIN: Final[dict[int, str | None]] = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " "),
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]),
}
"""Control characters and line ends become spaces; what turns the direction of the text around it goes."""

_PICTURE: Final = "metadata_block_picture"


@dataclass(frozen=True, slots=True)
class Track:
    """One file in one state: a replaced file (other size or time) is another track."""

    path: str
    """Absolute; bytes that are not UTF-8 are surrogate escapes, as `os.fsdecode` makes them."""
    size: int
    mtime_ns: int
    family: str
    """`mp3`, `aac` or `ogg`, by the file's suffix; what the bytes are, only opening it tells."""

    @property
    def name(self) -> str:
        """The file's name without its directory, printable: bytes that are not UTF-8 show as U+FFFD."""
        return os.path.basename(os.fsencode(self.path)).decode("utf-8", "replace")

    @property
    def stem(self) -> str:
        """The name without its suffix: the title of a track that has none."""
        return self.name.rpartition(".")[0] or self.name


@dataclass(frozen=True, slots=True)
class Tags:
    """What a track says of itself; empty strings where it is silent."""

    title: str = ""
    artist: str = ""
    album: str = ""


def open_track(path: str) -> FileIO:
    """The file, without waiting: what was a file may be a pipe by now. Raises `OSError` where it is no regular file."""
    file = open(path, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is not a regular file")
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def read_tags(path: str) -> Tags:
    """Title, artist and album of the file, each on one line; empty where it has none or can not be read."""
    return _read(path, id3=_id3_tags, mp4=_mp4_tags, ogg=_ogg_tags) or Tags()


def read_cover(path: str) -> bytes | None:
    """The picture embedded in the file, the front cover where there are several; at most `COVER_BYTES`."""
    picture = _read(path, id3=_id3_cover, mp4=_mp4_cover, ogg=_ogg_cover)
    return picture if picture and len(picture) <= COVER_BYTES else None


def directory_cover(path: str, root: str) -> str | None:
    """The picture file that goes with the track at `path`: `cover.*` or `folder.*` beside it, else in the station's
    directory `root`; at most `COVER_BYTES` large."""
    for directory in dict.fromkeys((os.path.dirname(path), os.path.abspath(root))):
        try:
            names = {name.lower(): name for name in sorted(os.listdir(directory), reverse=True)}
        except OSError:
            continue
        for name in filter(None, map(names.get, _COVERS)):
            picture = os.path.join(directory, name)
            if _is_picture(picture):
                return picture
    return None


def _is_picture(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and 0 < status.st_size <= COVER_BYTES and os.access(path, os.R_OK)


class _Frugal:
    """A file of which only so much is read: no tag is worth more, and a library's loops over it end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _BUDGET
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        """Raises `ValueError` when the budget is used up; many small reads use it up as well."""
        if size > self._left or self._left < 0:
            raise ValueError("tags without end")
        data = self._file.read(size if size >= 0 else self._left)
        self._left -= max(len(data), _READ_COSTS) if size else 0
        return data


def _read(path: str, id3: Callable[[Any], T], mp4: Callable[[Any], T], ogg: Callable[[Any], T]) -> T | None:
    """What one of three functions, chosen by the file's first bytes, finds in it; None where it fails."""
    try:
        with open_track(path) as file:
            head = file.read(12)
            file.seek(0)
            if head.startswith(b"OggS"):
                return ogg(_Frugal(file))
            return mp4(_Frugal(file)) if head[4:8] == b"ftyp" else id3(_Frugal(file))
    except Exception as error:  # mutagen raises its own, and struct's, index and recursion errors on bad files
        log.debug("no tags in %s: %r", os.fsencode(path), error)
        return None


def _tags(title: object, artist: object, album: object) -> Tags:
    return Tags(_text(title), _text(artist), _text(album))


def _text(value: object) -> str:
    """One line of printable text from a tag's one or more values."""
    values = value if isinstance(value, list) else [value]
    text = ", ".join(str(item)[: 4 * TEXT_LENGTH] for item in values[:20] if item)
    plain = text.encode("utf-8", "replace").decode("utf-8").translate(_PLAIN)
    return " ".join(plain.split())[:TEXT_LENGTH]


def _id3(file: _Frugal, *wanted: str) -> Mapping[str, Any]:
    """The wanted frames of the ID3 tag (v2, else v1) by their v2.3 names; an empty mapping where there is none."""
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        tag: Mapping[str, Any] = ID3(file, known_frames=_frames_called(wanted))
    except ID3NoHeaderError:
        return {}
    return tag


@cache
def _frames_called(wanted: tuple[str, ...]) -> dict[str, Any]:
    """Mutagen's classes of the wanted frames and of their v2.2 forms, which derive from them: no other is parsed."""
    from mutagen.id3 import Frames, Frames_2_2, _frames

    _frames.zlib = SimpleNamespace(error=zlib.error, decompress=_refuse)
    old = {name: frame for name, frame in Frames_2_2.items() if frame.__base__.__name__ in wanted}
    return old | {name: Frames[name] for name in wanted}


def _refuse(_data: bytes) -> NoReturn:
    """In place of `zlib.decompress` in mutagen: hardly a tag is compressed, and one that is may be a bomb."""
    raise zlib.error("compressed frames are not read")


def _id3_tags(file: _Frugal) -> Tags:
    tag = _id3(file, "TIT2", "TPE1", "TPE2", "TALB")
    if not tag:
        return _ape_tags(file)
    title, artist, band, album = (getattr(tag.get(name), "text", None) for name in ("TIT2", "TPE1", "TPE2", "TALB"))
    return _tags(title, artist or band, album)


def _ape_tags(file: _Frugal) -> Tags:
    from mutagen.apev2 import APENoHeaderError, APEv2

    try:
        tag: Mapping[str, Any] = APEv2(file)
    except APENoHeaderError:
        return Tags()
    return _tags(tag.get("Title"), tag.get("Artist"), tag.get("Album"))


def _id3_cover(file: _Frugal) -> bytes | None:
    pictures = [frame for name, frame in _id3(file, "APIC").items() if name.startswith("APIC")]
    return _front((int(picture.type), bytes(picture.data)) for picture in pictures)


def _mp4_tags(file: _Frugal) -> Tags:
    tag = _mp4(file)
    return _tags(tag.get("\xa9nam"), tag.get("\xa9ART") or tag.get("aART"), tag.get("\xa9alb"))


def _mp4_cover(file: _Frugal) -> bytes | None:
    return _front((_FRONT_COVER, bytes(picture)) for picture in _mp4(file).get("covr", ()))


def _mp4(file: _Frugal) -> Mapping[str, Any]:
    from mutagen.mp4 import MP4

    return MP4(file).tags or {}


def _ogg_tags(file: _Frugal) -> Tags:
    found: dict[str, list[str]] = {"title": [], "artist": [], "albumartist": [], "album": []}
    for name, value in _ogg_fields(file):
        if name in found:
            found[name].append(value.decode("utf-8", "replace"))
    return _tags(found["title"], found["artist"] or found["albumartist"], found["album"])


def _ogg_cover(file: _Frugal) -> bytes | None:
    from mutagen.flac import Picture

    pictures = (Picture(value) for name, value in _ogg_fields(file) if name == _PICTURE)
    return _front((picture.type, picture.data) for picture in pictures)


def _ogg_fields(file: _Frugal) -> Iterator[tuple[str, bytes]]:
    """Comments by name in lower case, and pictures as FLAC's PICTURE blocks, from the headers of the first stream."""
    packets = _ogg_packets(file)
    first = next(packets, b"")
    if first.startswith(b"\x01vorbis"):
        yield from _comments(next(packets, b"")[7:])
    elif first.startswith(b"OpusHead"):
        yield from _comments(next(packets, b"")[8:])
    elif first.startswith(b"\x7fFLAC"):
        for block in packets:
            kind = block[:1]
            if kind in (b"\x04", b"\x84"):
                yield from _comments(block[4:])
            elif kind in (b"\x06", b"\x86"):
                yield _PICTURE, block[4:]
            if kind >= b"\x80":
                return


def _ogg_packets(file: _Frugal) -> Iterator[bytes]:
    """The first packets of the first logical stream, header packets among them."""
    from mutagen.ogg import OggPage

    page = OggPage(file)
    serial, parts, count = page.serial, list[bytes](), 0
    while count < _HEADER_PACKETS:
        for left, packet in enumerate(page.packets if page.serial == serial else (), 1 - len(page.packets)):
            parts.append(packet)
            if left or page.complete:
                yield b"".join(parts)
                parts.clear()
                count += 1
        page = OggPage(file)


def _comments(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Vorbis comments: the vendor, their count, then each with its length (xiph.org, Vorbis I, 5.2.1)."""
    offset = 4 + struct.unpack_from("<I", data)[0]
    (count,) = struct.unpack_from("<I", data, offset)
    offset += 4
    for _ in range(min(count, _COMMENTS)):
        (length,) = struct.unpack_from("<I", data, offset)
        name, _equals, value = data[offset + 4 : offset + 4 + length].partition(b"=")
        offset += 4 + length
        field = name.decode("ascii", "replace").lower()
        yield field, base64.b64decode(value) if field == _PICTURE else value


def _front(pictures: Iterator[tuple[int, bytes]]) -> bytes | None:
    """Of pictures with their ID3 types the front cover, else the first."""
    found = [picture for picture in pictures if picture[1]]
    return next((data for kind, data in found if kind == _FRONT_COVER), found[0][1] if found else None)
