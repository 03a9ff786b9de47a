"""What is heard and what is said of it, where a station comes seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest

from radiostream.playlist.history import JINGLE
from radiostream.playlist.tagger import Tagger
from radiostream.playlist.track import Tags
from radiostream.radio.air import Air
from radiostream.radio.deck import Deck, load
from tests.radio.studio import Studio

Load = Callable[..., Deck]


@pytest.fixture
def air(studio: Studio) -> Air:
    return Air(studio.clock, cast("Tagger", studio.tagger))


@pytest.fixture
def deck(studio: Studio) -> Iterator[Load]:
    """Loads a track by its number; what is loaded is closed with the test."""
    loaded: list[Deck] = []

    def make(number: int, kind: str = "track") -> Deck:
        loaded.append(load(studio.track(number, 100), 1))
        loaded[-1].kind = kind
        return loaded[-1]

    yield make
    for one in loaded:
        one.close()


def test_the_title_at_the_end_of_what_is_published(air: Air, deck: Load) -> None:
    """That of what is cued last, else of what is on the air, else none."""
    assert air.newest_title == ""
    air.cue(deck(1), 1000.0)
    assert air.newest_title == "1"
    air.switch()
    assert air.newest_title == "1"
    air.cue(deck(2), 1010.0)
    assert air.newest_title == "2"


def test_a_jingle_before_any_track(air: Air, deck: Load, studio: Studio) -> None:
    """There is no title that it could leave as it is, so it has its own."""
    studio.tagger.tags["1.mp3"] = Tags("Good morning")
    air.cue(deck(1, JINGLE), 1000.0)
    assert air.switch().tags == Tags("Good morning")


def test_a_jingles_tags_are_read_late(air: Air, deck: Load) -> None:
    """The history has them; the title stays that of the track before."""
    jingle = deck(2, JINGLE)
    air.cue(deck(1), 1000.0)
    air.cue(jingle, 1010.0)
    air.switch()
    assert air.switch().title == "1"
    assert jingle.track is not None
    assert air.retitle(jingle.track, Tags("Buy this"))
    assert air.on_air is not None
    assert air.on_air.title == "1"
    assert air.history.entries()[0].title == "Buy this"


def test_the_clock_is_reset(air: Air, deck: Load) -> None:
    """What is on the air is that much younger; where there is nothing, nothing is."""
    air.delay(5.0)
    air.cue(deck(1), 1000.0)
    assert air.switch().started_s == 1000.0
    air.delay(5.0)
    assert air.on_air is not None
    assert air.on_air.started_s == 1005.0
