"""Frames of MP3 and ADTS out of a stream of bytes that has no end and cannot be sought in.

A frame is kept when its header agrees with the stream's and another one, or a tag, follows directly. Tags and info
frames, which encoders and playlists of files put in front of each track, are left out. Where other headers follow in a
row the parameters have changed: a new part begins. Pure; used by the source's thread.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AudioError, Params
from radiostream.live.units import Part, Unit

if TYPE_CHECKING:
    from radiostream.audio.framing import Framing, Header, Matcher

RUBBISH_MOST: Final = 256 << 10
"""Bytes without a frame, after which this is no audio."""
TAG_MOST: Final = 1 << 20
"""A longer tag is not believed; it would silence a minute of sound."""
TAGS_MOST: Final = 2 << 20
_NEW_RUN: Final = 3
_SAME_RUN: Final = 2
"""Headers in a row that are believed: of a kind that is new, and of the kind that the stream had."""
_TAG_HEAD: Final = 16
"""Bytes by which each kind of tag is known, and its length."""
_TAGS: Final = (b"ID3", b"TAG", b"APETAGEX")
_ID3V1: Final = 128
_APE_HEAD: Final = 32


class _Short(Exception):  # noqa: N818 - no error: more bytes are to come
    """What is here does not decide it."""


class FrameParser:
    """`Parser` for a framing of `radiostream.audio`."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._data = b""
        self._at = 0
        self._tag_left = 0
        self._tags = 0
        """Bytes of tags since the last frame."""
        self._is_locked = False
        self._kind = 0
        self._part: Part | None = None
        self._left_out: Matcher | None = None
        self._rubbish = 0

    def feed(self, data: bytes) -> list[Unit]:
        """See `Parser.feed`."""
        self._data += data
        units: list[Unit] = []
        try:
            while self._step(units):
                pass
        except _Short:
            pass
        self._data = self._data[self._at :]
        self._at = 0
        return units

    def end(self) -> list[Unit]:
        """The last frame, where it is whole: see `Parser.end`."""
        units: list[Unit] = []
        with suppress(_Short):
            header = self._header(self._at) if self._is_locked and not self._tag_left else None
            if header is not None and header.kind == self._kind and header.length <= len(self._data) - self._at:
                self._take(units)
        return units

    def _step(self, units: list[Unit]) -> bool:
        """Take one frame or tag, or pass some rubbish; False where nothing is left. Raises `_Short`."""
        if self._tag_left:
            passed = min(self._tag_left, len(self._data) - self._at)
            self._tag_left -= passed
            self._at += passed
            return not self._tag_left
        if tag := self._tag_at(self._at):
            self._tag_left = tag
            self._tags += tag
            if self._tags > TAGS_MOST:
                raise AudioError(f"{TAGS_MOST >> 10} KB of tags without a frame")
            return True
        if self._begins_frame():
            self._take(units)
        else:
            self._resync()
        return True

    def _begins_frame(self) -> bool:
        header = self._header(self._at)
        if header is None:
            return False
        if not self._is_locked:
            return self._is_run(self._at, _SAME_RUN if header.kind == self._kind else _NEW_RUN)
        if header.kind != self._kind:
            return self._is_run(self._at, _NEW_RUN)
        behind = self._at + header.length
        following = self._header(behind)
        if following is not None and following.kind == self._kind:
            return True
        return bool(self._tag_at(behind)) or (following is not None and self._is_run(behind, _NEW_RUN))

    def _take(self, units: list[Unit]) -> None:
        header = self._header(self._at)
        assert header is not None  # noqa: S101 - `_begins_frame` looked
        part = self._enter(header)
        behind = self._at + header.length
        if not (self._left_out and self._left_out(self._data, self._at, behind)):
            units.append(Unit(self._data[self._at : behind], header.samples, part))
            self._rubbish = self._tags = 0
        self._at = behind

    def _enter(self, header: Header) -> Part:
        """The part that a frame with this header belongs to; a new one where the parameters are other ones."""
        self._is_locked = True
        if self._part is None or header.kind != self._kind:
            self._kind = header.kind
            self._left_out = self._framing.left_out(header) if self._framing.left_out else None
            params = Params(self._framing.codec, header.rate_hz, header.channels)
            if self._part is None or self._part.params != params:
                self._part = Part(params, header.rate_hz)
        return self._part

    def _resync(self) -> None:
        """Pass what is no frame up to the next thing that looks like one, or like a tag."""
        self._is_locked = False
        found = self._framing.sync.search(self._data, self._at + 1)
        tag = self._data.find(b"ID3", self._at + 1, found.start() if found else len(self._data))
        ends = [found.start() if found else -1, tag]
        target = min((end for end in ends if end >= 0), default=max(self._at + 1, len(self._data) - 2))
        self._rubbish += target - self._at
        self._at = target
        if self._rubbish > RUBBISH_MOST:
            raise AudioError(f"{RUBBISH_MOST >> 10} KB without a frame of {self._framing.name}")

    def _is_run(self, at: int, headers: int) -> bool:
        """Whether so many headers of one kind follow one another from `at` on."""
        kind = 0
        for _ in range(headers):
            header = self._header(at)
            if header is None or (kind and header.kind != kind):
                return False
            kind = header.kind
            at += header.length
        return True

    def _header(self, at: int) -> Header | None:
        if at + self._framing.header_bytes > len(self._data):
            raise _Short
        return self._framing.header_at(self._data, at)

    def _tag_at(self, at: int) -> int:
        """Bytes of the tag that begins there (ID3v2, ID3v1, APEv2), 0 where none does. Raises `_Short`."""
        head = self._data[at : at + _TAG_HEAD]
        if not head.startswith(_TAGS):
            if head and any(magic.startswith(head) for magic in _TAGS):
                raise _Short
            return 0
        if len(head) < _TAG_HEAD:
            raise _Short
        if head.startswith(b"TAG"):
            return _ID3V1
        if head.startswith(b"APE"):
            length = _APE_HEAD + int.from_bytes(head[12:16], "little")
            return length if length <= TAG_MOST else _APE_HEAD
        length = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        return length if length <= TAG_MOST and not any(byte & 0x80 for byte in head[6:10]) else 10
