"""Frames that follow one another in a file without any container: the loop that readers of such formats share.

A frame is kept when its header agrees with the part's and a header like it follows, or the audio ends there. Where
none follows, the scan for the next frames begins inside the frame that came before: one that was cut short, as by a
recording that broke off, is left out rather than sent with a stranger's bytes. Where the next frames are of another
kind (rate, channels, version), the part ends, and they are the next part.

Pure, used by one thread at a time. A reader keeps its place as a file offset and carries no bytes over. What it spends
on rubbish is bounded by its `Budget`; a file that has spent it ends there, as one does with rubbish at its end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from radiostream.audio.budget import PART_NS, Budget
from radiostream.audio.frames import AudioError, Block, Params, read_on
from radiostream.audio.framing import FrameSearch
from radiostream.audio.span import audio_span, read_at, read_into
from radiostream.audio.survey import Survey, survey

if TYPE_CHECKING:
    from typing import BinaryIO

    from radiostream.audio.framing import Found, Framing, Matcher

_COUNTED: Final = 96 << 20
"""Bytes of a varying bitrate that are counted frame by frame to find a place: a quarter of a second's work."""
_PART_SAMPLE: Final = 16 << 10
_TAG_HEADER: Final = 10
_REFUSED_HEAD: Final = 1 << 14
_TAG: Final = re.compile(rb"ID3[\2-\4]|TAG|APET|LYRI")
"""How a tag begins that cuts the frame before it short, as in files that were glued together."""
_TAG_BYTES: Final = 3
"""Bytes of it that may lie behind the frame."""


class FramedReader:
    """A file of frames as the `Reader` interface describes it, for a framing that the subclass names."""

    framing: Framing
    preamble = b""
    params: Params
    tick_hz: int
    _pos: int
    _kind: int
    _coming: Found | None
    """The frames of another kind that ended the part."""
    _left_out: Matcher | None

    def __init__(self, file: BinaryIO) -> None:
        """Find the first frames and measure the track. Raises `AudioError` with the reason, or `OSError`."""
        self._file = file
        self._budget = Budget()
        start, end = audio_span(file)
        self._search = FrameSearch(file, self.framing, self._budget, end)
        self._first = self._first_frame(start)
        self._bytes_a_tick = 0.0
        self._begin_part(self._first)
        self._survey = self._surveyed(self._first)
        if not self._survey.frame_bytes_a_second:
            raise AudioError("holds no audio, only an info frame")
        self._bytes_a_tick = self._survey.frame_bytes_a_second / self.tick_hz
        self.duration_s: float | None = self._survey.duration_s

    @property
    def kbps(self) -> int:
        """See `Reader.kbps`."""
        return max(1, round(self._bytes_a_tick * self.tick_hz / 125))

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next whole frames of the part, back to back; every frame is an offset."""
        block = Block()
        most = max(1, max_ticks)
        while block.ticks_total < most and self._pos < self._search.end and self._coming is None:
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
        """Go on to the frames of another kind that ended the part; see `Reader.next_part`."""
        found, self._coming = self._coming, None
        self._budget.spend(PART_NS)
        if found is None or self._budget.is_spent:
            return False
        self._begin_part(found)
        sample = self._search.sample(found.at, _PART_SAMPLE)
        self._bytes_a_tick = sample.frame_bytes / max(1.0, sample.duration_s * self.tick_hz)
        return True

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`: by the bitrate where that is constant, else by counting frames, or, where they are too
        many, by how the survey found the time spread over the file."""
        offset = self._survey.offset(position_s)
        self._begin_part(self._first)
        if not self._survey.is_exact and offset - self._first.at <= _COUNTED:
            return read_on(self, position_s)
        if position_s >= self._survey.duration_s:
            self._pos = self._search.end
            return self._survey.duration_s
        found = self._search.next_run(max(self._first.at, offset - self._first.header.length), self._kind)
        if found is None:
            self._pos = self._search.end
            return self._survey.duration_s
        self._begin_part(found)
        return self._survey.second(found.at)

    def _begin_part(self, found: Found) -> None:
        self._pos, first = found
        self._coming = None
        self._kind = first.kind
        self._left_out = self.framing.left_out(first) if self.framing.left_out else None
        self.params = self._params(found)
        self.tick_hz = first.rate_hz

    def _params(self, first: Found) -> Params:
        """What decides decoding of the part that begins there."""
        return Params(self.framing.codec, first.header.rate_hz, first.header.channels)

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
        """Pass what `_walk` stopped at: the last frame before rubbish, another part or the end, a frame cut short.

        `rest` is what has been read from there on, behind the block; its first frame is kept where it is whole.
        """
        here = self._pos
        header = self.framing.header_at(rest, 0) if len(rest) >= self.framing.header_bytes else None
        length = header.length if header is not None and header.kind == self._kind else 0
        behind = here + length
        self._go_on(here, behind)
        if header is None or not length or length > len(rest):
            return
        if self._left_out and self._left_out(rest, 0, length):
            return
        tag = _TAG.search(rest, 0, length + _TAG_BYTES)
        if behind < self._search.end and (self._pos < behind or (tag and tag.start() < length)):
            return
        self._budget.earn(length)
        block.offsets.append(block.length)
        block.ticks.append(block.ticks_total)
        block.length += length
        block.ticks_total += header.samples

    def _go_on(self, here: int, behind: int) -> None:
        """Find what follows the frame (or rubbish) at `here`, which ends before `behind` where it is whole."""
        end = self._search.end
        found = self._search.next_run(here + 1, self._kind) if behind != end else None
        self._pos = found.at if found else end
        self._coming = found if found and found.header.kind != self._kind else None

    def _is_cut(self, rest: memoryview) -> bool:
        """Whether the frame at the front of `rest` only lacks bytes that have not been read yet."""
        if self._pos + len(rest) >= self._search.end:
            return False
        if len(rest) < self.framing.header_bytes:
            return True
        header = self.framing.header_at(rest, 0)
        return header is not None and header.length + self.framing.header_bytes > len(rest)

    def _worth_reading(self, ticks: int) -> int:
        return int(ticks * self._bytes_a_tick * 1.25) + self.framing.longest + self.framing.header_bytes

    def _read(self, view: memoryview) -> int:
        """Fill `view` from the position on, up to the end of the audio; a file that has shrunk ends earlier."""
        asked = min(len(view), self._search.end - self._pos)
        got = read_into(self._file, self._pos, view[:asked])
        if got < asked:
            self._search.end = self._pos + got
        return got

    def _advance(self, count: int) -> None:
        self._pos += count
        self._budget.earn(count)

    def _first_frame(self, start: int) -> Found:
        """Lock on to the first frames: behind the tag, or, where its size was a lie, inside it."""
        for begin in (start, _TAG_HEADER) if start > _TAG_HEADER else (start,):
            if found := self._search.next_run(begin):
                return found
        raise AudioError(self.framing.refusal(read_at(self._file, start, _REFUSED_HEAD)))

    def _surveyed(self, first: Found) -> Survey:
        """How the track's time is spread over the file, for formats whose first frame does not tell."""
        return survey(self._search, first.at)
