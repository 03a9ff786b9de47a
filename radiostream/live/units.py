"""What a live stream is cut into: whole frames or pages, each with its duration and the part it belongs to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from radiostream.audio.frames import AAC, MP3, OGG, AudioError, Params
from radiostream.live.said import Said


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A stretch of the stream that the same headers decode. Compared by identity."""

    params: Params
    tick_hz: int
    packets: tuple[bytes, ...] = ()
    """Ogg: the header packets to send."""
    pre_skip: int = 0
    """Ogg: ticks at the beginning that a decoder throws away although granule positions count them."""
    title: Said | None = None
    """What the part's own headers call what follows; None where they say nothing."""


class Unit(NamedTuple):
    """One frame, or one page, that is sent whole."""

    data: bytes
    ticks: int
    part: Part
    is_start: bool = True
    """Whether a listener may begin here."""

    @property
    def duration_s(self) -> float:
        return self.ticks / self.part.tick_hz


class Parser(Protocol):
    """Cuts a stream into units as its bytes come. Used by the source's thread only."""

    def feed(self, data: bytes) -> list[Unit]:
        """The units that are whole now. Keeps a bounded rest; raises `AudioError` where there is only rubbish."""

    def end(self) -> list[Unit]:
        """Nothing more comes: what was only waiting for what follows it."""


def open_parser(family: str) -> Parser:
    """A parser for a stream of `family`. Raises `AudioError` for a family that is not known."""
    if family == OGG:
        from radiostream.live.pages import PageParser

        return PageParser()
    from radiostream.live.framing import FrameParser

    if family == MP3:
        from radiostream.audio.mpeg import MpegReader

        return FrameParser(MpegReader.framing)
    if family == AAC:
        from radiostream.audio.adts import AdtsReader

        return FrameParser(AdtsReader.framing)
    raise AudioError(f"is of no known family: {family}")
