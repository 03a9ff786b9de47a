"""A live feed on the air: the deck that the producer reads it from. Used by the producer's thread only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from radiostream.live.reader import LiveReader
from radiostream.live.slew import Slew
from radiostream.playlist.history import LIVE
from radiostream.playlist.track import Tags, Track
from radiostream.radio.deck import Deck

if TYPE_CHECKING:
    from radiostream.audio.frames import Block
    from radiostream.clock import Clock
    from radiostream.live.feed import Feed
    from radiostream.live.said import Said
    from radiostream.radio.ring import Chunk

NAME = "live"
"""What stands for a file's name where a live source is shown."""
_PATH = os.path.join(os.devnull, NAME)
"""Where no file can be, so that whoever looks for its picture or its tags finds none."""


class LiveDeck(Deck):
    """A live source in place of a file. The feed must have audio, and is on the air from now on."""

    def __init__(self, feed: Feed, clock: Clock, level_s: float) -> None:
        feed.go_on_air(level_s)
        self._live = LiveReader(feed)
        super().__init__(self._live, Track(_PATH, 0, 0, feed.family))
        self.feed = feed
        self.kind = LIVE
        self.chunk_s: float = feed.chunk_s
        self.tags = _tags(feed, self._live.title)
        self._clock = clock
        self._slew = Slew(feed.reserve_s)
        self._stretch = 1.0
        self._is_caught_up = False

    def waits(self, late_s: float) -> bool:
        """See `Deck.waits`."""
        return self._live.waits(late_s)

    def finish(self) -> None:
        """See `Deck.finish`."""
        self._live.finish()

    def fill(self, buffer: memoryview, max_s: float) -> Block:
        """See `Deck.fill`; takes note of the buffer's level on the way."""
        block = super().fill(buffer, max_s)
        self.tags = _tags(self.feed, self._live.title)
        return block

    def chunk(self, buffer: memoryview, block: Block, start_s: float) -> Chunk:
        """See `Deck.chunk`; it lasts as long by our clock as it took by the source's."""
        chunk = super().chunk(buffer, block, start_s)
        level_s = self.feed.level_s + chunk.duration_s
        now_s = self._clock.now_s()
        self._is_caught_up = self._is_caught_up or start_s >= now_s - self.chunk_s
        if self._is_caught_up and not self.feed.was_held_back():
            self._stretch = self._slew.stretch(level_s, now_s)
        chunk.duration_s *= self._stretch
        chunk.tick_s *= self._stretch
        return chunk

    def close(self) -> None:
        """Off the air; the source may be on it again later."""
        super().close()
        self.feed.leave_air()


def _tags(feed: Feed, title: Said) -> Tags:
    """What the source calls it; while it says nothing, what it calls itself."""
    return Tags(title.title, title.artist) if any(title) else Tags(feed.about.name)
