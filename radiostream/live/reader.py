"""A feed as a station's deck reads it: the `Reader` of something that has neither length nor end of its own.

Used by the producer's thread. It owns the numbering of what it sends: each part of an Ogg stream is a logical stream of
ours, with a serial and page numbers of its own, whose last page says so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import OGG, Block
from radiostream.audio.ogg_page import BOS, CONTINUED, EOS, NO_GRANULE, build_page, paged, parse_page, stamp, trimmed

if TYPE_CHECKING:
    from radiostream.audio.frames import Params
    from radiostream.audio.ogg_page import Page
    from radiostream.live.feed import Cued, Feed
    from radiostream.live.units import Part

LATE_MOST_S: Final = 2.0
"""A source that trickles: so late its audio may be before the station goes on without it."""


class LiveReader:
    """`Reader` over a feed that has something to read; see the module."""

    duration_s: float | None = None

    def __init__(self, feed: Feed) -> None:
        first = feed.first()
        if first is None:
            raise ValueError("nothing to read")
        self.feed = feed
        self.title = first.title
        """The title of what `fill` gave last."""
        self._is_over = False
        self._is_paged = feed.family == OGG
        self._enter(first.unit.part)

    def _enter(self, part: Part) -> None:
        self._part = part
        self.params: Params = part.params
        self.tick_hz = part.tick_hz
        self.preamble = b""
        self._is_first = True
        if not self._is_paged:
            return
        self._serial = int.from_bytes(os.urandom(4), "big") or 1
        head, *others = part.packets
        pages = paged([head], self._serial, 0, BOS) + paged(others, self._serial, 1)
        self.preamble = b"".join(pages)
        self._sequence = len(pages)
        self._granule = part.pre_skip
        self._needs_end = False

    @property
    def kbps(self) -> int:
        return self.feed.kbps

    def waits(self, late_s: float) -> bool:
        """Whether nothing can be read yet, while more may come. `late_s`: how overdue what comes next is.

        False also where the feed is at its end, or counts as such because it has stalled; then `fill` says so.
        """
        feed = self.feed
        if self._is_over or (feed.first() is not None and not (self._is_paged and feed.second() is None)):
            return False
        self._is_over = bool(feed.over) or feed.has_stalled() or late_s >= LATE_MOST_S
        if self._is_over and not feed.over:
            feed.stalls += 1
        return not self._is_over

    def finish(self) -> None:
        """The feed counts as ended: what is there is given out."""
        self._is_over = True

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """What there is, up to `max_ticks`, of one part and one title; see `Reader.fill`."""
        block = Block()
        first = self.feed.first()
        title = first.title if first else self.title
        while not block.length or block.ticks_total < max_ticks:
            cued = self.feed.first()
            if cued is None or cued.unit.part is not self._part or (cued.title != title and block.length):
                break
            following = self.feed.second() if self._is_paged else None
            if self._is_paged and following is None and not (self._is_over or self.feed.over):
                break
            if block.length + len(cued.unit.data) > len(view):
                break
            self.title = title = cued.title
            self.feed.take()
            self._append(view, block, cued, following)
        if self._is_paged and self._needs_end and not block.length:
            self._append_end(view, block)
        return block

    def _append(self, view: memoryview, block: Block, cued: Cued, following: Cued | None) -> None:
        data: bytes | bytearray = cued.unit.data
        if self._is_paged:
            data = self._stamped(cued, following)
            if not data:
                return
        end = block.length + len(data)
        view[block.length : end] = data
        if cued.unit.is_start:
            block.offsets.append(block.length)
            block.ticks.append(block.ticks_total)
        block.length = end
        block.ticks_total += cued.unit.ticks

    def _stamped(self, cued: Cued, following: Cued | None) -> bytearray:
        """The page with numbers of ours; empty where no whole packet's part of it is left."""
        page = parse_page(bytearray(cued.unit.data))
        if self._is_first and page.flags & CONTINUED:
            page = trimmed(page, head=True, tail=False)
        goes_on = following is not None and following.unit.part is self._part
        if page.is_unfinished and not (goes_on and following and _is_continued(following)):
            page = trimmed(page, head=False, tail=True)
        if not page.lacing:
            return bytearray()
        self._is_first = False
        self._granule += cued.unit.ticks
        self._stamp(page, 0 if goes_on else EOS)
        return page.data

    def _stamp(self, page: Page, end: int) -> None:
        granule = self._granule if page.packets_ended else NO_GRANULE
        stamp(page.data, page.flags & CONTINUED | end, granule, self._serial, self._sequence)
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._needs_end = not end

    def _append_end(self, view: memoryview, block: Block) -> None:
        """A page without packets that ends the logical stream: what was to be its last page was not to be sent."""
        page = build_page(EOS, self._granule, self._serial, self._sequence, b"", b"")
        view[: len(page)] = page
        block.length = len(page)
        self._needs_end = False

    def next_part(self) -> bool:
        """Go on to the part that the source has begun; see `Reader.next_part`."""
        first = self.feed.first()
        if first is None or first.unit.part is self._part:
            return False
        self._enter(first.unit.part)
        return True

    def seek(self, position_s: float) -> float:  # noqa: ARG002 - as `Reader` has it
        """There is no place in a live stream but now."""
        return 0.0


def _is_continued(cued: Cued) -> bool:
    return bool(cued.unit.data[5] & CONTINUED)
