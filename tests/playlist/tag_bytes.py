"""Tags as bytes, for tests: ID3v2, Vorbis comments in Ogg pages, APE, MP4 atoms. Written from the specifications."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

MIB = 2**20


def id3(*frames: tuple[str, bytes], version: int = 4, flags: int = 0, unsynchronised: bool = False) -> bytes:
    """An ID3v2.3 or v2.4 tag (id3.org) with these frames; `flags` are each frame's."""
    size = syncsafe if version == 4 else struct.Struct(">I").pack
    parts = [name.encode() + size(len(content)) + struct.pack(">H", flags) + content for name, content in frames]
    return id3_tag(b"".join(parts), version, unsynchronised)


def id3_old(*frames: tuple[str, bytes], unsynchronised: bool = False) -> bytes:
    """An ID3v2.2 tag."""
    body = b"".join(name.encode() + struct.pack(">I", len(content))[1:] + content for name, content in frames)
    return id3_tag(body, 2, unsynchronised)


def id3_tag(body: bytes, version: int, unsynchronised: bool = False) -> bytes:
    """The header, and the frames with a zero behind each FF where the whole tag is unsynchronised."""
    if unsynchronised:
        body = body.replace(b"\xff", b"\xff\x00")
    return b"ID3" + bytes([version, 0, 0x80 if unsynchronised else 0]) + syncsafe(len(body)) + body


def syncsafe(number: int) -> bytes:
    """Four times seven bits."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def text(value: str) -> bytes:
    """A text frame's content, in UTF-8."""
    return b"\x03" + value.encode()


def id3v1(title: bytes, artist: bytes = b"", album: bytes = b"") -> bytes:
    """The 128 bytes at the end of a file."""
    return b"TAG" + title.ljust(30, b"\0") + artist.ljust(30, b"\0") + album.ljust(30, b"\0") + bytes(35)


def ape(*items: tuple[str, bytes], count: int | None = None, flags: int = 0) -> bytes:
    """An APEv2 tag without a header."""
    body = b"".join(struct.pack("<II", len(value), flags) + key.encode() + b"\0" + value for key, value in items)
    total = len(items) if count is None else count
    return body + b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, total, 0) + bytes(8)


def vorbis(*comments: bytes, count: int | None = None, serial: int = 7) -> bytes:
    """An Ogg file that holds no more than the first two packets of Vorbis."""
    head = b"\x01vorbis" + bytes(23)
    fields = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    body = b"\x03vorbis" + struct.pack("<I", 0) + struct.pack("<I", len(comments) if count is None else count) + fields
    return page(head, 0, serial, 2) + pages(body, serial)


def pages(packet: bytes, serial: int = 7) -> bytes:
    """A packet over as many pages as it needs."""
    size = 255 * 255
    starts = range(0, len(packet) + 1, size)
    return b"".join(page(packet[at : at + size], number, serial) for number, at in enumerate(starts, 1))


def page(data: bytes, number: int, serial: int = 7, kind: int = 0) -> bytes:
    """One Ogg page (RFC 3533) whose last packet goes on in the next where it fills the page."""
    lacing = bytes([255] * (len(data) // 255) + ([len(data) % 255] if len(data) < 255 * 255 else []))
    return struct.pack("<4sBBqIIiB", b"OggS", 0, kind, 0, serial, number, 0, len(lacing)) + lacing + data


def flac_picture(data: bytes, kind: int = 3) -> bytes:
    """FLAC's PICTURE block (RFC 9639 §8.8)."""
    return struct.pack(">II9sI", kind, 9, b"image/png", 0) + bytes(16) + struct.pack(">I", len(data)) + data


def atom(kind: bytes, *content: bytes) -> bytes:
    """One MP4 atom."""
    inside = b"".join(content)
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def mp4(*items: bytes) -> bytes:
    """An MP4 file that holds no more than its metadata items."""
    meta = atom(b"meta", bytes(4), atom(b"hdlr", bytes(25)), atom(b"ilst", *items))
    return atom(b"ftyp", b"M4A \0\0\0\0") + atom(b"mdat", bytes(100)) + atom(b"moov", atom(b"udta", meta))


def item(kind: bytes, *values: bytes) -> bytes:
    """One metadata item."""
    return atom(kind, *(atom(b"data", struct.pack(">II", 1, 0), value) for value in values))


def freeform(name: str, value: str) -> bytes:
    """A `----` item of iTunes."""
    data = atom(b"data", struct.pack(">II", 1, 0), value.encode())
    return atom(b"----", atom(b"mean", bytes(4), b"com.apple.iTunes"), atom(b"name", bytes(4), name.encode()), data)


def write(directory: Path, content: bytes, name: str = "a.mp3") -> str:
    """A file with that content; its path."""
    path = directory / name
    path.write_bytes(content)
    return str(path)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "unsynchronised": lambda: b"ID3\x03\0\x80" + syncsafe(16 * MIB) + b"\xff\0" * (8 * MIB),
    "unsynchronised, one frame": lambda: b"ID3\x03\0\x80" + syncsafe(16 * MIB) + b"TIT2\0\xff\0\xf0\0\0" * (2 * MIB),
    "a million ape items": lambda: ape(*[("Title", b"a")] * 1_000_000),
    "long ape keys": lambda: ape(*[("t" * 255, b"")] * 60_000),
    "many values": lambda: id3(("TIT2", text("a\0" * (MIB // 2)))),
    "many old frames": lambda: id3_old(*[("TT2", b"\0")] * 430_000),
    "many empty frames": lambda: id3(*[("TXXX", b"")] * 300_000),
    "pictures": lambda: id3(*[("APIC", b"\0\0\3\0" + b"x" * (2 * MIB - 100))] * 10),
    "many comments": lambda: vorbis(*[b"title=x"] * 500_000),
    "nameless comment": lambda: vorbis(b"x" * (20 * MIB)),
    "endless title": lambda: vorbis(b"title=" + b"x" * (20 * MIB)),
    "base64": lambda: vorbis(b"METADATA_BLOCK_PICTURE=" + b"A" * (2 * MIB)),
    "tiny pages": lambda: vorbis(b"a=b", count=2**31) + b"".join(page(b"x" * 254, 3) for _ in range(40_000)),
    "foreign pages": lambda: page(b"OpusHead", 0, 1, 2) + page(b"", 3, 5) * 500_000,
    "many items": lambda: mp4(*[item(b"\xa9nam", b"x")] * 300_000),
    "many atoms": lambda: atom(b"ftyp", b"M4A ") + atom(b"free") * 2_000_000,
    "nested": lambda: atom(b"ftyp") + atom(b"moov", *[atom(b"udta", atom(b"meta", bytes(8)))] * 200_000),
    "endless id3": lambda: b"ID3\x04\x00\x00" + syncsafe(100 * MIB) + b"\0" * 1000,
    "endless mp4": lambda: struct.pack(">I4s", 16, b"ftyp") + b"M4A \0\0\0\0" + struct.pack(">I4s", 2**31, b"moov"),
    "endless ogg": lambda: vorbis(count=2**32 - 1),
}
"""Tags that want to cost memory or time, by what they are; each makes the bytes of a file."""
