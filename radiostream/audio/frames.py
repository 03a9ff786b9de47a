"""What every reader of audio has in common.

A reader turns one open file into blocks of whole frames (MP3, ADTS) or whole pages (Ogg). It is pure: it knows no
clock, thread or socket, reads its file in a bounded window, and survives any bytes. The only error that leaves it is
`AudioError`; it means that this file can not be played (any further), never that the process is in trouble.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Final, Protocol

MP3: Final = "mp3"
AAC: Final = "aac"
OGG: Final = "ogg"

CONTENT_TYPES: Final = {MP3: "audio/mpeg", AAC: "audio/aac", OGG: "audio/ogg"}
"""Family of formats (what a station sends, `--stream-format`) to its content type."""

WIDEST_FRAME: Final = 65307
"""Bytes of the largest indivisible unit there is: an Ogg page (RFC 3533). No buffer is smaller."""


class AudioError(Exception):
    """This file can not be played; the text tells the operator why, in a few plain words."""


@dataclass(frozen=True, slots=True)
class Params:
    """What must not change inside one browser's stream."""

    codec: str
    """`mp3`, `aac`, `vorbis`, `opus` or `flac`."""
    rate_hz: int
    channels: int


def _offsets() -> array[int]:
    return array("I")


@dataclass(slots=True)
class Block:
    """What one `fill` put at the front of a buffer: whole frames or pages, back to back, nothing else.

    `offsets[i]` is the byte at which a listener may start, `ticks[i]` the media time of that byte since the block's
    beginning, in the reader's `tick_hz`. Both rise strictly (a page without a duration of its own is no start).
    """

    length: int = 0
    """Bytes used; 0 means that the track has ended."""
    ticks_total: int = 0
    """Duration of the block in the reader's `tick_hz`."""
    offsets: array[int] = field(default_factory=_offsets)
    ticks: array[int] = field(default_factory=_offsets)


class Reader(Protocol):
    """One open track. Used by one thread at a time; the caller owns and closes the file."""

    @property
    def params(self) -> Params: ...

    @property
    def tick_hz(self) -> int:
        """Ticks a second of `Block.ticks`: the sample rate, 48000 for Opus."""

    @property
    def kbps(self) -> int:
        """The mean bitrate, measured (or counted in the file's own tables), at least 1."""

    @property
    def duration_s(self) -> float | None:
        """The track's duration where the file tells it cheaply, else None."""

    @property
    def preamble(self) -> bytes:
        """What a listener needs before any block of this track: Ogg header pages, else empty."""

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """Put the next whole frames at the front of `view` (at least `WIDEST_FRAME` bytes).

        Stops at the end of the view, or once the block lasts `max_ticks` or more (at least one frame or page is
        taken where there is one), or at the end of the track. Rubbish between frames is left out. Raises
        `AudioError` where the file turned out to be unreadable or endless rubbish, `OSError` where reading failed.
        """
