"""Vorbis comments and FLAC pictures of Ogg files, walked page by page; what nobody asks for is gone over unread.

Sources: RFC 3533 (Ogg pages), Vorbis I §5 (comments), RFC 7845 §5.2 (Opus), RFC 9639 §8.8 and §10.1 (FLAC). Pure but
for the file's descriptor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.playlist.tagfile import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.playlist.tagfile import TagFile

PICTURE_BLOCK: Final = "picture"
"""Name of a field that is FLAC's PICTURE block as it is."""
PICTURE_COMMENT: Final = "metadata_block_picture"
"""Name of a comment that is such a block in base64."""

_MAX_COMMENTS: Final = 2000
_MAX_BLOCKS: Final = 64
_NAME_BYTES: Final = 64
_STREAMS: Final = 32


class _Page(NamedTuple):
    serial: bytes
    begins_stream: bool
    lacing: bytes
    body: int


def _pages(file: TagFile) -> Iterator[_Page]:
    offset = 0
    while True:
        head = file.at(offset, 27 + 255)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        lacing = head[27 : 27 + head[26]]
        body = offset + 27 + len(lacing)
        offset = body + sum(lacing)
        yield _Page(head[14:18], bool(head[5] & 2), lacing, body)


class _Packets:
    """The packets of one logical stream, one after another; as a `Stream`, the rest of the current one."""

    def __init__(self, file: TagFile, serial: bytes) -> None:
        self._file = file
        self._pages = (page for page in _pages(file) if page.serial == serial)
        self._lacing = b""
        self._at = 0
        self._left = 0
        """Bytes of the packet that lie at `_at`."""
        self._goes_on = False
        """Whether the packet goes on behind them."""

    def next(self) -> None:
        """Go over the rest of the packet to the one behind it."""
        while self._more():
            self._advance(self._left)
        self._goes_on = True

    def read(self, size: int) -> bytes:
        """See `Stream`."""
        parts = []
        while size > 0 and self._more():
            part = self._file.at(self._at, min(size, self._left))
            if not part:
                break
            parts.append(part)
            size -= len(part)
            self._advance(len(part))
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """See `Stream`."""
        while size > 0 and self._more():
            step = min(size, self._left)
            size -= step
            self._advance(step)

    def _advance(self, step: int) -> None:
        self._at += step
        self._left -= step

    def _more(self) -> bool:
        """Whether the packet has more bytes; they are at `_at` then."""
        while not self._left and self._goes_on:
            if not self._lacing:
                page = next(self._pages, None)
                if page is None:
                    self._goes_on = False
                    return False
                self._lacing, self._at = page.lacing, page.body
            full = len(self._lacing) - len(self._lacing.lstrip(b"\xff"))
            run, self._lacing = self._lacing[: full + 1], self._lacing[full + 1 :]
            self._left = sum(run)
            self._goes_on = full == len(run)
        return self._left > 0


def ogg_fields(file: TagFile) -> Iterator[Part]:
    """Comments by their names in lower case, and pictures, from the headers of the first audio stream: a file may
    begin with the pages of a video's or another stream (RFC 3533 §4)."""
    serial = _audio_stream(file)
    if serial is None:
        return
    packets = _Packets(file, serial)
    packets.next()
    first = packets.read(8)
    packets.next()
    if first.startswith(b"\x7fFLAC"):
        yield from _flac_blocks(packets)
    else:
        packets.skip(7 if first.startswith(b"\x01vorbis") else 8)
        yield from _comments(packets)


def _audio_stream(file: TagFile) -> bytes | None:
    for number, page in enumerate(_pages(file)):
        if not page.begins_stream or number >= _STREAMS:
            return None
        if file.at(page.body, 8).startswith((b"\x01vorbis", b"OpusHead", b"\x7fFLAC")):
            return page.serial
    return None


def _flac_blocks(packets: _Packets) -> Iterator[Part]:
    for _ in range(_MAX_BLOCKS):
        head = packets.read(4)
        if len(head) < 4:
            return
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:])
        if kind == 4:
            yield from _comments(packets)
        elif kind == 6:
            yield Part(PICTURE_BLOCK, packets, size)
        if head[0] & 0x80:
            return
        packets.next()


def _comments(packets: _Packets) -> Iterator[Part]:
    """The vendor, the comments' count, then each with its length (Vorbis I §5.2.1)."""
    packets.skip(int.from_bytes(packets.read(4), "little"))
    for _ in range(min(int.from_bytes(packets.read(4), "little"), _MAX_COMMENTS)):
        head = packets.read(4)
        size = int.from_bytes(head, "little")
        if len(head) < 4:
            return
        name, size = _name(packets, size)
        part = Part(name, packets, size)
        yield part
        part.finish()


def _name(packets: _Packets, size: int) -> tuple[str, int]:
    """A comment's name, and the size of what follows its equals sign; no name where it is too long for one we know."""
    name = b""
    while len(name) < min(size, _NAME_BYTES):
        byte = packets.read(1)
        if not byte:
            break
        if byte == b"=":
            return name.decode("ascii", "replace").lower(), size - len(name) - 1
        name += byte
    return "", size - len(name)
