"""The playlist under random sequences of everything that can happen to it."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radiostream.playlist.natural import natural_key
from radiostream.playlist.track import Track
from tests.playlist.heard import Heard

NAMES = st.sampled_from([f"/s/{letter}{number}.mp3" for letter in "Ab" for number in (1, 2, 10)])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KEYS = ["shuffle", "current", "place", "pending", "done", "back", "ahead"]


class Shuffled(RuleBasedStateMachine):
    """A model that knows only which tracks there are, and which of them the running cycle of shuffle has had."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = 0
        self.playlist = Heard(random.Random(0), shuffle=True)
        self.files: dict[str, Track] = {}
        self.had: set[str] = set()
        self.on_air: Track | None = None

    def update(self) -> None:
        self.playlist.update([self.files[path] for path in sorted(self.files, key=natural_key)])

    def replayed(self) -> str | None:
        """What previous went back over and next must give again."""
        ahead = self.playlist.comes_again()
        current = self.playlist.current  # after a restart before its directory is there, what was current is waited for
        here = current.path if current else self.path_on_air()
        return next((path for path in ahead if path in self.files and self.may_follow(path, here)), None)

    def may_follow(self, path: str, here: str | None) -> bool:
        return path != here or len(self.files) == 1

    def path_on_air(self) -> str | None:
        return self.on_air.path if self.on_air else None

    def begin_cycle_if_over(self) -> None:
        if self.files and self.replayed() is None and self.files.keys() <= self.had:
            self.had.clear()

    def put(self, path: str, size: int) -> None:
        """What comes back under the name of the track on the air counts as played: it is heard just now."""
        if path == self.path_on_air() and path not in self.files:
            self.had.add(path)
        self.files[path] = Track(path, size, 1, "mp3")

    @rule(path=NAMES, size=st.integers(1, 3))
    def add_or_replace(self, path: str, size: int) -> None:
        self.put(path, size)
        self.update()

    @rule(path=NAMES)
    def remove(self, path: str) -> None:
        self.files.pop(path, None)
        self.update()

    @precondition(lambda self: self.files)
    @rule(path=NAMES)
    def give_up(self, path: str) -> None:
        """A file that turns out to be broken is like one that is removed."""
        self.update()
        broken = self.files.pop(path, None) or next(iter(self.files.values()))
        self.files.pop(broken.path, None)
        self.playlist.drop(broken)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        if old in self.files:
            del self.files[old]
            self.update()
            self.put(new, 1)
            self.update()

    @rule()
    def directory_goes_away(self) -> None:
        self.playlist.update([])
        assert self.playlist.peek() is None

    @rule()
    def directory_comes_back(self) -> None:
        self.update()

    @rule()
    def peek(self) -> None:
        self.update()
        self.begin_cycle_if_over()
        ahead = self.playlist.peek()
        assert ahead is self.playlist.peek()
        assert (ahead is None) == (not self.files)

    @rule(ahead=st.just(False))
    def skip(self, ahead: bool = False) -> None:
        self.update()
        self.begin_cycle_if_over()
        again, before = self.replayed(), self.path_on_air()
        peeked = self.playlist.peek()
        self.on_air = self.playlist.read_ahead() if ahead else self.playlist.next()
        assert self.on_air is peeked
        if self.on_air is None:
            assert not self.files
            return
        path = self.on_air.path
        assert self.on_air is self.files[path]
        assert self.may_follow(path, before)
        if again is not None:
            assert path == again
        else:
            self.count(path, before)

    def count(self, path: str, before: str | None) -> None:
        """A new play: of a track that this cycle has not had, unless it has had all but the one on the air."""
        if path in self.had:
            missing = self.files.keys() - self.had
            assert missing <= {before}
            self.had = set(missing)
        self.had.add(path)

    @rule()
    def back(self) -> None:
        self.update()
        played = self.playlist.state()["back"]
        assert isinstance(played, list)
        here = self.path_on_air()
        expected = [path for path in played if path in self.files and self.may_follow(path, here)]
        if not expected and (here is None or (self.playlist.shuffle and here not in self.files)):
            self.skip()
            return
        self.on_air = self.playlist.previous()
        if not self.files:
            assert self.on_air is None
        elif expected:
            assert self.on_air is self.files[expected[-1]]
        else:
            assert self.on_air is not None

    @precondition(lambda self: self.files and self.on_air is not None)
    @rule(count=st.integers(1, 8))
    def publish_ahead(self, count: int) -> None:
        """Tracks that were given and taken back come again, in the same order, and count once."""
        self.update()
        heard, given = self.on_air, []
        before = self.playlist.state()
        for _ in range(count):
            self.skip(ahead=True)
            given.append(self.on_air)
        saved = self.playlist.state()
        assert [saved[name] for name in ("current", "back")] == [before[name] for name in ("current", "back")]
        self.playlist.rewind()
        self.on_air = heard
        assert self.playlist.state() == saved
        assert saved["current"] == self.path_on_air()
        assert self.playlist.current is heard
        assert self.playlist.peek() is given[0]

    @rule()
    def play_again(self) -> None:
        """A restart begins with the track that was on the air."""
        self.update()
        here = self.on_air
        self.playlist.repeat()
        if here is not None and here.path in self.files:
            assert self.playlist.next() == self.files[here.path]
            self.on_air = self.playlist.current
        else:
            self.on_air = None

    @rule(listing_first=st.booleans())
    def restart(self, listing_first: bool) -> None:
        self.update()
        peeked = self.playlist.state()["pending"]
        state = json.loads(json.dumps(self.playlist.state()))
        self.seed += 1
        self.playlist = Heard(random.Random(self.seed))
        if listing_first:
            self.update()
        self.playlist.restore(state)
        self.update()
        if self.files:
            assert self.playlist.state()["pending"] == peeked
        if self.path_on_air() in self.files:
            assert self.on_air is not None
            self.on_air = self.files[self.on_air.path]
        else:
            self.on_air = None
            self.playlist.next()
            self.on_air = self.playlist.current
            if self.on_air is not None:
                self.resync()

    def resync(self) -> None:
        """What played without being counted above."""
        done = self.playlist.state()["done"]
        assert isinstance(done, list)
        self.had = set(done)

    @precondition(lambda self: self.on_air is not None)
    @invariant()
    def current_is_on_air(self) -> None:
        assert self.playlist.current == self.on_air


class Switched(Shuffled):
    """The same with sequence and shuffle in turn, in which the cycles are not the model's."""

    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        self.update()
        self.playlist.set_shuffle(on)
        assert self.playlist.shuffle is on

    def count(self, path: str, before: str | None) -> None:
        """Nothing to count: `test_plays_differ_by_one` does."""


Shuffled.TestCase.settings = Switched.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestShuffled = Shuffled.TestCase
TestSwitched = Switched.TestCase


@given(
    st.integers(1, 7),
    st.lists(
        st.sampled_from(["next", "next", "next", "previous", "peek", "on", "off", "update", "restart"]), max_size=60
    ),
    st.booleans(),
    st.integers(0, 99),
)
@example(4, ["next", "next", "next", "next", "on", "next", "next", "next"], False, 1)
@example(4, ["next", "next", "next", "next", "on", "next", "next", "next"], False, 2)
@settings(max_examples=300, deadline=None)
def test_plays_differ_by_one(count: int, steps: list[str], shuffle: bool, seed: int) -> None:
    """While the directory stays as it is, no track plays a second time before every one has played once."""
    tracks = [Track(f"/s/{number}.mp3", 1, 1, "mp3") for number in range(count)]
    playlist = Heard(random.Random(seed), shuffle)
    playlist.update(tracks)
    plays = {track: int(track is playlist.peek()) for track in tracks}
    playlist.next()
    for step in steps:
        if step == "next":
            replay = bool(playlist.state()["ahead"])
            track = playlist.next()
            assert track is not None
            plays[track] += not replay
        elif step in ("on", "off"):
            playlist.set_shuffle(step == "on")
        elif step == "update":
            playlist.update(tracks)
        elif step == "restart":
            state = json.loads(json.dumps(playlist.state()))
            playlist = Heard(random.Random(seed + 1))
            playlist.restore(state)
            playlist.update(tracks)
        else:
            getattr(playlist, step)()
        assert max(plays.values()) - min(plays.values()) <= 1


@given(
    st.dictionaries(st.sampled_from(KEYS), JSON | st.lists(NAMES)),
    st.lists(NAMES, unique=True),
    st.booleans(),
    st.integers(0, 99),
)
@pytest.mark.slow
@settings(max_examples=200, deadline=None)
def test_damaged_state(state: dict[str, object], paths: list[str], first: bool, seed: int) -> None:
    """Whatever a state holds, the playlist plays on, and within two cycles every track."""
    playlist = Heard(random.Random(seed), shuffle=True)
    tracks = [Track(path, 1, 1, "mp3") for path in sorted(paths, key=natural_key)]
    if first:
        playlist.restore(state)
    playlist.update(tracks)
    if not first:
        playlist.restore(state)
    replayed = len([path for path in playlist.state()["ahead"] if path in paths])  # type: ignore[attr-defined]  # a list
    heard = {playlist.next() for _ in range(replayed + 2 * len(tracks))}
    assert heard >= set(tracks)
    assert playlist.previous() in tracks or not tracks


@given(st.lists(st.sampled_from(["next", "add", "remove"]), max_size=40), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_sequence_is_natural_order(steps: list[str], rng: random.Random) -> None:
    """In sequence, each track is followed by the next in natural order, whatever comes and goes."""
    paths = {f"/s/{number}.mp3": 0 for number in range(0, 100, 20)}
    playlist, here, fresh = Heard(rng), "", 100
    for step in [*steps, "next"]:
        if step == "add":
            fresh += 1
            paths[f"/s/{rng.randrange(100)}-{fresh}.mp3"] = 0
        elif step == "remove" and len(paths) > 1:
            del paths[rng.choice(sorted(paths))]
        order = sorted(paths, key=natural_key)
        playlist.update([Track(path, 1, 1, "mp3") for path in order])
        if step == "next":
            after = [path for path in order if here and natural_key(path) > natural_key(here)]
            expected = after[0] if after else order[0]
            track = playlist.next()
            assert track is not None
            assert track.path == expected
            here = expected
