"""What one station plays, over all its folders: a playlist for each, and the schedule that says whose turn it is.

No thread, no file; the producer's thread owns it. Like a `Playlist` it has two positions: what is read ahead and what
listeners hear. A jingle's folder has a playlist as a part has, and is in nobody's bag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from radiostream.playlist import schedule
from radiostream.playlist.arrangement import OWN, Folder, playable
from radiostream.playlist.history import JINGLE, TRACK
from radiostream.playlist.line import STEPS_BACK
from radiostream.playlist.playlist import Playlist
from radiostream.playlist.rules import Jingle, Part
from radiostream.playlist.schedule import Choice, Rules, State

if TYPE_CHECKING:
    import random

    from radiostream.playlist.track import Track
    from radiostream.playlist.zones import Zone

_MOST_GONE: Final = 32
"""Folders that are gone whose order is kept, so that one which is renamed or comes back goes on where it was."""


class Moment(NamedTuple):
    """An instant by two clocks: the one on the wall, and the one that no leap moves."""

    unix_s: float
    air_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The programme as others see it: a frozen value."""

    rules: Rules
    state: State
    zone: Zone


@dataclass(frozen=True, slots=True)
class _Planned:
    """What `peek` has found."""

    arrived: State
    choice: Choice
    folder: str
    is_resumed: bool = False
    """Whether it is the track that was on the air before a restart."""


@dataclass(frozen=True, slots=True)
class _Detour:
    """A folder that comes next whatever the schedule says: gone back to, or gone on with after a restart."""

    folder: str
    left_at_s: float | None = None
    """When it was left, for a restart: while the server was off, another part may have begun."""


class Rotation:
    """The playlists of one station. Nothing in it waits or raises."""

    def __init__(
        self,
        root: str,
        rng: random.Random,
        shuffle: bool,
        artist_of: Callable[[Track], str],
        *,
        zone: Zone,
        now: Moment,
    ) -> None:
        """`root` is the absolute path of the station's directory; `now` is when it begins."""
        self._root = root
        self._rng = rng
        self._shuffle = shuffle
        self.asked_shuffle = shuffle
        """What the settings say; a command may have said otherwise since."""
        self._artist_of = artist_of
        self._zone = zone
        self._rules = Rules()
        self._folders: Mapping[str, Folder] = {}
        self._playlists: dict[str, Playlist] = {OWN: Playlist(rng, shuffle, artist_of)}
        self._members: dict[str, frozenset[str]] = {}
        """By a rule's folder: its files' paths below it, by which a renamed folder is found again."""
        self._heard = State(*now)
        self._queued = self._heard
        self._unheard: deque[tuple[str, State]] = deque()
        self._line: deque[str] = deque(maxlen=STEPS_BACK)
        """The folders of the tracks that were heard, jingles not among them, up to the one on the air."""
        self._planned: _Planned | None = None
        self._detour: _Detour | None = None

    def set_zone(self, zone: Zone) -> None:
        """The station's settings name another time zone."""
        self._zone = zone
        self._planned = None

    # -- what there is

    def __len__(self) -> int:
        """How many tracks the station's own music has."""
        return len(self._playlists[OWN])

    @property
    def shuffle(self) -> bool:
        return self._shuffle

    @property
    def plan(self) -> Plan:
        """The rules, and how far listeners are in them."""
        return Plan(self._rules, self._heard, self._zone)

    def update(self, folders: Mapping[str, Folder], tracks: Mapping[str, Sequence[Track]]) -> None:
        """Take the folders of a new listing; `tracks` are those of each that can be played. O(n)."""
        self._planned = None
        self._folders = folders
        members = {path: self._below(path, tracks.get(path, ())) for path in folders if path != OWN}
        for path in members:
            if members[path] and path not in self._playlists:
                self._adopt(path, members[path], members)
        for path, playlist in self._playlists.items():
            folder = folders.get(path)
            is_ordered = folder is not None and folder.is_ordered
            playlist.set_shuffle(self._shuffle and not is_ordered)
            playlist.update(tracks.get(path, ()), is_ordered)
        self._members |= {path: names for path, names in members.items() if names}
        self._forget_gone()
        self._find_rules()

    def _adopt(self, path: str, names: frozenset[str], members: Mapping[str, frozenset[str]]) -> None:
        """A folder that is new: with the order of the one that it was before it was renamed, where there is one."""
        gone = [old for old in self._members if not members.get(old) and old in self._playlists]
        best = max(gone, key=lambda old: len(names & self._members[old]), default="")
        if not best or 2 * len(names & self._members[best]) < max(len(names), len(self._members[best])):
            self._playlists[path] = Playlist(self._rng, self._shuffle, self._artist_of)
            return
        playlist = self._playlists[path] = self._playlists.pop(best)
        del self._members[best]
        playlist.move(f"{self._root}/{best}/", f"{self._root}/{path}/")
        self._heard, self._queued = (_renamed(state, best, path) for state in (self._heard, self._queued))
        self._unheard = deque((path if at == best else at, _renamed(state, best, path)) for at, state in self._unheard)
        self._line = deque((path if at == best else at for at in self._line), maxlen=STEPS_BACK)

    def _below(self, path: str, tracks: Sequence[Track]) -> frozenset[str]:
        directory = f"{self._root}/{path}/"
        return frozenset(track.path.removeprefix(directory) for track in tracks)

    def _forget_gone(self) -> None:
        gone = [path for path in self._playlists if path != OWN and path not in self._folders]
        for path in gone[:-_MOST_GONE]:
            del self._playlists[path]
            self._members.pop(path, None)

    def _find_rules(self) -> None:
        """Only rules count whose folders have something to play."""
        rules = playable(self._folders, self._has_tracks)
        self._rules = Rules(
            tuple(rule for rule in rules if isinstance(rule, Part)),
            tuple(rule for rule in rules if isinstance(rule, Jingle)),
        )

    def _has_tracks(self, path: str) -> bool:
        playlist = self._playlists.get(path)
        return playlist is not None and len(playlist) > 0

    def drop(self, track: Track) -> None:
        """`track` cannot be played: until `update` finds it again, it is not there."""
        self._planned = None
        for playlist in self._playlists.values():
            playlist.drop(track)
        self._find_rules()

    def set_shuffle(self, on: bool) -> None:
        """Reorder what is still to play, in every folder that has no list of its own."""
        self._planned = None
        self._shuffle = on
        for path, playlist in self._playlists.items():
            folder = self._folders.get(path)
            playlist.set_shuffle(on and not (folder and folder.is_ordered))

    # -- what comes next

    def peek(self, at: Moment) -> Track | None:
        """What `advance` will take where the track before it is heard until `at`."""
        self._planned = planned = self._plan(at)
        playlist = self._playlists.get(planned.folder)
        return playlist.peek() if playlist else None

    @property
    def next_kind(self) -> str:
        """`TRACK` or `JINGLE`: what the latest `peek` has found."""
        return JINGLE if self._planned is not None and self._planned.choice.jingle is not None else TRACK

    def _plan(self, at: Moment) -> _Planned:
        arrived = schedule.arrive(self._rules, self._zone, self._queued, at.unix_s, at.air_s)
        choice = schedule.choose(self._rules, self._zone, arrived, at.unix_s)
        detour = self._detour
        if detour is not None and self._has_tracks(detour.folder) and self._goes_on(detour, choice):
            return _Planned(arrived, Choice(choice.part), detour.folder, detour.left_at_s is not None)
        return _Planned(arrived, choice, choice.jingle.folder if choice.jingle else choice.scope)

    def _goes_on(self, detour: _Detour, choice: Choice) -> bool:
        """Whether a detour comes instead of `choice`: after a restart, where the programme is what it was."""
        if detour.left_at_s is None or detour.folder == choice.scope:
            return True
        return schedule.holding(self._rules.parts, self._zone, detour.left_at_s) == choice.part

    def advance(self) -> None:
        """What the latest `peek` has found is published: the playlists go on."""
        planned, self._planned = self._planned, None
        if planned is None or self._playlists[planned.folder].next() is None:
            return
        self._queued = schedule.taken(self._rules, planned.arrived, planned.choice)
        if planned.is_resumed:
            self._queued = replace(self._queued, counts=planned.arrived.counts)  # it was counted before the restart
        self._unheard.append((planned.folder, self._queued))
        if planned.choice.jingle is None:
            self._detour = None

    def hear(self) -> None:
        """The first of what was published and not heard yet is heard now."""
        if not self._unheard:
            return
        folder, self._heard = self._unheard.popleft()
        if folder in self._playlists:
            self._playlists[folder].hear()
        if not isinstance(self._rule(folder), Jingle):
            self._line.append(folder)

    def _rule(self, folder: str) -> Part | Jingle | None:
        found = self._folders.get(folder)
        return found.rule if found else None

    def rewind(self) -> None:
        """What was published and nobody has heard is still to come."""
        self._planned = None
        for folder in {folder for folder, _ in self._unheard}:
            if folder in self._playlists:
                self._playlists[folder].rewind()
        self._unheard.clear()
        self._queued = self._heard

    def go_back(self, from_jingle: bool = False) -> None:
        """What was heard before the current track comes next, and then the current one again; jingles are passed.

        `from_jingle`: a jingle is on the air; then the track before it is what was heard before. Call `rewind` first.
        """
        current = self._line.pop() if self._line else OWN
        playlist = self._playlists.get(current) or self._playlists[OWN]
        before = self._line[-1] if self._line else current
        if from_jingle:
            before = current
        elif before != current and self._has_tracks(before):
            self._line.pop()
            self._playlists[before].repeat()
        else:
            before = current
            if self._line:
                self._line.pop()
            playlist.previous()
        playlist.repeat()
        self._detour = _Detour(before)
        self._planned = None

    # -- at once

    def next_look_s(self, now: Moment) -> float:
        """The next Unix second at which `is_cut` could become true; infinite where no rule is at once."""
        return schedule.next_look_s(self._rules, self._zone, self._heard, now.unix_s, now.air_s)

    def is_cut(self, now: Moment) -> bool:
        """Whether a rule with ` !` cuts what is heard."""
        return schedule.interrupts(self._rules, self._zone, self._heard, now.unix_s, now.air_s)

    # -- over a restart

    def state(self, now: Moment) -> dict[str, object]:
        """All that `restore` needs, ready for JSON, as listeners hear it. O(n)."""
        arrived = schedule.arrive(self._rules, self._zone, self._heard, now.unix_s, now.air_s)
        folders = {path: playlist.state() for path, playlist in self._playlists.items() if path != OWN}
        about = {
            "at": now.unix_s,
            "scope": arrived.scope,
            "counts": dict(arrived.counts),
            "due": dict(arrived.due),
            "given": sorted(arrived.given),
            "on_air": self._line[-1] if self._line else OWN,
        }
        own = self._playlists[OWN].state()
        shuffle = {"shuffle": self._shuffle, "asked_shuffle": self.asked_shuffle}
        return {**own, **shuffle, "folders": folders, "schedule": about}

    def restore(self, state: Mapping[str, object], now: Moment, resume: bool) -> None:
        """Go on from an earlier `state`; with `resume`, with the track that was on the air. What is damaged in it is
        left out. What fell due since is not made up for. Where the settings say of shuffle what they said then, what
        was commanded since holds."""
        shuffle, folders, about = state.get("shuffle"), state.get("folders"), state.get("schedule")
        if isinstance(shuffle, bool) and state.get("asked_shuffle", self.asked_shuffle) == self.asked_shuffle:
            self._shuffle = shuffle
        self._playlists[OWN].restore(state)
        for path, saved in folders.items() if isinstance(folders, dict) else ():
            if isinstance(path, str) and isinstance(saved, dict) and path != OWN:
                self._playlists[path] = Playlist(self._rng, self._shuffle, self._artist_of)
                self._playlists[path].restore(saved)
        about = about if isinstance(about, dict) else {}
        due = {folder: at_s for folder, at_s in _numbers(about.get("due")).items() if at_s <= now.unix_s}
        given = about.get("given")
        self._heard = self._queued = State(
            *now,
            scope=_text(about.get("scope")),
            counts=_numbers(about.get("counts")),
            due=due,
            given=frozenset(filter(None, map(_text, given))) if isinstance(given, list) else frozenset(),
        )
        on_air = _text(about.get("on_air"))
        if resume and on_air in self._playlists:
            self._playlists[on_air].repeat()
            left_at_s = about.get("at")
            self._detour = _Detour(on_air, float(left_at_s) if _is_number(left_at_s) else now.unix_s)


def _renamed(state: State, old: str, new: str) -> State:
    """The state with another name for a folder."""

    def known(numbers: Mapping[str, float]) -> dict[str, float]:
        return {new if folder == old else folder: number for folder, number in numbers.items()}

    given = frozenset(new if folder == old else folder for folder in state.given)
    scope = new if state.scope == old else state.scope
    return replace(state, scope=scope, counts=known(state.counts), due=known(state.due), given=given)


def _text(value: object) -> str:
    return value if isinstance(value, str) else OWN


def _numbers(value: object) -> dict[str, float]:
    items = value.items() if isinstance(value, dict) else ()
    return {folder: float(number) for folder, number in items if isinstance(folder, str) and _is_number(number)}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value < 1e12
