"""Where the audio of an MP3 or ADTS file begins and ends: between the tags.

Pure functions over one open file, run by whoever opens a track. Reads are few, small and bounded: a tag's length is
taken from its own header and checked against what is there, its content is never read. Formats: id3.org (ID3v1,
ID3v2.3, ID3v2.4 with footer, Lyrics3 v1 and v2) and the hydrogenaudio wiki (APEv2).
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final, cast

_TAGS_MOST: Final = 32
"""Tags in a row at either end; a hostile file full of empty tags costs no more than that."""
_PADDING_MOST: Final = 1 << 20
_PIECE: Final = 1 << 16

_ID3V2: Final = 10
_ID3V1: Final = 128
_ID3V1_ENHANCED: Final = 227
_APE: Final = 32
_LYRICS3_V1_MOST: Final = 5100 + len(b"LYRICSBEGIN" + b"LYRICSEND")
_LYRICS3_V2: Final = len(b"000000" + b"LYRICS200")


def audio_span(file: BinaryIO) -> tuple[int, int]:
    """First byte of the audio and the first one behind it (they may be equal), as offsets into `file`.

    A length that points out of the file is not believed: then only the tag's own header is left out, and what follows
    is for the reader's resync. Raises `OSError`.
    """
    start = behind_tags(file)
    return start, _peel_back(file, start, file.seek(0, io.SEEK_END))


def behind_tags(file: BinaryIO) -> int:
    """The offset behind all tags and zero padding at the front. Raises `OSError`."""
    size = file.seek(0, io.SEEK_END)
    start = 0
    for _ in range(_TAGS_MOST):
        head = read_at(file, start, _APE)
        if head[:1] == b"\0":
            start = _skip_zeros(file, start)
            head = read_at(file, start, _APE)
        tag = _front_tag(head)
        if not tag:
            break
        start += tag if start + tag <= size else _ID3V2
    return min(start, size)


def read_into(file: BinaryIO, offset: int, view: memoryview) -> int:
    """Fill `view` from `offset` on; fewer bytes only at the end of the file. Raises `OSError`."""
    source = cast(io.RawIOBase, file)  # `typing.BinaryIO` leaves out readinto, which every binary file has
    source.seek(offset)
    filled = 0
    while filled < len(view):
        got = source.readinto(view[filled:])
        if not got:
            break
        filled += got
    return filled


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Up to `count` bytes from `offset` on; fewer only at the end of the file. Raises `OSError`."""
    data = bytearray(count)
    with memoryview(data) as view:
        got = read_into(file, offset, view)
    return bytes(data[:got])


def _front_tag(head: bytes) -> int:
    """Bytes of the tag that begins with `head`, 0 where none does."""
    if len(head) >= _ID3V2 and head[:3] == b"ID3" and head[3] != 0xFF and head[4] != 0xFF:
        footer = _ID3V2 if head[3] >= 4 and head[5] & 0x10 else 0
        return _ID3V2 + _id3v2_size(head[6:10]) + footer
    if len(head) == _APE and head[:8] == b"APETAGEX":
        return _APE + int.from_bytes(head[12:16], "little")
    return 0


def _id3v2_size(field: bytes) -> int:
    """Four times 7 bits; plain 32 bits where a high bit is set, as some taggers wrote it."""
    if any(byte & 0x80 for byte in field):
        return int.from_bytes(field, "big")
    return field[0] << 21 | field[1] << 14 | field[2] << 7 | field[3]


def _skip_zeros(file: BinaryIO, start: int) -> int:
    """The offset of the first byte from `start` on that is not zero; `start` where zeros go on out of bounds."""
    for at in range(start, start + _PADDING_MOST, _PIECE):
        piece = read_at(file, at, _PIECE)
        rest = piece.lstrip(b"\0")
        if rest:
            return at + len(piece) - len(rest)
        if len(piece) < _PIECE:
            break
    return start


def _peel_back(file: BinaryIO, start: int, end: int) -> int:
    """The offset before all tags at the end of the file."""
    for _ in range(_TAGS_MOST):
        tail = read_at(file, max(start, end - _LYRICS3_V1_MOST), min(end - start, _LYRICS3_V1_MOST))
        tag = _back_tag(tail, end - start)
        if not tag:
            break
        end -= tag
    return end


def _back_tag(tail: bytes, room: int) -> int:
    """Bytes of the tag that ends with `tail`, at most `room`; 0 where none does."""
    if len(tail) >= _ID3V1 and tail[-_ID3V1:].startswith(b"TAG"):
        enhanced = tail[:-_ID3V1][-_ID3V1_ENHANCED:].startswith(b"TAG+")
        return min(room, _ID3V1 + (_ID3V1_ENHANCED if enhanced else 0))
    if len(tail) >= _APE and tail[-_APE:].startswith(b"APETAGEX"):
        return _believed(_ape_length(tail[-_APE:]), _APE, room)
    if len(tail) >= _ID3V2 and tail[-_ID3V2:].startswith(b"3DI\4"):
        return _believed(_id3v2_size(tail[-4:]) + 2 * _ID3V2, _ID3V2, room)
    if len(tail) >= _LYRICS3_V2 and tail.endswith(b"LYRICS200") and tail[-_LYRICS3_V2:-9].isdigit():
        return _believed(int(tail[-_LYRICS3_V2:-9]) + _LYRICS3_V2, _LYRICS3_V2, room)
    if tail.endswith(b"LYRICSEND"):
        begin = tail.rfind(b"LYRICSBEGIN")
        return len(tail) - begin if begin >= 0 else len(b"LYRICSEND")
    return 0


def _ape_length(footer: bytes) -> int:
    """An APE tag's bytes by its footer, whose size field counts items and footer; bit 31 says there is a header."""
    header = _APE if footer[23] & 0x80 else 0
    return header + int.from_bytes(footer[12:16], "little")


def _believed(length: int, least: int, room: int) -> int:
    """`length` where the file can hold it, else only the `least` bytes that were recognised."""
    return length if least <= length <= room else least
