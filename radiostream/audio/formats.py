"""Which reader a file needs: its suffix names the family it is listed under, its bytes decide what it is.

Pure; the readers are imported when a file of their family is first opened, so a station of MP3 never loads MP4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AAC, MP3, OGG, AudioError
from radiostream.audio.span import behind_tags, read_at

if TYPE_CHECKING:
    from typing import BinaryIO

    from radiostream.audio.frames import Reader

FAMILY_BY_SUFFIX: Final = {
    ".mp3": MP3,
    ".aac": AAC,
    ".m4a": AAC,
    ".mp4": AAC,
    ".m4b": AAC,
    ".ogg": OGG,
    ".oga": OGG,
    ".opus": OGG,
}
"""A file's suffix in lower case to the family of formats it is listed under."""

_MP4: Final = "MP4"
_OGG: Final = "Ogg"
_MPEG: Final = "MP3"
_ADTS: Final = "AAC"

_MAGIC: Final = (
    (0, b"OggS", _OGG),
    (4, b"ftyp", _MP4),
    (4, b"moov", _MP4),
    (4, b"mdat", _MP4),
    (4, b"free", _MP4),
    (4, b"skip", _MP4),
    (4, b"wide", _MP4),
    (0, b"fLaC", "FLAC"),
    (0, b"FORM", "AIFF"),
    (0, b"\x30\x26\xb2\x75", "WMA"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvPk", "WavPack"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"ADIF", "AAC in ADIF, which cannot be streamed"),
)
"""Offset, bytes and name of what begins with bytes of its own; MP3 and ADTS begin with a frame, looked at last."""
_MAGIC_BYTES: Final = 16
_RIFF_BYTES: Final = 1 << 12
_RIFF_HEADER: Final = 12
_WAVE_FORMAT_MP3: Final = 0x55


def open_reader(file: BinaryIO, family: str, serial: int = 0) -> Reader:
    """The reader for `file`, which must hold a format of `family` (`mp3`, `aac`, `ogg`) whatever its name says.

    `serial` is the Ogg serial number to send (0: a random one); other families ignore it. Raises `AudioError` with the
    reason where the file cannot be played, `OSError` where reading failed.
    """
    kind = _kind(file)
    file.seek(0)
    if family == OGG:
        return _open_ogg(file, kind, serial)
    if family == AAC:
        return _open_aac(file, kind)
    return _open_mp3(file, kind)


def _open_mp3(file: BinaryIO, kind: str) -> Reader:
    if kind not in ("", _MPEG):
        raise AudioError(f"is {kind}, not MP3")
    from radiostream.audio.mpeg import MpegReader

    return MpegReader(file)


def _open_aac(file: BinaryIO, kind: str) -> Reader:
    if kind == _MP4:
        from radiostream.audio.mp4 import Mp4Reader

        return Mp4Reader(file)
    if kind not in ("", _ADTS):
        raise AudioError(f"is {kind}, not AAC")
    from radiostream.audio.adts import AdtsReader

    return AdtsReader(file)


def _open_ogg(file: BinaryIO, kind: str, serial: int) -> Reader:
    if kind not in ("", _OGG):
        raise AudioError(f"is {kind}, not Ogg")
    from radiostream.audio.ogg import OggReader

    return OggReader(file, serial)


def _kind(file: BinaryIO) -> str:
    """What the bytes behind leading tags begin with, empty where that is nothing known."""
    head = read_at(file, 0, _MAGIC_BYTES)
    if not head:
        raise AudioError("is empty")
    if head.startswith(b"ID3"):
        head = read_at(file, behind_tags(file), _MAGIC_BYTES)
    if head[:4] == b"RIFF":
        return _riff_kind(file)
    for offset, magic, name in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return name
    return _frame_kind(head)


def _riff_kind(file: BinaryIO) -> str:
    """What is wrapped in a RIFF file: its `fmt ` chunk tells in WAVE, the form type does for MP3 alone (RFC 2361)."""
    head = read_at(file, behind_tags(file), _RIFF_BYTES)
    at = _RIFF_HEADER
    while head[8:12] == b"WAVE" and at < len(head) and head[at : at + 4] != b"fmt ":
        at += 8 + int.from_bytes(head[at + 4 : at + 8], "little") + 1 & ~1
    is_mp3 = head[8:12] == b"RMP3" or int.from_bytes(head[at + 8 : at + 10], "little") == _WAVE_FORMAT_MP3
    return _MPEG if is_mp3 else "WAV"


def _frame_kind(head: bytes) -> str:
    if len(head) < 4 or head[0] != 0xFF:
        return ""
    if head[1] & 0xF6 == 0xF0:
        return _ADTS
    return _MPEG if head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 15 else ""
