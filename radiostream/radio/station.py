"""A station: one directory on the air, for any number of listeners.

Threads: `run` is the producer's thread. It alone touches the programme, the playout and the air; the methods under
"any thread" post a command to its inbox and hand out a future, or read the published `status`, one frozen value.

The ring runs ahead of the listeners, and the producer a chunk ahead of the ring, so "the current track" is three:

| the track that is    | in the playlist | with                         | moves when                         |
|----------------------|-----------------|------------------------------|------------------------------------|
| read                 | after `queued`  | `Playout._pending`           | the one before it is read          |
| published            | `queued`        | `Playout.deck`, cued in `Air`| its first chunk is in the ring     |
| heard ("on the air") | `heard`         | `Air.on_air`, `Status`       | new listeners start in that chunk  |

A skip cuts at once: all that is not heard is taken back, and the playlist's two positions are one again.
"""

from __future__ import annotations

import logging
import random
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from radiostream.clock import Clock
from radiostream.config import StationConfig
from radiostream.logs import quoted
from radiostream.playlist.history import JINGLE, LIVE, PLAYED, SKIPPED
from radiostream.playlist.library import Listing
from radiostream.playlist.pictures import Picture
from radiostream.playlist.state import Saved
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Track
from radiostream.radio.air import Air
from radiostream.radio.audience import Audience
from radiostream.radio.changes import Changes
from radiostream.radio.deck import Deck
from radiostream.radio.hls import Hls
from radiostream.radio.inbox import Inbox
from radiostream.radio.live_input import LiveInput
from radiostream.radio.playout import Playout
from radiostream.radio.plays import Tally, Told
from radiostream.radio.programme import Programme
from radiostream.radio.ring import CHUNK_S, Ring
from radiostream.radio.status import LeftOut, OnAir, Status
from radiostream.settings import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiostream.audio.frames import Reader
    from radiostream.loudness.levels import Levels
    from radiostream.loudness.shaped import ShapedReader

log = logging.getLogger(__name__)

RESTART_S: Final = 1.0
PRODUCER_STALL_S: Final = 3.0
"""So late is no producer, however busy the machine, whose disk answers."""


class Station:
    """One directory on the air. `run` is the producer's thread; the methods under "any thread" are for all others.

    A command is posted to the producer and answered by a future; `status` is one frozen value, replaced whole.
    """

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
        told: Told | None = None,
    ) -> None:
        """`told`: who hears of each play's begin and end."""
        self.config = config
        self.clock = clock
        self.audience = Audience(changes, clock.now_s)
        self.hls = Hls(clock)
        self._settings_error = ""
        self._trouble = ""
        """Why its directory cannot be read. The library's thread writes it: the producer may hang there itself."""
        self._levels: Levels | None = None
        self.live: LiveInput | None = None
        """The sources that may take it over; None where none may."""
        self.restarts = 0
        self._tagger = tagger
        self._changes = changes
        self._inbox = Inbox(clock)
        self._programme = Programme(config, clock, rng, artist_of=tagger.artist_of, fallback=fallback)
        self._air = Air(clock, tagger)
        if told is not None:
            self._air.tally = Tally(self.audience, lambda: self.config, told)
        if saved is not None:
            self._air.history.restore(saved.history)
            self._programme.restore(saved)
        self._playout = Playout(
            config.route,
            self._programme,
            self._air,
            clock=clock,
            tagger=tagger,
            want_picture=self._want_picture,
            buffer_size=buffer_size,
            burst_s=burst_s,
        )
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

    def configure(self, config: StationConfig, settings_error: str = "") -> Future[None]:
        """What the operator says of the station has changed; `settings_error`: why its `station.toml` is not taken.

        Listeners stay, unless it sends another format from now on.
        """
        return self._inbox.post(lambda: self._configure(config, settings_error))

    def update(self, listing: Listing) -> Future[None]:
        """The directory has changed. For the library's thread. What is wrong with it shows at once."""
        if listing.trouble != self._trouble:
            self._trouble = listing.trouble
            self.status = replace(self.status, trouble=listing.trouble)  # one that the producer shows meanwhile follows
            self._changes.bump()
        return self._inbox.post(lambda: self._take(listing))

    def tags_read(self, track: Track) -> None:
        """The tags of `track` are known now; matters if it is on the air.

        Reads two references of the producer's: a track that goes on the air just now finds its tags by itself.
        """
        on_air, deck = self._air.on_air, self._playout.deck
        if (on_air and on_air.track == track) or (deck and deck.track == track):
            self._inbox.post(lambda: self._retitle(track))

    def take_live(self, live: LiveInput) -> Future[None]:
        """From now on the sources of `live` may take the station over."""
        self.live = live
        return self._inbox.post(lambda: setattr(self._playout, "live", live))

    def take_levels(self, levels: Levels | None) -> Future[None]:
        """From now on tracks are brought to their level by `levels`; None plays them as they are."""
        return self._inbox.post(lambda: self._take_levels(levels))

    def levels_known(self) -> Mapping[str, int]:
        """How many tracks are `measured`, `tagged`, `unmeasurable`, `unknown`; empty where no level is asked for."""
        levels = self._levels
        return levels.counts(self.config.route) if levels else {}

    def look_at_live(self) -> Future[None]:
        """A live source may be ready to take over."""
        return self._inbox.post(self._consider_live)

    @property
    def family(self) -> str:
        """`mp3`, `aac` or `ogg`: what it sends."""
        return self.status.family

    def burst_for(self, kbps: int) -> float:
        """Seconds of the burst that a source of so many kbps has to bring."""
        return self._playout.burst_for(kbps)

    def leave_live(self) -> Future[None]:
        """The operator has ended the live source that is on the air: the folder goes on here and now."""
        return self._inbox.post(self._leave_live)

    def settled(self) -> Future[None]:
        """Done when everything posted before has been."""
        return self._inbox.post(lambda: None, only_reads=True)

    def snapshot(self) -> Future[Saved]:
        """What a later run needs to go on from here."""
        return self._inbox.post(self._snapshot, only_reads=True)

    def stop(self) -> None:
        """End the producer and, at their next frame boundary, the listeners' streams."""
        self._inbox.close()
        self.ring.close()

    @property
    def ring(self) -> Ring:
        """What is published; another one after a change of format."""
        return self._playout.ring

    @property
    def burst_s(self) -> float:
        """Seconds of recent audio that a new listener gets at once."""
        return self._playout.burst_s

    @property
    def progress_s(self) -> float:
        """When the producer last published, in monotonic seconds."""
        return self._playout.progress_s

    @property
    def is_stalled(self) -> bool:
        """Whether the producer has given nothing for longer than a chunk lasts: the file that it reads hangs."""
        return self.clock.now_s() - self.progress_s > CHUNK_S + PRODUCER_STALL_S

    @property
    def published_s(self) -> float:
        """Seconds of audio published so far."""
        return self._playout.published_s

    @property
    def drift_s(self) -> float:
        """How late the newest chunk was."""
        return self._playout.drift_s

    @property
    def resyncs(self) -> int:
        """How often the clock was reset after a standstill."""
        return self._playout.resyncs

    @property
    def tracks_failed(self) -> int:
        """Files given up so far."""
        return self._programme.failures

    def hls_listeners(self) -> int:
        """Players that follow the station's HLS playlist."""
        return len(self.hls.players)

    # -- the producer's thread ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Produce until `stop`. A bug costs the current track, never the station."""
        while not self._inbox.closed:
            try:
                self.step()
            except Exception:
                route = self.config.route
                log.exception("%s: the producer failed, restarting", route, extra={"station": route})
                self._restart()
        self._playout.let_go()
        self._air.close()

    def step(self) -> None:
        """Wait for the next thing to do, and do that one: a command, a track that is heard now, a chunk that is due."""
        if self._inbox.obey_until(min(self._playout.due_s, self._air.next_s, self._programme.look_at_s)):
            return
        if self._air.next_s <= self.clock.now_s():
            if self._switch(PLAYED).track is None:
                self._end_silence()
        elif self._programme.is_cut():
            self._come_at_once()
        elif self._playout.due_s <= self.clock.now_s():
            self._playout.step()
            if self.status.on_air is not self._air.on_air:
                self._show()  # the clock was reset

    def _restart(self) -> None:
        self.restarts += 1
        self._playout.let_go()
        self._rewind()
        self._inbox.pause(RESTART_S)

    def _cut(self, how: str) -> OnAir:
        """End what is on the air here and now like `how`, and begin the next track."""
        self._rewind()
        self._playout.cut()
        return self._switch(how)

    def _rewind(self) -> None:
        """Tracks that are published but not heard yet have not been played: they are still to come."""
        self._air.withdraw()
        self._programme.rewind()

    def _switch(self, how: str) -> OnAir:
        """Listeners start in the next track from now on."""
        is_part = self._air.next_is_part
        on_air = self._air.switch(how)
        if on_air.track is not None:
            if not is_part and on_air.kind != LIVE:
                self._programme.hear()
            if on_air.kind != LIVE:
                self._programme.note_params(on_air.track, on_air.params)
        self._show()
        if is_part:
            return on_air
        log.info(
            "%s: on the air: %s",
            self.config.route,
            _spoken(on_air),
            extra={"station": self.config.route, "track": on_air.track.name if on_air.track else ""},
        )
        return on_air

    def _end_silence(self) -> None:
        """Where silence is heard though there is something to play, play it, and be it of another format."""
        if self._programme.peek(self.clock.now_s()) is not None:
            self._cut(PLAYED)
        elif self._programme.change_family():
            self._change_format()
            self._show()

    def _come_at_once(self) -> None:
        """A rule with ` !` cuts what is heard; not silence, which ends by itself, and no live source."""
        on_air = self._air.on_air
        if on_air is not None and on_air.track is not None and self._live_on_air is None:
            self._cut(SKIPPED)

    def _consider_live(self) -> None:
        live = self._playout.live.due_now(self._playout.deck) if self._playout.live else None
        if live is not None:
            self._rewind()
            self._playout.cut(live)
            self._switch(SKIPPED)

    def _leave_live(self) -> None:
        if self._live_on_air is not None:
            self._cut(SKIPPED)

    @property
    def _live_on_air(self) -> OnAir | None:
        """What is on the air, where that is a live source: no skip ends one."""
        deck, on_air = self._playout.deck, self._air.on_air
        return on_air if deck is not None and deck.kind == LIVE else None

    # -- commands

    def _skip_forward(self) -> OnAir:
        return self._live_on_air or self._cut(SKIPPED)

    def _skip_back(self) -> OnAir:
        if live := self._live_on_air:
            return live
        on_air = self._air.on_air
        self._rewind()
        self._programme.go_back(from_jingle=on_air is not None and on_air.kind == JINGLE)
        return self._cut(SKIPPED)

    def _configure(self, config: StationConfig, settings_error: str) -> None:
        before, self.config = self.config, config
        self._settings_error = settings_error
        if self._programme.configure(config):
            self._change_format()
        elif config.shuffle != before.shuffle:
            self._playout.reconsider()
        self._show()

    def _take_levels(self, levels: Levels | None) -> None:
        self._levels = levels
        self._programme.announce = levels.request if levels else None
        if levels is None:
            self._programme.shape = None
            return

        def shape(reader: Reader, track: Track) -> ShapedReader:
            config = self.config
            return levels.shaped(config.route, reader, track, config.level_lufs, trim=config.trim)

        self._programme.shape = shape

    def _change_format(self) -> None:
        """Another format, another content type: those who listened so far have to reconnect."""
        self._air.clear()
        self._programme.rewind()
        self._playout.change_ring()

    def _take(self, listing: Listing) -> None:
        was_demo = self._programme.playing_fallback
        if self._programme.take(listing):
            self._change_format()
        elif self._playout.deck is not None:
            self._playout.reconsider()
            on_air = self._air.on_air
            if was_demo and not self._programme.playing_fallback and not self._live_on_air:
                self._cut(PLAYED)
            elif on_air is not None and on_air.track is None:
                self._end_silence()
        self._show()

    def _reorder(self, shuffle: bool) -> None:
        self._programme.set_shuffle(shuffle)
        self._playout.reconsider()
        self._show()

    def _retitle(self, track: Track) -> None:
        tags = self._tagger.get(track)
        if tags is None:
            return
        self._playout.retitle(track, tags)
        if self._air.retitle(track, tags):
            self._show()

    def _want_picture(self, deck: Deck, track: Track) -> None:
        """`track` will be on the air: have its picture looked up by then, if the disk is quick enough."""

        def deliver(picture: Picture | None) -> None:
            if picture is not None:
                self._inbox.post(partial(self._show_picture, deck, picture))

        self._tagger.request_picture(self.config.route, track, str(self.config.directory), deliver)

    def _show_picture(self, deck: Deck, picture: Picture) -> None:
        deck.picture = picture
        if self._air.show_picture(deck):
            self._show()

    def _snapshot(self) -> Saved:
        track, elapsed_s = self._air.place() or self._programme.place or (None, 0.0)  # a jingle is not gone on with
        return Saved(self._programme.state(), self._air.history.state(), track, elapsed_s)

    # -- what others see

    def _show(self) -> None:
        self.status = self._status()
        self._changes.bump()

    def _settings_left_out(self) -> tuple[LeftOut, ...]:
        return (LeftOut(FILE_NAME, self._settings_error),) if self._settings_error else ()

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
            left_out=(*self._settings_left_out(), *programme.left_out()),
            mismatched=programme.mismatched(),
            trouble=self._trouble,
            demo=programme.playing_fallback,
            settings_error=self._settings_error,
            plan=programme.plan,
        )


def _spoken(on_air: OnAir) -> str:
    """What the log calls it: a jingle by its file, for its title is that of the track before it."""
    if on_air.track is None:
        return "silence"
    return f"jingle {quoted(on_air.track.name)}" if on_air.kind == JINGLE else quoted(on_air.title)
