"""What every reader of audio has in common.

A reader turns one open file into blocks of whole frames (MP3, ADTS) or whole pages (Ogg). It is pure: it knows no
clock, thread or socket, reads its file in a bounded window, and survives any bytes. The only error that leaves it is
`AudioError`; it means that this file cannot be played (any further), never that the process is in trouble.
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

SBR: Final = "SBR"
"""`Params.setup` of HE-AAC."""

WIDEST_FRAME: Final = 65307
"""Bytes of the largest indivisible unit there is: an Ogg page (RFC 3533). No buffer is smaller."""

_STEP_S: Final = 0.03
"""As long as the longest frame of music at usual rates; a page may be longer."""


class AudioError(Exception):
    """This file cannot be played; the text tells the operator why, in a few plain words."""


@dataclass(frozen=True, slots=True)
class Params:
    """Everything that decides decoding: where two are equal, a decoder goes on from one track into the other.

    It is what must not change inside one browser's stream.
    """

    codec: str
    """`mp3`, `aac`, `vorbis`, `opus` or `flac`."""
    rate_hz: int
    channels: int
    setup: str = ""
    """What else the codec's headers decide. Vorbis: a digest of block sizes and set-up header; FLAC: the bit depth;
    Opus: the channel mapping; AAC: `SBR` where it has SBR data (HE-AAC); else empty."""

    @property
    def heard_hz(self) -> int:
        """The rate that comes out of a decoder: `rate_hz`, which headers tell, or twice that where SBR is used."""
        return self.rate_hz * 2 if self.setup == SBR else self.rate_hz


def _offsets() -> array[int]:
    return array("I")


@dataclass(slots=True)
class Block:
    """What one `fill` put at the front of a buffer: whole frames or pages, back to back, nothing else.

    `offsets[i]` is the byte at which a listener may start, `ticks[i]` the media time of that byte since the block's
    beginning, in the reader's `tick_hz`. Both rise strictly (a page without a duration of its own is no start).
    """

    length: int = 0
    """Bytes used; 0 means that the part of the track has ended (see `Reader.next_part`)."""
    ticks_total: int = 0
    """Duration of the block in the reader's `tick_hz`."""
    offsets: array[int] = field(default_factory=_offsets)
    ticks: array[int] = field(default_factory=_offsets)


class Reader(Protocol):
    """One open track. Used by one thread at a time; the caller owns and closes the file.

    A file whose parameters change inside has several *parts*: `params`, `tick_hz`, `kbps` and `preamble` are those of
    the part that `fill` reads from.
    """

    @property
    def params(self) -> Params: ...

    @property
    def tick_hz(self) -> int:
        """Ticks a second of `Block.ticks`: the sample rate, 48000 for Opus."""

    @property
    def kbps(self) -> int:
        """The part's mean bitrate, measured (or counted in the file's own tables), at least 1."""

    @property
    def duration_s(self) -> float | None:
        """The track's duration where the file tells it cheaply, else None."""

    @property
    def preamble(self) -> bytes:
        """What a listener needs before any block of this part: Ogg header pages, else empty."""

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """Put the next whole frames at the front of `view` (at least `WIDEST_FRAME` bytes).

        Stops at the end of the view, or once the block lasts `max_ticks` or more (at least one frame or page is
        taken where there is one), or at the end of the part: then the next call returns an empty block.
        Rubbish between frames is left out. Raises `AudioError` where the file turned out to be unreadable or endless
        rubbish, `OSError` where reading failed.
        """

    def next_part(self) -> bool:
        """Go on to what follows the part whose end `fill` has reached; False where the track ends there."""

    def seek(self, position_s: float) -> float:
        """Go to the frame or page at or before that second of the whole track; the second that it begins at.

        May end in another part. A second behind the end leads to the end. Cheap: what it reads does not grow with the
        position. Raises `AudioError`, `OSError`.
        """


def read_on(reader: Reader, position_s: float) -> float:
    """`Reader.seek` for a reader at the begin of its track that has no better way: drop the blocks up to there.

    Ends at most a frame or page before or behind `position_s`.
    """
    view = memoryview(bytearray(4 * WIDEST_FRAME))
    reached_s = 0.0
    while (left_s := position_s - reached_s) > _STEP_S:
        block = reader.fill(view, max(1, int((left_s - _STEP_S) * reader.tick_hz)))
        reached_s += block.ticks_total / reader.tick_hz
        if not block.length and not reader.next_part():
            break
    return reached_s
