"""Tracks that are decoded in another way than most of a station."""

from __future__ import annotations

from radiostream.audio.frames import Params
from radiostream.playlist.track import Track
from radiostream.radio.mismatched import MOST_NAMED, Mismatched

USUAL = Params("mp3", 44100, 2)
OTHER = Params("mp3", 48000, 2)


def track(number: int) -> Track:
    return Track(f"/music/{number}.mp3", 1, 1, "mp3")


def test_most_tracks_are_the_usual() -> None:
    """Whatever was heard first: one track of 48 kHz and seven of 44.1 kHz name the one, once."""
    mismatched = Mismatched()
    told = [mismatched.note(track(number), OTHER if number == 0 else USUAL) for number in range(8)]
    assert [one.name for one in mismatched.named()] == ["0.mp3"]
    assert "48000 Hz" in mismatched.named()[0].reason
    assert [bool(how) for how in told[2:]] == [False] * 6
    assert mismatched.note(track(0), OTHER).startswith("mp3 48000 Hz, 2 ch, where the station has mp3 44100 Hz")
    assert mismatched.note(track(0), OTHER) == ""


def test_the_set_up_is_told() -> None:
    """Where rate and channels are alike, what else decides decoding is what differs."""
    mismatched = Mismatched()
    for number in range(3):
        mismatched.note(track(number), Params("flac", 44100, 2, "16 bit"))
    how = mismatched.note(track(3), Params("flac", 44100, 2, "24 bit"))
    assert how.startswith("flac 44100 Hz, 2 ch, 24 bit, where the station has flac 44100 Hz, 2 ch, 16 bit")


def test_a_track_that_is_gone_counts_no_more() -> None:
    """Neither as one of most nor as one of few."""
    mismatched = Mismatched()
    for number, params in enumerate((USUAL, USUAL, OTHER)):
        mismatched.note(track(number), params)
    assert [one.name for one in mismatched.named()] == ["2.mp3"]
    mismatched.keep({track(2)})
    assert mismatched.named() == ()
    mismatched.keep(set())
    assert mismatched.note(track(9), USUAL) == ""


def test_a_track_that_changed_is_looked_at_anew() -> None:
    """Its last parameters count."""
    mismatched = Mismatched()
    for number in range(3):
        mismatched.note(track(number), USUAL)
    assert mismatched.note(track(2), OTHER)
    assert [one.name for one in mismatched.named()] == ["2.mp3"]
    mismatched.note(track(2), USUAL)
    assert mismatched.named() == ()


def test_the_list_is_bounded() -> None:
    """A directory in which every other track differs does not fill the page."""
    mismatched = Mismatched()
    for number in range(4 * MOST_NAMED):
        mismatched.note(track(number), (USUAL, OTHER)[number % 2])
    assert len(mismatched.named()) == MOST_NAMED
