"""What a playlist has given, as one line with two positions, as MPD's `current` and `queued`.

`queued` is as far as it has been read ahead, `heard` where listeners are; what lies behind `queued` was gone back over,
or taken back, and comes again. Paths, not tracks, lie on the line: a replaced file takes the place of the one before.
Pure; owned by its playlist.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from radiostream.playlist.track import Track

STEPS_BACK: Final = 200
"""How many tracks `previous` can go back."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the line: so many entries lie before it, the last of them current unless `path` is None."""

    count: int = 0
    path: str | None = None
    """May name what is not listed (yet): after `restore`, or when the file is gone."""
    track: Track | None = None

    @property
    def back(self) -> int:
        """How many entries `previous` has before it."""
        return self.count - (self.path is not None)


class Line:
    """The tracks that were given, with what came before and what comes again."""

    def __init__(self) -> None:
        self.queued = Position()
        """What was given last."""
        self.heard = Position()
        """What listeners hear: at `queued`, or so many steps before it as `_unheard` has tracks."""
        self._paths: list[str] = []
        self._unheard: deque[Track] = deque()

    @property
    def comes_again(self) -> Sequence[str]:
        """What lies behind `queued`, the next first."""
        return self._paths[self.queued.count :]

    @property
    def back(self) -> Sequence[str]:
        """What was heard before the track that is heard, the latest last."""
        return self._paths[: self.heard.back]

    @property
    def unheard_and_ahead(self) -> Sequence[str]:
        """What comes behind the track that is heard, the next last: as a stack."""
        return self._paths[self.heard.count :][::-1]

    # -- forward

    def give(self, track: Track) -> None:
        """`track` is current now: the next on the line, where it is that, else put at its end."""
        if self.queued.count == len(self._paths):
            self._paths.append(track.path)
        self.queued = Position(self.queued.count + 1, track.path, track)
        self._unheard.append(track)
        self._forget(self.queued.back - STEPS_BACK)

    def hear(self) -> None:
        """The first track that was given and not heard yet is heard now; nothing where there is none."""
        if self._unheard:
            count = self.heard.count + 1
            self.heard = Position(count, self._paths[count - 1], self._unheard.popleft())

    def rewind(self) -> None:
        """What was given and nobody has heard comes again, in the same order; current is what is heard."""
        self.queued = self.heard
        self._unheard.clear()

    def top_of_ahead(self, may_follow: Callable[[str], bool]) -> str | None:
        """What comes next on the line; what may not come is taken off it."""
        at = self.queued.count
        while at < len(self._paths):
            if may_follow(self._paths[at]):
                return self._paths[at]
            del self._paths[at]
        return None

    # -- back; each of these takes `heard` along, for what is not heard was taken back before

    def top_of_back(self, may_follow: Callable[[str], bool]) -> str | None:
        """What came before the current track; what may not come is taken off the line."""
        while self.queued.back:
            at = self.queued.back - 1
            if may_follow(self._paths[at]):
                return self._paths[at]
            del self._paths[at]
            self.queued = replace(self.queued, count=self.queued.count - 1)
        return None

    def step_back(self, track: Track) -> None:
        """`track`, which `top_of_back` gave, is current; what was current comes again."""
        self.enter(track, self.queued.back)

    def insert_before(self, track: Track) -> None:
        """`track` is current, as if it had come before what was current, which comes again."""
        self._paths.insert(self.queued.back, track.path)
        self.enter(track, self.queued.count)

    def enter(self, track: Track, count: int | None = None) -> None:
        """`track` is current, in place of what is, or at another count."""
        self.queued = Position(self.queued.count if count is None else count, track.path, track)
        self.settle()

    def repeat(self) -> None:
        """What is current comes again, and nothing is current."""
        self.queued = Position(self.queued.back)
        self.settle()

    def leave(self) -> None:
        """Nothing is current any more: it was the latest that came."""
        self.queued = Position(self.queued.count)

    def settle(self) -> None:
        """What is current is heard."""
        self.heard = self.queued
        self._unheard.clear()

    # -- the rest

    def find(self, tracks: Mapping[str, Track]) -> None:
        """The positions have their tracks (again), where the listing has them."""
        self.queued, self.heard = _found(self.queued, tracks), _found(self.heard, tracks)

    def move(self, moved: Callable[[str], str]) -> None:
        """Every path becomes what `moved` makes of it."""
        self._paths = list(map(moved, self._paths))
        self.queued, self.heard = (
            position if position.path is None else replace(position, path=moved(position.path))
            for position in (self.queued, self.heard)
        )

    def restore(self, back: Sequence[str], current: str | None, ahead: Iterable[str]) -> None:
        """Take what an earlier `back`, `heard.path` and `unheard_and_ahead` were."""
        back = back[-STEPS_BACK:]
        self._paths = [*back, *([] if current is None else [current]), *reversed(list(ahead)[-STEPS_BACK:])]
        self.queued = Position(len(back) + (current is not None), current)
        self.settle()

    def _forget(self, count: int) -> None:
        """Drop so many entries from the front: nobody goes back that far."""
        count = min(count, self.heard.back)
        if count > 0:
            del self._paths[:count]
            self.queued = replace(self.queued, count=self.queued.count - count)
            self.heard = replace(self.heard, count=self.heard.count - count)


def _found(position: Position, tracks: Mapping[str, Track]) -> Position:
    if position.track is None and position.path is not None:
        return replace(position, track=tracks.get(position.path))
    return position
