"""Many playlists under one schedule: read ahead, taken back, renamed, restarted."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.playlist.arrangement import Arrangement, arrange
from radiostream.playlist.listing import Listing
from radiostream.playlist.rotation import Moment, Rotation
from radiostream.playlist.track import Track
from radiostream.playlist.zones import zone

ROOT = "/srv/radio"
BEGIN_S = 1_700_000_000.0
"""22:13:20 UTC."""
PATHS = (
    *(f"{number}.mp3" for number in range(1, 6)),
    *(f"_2230-2310/{number}.mp3" for number in range(11, 15)),
    *(f"_2230-2310/_every 2 tracks/{number}.mp3" for number in (21, 22)),
    "_every 3 tracks/31.mp3",
    "_hourly 20/41.mp3",
    "_every 9 min/51.mp3",
)


def arranged(*paths: str) -> Arrangement:
    return arrange(ROOT, Listing(tuple(Track(f"{ROOT}/{path}", 1, 1, "mp3") for path in paths)))


def update(rotation: Rotation, made: Arrangement) -> None:
    rotation.update(made.folders, {path: folder.tracks for path, folder in made.folders.items()})


def rotation(paths: tuple[str, ...] = PATHS, shuffle: bool = False) -> Rotation:
    made = Rotation(ROOT, random.Random(1), shuffle, lambda _: "", zone=zone("UTC"), now=Moment(BEGIN_S, 1000.0))
    update(made, arranged(*paths))
    return made


def moment(passed_s: float) -> Moment:
    return Moment(BEGIN_S + passed_s, 1000.0 + passed_s)


def lasts_s(track: Track) -> float:
    """Every track has a length of its own; those below 21 are music."""
    number = int(track.stem)
    return 10.0 if number > 20 else 100.0 + 7 * number


def advance(made: Rotation, passed_s: float) -> Track:
    track = made.peek(moment(passed_s))
    assert track is not None
    made.advance()
    return track


def played(made: Rotation, count: int, passed_s: float = 0.0) -> list[str]:
    """What is heard without anything being read ahead."""
    heard = []
    for _ in range(count):
        track = advance(made, passed_s)
        made.hear()
        heard.append(track.stem)
        passed_s += lasts_s(track)
    return heard


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=20, max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_taken_back_comes_again(steps: list[tuple[int, int]]) -> None:
    """However far is read ahead, and however often that is taken back: the same is heard as without."""
    made, passed_s, heard = rotation(), 0.0, list[str]()
    for ahead, listened in steps:
        at_s = passed_s
        for number in range(ahead):
            track = advance(made, at_s)
            at_s += lasts_s(track)
            if number < listened:
                made.hear()
                heard.append(track.stem)
                passed_s = at_s
        made.rewind()
    assert heard == played(rotation(), len(heard))
    assert len(set(heard)) >= 4 or len(heard) < 12


@given(st.integers(1, 25), st.integers(0, 25), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_restart_changes_nothing(before: int, after: int, listing_first: bool) -> None:
    """Folders, counts and what is due are found again; the track on the air is gone on with, and counts once."""
    whole, made = played(rotation(), before + after + 1), rotation()
    passed_s = sum(lasts_s(Track(f"{stem}.mp3", 1, 1, "mp3")) for stem in played(made, before))
    if int(whole[before - 1]) > 20:
        return  # a jingle is not gone on with
    on_air_s = lasts_s(Track(f"{whole[before - 1]}.mp3", 1, 1, "mp3"))
    state = json.loads(json.dumps(made.state(moment(passed_s - 1))))
    other = rotation() if listing_first else rotation(())
    other.restore(state, moment(passed_s - 1), resume=True)
    update(other, arranged(*PATHS))
    resumed = advance(other, passed_s - 1)
    other.hear()
    assert resumed.stem == whole[before - 1]
    assert on_air_s > 1
    assert played(other, after, passed_s) == whole[before : before + after]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["", "_2230-2310", "due", "counts"]), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["folders", "shuffle", "pending"]), JSON),
    st.dictionaries(st.sampled_from(["scope", "counts", "due", "given", "on_air"]), JSON) | JSON,
)
@settings(max_examples=150, deadline=None)
def test_damaged_state(state: Mapping[str, object], about: object) -> None:
    """Whatever a state holds, every track plays."""
    made = rotation(())
    made.restore({**state, "schedule": about}, moment(0), resume=True)
    update(made, arranged(*PATHS))
    assert {int(stem) for stem in played(made, 60)} >= {1, 2, 3, 4, 5, 11, 12, 13, 14}


def test_renamed_folders_keep_their_place() -> None:
    """A part and the jingles in it, also while what they gave is read ahead; a folder of other files is a new one."""
    made = rotation(PATHS[5:11])
    assert played(made, 0) == []
    assert [advance(made, 1200 + number).stem for number in range(4)] == ["11", "12", "21", "13"]
    made.hear()
    renamed = tuple(path.replace("_2230-2310", "_22-24") for path in PATHS[5:11])
    update(made, arranged())
    update(made, arranged(*renamed))
    made.hear()
    made.rewind()
    assert made.plan.state.scope == "_22-24"
    assert [advance(made, 1210 + number).stem for number in range(3)] == ["21", "13", "14"]
    update(made, arranged("_22-24/81.mp3", "_22-23/91.mp3"))
    assert advance(made, 1300).stem == "91"


def test_back_over_many_folders() -> None:
    """Previous goes back over parts and passes jingles, as far as something was heard."""
    made = rotation()
    heard = [stem for stem in played(made, 20) if int(stem) < 21]
    for expected in reversed(heard[:-1]):
        made.go_back()
        assert advance(made, 9000).stem == expected
        made.hear()


def test_folders_that_are_gone_are_forgotten_at_last() -> None:
    """Their order is kept for a while, of the latest only."""
    made = rotation(("1.mp3",))
    for number in range(60):
        update(made, arranged("1.mp3", f"_hourly {number:02}/{number}.mp3"))
    folders = made.state(moment(0))["folders"]
    assert isinstance(folders, dict)
    assert 1 < len(folders) <= 34
    assert len(made) == 1


@given(asked=st.booleans(), commanded=st.none() | st.booleans(), asked_later=st.booleans())
def test_shuffle_over_a_restart(asked: bool, commanded: bool | None, asked_later: bool) -> None:
    """What a command said stays, until the settings say something else than before."""
    before = rotation(shuffle=asked)
    if commanded is not None:
        before.set_shuffle(commanded)
    state = json.loads(json.dumps(before.state(moment(0))))
    after = Rotation(ROOT, random.Random(1), asked_later, lambda _: "", zone=zone("UTC"), now=moment(1))
    after.restore(state, moment(1), resume=False)
    update(after, arranged(*PATHS))
    is_kept = commanded is not None and asked == asked_later
    assert after.shuffle == (commanded if is_kept else asked_later)
    assert after.state(moment(1))["shuffle"] == after.shuffle


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_folder_that_goes_before_it_is_heard(is_heard: bool) -> None:
    """What was read ahead of it is heard, or taken back; the own music goes on either way."""
    made = rotation()
    assert advance(made, 20 * 60).stem == "11"
    for number in range(60):  # until what is gone is forgotten
        update(made, arranged("1.mp3", "2.mp3", f"_hourly {number:02}/{number}.mp3"))
    if is_heard:
        made.hear()
    made.rewind()
    update(made, arranged("1.mp3", "2.mp3"))
    assert played(made, 2, 20 * 60) == ["1", "2"]


def test_nothing_asked_for_and_nothing_heard() -> None:
    """To go on without having looked, or to hear what was not published, changes nothing."""
    made = rotation()
    made.advance()
    made.hear()
    assert played(made, 3) == played(rotation(), 3)
