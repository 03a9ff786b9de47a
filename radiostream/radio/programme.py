"""What a station may play next: its listing, its folders, the files it gave up, and the format it has settled on.

Owned by the producer's thread.
"""

from __future__ import annotations

import logging
import math
import os
import random
from collections import Counter
from collections.abc import Callable
from itertools import takewhile

from radiostream.audio.frames import MP3, AudioError, Params
from radiostream.clock import Clock
from radiostream.config import StationConfig
from radiostream.logs import quoted
from radiostream.playlist import zones
from radiostream.playlist.arrangement import OWN, Arrangement, arrange
from radiostream.playlist.library import Listing
from radiostream.playlist.listing import usual_family
from radiostream.playlist.rotation import Moment, Plan, Rotation
from radiostream.playlist.state import Saved
from radiostream.playlist.track import Track
from radiostream.radio import deck
from radiostream.radio.deck import Deck, Shape
from radiostream.radio.mismatched import Mismatched
from radiostream.radio.status import LeftOut

log = logging.getLogger(__name__)

_NAMED_OTHERS = 100
"""So many files of other families are named."""
_CLOCKS_APART_S = 0.001
"""By so much the two clocks may differ on when a wait is over."""
IO_RETRY_S = 60.0
"""A file that could not be read (not: that is broken) is tried again after so long."""


class Programme:
    """What a station plays next, out of its folder and its rules. Used by the producer's thread only."""

    def __init__(
        self,
        config: StationConfig,
        clock: Clock,
        rng: random.Random,
        *,
        artist_of: Callable[[Track], str],
        fallback: tuple[Track, ...] = (),
    ) -> None:
        self.family = config.family or MP3
        self.failures = 0
        """Tracks given up so far, for the metrics."""
        self.playing_fallback = False
        self.place: tuple[str, float] | None = None
        """Path and seconds of a restored track that is still to be gone on with."""
        self.shape: Shape | None = None
        """What brings tracks to their level, where one is asked for."""
        self.announce: Callable[[Track], None] | None = None
        """Told of the track that comes next, in time for its level to be found out."""
        self._route = config.route
        self._asked = config.family
        """The format that the operator asks for, if any."""
        self._settled = config.family is not None
        self._clock = clock
        self._rng = rng
        self._fallback = fallback
        self._listing = Listing()
        self._broken: dict[Track, str] = {}
        self._unreadable: dict[Track, tuple[str, float]] = {}
        """Why, and until when; the first is due first."""
        self._others: Counter[str] = Counter()
        """How many files of each other family the listing holds."""
        self._left_out: tuple[LeftOut, ...] = ()
        """What the listing holds and is not played, whatever happens to the rest."""
        self._mismatched = Mismatched()
        self._root = os.path.abspath(config.directory)
        self._timezone = config.timezone
        self._arrangement = Arrangement()
        self._told: frozenset[LeftOut] = frozenset()
        """Folders and lists about which something was logged."""
        self._rotation = Rotation(
            self._root, rng, config.shuffle, artist_of, zone=_zone(config), now=self._moment(clock.now_s())
        )
        self._look_at_unix_s = math.inf
        """When a rule with ` !` may cut what is heard."""

    # -- what there is -----------------------------------------------------------------------------------------

    def take(self, listing: Listing) -> bool:
        """Take a new listing; True where the station's family changed with it (only before it has settled)."""
        before = self.family
        self._listing = listing
        present = set(listing.tracks)
        self._broken = {track: why for track, why in self._broken.items() if track in present}
        self._mismatched.keep(present)
        self._unreadable = {}
        if listing.tracks:
            self._fallback = ()
            self._settle(listing)
        self._arrangement = arrange(self._root, listing)
        self._leave_out_others()
        self._update()
        return self.family != before

    def configure(self, config: StationConfig) -> bool:
        """The operator's words have changed; True where the station's family changed with them."""
        before = self.family
        if config.timezone != self._timezone:
            self._timezone = config.timezone
            self._rotation.set_zone(_zone(config))
            self._look_now()
        if config.shuffle != self._rotation.asked_shuffle:
            self._rotation.asked_shuffle = config.shuffle
            self._rotation.set_shuffle(config.shuffle)
        asked_before, self._asked = self._asked, config.family
        if config.family is not None:
            self.family, self._settled = config.family, True
        elif asked_before is not None:
            self._settled = False
            if self._listing.tracks:
                self._settle(self._listing)
        return self._is_other_than(before)

    def change_family(self) -> bool:
        """With no track of its format left, and none asked for, take the one the directory holds; True where it did."""
        before, tracks = self.family, self._listing.tracks
        if self._asked is None and tracks and all(track.family != self.family for track in tracks):
            self._settled = False
            self._settle(self._listing)
        return self._is_other_than(before)

    def _is_other_than(self, family: str) -> bool:
        """Whether the station's family is not `family` any more; then what it plays follows."""
        if self.family == family:
            return False
        self._leave_out_others()
        self._update()
        return True

    def _leave_out_others(self) -> None:
        """Name files of other families once a listing: here, not at every change of track, as there may be many."""
        others = [track for track in self._listing.tracks if track.family != self.family]
        named = [LeftOut(track.name, self._why_other(track.family)) for track in others[:_NAMED_OTHERS]]
        if len(others) > _NAMED_OTHERS:
            named.append(LeftOut("…", f"and {len(others) - _NAMED_OTHERS} more files of other formats"))
        counts = Counter(track.family for track in others)
        for family, count in sorted((counts - self._others).items()):
            first = next(track.name for track in others if track.family == family)
            why = self._why_other(family)
            log.info("%s: %d left out, such as %s: it %s", self._route, count, quoted(first), why)
        self._others = counts
        folders = [LeftOut(skipped.name, skipped.reason) for skipped in self._arrangement.left_out]
        for left in folders:
            if left not in self._told:
                log.warning("%s: %s %s", self._route, quoted(left.name), left.reason)
        self._told = frozenset(folders)
        skipped = (LeftOut(skipped.name, skipped.reason) for skipped in self._listing.left_out)
        self._left_out = (*folders, *named, *skipped)

    def _why_other(self, family: str) -> str:
        return f"is {family.upper()}, this station sends {self.family.upper()}"

    def _settle(self, listing: Listing) -> None:
        """With no format asked for, a directory without MP3 takes the one it holds most of; then it stays so, for as
        long as there is a track of it."""
        if self._settled:
            return
        self.family = usual_family(listing.tracks)
        self._settled = True

    def _update(self) -> None:
        folders = self._arrangement.folders
        tracks = {path: [track for track in folder.tracks if self._plays(track)] for path, folder in folders.items()}
        self.playing_fallback = bool(self._fallback) and not any(tracks.values())
        if self.playing_fallback:
            tracks[OWN] = list(self._fallback)
        self._rotation.update(folders, tracks)
        self._look_now()

    def _plays(self, track: Track) -> bool:
        return track.family == self.family and track not in self._broken and track not in self._unreadable

    @property
    def tracks(self) -> int:
        """How many tracks the station's own music has; those of rules do not count."""
        return len(self._rotation)

    @property
    def plan(self) -> Plan:
        """The rules, and how far listeners are in them."""
        return self._rotation.plan

    def left_out(self) -> tuple[LeftOut, ...]:
        """The files that are not played, each with its reason."""
        broken = (LeftOut(track.name, why) for track, why in self._broken.items())
        unreadable = (LeftOut(track.name, why) for track, (why, _) in self._unreadable.items())
        return (*broken, *unreadable, *self._left_out)

    def note_params(self, track: Track, params: Params) -> None:
        """`track` goes on the air; where it is decoded in another way than most, say so once."""
        if how := self._mismatched.note(track, params):
            log.info("%s: %s: %s", self._route, quoted(track.name), how)

    def mismatched(self) -> tuple[LeftOut, ...]:
        """Tracks that are played though they differ from most, each with how."""
        return self._mismatched.named()

    # -- what comes next ---------------------------------------------------------------------------------------

    def peek(self, at_s: float) -> Track | None:
        """The track that would come next, where the one before it is heard until `at_s` (monotonic)."""
        self._forgive()
        return self._rotation.peek(self._moment(at_s))

    def load_next(self, at_s: float) -> Deck | None:
        """The next track, loaded but not yet current; None where there is none, or it had to be given up."""
        track = self.peek(at_s)
        kind = self._rotation.next_kind
        loaded = None if track is None else self._load(track)
        if loaded is not None:
            loaded.kind = kind
        return loaded

    def _moment(self, at_s: float) -> Moment:
        return Moment(self._clock.unix_s() + at_s - self._clock.now_s(), at_s)

    def load_silence(self, like: Params | None) -> Deck:
        """Endless silence, with the sample rate and channels of `like` where the format can."""
        return deck.load_silence(self.family, like, self._serial())

    def advance(self) -> None:
        """The track that `peek` gave last is published: make it current."""
        self._rotation.advance()

    def hear(self) -> None:
        """The first track that was published and not heard yet is heard."""
        self._rotation.hear()
        self._look_again()

    def rewind(self) -> None:
        """Tracks that were published and are not heard are still to come."""
        self._rotation.rewind()

    def go_back(self, from_jingle: bool) -> None:
        """What played before the current track comes next, and then the current one again; jingles are passed."""
        self._rotation.go_back(from_jingle)

    @property
    def look_at_s(self) -> float:
        """When, by the monotonic clock, `is_cut` is to be asked; infinite where no rule cuts what is heard."""
        if self._look_at_unix_s == math.inf:
            return math.inf
        return self._clock.now_s() + self._look_at_unix_s - self._clock.unix_s()

    def is_cut(self) -> bool:
        """Whether what is heard is to be cut now, for a part or a jingle that comes at once."""
        now = self._moment(self._clock.now_s())
        if now.unix_s < self._look_at_unix_s - _CLOCKS_APART_S:
            return False
        now = now._replace(unix_s=max(now.unix_s, self._look_at_unix_s))
        self._look_at_unix_s = self._rotation.next_look_s(now)
        return self._rotation.is_cut(now)

    def _look_now(self) -> None:
        """The rules are others: what holds by now may be at once."""
        self._look_at_unix_s = self._clock.unix_s()

    def _look_again(self) -> None:
        self._look_at_unix_s = self._rotation.next_look_s(self._moment(self._clock.now_s()))

    def _load(self, track: Track) -> Deck | None:
        try:
            loaded = deck.load(track, self._serial(), self.shape)
        except (AudioError, OSError) as error:
            self.give_up(track, error)
            return None
        except Exception:
            self.blame(track)
            return None
        place, self.place = self.place, None
        if place is not None and place[0] == track.path:
            return self._resumed(loaded, track, place[1])
        return loaded

    def _resumed(self, loaded: Deck, track: Track, position_s: float) -> Deck | None:
        """The track from where it was left; from its begin where that place cannot be read."""
        try:
            loaded.seek(position_s)
        except (AudioError, OSError):
            loaded.close()
            return self._load(track)
        return loaded

    def blame(self, track: Track) -> None:
        """A bug of ours, told with the exception that is being handled, costs `track`: else it would come next again
        and again."""
        log.exception("%s: reading %s failed", self._route, quoted(track.name), extra={"station": self._route})
        self.give_up(track, AudioError("could not be read for a fault of the server's, which the log tells"))

    def give_up(self, track: Track, error: AudioError | OSError) -> None:
        """Leave `track` out until it changes (or, where it could not be read, for a while); say so once."""
        why = deck.reason(error)
        self.failures += 1
        about = {"station": self._route, "track": track.name}
        log.warning("%s: %s left out: %s", self._route, quoted(track.name), quoted(why), extra=about)
        if any(listed.path == track.path and listed != track for listed in self._listing.tracks):
            return  # what failed is a state of the file that is past
        if isinstance(error, AudioError):
            self._broken[track] = why
        else:
            self._unreadable[track] = (why, self._clock.now_s() + IO_RETRY_S)
        self._rotation.drop(track)

    def _forgive(self) -> None:
        now_s = self._clock.now_s()
        due = [track for track, _ in takewhile(lambda item: item[1][1] <= now_s, self._unreadable.items())]
        for track in due:
            del self._unreadable[track]
        if due:
            self._update()

    def _serial(self) -> int:
        return self._rng.randrange(1, 1 << 32)

    # -- order -------------------------------------------------------------------------------------------------

    @property
    def shuffle(self) -> bool:
        return self._rotation.shuffle

    def set_shuffle(self, on: bool) -> None:
        """Change the order of what comes; the current track plays on."""
        self._rotation.set_shuffle(on)

    def state(self) -> dict[str, object]:
        """The order and the place in it that listeners have reached, for `restore`."""
        return self._rotation.state(self._moment(self._clock.now_s()))

    def restore(self, saved: Saved) -> None:
        """Go on where `saved` was taken, as soon as there are tracks; anything that makes no sense is ignored."""
        self._rotation.restore(saved.playlist, self._moment(self._clock.now_s()), resume=saved.track is not None)
        if saved.track is not None:
            self.place = saved.track, saved.elapsed_s


def _zone(config: StationConfig) -> zones.Zone:
    """The station's; where its zone is not known on this host, the host's own."""
    try:
        return zones.zone(config.timezone)
    except ValueError as error:
        log.error("%s: timezone %s %s; the host's is used", config.route, quoted(config.timezone), error)
        return zones.zone()
