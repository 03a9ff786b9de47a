"""A station in what happens seldom: orders that change at any moment, zones and places that are not there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import NoReturn, cast

import pytest

from radiostream.audio.frames import AudioError, Block
from radiostream.loudness.levels import Levels
from radiostream.playlist.state import Saved
from radiostream.playlist.track import Tags, Track
from radiostream.radio import deck
from radiostream.radio.live_input import LiveInput
from tests.radio.studio import Studio


def test_the_order_changes_between_any_two_steps(studio: Studio) -> None:
    """Whatever has been read ahead then, each track is sent whole, one behind the other."""
    lengths = {number: 40 + 7 * number for number in range(1, 6)}
    studio.show(*(studio.track(number, frames) for number, frames in lengths.items()))
    for step in range(1500):
        if step % 7 == 0:
            studio.station.set_shuffle(step % 2 == 0)
        studio.station.step()
    for (number, index), (then, first) in pairwise(studio.frames):
        assert (then, first) == (number, index + 1) or (index, first) == (lengths[number] - 1, 0)
    assert len({number for number, _ in studio.frames}) == len(lengths)


def test_a_time_zone_that_this_host_does_not_know(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """The host's own is used, which the log says; the track plays on."""
    studio.show(studio.track(1, 5000))
    studio.run_until(1)
    with caplog.at_level(logging.ERROR):
        studio.do(studio.station.configure(replace(studio.station.config, timezone="Nowhere/Land")))
    assert 'timezone "Nowhere/Land"' in caplog.text
    assert studio.station.status.on_air is not None


def test_a_place_that_cannot_be_read_any_more(
    make_studio: Callable[..., Studio], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The track that was left there begins at its begin."""

    def fail(_self: deck.Deck, _position_s: float) -> NoReturn:
        raise AudioError("is damaged")

    track = make_studio().track(1, 5000)
    monkeypatch.setattr(deck.Deck, "seek", fail)
    studio = make_studio(saved=Saved(track=track.path, elapsed_s=20.0))
    studio.show(track)
    studio.run_until(1)
    assert studio.frames[0] == (1, 0)


def test_tags_that_are_announced_and_not_there(studio: Studio) -> None:
    """Nothing changes: they were forgotten meanwhile."""
    track = studio.track(1, 5000)
    studio.show(track)
    studio.run_until(1)
    before = studio.station.status.on_air
    studio.station.tags_read(track)
    studio.do(studio.station.settled())
    assert studio.station.status.on_air == before


def test_silence_that_fails_is_a_bug(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no file's fault, so it is not hidden: the producer reports it and restarts."""

    def fail(*_: object) -> NoReturn:
        raise RuntimeError("a bug")

    monkeypatch.setattr(deck.Deck, "fill", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        studio.run_until(1)


def test_a_closed_deck_gives_nothing(studio: Studio) -> None:
    """A deck that has been let go of is at its end."""
    closed = deck.load(studio.track(1, 100), 1)
    closed.close()
    assert closed.fill(memoryview(bytearray(65536)), 1.0).length == 0


def test_tags_of_what_is_on_neither_end(studio: Studio) -> None:
    """Those of a track that is read ahead and not heard yet change nothing on the air, those of one that is nowhere
    are not even looked at."""
    first, second, third = (studio.track(number, 1000) for number in (1, 2, 3))
    studio.show(first, second, third)
    studio.run_until(20)
    assert studio.frames[-1][0] == 2
    on_air = studio.station.status.on_air
    assert on_air is not None
    assert on_air.track == first
    for track in (first, second, third):
        studio.tagger.tags[track.name] = Tags(f"Song {track.stem}")
    studio.station.tags_read(third)
    studio.station.tags_read(second)
    studio.do(studio.station.settled())
    assert studio.station.status.on_air == on_air
    studio.station.tags_read(first)
    studio.do(studio.station.settled())
    told = studio.station.status.on_air
    assert told is not None
    assert told.tags.title == "Song 1"
    studio.run_until(40)
    assert "Song 2" in {chunk.title for chunk in studio.published}


def test_shuffle_in_the_settings(studio: Studio) -> None:
    """It is taken when they are read again, as on the command line."""
    studio.show(studio.track(1, 5000), studio.track(2, 5000))
    studio.run_until(1)
    assert not studio.station.status.shuffle
    studio.do(studio.station.configure(replace(studio.station.config, shuffle=True)))
    assert studio.station.status.shuffle


def test_a_format_that_is_asked_for_no_more(make_studio: Callable[..., Studio]) -> None:
    """Without a file there is nothing to go by: it stays until there is one."""
    studio = make_studio(family="aac")
    studio.do(studio.station.configure(replace(studio.station.config, family=None)))
    assert studio.station.family == "aac"
    studio.show(studio.track(1, 100))
    assert studio.station.family == "mp3"
    studio.do(studio.station.configure(replace(studio.station.config, family="ogg")))
    assert studio.station.family == "ogg"


def test_a_live_source_that_is_not_there_is_ended(studio: Studio) -> None:
    """The track plays on."""
    studio.show(studio.track(1, 5000))
    studio.run_until(1)
    studio.do(studio.station.leave_live())
    studio.run_until(20)
    assert studio.frames == [(1, index) for index in range(len(studio.frames))]


def test_levels_are_taken_back(studio: Studio) -> None:
    """From then on tracks play as they are, and nothing is told of how loud they would be."""
    studio.do(studio.station.take_levels(Levels(None)))
    studio.do(studio.station.take_levels(None))
    assert studio.station.levels_known() == {}
    studio.show(studio.track(1, 5000))
    studio.run_until(1)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.level is None


class Over:
    """A live source that has ended before it gives anything."""

    def __init__(self, track: Track) -> None:
        self.decks: list[deck.Deck] = []
        self._track = track

    def due_now(self, _: deck.Deck | None) -> deck.Deck | None:
        return None

    def due_at_track_end(self) -> deck.Deck | None:
        self.decks.append(deck.load(self._track, 1))
        self.decks[-1].close()
        return self.decks[-1]


def test_a_live_source_that_is_over_before_its_first_frame(studio: Studio) -> None:
    """The next track follows as if there were none."""
    first, second = studio.track(1, 300), studio.track(2, 300)
    live = Over(first)
    studio.station._playout.live = cast("LiveInput", live)
    studio.show(first, second)
    studio.run_until(15)
    assert live.decks
    assert list(dict.fromkeys(number for number, _ in studio.frames)) == [1, 2]
    assert studio.frames[300] == (2, 0)


def test_what_was_read_ahead_is_given_up_before_it_is_sent(studio: Studio) -> None:
    """Whoever tells that, another track takes its place."""
    tracks = [studio.track(number, 300) for number in (1, 2, 3)]
    studio.show(*tracks)
    studio.run_until_published(lambda: studio.frames[-1:] == [(1, 299)])
    studio.station.step()
    studio.station._programme.give_up(tracks[1], AudioError("is damaged"))
    studio.run_until(15)
    assert studio.frames[300] == (3, 0)


def test_silence_that_breaks_off(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is begun again."""
    real, fails = deck.Deck.fill, [True]

    def fill(self: deck.Deck, buffer: memoryview, max_s: float) -> Block:
        if self.track is None and fails:
            fails.pop()
            raise AudioError("broke off")
        return real(self, buffer, max_s)

    studio.show()
    studio.run_until(3)
    monkeypatch.setattr(deck.Deck, "fill", fill)
    studio.run_until(20)
    assert not fails
    assert sum(chunk.duration_s for chunk in studio.published) > 20


def test_music_takes_the_place_of_the_demo(make_studio: Callable[..., Studio]) -> None:
    """At once: nobody wants to hear it to its end."""
    demo = make_studio().track(9, 5000)
    studio = make_studio(fallback=(demo,))
    studio.show()
    studio.run_until(5)
    assert {number for number, _ in studio.frames} == {9}
    studio.show(studio.track(1, 5000))
    on_air = studio.station.status.on_air
    assert on_air is not None
    assert on_air.track is not None
    assert on_air.track.stem == "1"
