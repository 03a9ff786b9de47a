"""A station: one producer thread that reads tracks, and publishes each chunk at the moment its first frame is due.

Threads: `run` is the producer's thread. It alone touches the decks, the programme and the air; the methods under "any
thread" post a command to its inbox and hand out a future, or read the published `status`, one frozen value.

Time: a chunk's `start_s` is the second of the clock at which its first frame is due. Durations of media add up from
one origin, so lateness never does. The origin is set anew at a *mark*: at the start, at a skip, when music follows
silence, and after a standstill longer than the burst. A mark begins `burst_s` in the past: that much of the new track
is published at once, so whoever joins there starts as quickly, and lags by as much, as everybody else.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from radiostream.audio.closing import closing
from radiostream.audio.frames import OGG, AudioError, Block, Params
from radiostream.config import StationConfig
from radiostream.log import quoted
from radiostream.playlist.history import FAILED, PLAYED, SKIPPED
from radiostream.playlist.library import Listing
from radiostream.playlist.state import Saved
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Track
from radiostream.radio.air import Air
from radiostream.radio.audience import Audience
from radiostream.radio.changes import Changes
from radiostream.radio.clock import Clock
from radiostream.radio.deck import Deck
from radiostream.radio.hls import Hls
from radiostream.radio.inbox import Inbox
from radiostream.radio.programme import TRIES, Programme
from radiostream.radio.ring import Chunk, Ring
from radiostream.radio.status import OnAir, Status

log = logging.getLogger(__name__)

CHUNK_S: Final = 5.0
"""The longest chunk. Few large chunks keep a listener cheap; the burst gives players the lead that makes it safe."""

FIRST_S: Final = 0.1
"""The first chunk of a track that was skipped to: on the air at once, and cheap if the next skip follows."""

KEEP_S: Final = 64.0
"""Seconds the ring holds: the longest burst, the most that a listener may lag, and the HLS playlists."""

MAX_BURST_S: Final = 20.0
BROWSER_BURST_BYTES: Final = 64 << 10
"""Chromium takes data in blocks of 32 KiB: with less than two of them it starts late and stops again."""

TAGS_WAIT_S: Final = 0.1
RESTART_S: Final = 1.0


class Station:
    """See the module."""

    def __init__(
        self,
        config: StationConfig,
        *,
        clock: Clock,
        rng: random.Random,
        tagger: Tagger,
        changes: Changes,
        buffer_size: int,
        burst_s: float,
        fallback: tuple[Track, ...] = (),
        saved: Saved | None = None,
    ) -> None:
        self.config = config
        self.audience = Audience(changes)
        self.burst_s = burst_s
        """One figure for all listeners; settled with the bitrate of the first track."""
        self.published_s = 0.0
        """Seconds of audio published so far."""
        self.drift_s = 0.0
        """How late the newest chunk was."""
        self.restarts = 0
        self.resyncs = 0
        self.progress_s = clock.now_s()
        """When the producer last published, in monotonic seconds."""
        self.clock = clock
        self._tagger = tagger
        self._changes = changes
        self._buffer_size = buffer_size
        self._burst_is_settled = False
        self._saved = saved
        self._inbox = Inbox(clock)
        self._programme = Programme(config, clock, rng, artist_of=tagger.artist_of, fallback=fallback)
        self._air = Air(clock, tagger)
        self._deck: Deck | None = None
        """The newest published track, which may not be on the air yet."""
        self._pending: tuple[Deck, Chunk] | None = None
        self._due_s = -math.inf
        self._marked_at_s = 0.0
        self.ring = Ring(buffer_size, KEEP_S)
        self.hls = Hls(clock)
        self.status = self._status()

    # -- any thread --------------------------------------------------------------------------------------------

    def next_track(self) -> Future[OnAir]:
        """Skip to the next track; done when it is on the air."""
        return self._inbox.post(self._skip_forward)

    def previous_track(self) -> Future[OnAir]:
        """Go back to the track played before; done when it is on the air."""
        return self._inbox.post(self._skip_back)

    def set_shuffle(self, on: bool) -> Future[None]:
        """Shuffle what comes, or not; the current track plays on."""
        return self._inbox.post(lambda: self._reorder(on))

    def update(self, listing: Listing) -> Future[None]:
        """The directory has changed."""
        return self._inbox.post(lambda: self._take(listing))

    def tags_read(self, track: Track) -> None:
        """The tags of `track` are known now; matters if it is on the air."""
        on_air, deck = self._air.on_air, self._deck
        if (on_air and on_air.track == track) or (deck and deck.track == track):
            self._inbox.post(lambda: self._retitle(track))

    @property
    def tracks_failed(self) -> int:
        """Files given up so far."""
        return self._programme.failures

    def hls_listeners(self) -> int:
        """Players that follow the station's HLS playlist."""
        return len(self.hls.players)

    def settled(self) -> Future[None]:
        """Done when everything posted before has been."""
        return self._inbox.post(lambda: None)

    def snapshot(self) -> Future[Saved]:
        """What a later run needs to go on from here."""
        return self._inbox.post(self._snapshot)

    def stop(self) -> None:
        """End the producer and, at their next frame boundary, the listeners' streams."""
        self._inbox.close()
        self.ring.close()

    # -- the producer's thread ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Produce until `stop`. A bug costs the current track, never the station."""
        while not self._inbox.closed:
            try:
                self.step()
            except Exception:
                route = self.config.route
                log.exception("%s: the producer failed and begins anew", route, extra={"station": route})
                self._begin_anew()
        self._stop_reading()

    def step(self) -> None:
        """Wait for the next thing to do, and do that one: a command, a track that is heard now, a chunk that is due."""
        if self._inbox.obey_until(min(self._due_s, self._air.next_s)):
            return
        if self._air.next_s <= self.clock.now_s():
            self._switch(PLAYED)
        elif self._deck is None:
            self._begin()
        elif self._pending is None:
            self._prepare(self._deck)
        else:
            self._publish_pending(*self._pending)

    def _begin(self) -> None:
        """Put the first track on the air: the one of the last run, at its place, or the first there is."""
        saved, self._saved = self._saved, None
        resumed = [deck] if (deck := self._resume(saved)) else []
        self._cut_to(lambda: resumed.pop() if resumed else self._programme.load_next(None), PLAYED)

    def _resume(self, saved: Saved | None) -> Deck | None:
        if saved is None:
            return None
        self._air.history.restore(saved.history)
        self._programme.restore(saved.playlist)
        deck = self._programme.load_current()
        if deck is not None and deck.track is not None and deck.track.path == saved.track:
            buffer = self.ring.take()
            with suppress(AudioError, OSError):
                deck.seek(saved.elapsed_s, buffer)
            self.ring.give_back(buffer)
        return deck

    def _begin_anew(self) -> None:
        self.restarts += 1
        self._stop_reading()
        self._inbox.pause(RESTART_S)

    def _stop_reading(self) -> None:
        self._discard_pending()
        if self._deck is not None:
            self._deck.close()
        self._deck = None
        self._air.withdraw()
        self._due_s = -math.inf

    # -- publishing

    def _prepare(self, deck: Deck) -> None:
        """Read the next chunk, of this track or the one that follows it, ahead of its time."""
        buffer = self.ring.take()
        goes_on = deck.track is not None or self._programme.peek() is None
        block = self._fill(deck, buffer, CHUNK_S) if goes_on else Block()
        if not block.length:
            self.ring.give_back(buffer)
            deck.close()
            deck, buffer, block = self._cue(self._load_next, CHUNK_S)
        chunk = self._chunk(deck, buffer, block, self._due_s)
        chunk.barrier = self._deck is not None and deck.params != self._deck.params
        self._pending = deck, chunk

    def _cue(self, load: Callable[[], Deck], max_s: float) -> tuple[Deck, memoryview, Block]:
        """Load a track and its first block; files that hold no audio are given up on the way."""
        buffer = self.ring.take()
        for _ in range(TRIES):
            deck = load()
            block = self._fill(deck, buffer, max_s)
            if block.length:
                return deck, buffer, block
            deck.close()
            if deck.track is not None and deck.ended == PLAYED:
                self._programme.give_up(deck.track, AudioError("holds no audio"))
        deck = self._programme.load_silence(self._params)
        return deck, buffer, self._fill(deck, buffer, max_s)

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

    def _publish_pending(self, deck: Deck, chunk: Chunk) -> None:
        if deck is not self._deck and deck.track is not None and deck.track != self._programme.peek():
            self._discard_pending()  # the order has changed meanwhile
            return
        self._pending = None
        late_s = self.clock.now_s() - chunk.start_s
        if late_s > self.burst_s + CHUNK_S:
            # The process stood still, or the disk did: what is overdue is stale, and everybody's player has run dry.
            log.warning("%s: %.1f s late, the clock is set anew", self.config.route, late_s)
            self.resyncs += 1
            self._air.delay(late_s - self.burst_s)
            self._show()
            self._mark(chunk)
        if deck is not self._deck:
            self._take_up(deck, chunk.start_s)
        self._publish(chunk, deck)

    def _mark(self, chunk: Chunk) -> None:
        self._marked_at_s = self.clock.now_s()
        chunk.start_s = self._marked_at_s - self.burst_s
        chunk.mark = chunk.barrier = True

    def _publish(self, chunk: Chunk, deck: Deck) -> None:
        now_s = self.clock.now_s()
        # What a mark publishes at once lies in the past by design.
        self.drift_s = now_s - chunk.start_s if chunk.start_s >= self._marked_at_s else 0.0
        self.progress_s = now_s
        self.published_s += chunk.duration_s
        chunk.title = deck.title
        self.ring.publish(chunk)
        self._due_s = chunk.end_s

    # -- tracks

    def _skip_forward(self) -> OnAir:
        self._rewind()
        return self._cut_to(self._load_next, SKIPPED)

    def _skip_back(self) -> OnAir:
        self._rewind()
        return self._cut_to(lambda: self._programme.load_previous(self._params), SKIPPED)

    def _rewind(self) -> None:
        """Tracks that are published but not heard yet have not been played: back to the one on the air."""
        heard = self._air.on_air.track if self._air.on_air else None
        for _ in range(self._air.withdraw()):
            if self._programme.current == heard:
                return
            self._programme.step_back()

    def _load_next(self) -> Deck:
        return self._programme.load_next(self._params)

    def _cut_to(self, load: Callable[[], Deck], how: str) -> OnAir:
        """End what is on the air here and now, and begin another track with a mark."""
        self._close_link()
        deck, buffer, block = self._cue(load, FIRST_S)
        self._discard_pending()
        self._settle_burst(deck)
        chunk = self._chunk(deck, buffer, block, 0.0)
        self._mark(chunk)
        self._air.withdraw()
        self._take_up(deck, chunk.start_s)
        self._publish(chunk, deck)
        return self._switch(how)

    def _close_link(self) -> None:
        """End an Ogg link properly: with its next page, marked as its last."""
        if self._programme.family != OGG or self._deck is None:
            return
        if self._pending is None:
            self._prepare(self._deck)
        if self._pending is not None and self._pending[0] is self._deck:
            ahead = self._pending[1]
            tail = memoryview(closing(OGG, ahead.view))
            self._publish(Chunk(ahead.link, tail, start_s=ahead.start_s, duration_s=0.0), self._deck)

    def _discard_pending(self) -> None:
        if self._pending is None:
            return
        (deck, chunk), self._pending = self._pending, None
        if chunk.buffer is not None:
            self.ring.give_back(chunk.buffer)
        if deck is not self._deck:
            deck.close()

    def _take_up(self, deck: Deck, start_s: float) -> None:
        """`deck` follows what was published so far, and will be heard in its time."""
        if self._deck is not None:
            self._deck.close()
        self._deck = deck
        self._air.cue(deck, start_s + self.burst_s)
        if deck.track is None:
            return
        if deck.track != self._programme.current:
            self._programme.advance()
        deck.tags = self._tagger.wait(deck.track, TAGS_WAIT_S)
        if coming := self._programme.peek():
            self._tagger.request(coming)

    def _switch(self, how: str) -> OnAir:
        """Listeners start in the next track from now on."""
        on_air = self._air.switch(how)
        if on_air.track is not None:
            self._programme.note_params(on_air.track, on_air.params)
        self._show()
        log.info(
            "%s: on the air: %s",
            self.config.route,
            quoted(on_air.title) if on_air.track else "silence",
            extra={"station": self.config.route, "track": on_air.track.name if on_air.track else ""},
        )
        return on_air

    def _settle_burst(self, deck: Deck) -> None:
        if deck.track is None or self._burst_is_settled:
            return
        self._burst_is_settled = True
        browser_s = BROWSER_BURST_BYTES * 8 / (deck.kbps * 1000)
        self.burst_s = min(MAX_BURST_S, max(self.burst_s, browser_s))

    # -- commands

    def _take(self, listing: Listing) -> None:
        was_demo = self._programme.playing_fallback
        if self._programme.take(listing):
            self._change_family()
        elif self._deck is not None:
            own_music_came = was_demo and not self._programme.playing_fallback
            if (self._deck.track is None or own_music_came) and self._programme.peek() is not None:
                self._cut_to(self._load_next, PLAYED)
            elif self._pending is not None and self._pending[0] is not self._deck:
                self._discard_pending()  # another track may be the next one now
        self._show()

    def _change_family(self) -> None:
        """Another format, another content type: those who listen to the silence so far have to connect anew."""
        self._stop_reading()
        self._air.clear()
        self.ring.close()
        self.ring = Ring(self._buffer_size, KEEP_S)

    def _reorder(self, shuffle: bool) -> None:
        self._programme.set_shuffle(shuffle)
        if self._pending is not None and self._pending[0] is not self._deck:
            self._discard_pending()
        self._show()

    def _retitle(self, track: Track) -> None:
        tags = self._tagger.get(track)
        if tags is None:
            return
        if self._deck is not None and self._deck.track == track:
            self._deck.tags = tags
        if self._air.retitle(track, tags):
            self._show()

    def _snapshot(self) -> Saved:
        return self._air.saved(self._programme.state())

    # -- what others see

    @property
    def _params(self) -> Params | None:
        return self._deck.params if self._deck else None

    def _show(self) -> None:
        self.status = self._status()
        self._changes.bump()

    def _status(self) -> Status:
        config, programme = self.config, self._programme
        return Status(
            route=config.route,
            name=config.name,
            genre=config.genre,
            description=config.description,
            family=programme.family,
            on_air=self._air.on_air,
            tracks=programme.tracks,
            shuffle=programme.shuffle,
            history=self._air.history.entries(),
            left_out=programme.left_out(),
            odd=programme.odd(),
            trouble=programme.trouble,
            demo=programme.playing_fallback,
        )
