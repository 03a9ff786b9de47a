"""What was played."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from radiostream.playlist.history import FAILED, JINGLE, LIMIT, PLAYED, PLAYING, SKIPPED, TRACK, History, Played
from radiostream.playlist.track import Tags

TAGS = Tags("Title", "Artist")


def test_newest_first() -> None:
    """Each track has its start, its end and how it ended; the one on the air has no end."""
    history = History()
    history.begin("a.mp3", TAGS, 1.0)
    history.begin("b.mp3", Tags(), 2.0)
    history.end(SKIPPED, 3.0)
    history.end(FAILED, 9.0)
    history.begin("c.mp3", Tags(), 4.0)
    history.retitle(TAGS)
    assert history.entries() == (
        Played("c.mp3", "Title", "Artist", 4.0, None, PLAYING),
        Played("b.mp3", "", "", 2.0, 3.0, SKIPPED),
        Played("a.mp3", "Title", "Artist", 1.0, 2.0, PLAYED),
    )


def test_kind_of_an_entry() -> None:
    """A jingle is told from a track, over a restart too; entries of version 1.0 are tracks."""
    history = History()
    history.begin("a.mp3", TAGS, 1.0)
    history.begin("j.mp3", Tags(), 2.0, kind=JINGLE)
    state = json.loads(json.dumps(history.state()))
    del state[1]["kind"]
    history.restore(state)
    assert [entry.kind for entry in history.entries()] == [JINGLE, TRACK]


def test_nothing_on_the_air() -> None:
    """Ends and titles without a track do nothing."""
    history = History()
    history.end(PLAYED, 1.0)
    history.retitle(TAGS)
    assert history.entries() == ()


def test_bounded() -> None:
    """It keeps the latest hundred."""
    history = History()
    for number in range(LIMIT + 50):
        history.begin(str(number), TAGS, float(number))
    assert len(history.entries()) == LIMIT
    assert history.entries()[0].track == str(LIMIT + 49)


def test_restart() -> None:
    """After a restart, a track that goes on is one entry, another one ends it."""
    before = History()
    before.begin("a.mp3", TAGS, 1.0)
    before.begin("b.mp3", Tags(), 2.0)
    for track, count in (("b.mp3", 2), ("c.mp3", 3)):
        after = History()
        after.restore(json.loads(json.dumps(before.state())))
        assert after.entries() == before.entries()
        after.begin(track, TAGS, 5.0, resumed=True)
        newest = after.entries()[0]
        assert (len(after.entries()), newest.track, newest.title, newest.ended) == (count, track, "Title", PLAYING)
    assert after.entries()[1].ended_at == 5.0


ENTRY = st.fixed_dictionaries(
    {
        "track": st.text() | st.none(),
        "title": st.text() | st.integers(),
        "artist": st.text(),
        "started_at": st.floats() | st.integers() | st.text(),
        "ended_at": st.floats() | st.integers() | st.none(),
        "ended": st.sampled_from([PLAYING, PLAYED, "", None]) | st.lists(st.text()),
        "kind": st.sampled_from([TRACK, JINGLE, "", None]) | st.lists(st.text()),
    }
)


@given(st.lists(ENTRY | st.none() | st.text()) | st.text() | st.none())
def test_damaged_state(state: object) -> None:
    """Only whole entries are taken, and only the newest can be on the air."""
    history = History()
    history.restore(state)
    for number, entry in enumerate(history.entries()):
        assert entry.ended == PLAYED or (entry.ended == PLAYING and number == 0)
        assert 0 <= entry.started_at < 1e12
    history.begin("a.mp3", TAGS, 5.0)
    assert history.entries()[0].track == "a.mp3"
