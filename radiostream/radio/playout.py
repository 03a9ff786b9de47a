"""What a station sends: one track after another is read, and each chunk published at the moment its first frame is due.

Owned by the producer's thread; the meters (`published_s` and the like) are read by any.

Time: a chunk's `start_s` is the second of the clock at which its first frame is due. Durations of media add up from
one origin, so lateness never does. The origin moves at a *discontinuity*: at the start, at a skip, when music follows
silence, and after a standstill longer than the burst. A discontinuity begins `burst_s` in the past: that much of the
new track is published at once, so whoever joins there starts as quickly, and lags by as much, as everybody else.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Final

from radiostream.audio.closing import closing
from radiostream.audio.frames import OGG, AudioError, Block, Params
from radiostream.clock import Clock
from radiostream.playlist.history import FAILED, JINGLE, LIVE
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Tags, Track
from radiostream.radio.air import Air
from radiostream.radio.deck import Deck
from radiostream.radio.live_input import LiveInput
from radiostream.radio.programme import Programme
from radiostream.radio.ring import CHUNK_S, Chunk, Ring, Run

log = logging.getLogger(__name__)

FIRST_S: Final = 0.1
"""The first chunk of a track that was skipped to: on the air at once, and cheap if the next skip follows."""

KEEP_S: Final = 64.0
"""Seconds the ring holds: the longest burst, the most that a listener may lag, and the HLS playlists."""

MAX_BURST_S: Final = 20.0
BROWSER_BURST_BYTES: Final = 64 << 10
"""Chromium takes data in blocks of 32 KiB: with less than two of them it starts late and stops again."""

TAGS_WAIT_S: Final = 0.1

WAIT_S: Final = 0.05
"""How long a live source is given before it is asked again, while it owes a chunk."""

MAX_LOAD_ATTEMPTS: Final = 20
"""How many broken files are gone through before the station is silent for `SILENCE_RETRY_S` and goes on trying."""

SILENCE_RETRY_S: Final = 1.0


class Playout:
    """Reads tracks and publishes their chunks on time. The producer's thread; any may read the meters."""

    def __init__(
        self,
        route: str,
        programme: Programme,
        air: Air,
        *,
        clock: Clock,
        tagger: Tagger,
        want_picture: Callable[[Deck, Track], None],
        buffer_size: int,
        burst_s: float,
    ) -> None:
        self.ring = Ring(buffer_size, KEEP_S)
        self.burst_s = burst_s
        """One figure for all listeners; settled with the bitrate of the first track."""
        self.published_s = 0.0
        """Seconds of audio published so far."""
        self.drift_s = 0.0
        """How late the newest chunk was."""
        self.progress_s = clock.now_s()
        """When a chunk was last published, in monotonic seconds."""
        self.resyncs = 0
        self.deck: Deck | None = None
        """The newest published track, which may not be on the air yet; None before the first."""
        self.due_s = -math.inf
        """When `step` has something to do."""
        self.live: LiveInput | None = None
        """Sources that may go on where a track ends; None where there are none."""
        self._end_s = -math.inf
        """When what has been published ends, in the clock's seconds."""
        self._live_tags: Tags | None = None
        """The title that a live source had when it was cued last."""
        self._route = route
        self._programme = programme
        self._air = air
        self._clock = clock
        self._tagger = tagger
        self._want_picture = want_picture
        self._buffer_size = buffer_size
        self._burst_is_settled = False
        self._pending: tuple[Deck, Chunk] | None = None
        self._run: Run | None = None
        """That of the newest published chunk; None before the first."""
        self._discontinuity_at_s = 0.0

    def step(self) -> None:
        """Read the next chunk ahead of its time, or publish the one that was read."""
        if self.deck is None:
            self.cut()
        elif self._pending is None:
            self._prepare(self.deck)
        else:
            self._publish_pending(*self._pending)

    def cut(self, live: Deck | None = None) -> None:
        """End what is published here and now, and begin the programme's next track (or `live`) with a discontinuity.

        It is on the air at once; nothing else may be cued any more.
        """
        self._close_run()
        deck, buffer, block = (live and self._first_block(live, FIRST_S)) or self._cue(FIRST_S, self._clock.now_s())
        self._discard_pending()
        self._settle_burst(deck)
        chunk = self._chunk(deck, buffer, block, 0.0)
        self._begin_discontinuity(chunk)
        self._take_up(deck, chunk.start_s)
        self._publish(chunk, deck)

    def reconsider(self) -> None:
        """The order may have changed: what was read of the next track is dropped where another comes next now."""
        if self._pending is not None and not self._is_still_next(*self._pending):
            self._discard_pending()

    def retitle(self, track: Track, tags: Tags) -> None:
        """The tags of `track` are known now: from the next chunk on they show."""
        if self.deck is not None and self.deck.track == track:
            self.deck.tags = tags

    def let_go(self) -> None:
        """Close all files; the next `step` starts over, with a discontinuity."""
        self._discard_pending()
        if self.deck is not None:
            self.deck.close()
        self.deck = self._run = None
        self.due_s = -math.inf

    def change_ring(self) -> None:
        """End every listener's stream, and begin with another format."""
        self.let_go()
        self.ring.close()
        self.ring = Ring(self._buffer_size, KEEP_S)

    @property
    def _params(self) -> Params | None:
        return self._run.params if self._run else None

    # -- reading

    def _prepare(self, deck: Deck) -> None:
        """Read the next chunk, of this track or the one that follows it."""
        if deck.waits(self._clock.now_s() - self._end_s):
            self.due_s = self._clock.now_s() + WAIT_S
            return
        buffer = self.ring.take()
        heard_at_s = self._end_s + self.burst_s
        goes_on = deck.track is not None or self._programme.peek(heard_at_s) is None
        block = self._fill(deck, buffer, deck.chunk_s or CHUNK_S) if goes_on else Block()
        if not block.length:
            self.ring.give_back(buffer)
            if deck.track is not None:
                self._end(deck)
            deck, buffer, block = self._cue_live() or self._cue(CHUNK_S, heard_at_s, None if deck.track else deck)
        chunk = self._chunk(deck, buffer, block, self._end_s)
        self.due_s = self._end_s
        chunk.barrier = self._run is not None and chunk.run.params != self._run.params
        self._pending = deck, chunk

    def _cue(self, max_s: float, heard_at_s: float, silence: Deck | None = None) -> tuple[Deck, memoryview, Block]:
        """Load the track that will be heard from `heard_at_s` on, and its first block; files that hold no audio are
        given up on the way.

        Where there is no track, or none for so many tries, it is silence: the one that is given, or a new one.
        """
        buffer = self.ring.take()
        for _ in range(MAX_LOAD_ATTEMPTS):
            deck = self._programme.load_next(heard_at_s)
            if deck is None:
                continue
            block = self._first_fill(deck, buffer, max_s)
            if block.length:
                return deck, buffer, block
            self._end(deck)
        deck = silence or self._programme.load_silence(self._params)
        return deck, buffer, self._fill(deck, buffer, min(max_s, SILENCE_RETRY_S))

    def _first_fill(self, deck: Deck, buffer: memoryview, max_s: float) -> Block:
        try:
            return self._fill(deck, buffer, max_s)
        except Exception:
            assert deck.track is not None  # noqa: S101 - the programme loads tracks; silence is not filled here
            deck.ended = FAILED
            self._programme.blame(deck.track)
            return Block()

    def _cue_live(self) -> tuple[Deck, memoryview, Block] | None:
        """The live source that goes on at this track's end, if one does, with its first block."""
        live = self.live.due_at_track_end() if self.live else None
        return self._first_block(live, live.chunk_s or CHUNK_S) if live else None

    def _first_block(self, live: Deck, max_s: float) -> tuple[Deck, memoryview, Block] | None:
        buffer = self.ring.take()
        block = self._fill(live, buffer, max_s)
        if block.length:
            return live, buffer, block
        self.ring.give_back(buffer)
        live.close()
        return None

    def _end(self, deck: Deck) -> None:
        """Nothing more comes of `deck`. A track in which no time passed is given up: alone, it would begin for ever."""
        deck.close()
        if deck.track is not None and not deck.has_sounded and deck.ended != FAILED and not deck.position_s:
            self._programme.give_up(deck.track, AudioError("holds no audio"))

    def _fill(self, deck: Deck, buffer: memoryview, max_s: float) -> Block:
        try:
            return deck.fill(buffer, max_s)
        except (AudioError, OSError) as error:
            deck.ended = FAILED
            if deck.track is not None:
                self._programme.give_up(deck.track, error)
            return Block()

    def _chunk(self, deck: Deck, buffer: memoryview, block: Block, start_s: float) -> Chunk:
        chunk = deck.chunk(buffer, block, start_s)
        if chunk.buffer is None:
            self.ring.give_back(buffer)
        return chunk

    def _discard_pending(self) -> None:
        if self._pending is None:
            return
        (deck, chunk), self._pending = self._pending, None
        if chunk.buffer is not None:
            self.ring.give_back(chunk.buffer)
        if deck is not self.deck:
            deck.close()

    # -- publishing

    def _publish_pending(self, deck: Deck, chunk: Chunk) -> None:
        # Silence may be there because what would be next cannot be played: it is not asked for again and again.
        if deck.track is not None and not self._is_still_next(deck, chunk):
            self._discard_pending()  # the order has changed meanwhile
            return
        self._pending = None
        late_s = self._clock.now_s() - chunk.start_s
        if late_s > self.burst_s + CHUNK_S:
            # The process stood still, or the disk did: what is overdue is stale, and everybody's player has run dry.
            log.warning("%s: %.1f s late, clock reset", self._route, late_s)
            self.resyncs += 1
            self._air.delay(late_s - self.burst_s)
            self._begin_discontinuity(chunk)
        if deck is not self.deck:
            self._take_up(deck, chunk.start_s)
        else:
            self._cue_change(deck, chunk)
        self._publish(chunk, deck)

    def _is_still_next(self, deck: Deck, chunk: Chunk) -> bool:
        if deck is self.deck or deck.kind == LIVE:
            return True
        return deck.track == self._programme.peek(chunk.start_s + self.burst_s)

    def _begin_discontinuity(self, chunk: Chunk) -> None:
        self._discontinuity_at_s = self._clock.now_s()
        chunk.start_s = self._discontinuity_at_s - self.burst_s
        chunk.discontinuity = chunk.barrier = True

    def _publish(self, chunk: Chunk, deck: Deck) -> None:
        now_s = self._clock.now_s()
        # What a discontinuity publishes at once lies in the past by design.
        self.drift_s = now_s - chunk.start_s if chunk.start_s >= self._discontinuity_at_s else 0.0
        self.progress_s = now_s
        self.published_s += chunk.duration_s
        chunk.title = deck.title
        self.ring.idle_s = self.burst_s
        self.ring.publish(chunk)
        self._run = chunk.run
        self._end_s = self.due_s = chunk.end_s

    def _close_run(self) -> None:
        """End an Ogg link properly: with its next page, marked as its last. Where a packet is longer than what was
        read there is no such page, and the link ends as it is."""
        if self._programme.family != OGG or self.deck is None:
            return
        if self._pending is None:
            self.deck.finish()
            self._prepare(self.deck)
        if self._pending is not None and self._pending[1].run is self._run:
            ahead = self._pending[1]
            if tail := closing(OGG, ahead.view):
                self._publish(Chunk(ahead.run, memoryview(tail), start_s=ahead.start_s, duration_s=0.0), self.deck)

    def _cue_change(self, deck: Deck, chunk: Chunk) -> None:
        """`chunk` goes on with the deck that is published: with another part of it, or another title, perhaps."""
        heard_s = chunk.start_s + self.burst_s
        if chunk.run is not self._run:
            self._air.cue_part(deck, heard_s)
        if deck.kind == LIVE and deck.tags != self._live_tags:
            self._live_tags = deck.tags
            self._air.cue(deck, heard_s)

    def _take_up(self, deck: Deck, start_s: float) -> None:
        """`deck` follows what was published so far, and will be heard in its time."""
        if self.deck is not None:
            self.deck.close()
        if deck.kind == JINGLE:
            deck.shown = self._air.newest_title
        self.deck = deck
        self._live_tags = deck.tags
        heard_at_s = start_s + self.burst_s
        self._air.cue(deck, heard_at_s)
        if deck.track is None or deck.kind == LIVE:
            return
        self._programme.advance()
        deck.tags = self._tagger.wait(deck.track, TAGS_WAIT_S)
        self._want_picture(deck, deck.track)
        if coming := self._programme.peek(heard_at_s + (deck.duration_s or 0.0)):
            self._tagger.request(coming)
            if self._programme.announce:
                self._programme.announce(coming)

    def _settle_burst(self, deck: Deck) -> None:
        if deck.track is None or self._burst_is_settled:
            return
        self.burst_s = self.burst_for(deck.kbps)
        self._burst_is_settled = True

    def burst_for(self, kbps: int) -> float:
        """The burst in seconds, if it was settled by a first track of so many kbps now. For any thread."""
        if self._burst_is_settled:
            return self.burst_s
        return min(MAX_BURST_S, max(self.burst_s, BROWSER_BURST_BYTES * 8 / (kbps * 1000)))
