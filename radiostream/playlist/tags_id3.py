"""The fields of ID3v1, ID3v2 and APEv2 tags, walked in the file; what nobody asks for is gone over unread.

Sources: id3.org, ID3v2.2.0, ID3v2.3.0 and ID3v2.4.0 (structure); wiki.hydrogenaud.io, "APEv2 specification" and
"APE Tags Header"; id3.org, "Lyrics3 v2". Pure but for the file's descriptor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.playlist.tagfile import Part, Region, Unsynchronised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.playlist.tagfile import Stream, TagFile

MAX_FIELDS: Final = 2000
"""A tag with more fields is read so far."""

_ID_V22: Final = re.compile(rb"[A-Z][A-Z0-9]{2}")
_ID: Final = re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 ]")
_NEW_NAMES: Final = {
    b"TT2": "TIT2",
    b"TP1": "TPE1",
    b"TP2": "TPE2",
    b"TAL": "TALB",
    b"TRC": "TSRC",
    b"TPB": "TPUB",
    b"TXX": "TXXX",
    b"PIC": "PIC",
}
"""Names of ID3v2.2 as later versions have them; the picture's frame is another one, and keeps its name."""

_APE_HEAD: Final = 32
_APE_BINARY: Final = 0b110
_APE_IS_HEADER: Final = 1 << 29


class Header(NamedTuple):
    """The ten bytes that an ID3v2 tag begins with."""

    version: int
    flags: int
    end: int


def id3v2_header(file: TagFile, offset: int = 0) -> Header | None:
    """The ID3v2 tag that begins at `offset`, if there is one of a known version."""
    head = file.at(offset, 10)
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4):
        return None
    return Header(head[3], head[5], offset + 10 + syncsafe(head[6:10]))


def syncsafe(data: bytes) -> int:
    """Four times 7 bits (ID3v2.4 §6.2)."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 127
    return number


def id3v2_fields(file: TagFile) -> Iterator[Part]:
    """Every frame of the tag at the file's start that is neither compressed nor encrypted, by its v2.3 or v2.4 name."""
    header = id3v2_header(file)
    if header is None:
        return
    region = Region(file, 10, header.end)
    if header.version == 2 and header.flags & 0x40:
        return  # compressed as a whole, in a way that was never specified
    whole = header.version < 4 and header.flags & 0x80
    stream = Unsynchronised(region) if whole else region
    if header.version == 2:
        yield from _old_frames(stream)
        return
    first = stream.read(10)
    if header.flags & 0x40 and not _ID.fullmatch(first[:4]):
        size = 4 + int.from_bytes(first[:4]) if header.version == 3 else syncsafe(first[:4])
        stream.skip(size - 10)
        first = first[size:] if size < 10 else b""
        first += stream.read(10 - len(first))
    yield from _frames(stream, first, header.version, region)


def _old_frames(stream: Stream) -> Iterator[Part]:
    """ID3v2.2: three letters, three bytes of size."""
    for _ in range(MAX_FIELDS):
        head = stream.read(6)
        if not _ID_V22.fullmatch(head[:3]):
            return
        part = Part(_NEW_NAMES.get(head[:3], ""), stream, int.from_bytes(head[3:6]))
        yield part
        part.finish()


def _frames(stream: Stream, head: bytes, version: int, region: Region) -> Iterator[Part]:
    for _ in range(MAX_FIELDS):
        if len(head) < 10 or not _ID.fullmatch(head[:4]):
            return
        size = _frame_size(head, region) if version == 4 else int.from_bytes(head[4:8])
        part = _frame(head, size, version, stream)
        yield part
        part.finish()
        head = stream.read(10)


def _frame(head: bytes, size: int, version: int, stream: Stream) -> Part:
    """The frame behind its header, without the bytes that its flags put before its content (v2.3 §3.3.1, v2.4 §4.1)."""
    flags = head[9]
    unreadable, grouped = (0xC0, 0x20) if version == 3 else (0x0C, 0x40)
    name = "" if flags & unreadable else head[:4].decode("ascii")
    before = (1 if flags & grouped else 0) + (4 if version == 4 and flags & 1 else 0)
    before = min(before, size)
    stream.skip(before)
    if version == 4 and flags & 2:
        return _UnsynchronisedPart(name, stream, size - before)
    return Part(name, stream, size - before)


class _UnsynchronisedPart(Part):
    """A frame that is unsynchronised by itself (v2.4 §4.1.2)."""

    def read(self, size: int) -> bytes:
        return super().read(size).replace(b"\xff\x00", b"\xff")


def _frame_size(head: bytes, region: Region) -> int:
    """A v2.4 frame's size is syncsafe; iTunes wrote plain numbers, which the frame that follows tells."""
    safe, whole = syncsafe(head[4:8]), int.from_bytes(head[4:8])
    if safe == whole:
        return safe
    if any(byte & 0x80 for byte in head[4:8]):
        return whole
    return safe if _frame_follows(region, safe) or not _frame_follows(region, whole) else whole


def _frame_follows(region: Region, size: int) -> bool:
    """Whether a frame of that size would end where another, padding or the end of the tag is."""
    following = region.peek(size, 4)
    return region.is_end(size) or following == bytes(4) or _ID.fullmatch(following) is not None


def id3v1_fields(file: TagFile) -> Iterator[tuple[str, bytes]]:
    """Title, artist and album of the last 128 bytes, each at most 30 bytes long, under their ID3v2 names."""
    tag = file.at(file.size - 128, 128)
    if tag[:3] == b"TAG" and len(tag) == 128:
        for name, begin in (("TIT2", 3), ("TPE1", 33), ("TALB", 63)):
            yield name, tag[begin : begin + 30].partition(b"\0")[0]


def ape_fields(file: TagFile) -> Iterator[Part]:
    """The text and binary items of an APEv1 or v2 tag, at the end (before ID3v1 and Lyrics3) or at the start."""
    for offset in _ape_places(file):
        head = file.at(offset, _APE_HEAD)
        if len(head) == _APE_HEAD and head[:8] == b"APETAGEX":
            size, count, flags = (int.from_bytes(head[at : at + 4], "little") for at in (12, 16, 20))
            start = offset + _APE_HEAD if flags & _APE_IS_HEADER else offset + _APE_HEAD - size
            if start >= 0:
                yield from _ape_items(Region(file, start, start + size), min(count, MAX_FIELDS))
            return


def _ape_places(file: TagFile) -> Iterator[int]:
    end = file.size
    if file.at(end - 128, 3) == b"TAG":
        end -= 128
    tail = file.at(end - 15, 15)
    if tail[6:] == b"LYRICS200" and tail[:6].isdigit():
        end -= 15 + int(tail[:6])
    yield end - _APE_HEAD
    header = id3v2_header(file)
    yield header.end if header else 0


def _ape_items(region: Region, count: int) -> Iterator[Part]:
    for _ in range(count):
        start = region.position
        head = region.read(8 + 256)
        key, zero, _rest = head[8:].partition(b"\0")
        if not zero:
            return
        region.position = start + 8 + len(key) + 1
        binary = int.from_bytes(head[4:8], "little") & _APE_BINARY == 0b010
        name = key.decode("ascii", "replace").lower()
        part = Part(name + ":binary" if binary else name, region, int.from_bytes(head[:4], "little"))
        yield part
        part.finish()
