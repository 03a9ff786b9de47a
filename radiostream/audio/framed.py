"""Frames that follow one another in a file without any container: the loop that readers of such formats share.

A frame is kept when its header agrees with the track's and a header like it follows, or the audio ends there. Where
none follows, the scan for the next frames begins inside the frame that came before: one that was cut short, as by a
recording that broke off, is left out rather than sent with a stranger's bytes.

Pure, used by one thread at a time. A reader keeps its place as a file offset and carries no bytes over. What it spends
on rubbish is bounded by `_PATIENCE`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from radiostream.audio.frames import AudioError, Block, Params, read_on
from radiostream.audio.span import audio_span, read_at, read_into

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_WINDOW: Final = 1 << 16
_PATIENCE: Final = 8 << 20
"""Bytes of rubbish that are searched for the next frame; audio earns as many again."""
_FALSE_HEADER_COST: Final = 64
"""Bytes of rubbish that take as long to search as one look at what only seems to be a header."""
_FIRST_RUN: Final = 3
_NEXT_RUN: Final = 2
"""Headers in a row that are believed: at first, when nothing is known of the track, and later."""
_TAG_HEADER: Final = 10
_TAG: Final = re.compile(rb"ID3[\2-\4]|TAG|APET|LYRI")
"""How a tag begins that cuts the frame before it short, as in files that were glued together."""
_TAG_BYTES: Final = 3
"""Bytes of it that may lie behind the frame."""


class Header(Protocol):
    """What a frame's header says; each format has its own tuple of these, and of what else it knows."""

    @property
    def kind(self) -> int:
        """Not 0, and equal for all frames of one track."""

    @property
    def rate_hz(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def samples(self) -> int: ...

    @property
    def length(self) -> int:
        """Bytes of the frame, header included."""


Matcher: TypeAlias = "Callable[..., re.Match[bytes] | None]"
"""`match` of a pattern."""


class Framing(NamedTuple):
    """One format of frames."""

    name: str
    codec: str
    header_bytes: int
    longest: int
    """Bytes of the longest legal frame."""
    sync: re.Pattern[bytes]
    """What a header begins with, and as little else as possible."""
    header_at: Callable[[bytes | memoryview, int], Header | None]
    """The header at an offset that has `header_bytes` behind it, None where there is none."""
    refusal: Callable[[bytes], str]
    """Why nothing is found in audio that begins with these bytes."""
    left_out: Callable[[Header], Matcher] | None = None
    """In formats that have such: what matches frames of the track with this first header that are not to be sent."""


class FramedReader:
    """A file of frames as the `Reader` interface describes it, for a framing that the subclass names."""

    framing: Framing
    preamble = b""

    def __init__(self, file: BinaryIO) -> None:
        """Find the first frames and measure the track. Raises `AudioError` with the reason, or `OSError`."""
        self._file = file
        self._patience = _PATIENCE
        self._kind = 0
        start, self._end = audio_span(file)
        self._pos = start
        first = self._first_frame(start)
        self._kind = first.kind
        self._left_out = self.framing.left_out(first) if self.framing.left_out else None
        self.params = Params(self.framing.codec, first.rate_hz, first.channels)
        self.tick_hz = first.rate_hz
        self._bytes_a_tick, ticks = self._measured(first)
        self.kbps = max(1, round(self._bytes_a_tick * self.tick_hz / 125))
        self.duration_s: float | None = ticks / self.tick_hz

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next whole frames, back to back; every frame is an offset."""
        block = Block()
        most = max(1, max_ticks)
        while block.ticks_total < most and self._pos < self._end:
            if self._patience <= 0:
                if block.length:
                    break
                raise AudioError(f"is mostly rubbish between its {self.framing.name} frames")
            begin = block.length
            stop = begin + self._read(view[begin : begin + self._worth_reading(most - block.ticks_total)])
            self._walk(view, stop, most, block)
            self._advance(block.length - begin)
            if block.ticks_total >= most:
                break
            rest = view[block.length : stop]
            if self._is_cut(rest):
                if stop == len(view):
                    break
                continue
            self._step(rest, block)
        return block

    def next_part(self) -> bool:
        """A file is one part so far."""
        return False

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`; reads on up to there."""
        return read_on(self, position_s)

    def _walk(self, view: memoryview, stop: int, most: int, block: Block) -> None:
        """Take frames behind the block as long as each is followed by another."""
        kind, header_at, left_out = self._kind, self.framing.header_at, self._left_out
        add_offset, add_ticks = block.offsets.append, block.ticks.append
        at, ticks, last = block.length, block.ticks_total, stop - self.framing.header_bytes
        header = header_at(view, at) if at <= last else None
        while ticks < most and header is not None and header.kind == kind:
            behind = at + header.length
            if behind > last:
                break
            following = header_at(view, behind)
            if following is None or following.kind != kind or (left_out and left_out(view, at, behind)):
                break
            add_offset(at)
            add_ticks(ticks)
            ticks += header.samples
            at, header = behind, following
        block.length, block.ticks_total = at, ticks

    def _step(self, rest: memoryview, block: Block) -> None:
        """Pass what `_walk` stopped at: the last frame before rubbish or the end, a frame cut short, rubbish.

        `rest` is what has been read from there on, behind the block; its first frame is kept where it is whole.
        """
        here = self._pos
        header = self.framing.header_at(rest, 0) if len(rest) >= self.framing.header_bytes else None
        length = header.length if header is not None and header.kind == self._kind else 0
        behind = here + length
        self._pos = self._end if behind == self._end else self._next_run(here + 1, _NEXT_RUN)
        if header is None or not length or length > len(rest):
            return
        if self._left_out and self._left_out(rest, 0, length):
            return
        tag = _TAG.search(rest, 0, length + _TAG_BYTES)
        if behind < self._end and (self._pos < behind or (tag and tag.start() < length)):
            return
        self._patience = min(_PATIENCE, self._patience + length)
        block.offsets.append(block.length)
        block.ticks.append(block.ticks_total)
        block.length += length
        block.ticks_total += header.samples

    def _is_cut(self, rest: memoryview) -> bool:
        """Whether the frame at the front of `rest` only lacks bytes that have not been read yet."""
        if self._pos + len(rest) >= self._end:
            return False
        if len(rest) < self.framing.header_bytes:
            return True
        header = self.framing.header_at(rest, 0)
        return header is not None and header.length + self.framing.header_bytes > len(rest)

    def _worth_reading(self, ticks: int) -> int:
        return int(ticks * self._bytes_a_tick * 1.25) + self.framing.longest + self.framing.header_bytes

    def _read(self, view: memoryview) -> int:
        """Fill `view` from the position on, up to the end of the audio; a file that has shrunk ends earlier."""
        asked = min(len(view), self._end - self._pos)
        got = read_into(self._file, self._pos, view[:asked])
        if got < asked:
            self._end = self._pos + got
        return got

    def _advance(self, count: int) -> None:
        self._pos += count
        self._patience = min(_PATIENCE, self._patience + count)

    def _next_run(self, at: int, headers: int) -> int:
        """The first offset from `at` on where so many frames follow one another, or the end, or where patience ended.

        Before the first lock they may be of any kind, later only of the track's own.
        """
        while at < self._end and self._patience > 0:
            asked = min(_WINDOW, self._end - at)
            window = read_at(self._file, at, asked)
            if len(window) < asked:
                self._end = at + len(window)
            at_end = at + len(window) >= self._end
            searched = len(window) if at_end else len(window) - headers * self.framing.longest
            for match in self.framing.sync.finditer(window, 0, searched):
                if self._begins_run(window, match.start(), headers, at_end=at_end):
                    self._patience -= match.start()
                    return at + match.start()
                self._patience -= _FALSE_HEADER_COST
            self._patience -= searched
            at += searched
        return at

    def _begins_run(self, data: bytes, at: int, headers: int, *, at_end: bool) -> bool:
        """Whether so many headers of one kind follow one another from `at` on, or fewer up to the very end."""
        kind = self._kind
        for _ in range(headers):
            if at + self.framing.header_bytes > len(data):
                return at_end and at == len(data)
            header = self.framing.header_at(data, at)
            if header is None or (kind and header.kind != kind):
                return False
            kind = header.kind
            at += header.length
        return True

    def _first_frame(self, start: int) -> Header:
        """Lock on to the first frames: behind the tag, or, where its size was a lie, inside it."""
        for begin in (start, _TAG_HEADER) if start > _TAG_HEADER else (start,):
            self._patience = _PATIENCE
            self._pos = self._next_run(begin, _FIRST_RUN)
            if self._pos < self._end and self._patience > 0:
                first = self.framing.header_at(read_at(self._file, self._pos, self.framing.header_bytes), 0)
                if first is not None:
                    return first
        raise AudioError(self.framing.refusal(read_at(self._file, start, 16)))

    def _measured(self, first: Header) -> tuple[float, float]:  # noqa: ARG002 - for formats that tell more
        """Mean bytes a tick of the first frames, as many as one window holds, and the track's ticks by that."""
        room = self._end - self._pos
        window = read_at(self._file, self._pos, min(_WINDOW, room))
        at = size = ticks = 0
        while at + self.framing.header_bytes <= len(window):
            header = self.framing.header_at(window, at)
            if header is None:
                break
            behind = at + header.length
            if not (self._left_out and self._left_out(window, at, behind)):
                size += header.length
                ticks += header.samples
            at = behind
        if not ticks:
            raise AudioError("holds no audio, only an info frame")
        return size / ticks, room * ticks / size
