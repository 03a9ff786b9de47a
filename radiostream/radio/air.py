"""What is heard: the tracks that are published, each on the air from the moment a new listener would start in it.

The ring runs ahead of the listeners by the burst: that is the lead that players are given. A track therefore goes on
the air not when its first chunk is published but `burst_s` later, when that chunk is where listeners start. At a
discontinuity (a skip) both are the same moment. Owned by the producer's thread.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

from radiostream.audio.frames import Params
from radiostream.clock import Clock
from radiostream.playlist.history import FAILED, JINGLE, LIVE, PLAYED, History
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Tags, Track
from radiostream.radio.deck import Deck
from radiostream.radio.plays import Tally
from radiostream.radio.status import OnAir


@dataclass(frozen=True, slots=True)
class Cue:
    """A published track that will be heard from `at_s` (monotonic) on."""

    deck: Deck
    at_s: float
    params: Params
    kbps: int
    tags: Tags | None = None
    """What a live source called it; None: what the file's tags say."""
    is_part: bool = False
    """Whether it only goes on with the track before, with other parameters."""


class Air:
    """What listeners hear now and next, and the history of it. Used by the producer's thread only."""

    def __init__(self, clock: Clock, tagger: Tagger) -> None:
        self.history = History()
        self.on_air: OnAir | None = None
        self.tally: Tally | None = None
        """Keeps count of plays for those who are told of them; None where nobody is."""
        self._clock = clock
        self._tagger = tagger
        self._deck: Deck | None = None
        self._cues: deque[Cue] = deque()

    @property
    def next_s(self) -> float:
        """When the next track is heard; infinite while none is cued."""
        return self._cues[0].at_s if self._cues else math.inf

    def cue(self, deck: Deck, at_s: float) -> None:
        """`deck` will be heard from `at_s` on, less what it was wound forward. A live one once for each title."""
        self._cues.append(Cue(deck, at_s, deck.params, deck.kbps, deck.tags if deck.kind == LIVE else None))

    def cue_part(self, deck: Deck, at_s: float) -> None:
        """The part of the cued track that `deck` has gone on to will be heard from `at_s` on."""
        self._cues.append(Cue(deck, at_s, deck.params, deck.kbps, is_part=True))

    @property
    def next_is_part(self) -> bool:
        """Whether what is heard next is a further part of the track on the air."""
        return bool(self._cues) and self._cues[0].is_part

    @property
    def newest_title(self) -> str:
        """What players show at the end of all that is published."""
        if self._cues:
            return self._cues[-1].deck.title
        return self.on_air.title if self.on_air else ""

    def withdraw(self) -> None:
        """Forget what is cued, for a skip."""
        self._cues.clear()

    def switch(self, how: str = PLAYED) -> OnAir:
        """The next cued track is on the air; the one before it ended like `how`."""
        cue = self._cues.popleft()
        if cue.is_part and self.on_air is not None:
            self.on_air = replace(self.on_air, params=cue.params, kbps=cue.kbps)
            return self.on_air
        if cue.tags is not None and cue.deck is self._deck and self.on_air is not None and not self.on_air.tags.title:
            self.on_air = replace(self.on_air, tags=cue.tags)
            self._name(cue.tags)
            return self.on_air
        deck, heard_at = cue.deck, self._clock.unix_s() - (self._clock.now_s() - cue.at_s)
        self._end(how, heard_at)
        self._deck = deck
        tags = cue.tags or (self._tagger.get(deck.track) if deck.track else None) or Tags()
        if deck.track is not None:
            self.history.begin(deck.track.name, tags, heard_at, deck.position_s > 0, deck.kind)
        if self.tally is not None:
            self.tally.begin(deck.track, tags, deck.kind, heard_at)
        self.on_air = OnAir(
            track=deck.track,
            tags=self._kept_tags(tags) if deck.kind == JINGLE else tags,
            started_at=heard_at - deck.position_s,
            started_s=cue.at_s - deck.position_s,
            duration_s=deck.duration_s,
            params=cue.params,
            kbps=cue.kbps,
            skipped_to=how != PLAYED,
            kind=deck.kind,
            picture=deck.picture,
            level=deck.level,
        )
        return self.on_air

    def _end(self, how: str, at: float) -> None:
        """What is on the air, where that is no silence, ended at `at` (Unix seconds) like `how`."""
        if self._deck is None or self._deck.track is None:
            return
        ended = PLAYED if self._deck.kind == LIVE else how
        ended = FAILED if self._deck.ended == FAILED else ended
        self.history.end(ended, at)
        if self.tally is not None:
            self.tally.end(ended, at)

    def _name(self, tags: Tags) -> None:
        """What is on the air says now what it is."""
        self.history.retitle(tags)
        if self.tally is not None:
            self.tally.retitle(tags)

    def _kept_tags(self, tags: Tags) -> Tags:
        """A jingle changes no title: what the track before it said of itself stays."""
        before = self.on_air
        if before is None or before.track is None:
            return tags
        return before.tags if before.tags.title else replace(before.tags, title=before.track.stem)

    def delay(self, by_s: float) -> None:
        """The stream stood still for so long: what is on the air is not as far as the clock would have it."""
        if self.on_air is not None:
            self.on_air = replace(self.on_air, started_s=self.on_air.started_s + by_s)

    def retitle(self, track: Track, tags: Tags) -> bool:
        """The tags of `track` are known now; whether it is on the air."""
        if self.on_air is None or self.on_air.track != track:
            return False
        self._name(tags)
        if self.on_air.kind != JINGLE:
            self.on_air = replace(self.on_air, tags=tags)
        return True

    def show_picture(self, deck: Deck) -> bool:
        """The picture of `deck` has been looked up; whether that changes what is on the air."""
        if self.on_air is None or self._deck is not deck or self.on_air.picture is deck.picture:
            return False
        self.on_air = replace(self.on_air, picture=deck.picture)
        return True

    def clear(self) -> None:
        """Nothing is on the air any more."""
        self._end(PLAYED, self._clock.unix_s())
        self._cues.clear()
        self._deck = self.on_air = None

    def close(self) -> None:
        """The producer ends. The history's entry stays open, for the next run may go on with the track."""
        if self.tally is not None:
            self.tally.end(PLAYED, self._clock.unix_s())

    def place(self) -> tuple[str, float] | None:
        """Path of the track that listeners are in, and how many seconds; None while they hear silence or a jingle."""
        on_air = self.on_air
        if on_air is None or on_air.track is None or on_air.kind in (JINGLE, LIVE):
            return None
        return on_air.track.path, max(0.0, self._clock.now_s() - on_air.started_s)
