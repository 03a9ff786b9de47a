"""The order in which one station plays its tracks. Pure: no clock, no thread, no file; the producer's thread owns it.

In shuffle, a cycle plays every track once: `_pending` is what it has still to play, `_done` what it has played. In
sequence the tracks are a circle: `_pending` is the listing from behind `_place` once round. Switching keeps `_done`, so
no track comes a second time before all came once: shuffle begins with the others, and sequence steps over it once.
What was given lies on a `Line` with two positions, what is read ahead and what is heard.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from contextlib import suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from radiostream.playlist.line import Line
from radiostream.playlist.natural import natural_key
from radiostream.playlist.spread import spread

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from radiostream.playlist.track import Track

_SOON: Final = 50


def _unknown(_track: Track) -> str:
    return ""


class Playlist:
    """What plays next. Tracks are known by path: a replaced file takes the place of the one before it.

    A track that leaves the listing and comes back in the same cycle has been played if it had been before.
    """

    def __init__(self, rng: random.Random, shuffle: bool = False, artist_of: Callable[[Track], str] = _unknown) -> None:
        """`artist_of` answers at once, with an empty string while a track's artist is not known (yet)."""
        self._rng = rng
        self._shuffle = shuffle
        self._artist_of = artist_of
        self._tracks: dict[str, Track] = {}
        self._pending: deque[str] = deque()
        self._done: set[str] = set()
        self._stepped_over: set[str] = set()
        """What sequence is to step over when it comes there, as shuffle had played it."""
        self._line = Line()
        self._place: str | None = None
        """The latest track that came from `_pending`; sequence goes on behind it, even when it is gone."""
        self._promised = False
        """`peek` has answered: the order stays as it is until `next`, whatever becomes known."""
        self._crowded = False
        """The rest of this cycle cannot be ordered without an artist following itself."""

    def __len__(self) -> int:
        return len(self._tracks)

    @property
    def current(self) -> Track | None:
        """What `next` or `previous` returned last (its file may be gone by now); after `restore` and `update` the track
        that was current then, if it is still there."""
        return self._line.queued.track

    @property
    def shuffle(self) -> bool:
        return self._shuffle

    def update(self, tracks: Sequence[Track], is_ordered: bool = False) -> None:
        """Take the whole new listing, in natural order or (`is_ordered`) in one of its own: what is gone leaves, what
        is new joins the running cycle, in order or (shuffle) at a random later slot. O(n)."""
        before, self._tracks = self._tracks, {track.path: track for track in tracks}
        if is_ordered and self._place in before and self._place not in self._tracks:
            self._place = _nearest_before(self._place, before, self._tracks)
        self._promised = False
        self._line.find(self._tracks)
        if not self._tracks:
            return  # a directory that is away for a while finds its order again
        if self._shuffle:
            self._join()
        else:
            self._pending = deque(self._circle())

    def move(self, old: str, new: str) -> None:
        """Its directory has another path: what is remembered below `old` lies below `new`. `update` is to follow."""

        def moved(path: str) -> str:
            return new + path.removeprefix(old) if path.startswith(old) else path

        self._pending = deque(map(moved, self._pending))
        self._done, self._stepped_over = set(map(moved, self._done)), set(map(moved, self._stepped_over))
        self._line.move(moved)
        self._place = None if self._place is None else moved(self._place)

    def drop(self, track: Track) -> None:
        """`track` cannot be played: until `update` finds it again, it is not there. O(1) where it was to come next."""
        if self._tracks.get(track.path) != track:
            return
        del self._tracks[track.path]
        self._promised = self._crowded = False
        with suppress(ValueError):
            self._pending.remove(track.path)

    def set_shuffle(self, on: bool) -> None:
        """Reorder what is still to play; the current track and what was played stay as they are. O(n)."""
        if on == self._shuffle:
            return
        self._shuffle = on
        self._promised = False
        self._stepped_over = set() if on else set(self._done)
        if on:
            self._pending = deque(self._spread(path for path in self._tracks if path not in self._done))
        else:
            self._pending = deque(self._circle())

    def next(self) -> Track | None:
        """Advance: forward again through what `previous` went back over, then what this cycle has still to play.

        None, with nothing current, when there are no tracks.
        """
        path = self._upcoming(mend=not self._promised)
        self._promised = False
        if path is None:
            self._leave()
            return None
        if not self._line.comes_again:
            self._take()
        track = self._tracks[path]
        self._line.give(track)
        return track

    def hear(self) -> None:
        """The first track that `next` gave and that was not heard yet is heard now; nothing where there is none."""
        self._line.hear()

    def rewind(self) -> None:
        """What `next` gave and nobody has heard comes again, in the same order; current is what is heard."""
        self._promised = False
        self._line.rewind()

    def peek(self) -> Track | None:
        """What `next` will return, unless `update`, `set_shuffle`, `previous` or another `peek` comes between, which
        may find that meanwhile an artist has become known who would follow himself."""
        path = self._upcoming(mend=True)
        self._promised = True
        return None if path is None else self._tracks[path]

    def previous(self) -> Track | None:
        """Go back to what really played before. With nothing left there: the track in front of the current one (in
        sequence) or the current one once more (shuffle). None, with nothing current, when there are no tracks."""
        if not self._tracks:
            self._leave()
            self._line.settle()
            return None
        self._promised = False
        before = self._line.top_of_back(self._may_follow)
        current = self._line.queued.path
        if before is not None:
            self._line.step_back(self._tracks[before])
        elif self._shuffle and current in self._tracks:
            self._line.enter(self._tracks[current])
        elif self._shuffle or current is None:
            self.next()
            self._line.settle()
        else:
            self._line.insert_before(self._tracks[self._in_front(current)])
        return self.current

    def repeat(self) -> None:
        """Let `next` give the current track once more, as after a restart."""
        self._promised = False
        self._line.repeat()

    def state(self) -> dict[str, object]:
        """All that `restore` needs, ready for JSON (in ASCII: paths may hold surrogate escapes), as listeners hear it:
        what is read ahead comes again. O(n)."""
        return {
            "shuffle": self._shuffle,
            "current": self._line.heard.path,
            "place": self._place,
            "pending": list(self._pending) if self._shuffle else [],
            "done": list(self._done),
            "stepped_over": list(self._stepped_over),
            "back": list(self._line.back),
            "ahead": list(self._line.unheard_and_ahead),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from an earlier `state`, before or after the first `update`. What is damaged in it is left out."""
        shuffle = state.get("shuffle")
        if isinstance(shuffle, bool):
            self._shuffle = shuffle
        self._place = _path(state.get("place"))
        self._done = set(_paths(state.get("done")))
        self._stepped_over = set(_paths(state.get("stepped_over")))
        self._pending = deque(path for path in dict.fromkeys(_paths(state.get("pending"))) if path not in self._done)
        self._line.restore(_paths(state.get("back")), _path(state.get("current")), _paths(state.get("ahead")))
        self.update(tuple(self._tracks.values()))

    def _leave(self) -> None:
        """Nothing is there to play; a restored current track that was never seen yet is waited for."""
        if self._line.queued.track is not None:
            self._line.leave()

    def _upcoming(self, mend: bool) -> str | None:
        """The path that is next: on the line behind `_queued`, else now at the front of `_pending`. O(1) but for a new
        cycle and the (rare) artist who would follow himself."""
        if not self._tracks:
            return None
        path = self._line.top_of_ahead(self._may_follow)
        if path is not None:
            return path
        if self._shuffle:
            self._look_ahead_shuffled(mend)
        else:
            self._step_over()
        return self._pending[0]

    def _take(self) -> None:
        """The front of `_pending` goes on the air."""
        path = self._pending.popleft()
        if path in self._done:
            self._done.clear()
        self._done.add(path)
        self._place = path

    def _step_over(self) -> None:
        """Bring a track of the circle to the front that is neither stepped over nor (gone back to) on the air."""
        while True:  # at most once round to step over, and once more to find one
            if not self._pending:
                self._pending = deque(self._circle())
            path = self._pending[0]
            on_air = path == self._line.queued.path and len(self._tracks) > 1
            if not on_air and path not in self._stepped_over:
                return
            self._stepped_over.discard(path)
            self._done.add(path)
            self._place = self._pending.popleft()

    def _look_ahead_shuffled(self, mend: bool) -> None:
        """Begin a new cycle where this one is over, and mend its order where an artist would follow himself."""
        if not self._pending:
            self._done.clear()
            self._pending = deque(self._spread(self._tracks))
        if mend and not self._crowded and self._repeats_soon():
            self._pending = deque(self._spread(self._pending))
        if self._pending[0] == self._line.queued.path and len(self._tracks) > 1:
            self._put_off()

    def _put_off(self) -> None:
        """Let another one pass the current track, which is next as well: gone back to, its successor gone."""
        if len(self._pending) > 1:
            self._pending[0], self._pending[1] = self._pending[1], self._pending[0]
            return
        self._done = set(self._pending)
        self._pending = deque(self._spread(path for path in self._tracks if path not in self._done))

    def _may_follow(self, path: str) -> bool:
        return path in self._tracks and (path != self._line.queued.path or len(self._tracks) == 1)

    def _circle(self) -> list[str]:
        """The listing from behind the place once round."""
        paths = list(self._tracks)
        start = 0
        if self._place in self._tracks:
            start = paths.index(self._place) + 1
        elif self._place is not None:
            start = bisect_right(paths, natural_key(self._place), key=natural_key)
        return paths[start:] + paths[:start]

    def _in_front(self, path: str) -> str:
        """The track before `path` in natural order, round the beginning to the end."""
        paths = list(self._tracks)
        listed = path in self._tracks
        return paths[(paths.index(path) if listed else bisect_right(paths, natural_key(path), key=natural_key)) - 1]

    def _spread(self, some: Iterable[str]) -> list[str]:
        """A permutation that neither begins with the current track nor, where it can be, repeats an artist."""
        paths = list(some)
        last = "" if self._line.queued.path is None else self._artist(self._line.queued.path)
        artists = {path: self._artist(path) for path in paths}
        order = spread(paths, list(artists.values()), last, self._rng)
        if len(order) > 1 and order[0] == self._line.queued.path:
            other = self._rng.randrange(1, len(order))
            order[0], order[other] = order[other], order[0]
        self._crowded = any(one == two for one, two in pairwise([last, *map(artists.__getitem__, order)]))
        return order

    def _artist(self, path: str) -> str:
        """Whose track it is; one without an artist has a path for an artist, and so is never alike to another."""
        track = self._tracks.get(path)
        if path == self._line.queued.path and self._line.queued.track is not None:
            track = self._line.queued.track
        artist = "" if track is None else self._artist_of(track)
        return f"a{artist.casefold()}" if artist else f"p{path}"

    def _repeats_soon(self) -> bool:
        """Whether an artist will follow himself: found out early, while there are others left to put between."""
        soon = list(map(self._artist, islice(self._pending, _SOON)))
        heard = [] if self._line.queued.path is None else [self._artist(self._line.queued.path)]
        return any(one == two for one, two in pairwise(heard + soon))

    def _join(self) -> None:
        """Take what is new into the running cycle of shuffle, at random slots, and what is gone out of it."""
        self._crowded = False
        known = self._done.union(self._pending)
        if self._line.queued.path is not None and self._line.queued.path not in known:
            self._done.add(self._line.queued.path)
            known.add(self._line.queued.path)
        added = [path for path in self._tracks if path not in known]
        kept = [path for path in self._pending if path in self._tracks]
        if not kept:
            self._pending = deque(self._spread(added))
            return
        self._rng.shuffle(added)
        slots = set(self._rng.sample(range(len(kept) + len(added)), len(added)))
        old, new = iter(kept), iter(added)
        self._pending = deque(next(new if slot in slots else old) for slot in range(len(kept) + len(added)))


def _nearest_before(path: str, before: Mapping[str, Track], now: Mapping[str, Track]) -> str | None:
    """The last in front of `path`, in an order of before, that is still there."""
    paths = list(before)
    return next((path for path in reversed(paths[: paths.index(path)]) if path in now), None)


def _path(value: object) -> str | None:
    return value if isinstance(value, str) and "\0" not in value else None


def _paths(value: object) -> list[str]:
    return [item for item in value if _path(item)] if isinstance(value, list) else []
