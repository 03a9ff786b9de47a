"""The producer, stepped by hand on a fake clock: what is published when, and what is said to be on the air."""

from __future__ import annotations

import errno
import itertools
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from radiostream.playlist.history import FAILED, PLAYED, PLAYING, SKIPPED
from radiostream.playlist.listing import Listing
from radiostream.playlist.pictures import Picture
from radiostream.playlist.state import Saved
from radiostream.playlist.track import Tags, Track
from radiostream.radio import deck, programme
from radiostream.radio.playout import FIRST_S
from radiostream.radio.ring import CHUNK_S, Chunk
from radiostream.radio.station import PRODUCER_STALL_S
from tests.radio.studio import FRAME_S, Studio, frame, names

Make = Callable[..., Studio]


def test_ten_minutes_keep_to_the_clock(studio: Studio) -> None:
    """Published audio and clock differ by less than a chunk at every publication, and no frame is lost or doubled."""
    counts = [1111, 37, 2500]
    studio.show(*(studio.track(number, count) for number, count in enumerate(counts)))
    studio.run_until(600)
    expected = [(number, index) for number, count in enumerate(counts) for index in range(count)]
    frames = studio.frames
    assert frames == (expected * (len(frames) // len(expected) + 1))[: len(frames)]
    lead_s = len(frames) * FRAME_S - (studio.clock.now - 1000)
    assert 8.0 <= lead_s < 8.0 + 2 * CHUNK_S
    assert studio.station.drift_s == pytest.approx(0, abs=1e-6)


def test_each_chunk_is_due_where_the_one_before_ended(studio: Studio) -> None:
    """Due times add up from one origin, over track ends too, and nothing is published before it is due."""
    studio.show(studio.track(1, 500), studio.track(2, 333))
    studio.run_until(120)
    assert len(studio.published) > 20
    for before, chunk in itertools.pairwise(studio.published):
        assert chunk.start_s == pytest.approx(before.start_s + before.duration_s)
    for chunk, at_s in zip(studio.published, studio.published_at_s, strict=True):
        assert at_s == pytest.approx(max(chunk.start_s, 1000.0))


def test_the_start_gives_the_first_listener_a_whole_burst(studio: Studio) -> None:
    """At the start `burst_s` of the first track is published at once, as at every discontinuity."""
    studio.show(studio.track(1, 5000))
    studio.run_until_published(
        lambda: studio.station.ring.join(studio.clock.now) is not None and studio.clock.now > 1000
    )
    first = studio.published[0]
    assert first.discontinuity
    assert first.start_s == 1000.0 - 8.0
    assert first.duration_s == pytest.approx(FIRST_S, abs=FRAME_S)
    position = studio.station.ring.join(1000.0 - 8.0)
    assert position is not None
    assert (position.seq, position.offset) == (0, 0)


def test_a_skip_is_on_the_air_at_once(studio: Studio) -> None:
    """The answer names the new track, its first frame is published, and nobody joins in front of it."""
    studio.show(studio.track(1, 5000), studio.track(2, 5000))
    studio.run_until(30)
    before = studio.clock.now
    on_air = studio.do(studio.station.next_track())
    assert on_air.track.name == "2.mp3"
    assert studio.clock.now == before
    mark = studio.published[-1]
    assert (mark.discontinuity, studio.frames[-round(mark.duration_s / FRAME_S)]) == (True, (2, 0))
    position = studio.station.ring.join(studio.clock.now - 15)
    assert position is not None
    assert (position.seq, position.offset) == (mark.seq, 0)


def test_two_hundred_skips_leave_the_clock_as_it_was(studio: Studio) -> None:
    """Many skips in a row do not push the stream ahead: the next chunk is due when the clock says so."""
    studio.show(studio.track(1, 5000), studio.track(2, 5000), studio.track(3, 5000))
    studio.run_until(30)
    published_s = studio.station.published_s
    for _ in range(200):
        studio.do(studio.station.next_track())
        studio.clock.sleep(0.01)
    assert studio.station.published_s - published_s < 200 * (FIRST_S + FRAME_S)
    studio.run_until(60)
    newest = studio.published[-1]
    assert newest.start_s <= studio.clock.now < newest.end_s + 1e-6
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.started_s == pytest.approx(1030 + 199 * 0.01, abs=5)


def test_previous_goes_back_to_what_played(studio: Studio) -> None:
    """Back, and forward again to where we came from."""
    studio.show(*(studio.track(number, 3000) for number in (1, 2, 3)))
    studio.run_until(5)
    assert studio.do(studio.station.next_track()).track.name == "2.mp3"
    assert studio.do(studio.station.next_track()).track.name == "3.mp3"
    assert studio.do(studio.station.previous_track()).track.name == "2.mp3"
    assert studio.do(studio.station.next_track()).track.name == "3.mp3"


def test_short_tracks_are_skipped_from_what_is_heard(studio: Studio) -> None:
    """Tracks shorter than the burst are published ahead; a skip still goes to the one behind the one that is heard."""
    studio.show(*(studio.track(number, 60) for number in (1, 2, 3, 4, 5, 6, 7)))
    studio.run_until(1.0)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "1"
    assert studio.frames[-1][0] > 3
    assert [studio.do(studio.station.next_track()).title for _ in range(4)] == ["2", "3", "4", "5"]
    assert studio.do(studio.station.previous_track()).title == "4"


def test_a_track_is_on_the_air_for_exactly_its_duration(studio: Studio) -> None:
    """The status follows what a new listener hears: each track for as long as it lasts, in order."""
    studio.show(*(studio.track(number, 200) for number in (1, 2, 3)))
    studio.run_until(17)
    entries = studio.station.status.history
    assert [entry.track for entry in reversed(entries)] == ["1.mp3", "2.mp3", "3.mp3", "1.mp3"]
    lasted = [entry.ended_at - entry.started_at for entry in entries if entry.ended_at]
    assert lasted == pytest.approx([200 * FRAME_S] * 3)
    assert [entry.ended for entry in entries] == [PLAYING, PLAYED, PLAYED, PLAYED]


def test_history_says_how_tracks_ended(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skipped where it was skipped, failed where reading broke off."""
    studio.show(*(studio.track(number, 2000) for number in range(3)))
    studio.run_until(5)
    studio.do(studio.station.next_track())
    studio.run_until(10)

    def broken(*_: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    assert studio.station._playout.deck is not None
    monkeypatch.setattr(studio.station._playout.deck, "fill", broken)
    studio.run_until(40)
    assert [(entry.track, entry.ended) for entry in studio.station.status.history] == [
        ("2.mp3", PLAYING),
        ("1.mp3", FAILED),
        ("0.mp3", SKIPPED),
    ]
    assert [left.reason for left in studio.station.status.left_out] == ["Input/output error"]


def test_an_empty_directory_is_silence_until_files_come(studio: Studio) -> None:
    """Silence keeps to the clock and is nobody's track; music cuts it off at once."""
    studio.show(trouble="is missing")
    studio.run_until(20)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.track is None
    assert studio.station.status.trouble == "is missing"
    assert studio.published[-1].end_s - studio.clock.now <= CHUNK_S
    studio.show(studio.track(1, 500))
    assert studio.station.status.on_air.title == "1"
    assert studio.published[-1].discontinuity
    assert not studio.station.status.trouble


def test_a_producer_that_hangs_hides_no_trouble(studio: Studio) -> None:
    """What is wrong with the directory shows though the producer hangs there, and that nothing is on the air."""
    studio.show(studio.track(1, 500))
    studio.run_until(10)
    stalled = [studio.station.is_stalled]
    studio.station.update(Listing(trouble="does not answer"))  # nobody obeys it
    assert studio.station.status.trouble == "does not answer"
    studio.clock.now += CHUNK_S + PRODUCER_STALL_S + 1
    stalled.append(studio.station.is_stalled)
    studio.run_until(studio.clock.now + 10)
    assert [*stalled, studio.station.is_stalled] == [False, True, False]


def test_an_emptied_directory_plays_its_track_to_the_end(studio: Studio) -> None:
    """What is on the air plays on from its open file; silence of the same form follows, without a discontinuity."""
    track = studio.track(1, 1000)
    studio.show(track)
    studio.run_until(5)
    Path(track.path).unlink()
    studio.show()
    studio.run_until(60)
    sounding = [chunk for chunk in studio.published if chunk.run.track is not None]
    assert sum(chunk.duration_s for chunk in sounding) == pytest.approx(1000 * FRAME_S)
    silent = studio.published[len(sounding)]
    assert silent.run.track is None
    assert (silent.run.params, silent.discontinuity, silent.barrier) == (sounding[0].run.params, False, False)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.track is None


def test_broken_files_cost_only_themselves(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """Each is named once, with its reason, however often its turn comes; the others play."""
    bad = [studio.track(number, 0, b"no audio at all" * 1000) for number in range(10, 40)]
    studio.show(*bad, studio.track(50, 300))
    with caplog.at_level(logging.WARNING):
        studio.run_until(60)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "50"
    assert len([record for record in caplog.records if "left out" in record.message]) == 30
    assert studio.station.tracks_failed == 30
    assert len(studio.station.status.left_out) == 30


def test_files_of_another_family_are_counted(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log with their number, a bounded list for the operator, built once a listing."""
    caplog.set_level(logging.INFO)
    others = [Track(f"{studio.directory}/{number}.m4a", 1, 1, "aac") for number in range(20_000)]
    studio.show(studio.track(1, 3000), *others)
    lines = [record.message for record in caplog.records if "left out" in record.message]
    assert lines == ['/: 20000 left out, such as "0.m4a": it is AAC, this station sends MP3']
    left_out = studio.station.status.left_out
    assert len(left_out) == 101
    assert left_out[-1].reason == "and 19900 more files of other formats"
    studio.do(studio.station.next_track())
    assert studio.station.status.left_out[0] is left_out[0]
    studio.show(studio.listed(studio.directory / "1.mp3"), *others)
    assert len([record for record in caplog.records if "left out" in record.message]) == 1


def test_very_many_broken_files_are_gone_through_soon(studio: Studio) -> None:
    """Hundreds in a row cost seconds of silence, not minutes."""
    bad = [studio.track(number, 0, b"no audio at all" * 1000) for number in range(10, 510)]
    studio.show(*bad, studio.track(600, 3000))
    studio.run_until_published(lambda: studio.station.status.tracks == 1)
    studio.run_until_published(lambda: bool(studio.published) and studio.published[-1].run.track is not None)
    assert studio.clock.now < 1000 + 500 / 20
    assert studio.station.tracks_failed == 500
    assert len([chunk for chunk in studio.published if chunk.discontinuity]) == 2


def test_a_changed_file_is_tried_again(studio: Studio) -> None:
    """A file that was given up plays once it is another one."""
    studio.show(studio.track(1, 0, b"no audio at all" * 1000))
    studio.run_until(5)
    assert studio.station.status.tracks == 0
    studio.show(studio.track(1, 300))
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "1"


def test_an_unreadable_file_is_tried_again_after_a_while(studio: Studio) -> None:
    """What could not be read (a network mount hiccups) is no broken file."""
    track = studio.track(1, 300)
    away = Path(track.path).rename(studio.directory / "away")
    studio.show(track)
    studio.run_until(5)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.track is None
    away.rename(track.path)
    studio.run_until(programme.IO_RETRY_S + 30)
    assert studio.station.status.on_air.title == "1"


def test_a_standstill_sets_the_clock_anew(studio: Studio) -> None:
    """After 30 s of standing still (a suspended process) the track goes on where it was, without 30 s in one gush."""
    studio.show(studio.track(1, 20000))
    studio.run_until(30)
    studio.run_until_published(lambda: studio.station._playout._pending is not None)
    frames, elapsed_s = len(studio.frames), studio.clock.now - studio.station.status.on_air.started_s  # type: ignore[union-attr]
    studio.clock.sleep(30)
    studio.run_until(studio.clock.now - 1000 + 1)
    assert studio.station.resyncs == 1
    assert len(studio.frames) - frames < (8 + 2 * CHUNK_S) / FRAME_S
    assert studio.frames == [(1, index) for index in range(len(studio.frames))]
    assert studio.station.status.on_air is not None
    now_elapsed_s = studio.clock.now - studio.station.status.on_air.started_s
    assert elapsed_s - 8 <= now_elapsed_s <= elapsed_s + CHUNK_S + 8


def test_a_short_delay_is_caught_up(studio: Studio) -> None:
    """Late by less than the burst: nobody ran dry, so nothing is lost and the clock stays as it is."""
    studio.show(studio.track(1, 20000))
    studio.run_until(30)
    studio.clock.sleep(9)
    studio.run_until(60)
    assert studio.station.resyncs == 0
    assert studio.published[-1].start_s <= studio.clock.now < studio.published[-1].end_s + 1e-6


def test_a_bug_costs_the_track_and_is_told_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The producer restarts; the ring, and with it everybody's connection, stays."""
    studio.show(studio.track(1, 4000), studio.track(2, 4000))
    studio.run_until(5)
    ring, station = studio.station.ring, studio.station

    def bug(*_: object) -> NoReturn:
        raise RuntimeError("a bug")

    def end_with_the_second_track(chunk: Chunk) -> None:
        if chunk.run.track is not None and chunk.run.track.name == "2.mp3":
            station._inbox.close()

    monkeypatch.setattr(station._playout.deck, "fill", bug)
    studio.on_publish = end_with_the_second_track
    with caplog.at_level(logging.ERROR):
        station.run()
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert station.restarts == 1
    assert station.ring is ring
    assert not ring.closed
    assert studio.frames[-1][0] == 2


@pytest.mark.parametrize("where", ["load", "Deck.fill"])
def test_a_track_that_a_bug_meets_at_its_begin_is_left_out(
    studio: Studio, where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would come next again and again; the others play, and the producer goes on."""
    tracks = [studio.track(number, 500) for number in (1, 2, 3)]
    real: Any = deck.load if where == "load" else deck.Deck.fill

    def bug(first: Any, *arguments: Any) -> Any:
        if (first.track if where == "Deck.fill" else first) == tracks[1]:
            raise RuntimeError("a bug")
        return real(first, *arguments)

    monkeypatch.setattr(f"radiostream.radio.deck.{where}", bug)
    studio.show(*tracks)
    studio.run_until(40)
    assert {track for track, _ in studio.frames} == {1, 3}
    assert studio.station.restarts == 0
    assert [record.exc_info is not None for record in caplog.records if record.levelno >= logging.ERROR] == [True]


def test_a_bug_loses_no_track_that_was_read_ahead(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published and not heard yet when the producer fails is what comes next."""
    studio.show(*(studio.track(number, 500) for number in (1, 2, 3)))
    station = studio.station
    studio.run_until_published(lambda: bool(studio.data) and studio.frames[-1][0] == 2)
    assert station.status.on_air is not None
    assert station.status.on_air.title == "1"

    def bug(*_: object) -> NoReturn:
        station._inbox.close()
        raise RuntimeError("a bug")

    monkeypatch.setattr(station._playout.deck, "fill", bug)
    station.run()
    monkeypatch.setattr(station._inbox, "obey_until", lambda _: False)
    station.step()
    assert studio.frames[-1][0] == 2


def test_other_parameters_are_a_barrier_and_are_named(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """A track of another sample rate is played; nobody joins across its beginning, and the status names it once."""
    odd = studio.track(2, 0, b"".join(frame(2, index, b"\xff\xfb\x94\x00") for index in range(400)))
    studio.show(studio.track(1, 400), odd)
    with caplog.at_level(logging.INFO):
        studio.run_until(60)
    barriers = [chunk for chunk in studio.published if chunk.barrier and not chunk.discontinuity]
    assert [chunk.run.params.rate_hz for chunk in barriers[:2]] == [48000, 44100]
    assert [left.name for left in studio.station.status.mismatched] == ["2.mp3"]
    assert len([record for record in caplog.records if "browsers stop" in record.message]) == 1


def test_a_restart_goes_on_where_the_listeners_were(make_studio: Make) -> None:
    """What is saved is the frame that a new listener would get; the next run begins with it."""
    before = make_studio()
    tracks = [before.track(number, 3000) for number in (1, 2)]
    before.show(*tracks)
    before.run_until(5)
    before.do(before.station.next_track())
    before.run_until(27)
    saved = before.do(before.station.snapshot())
    assert isinstance(saved, Saved)
    heard = before.station.ring.join(before.clock.now - 8)
    after = make_studio(saved=saved)
    after.show(*tracks)
    after.run_until(1)
    assert heard is not None
    assert after.frames[0][0] == 2
    assert after.frames[0][1] * FRAME_S == pytest.approx(saved.elapsed_s, abs=2 * FRAME_S)
    assert after.station.status.on_air is not None
    assert after.clock.now - after.station.status.on_air.started_s == pytest.approx(saved.elapsed_s + 1, abs=CHUNK_S)
    assert [entry.track for entry in after.station.status.history] == ["2.mp3", "1.mp3"]


def test_titles_arrive_late(studio: Studio) -> None:
    """Tags that are read after their track began change its title from the next chunk on."""
    track = studio.track(1, 3000)
    studio.show(track)
    studio.run_until(10)
    assert studio.published[-1].title == "1"
    studio.tagger.tags["1.mp3"] = Tags("Song", "Band", "Album")
    studio.station.tags_read(track)
    studio.run_until(20)
    assert studio.published[-1].title == "Band - Song"
    assert studio.station.status.history[0].title == "Song"


def test_a_picture_is_looked_up_once_for_each_time_on_the_air(studio: Studio) -> None:
    """Before the track is heard, so that it shows from its first moment on; readers of the status look at no disk."""
    asked = []
    request = studio.tagger.request_picture

    def count(route: str, track: Track, root: str, deliver: Callable[[Picture | None], None]) -> None:
        asked.append(track.name)
        request(route, track, root, deliver)

    studio.tagger.request_picture = count  # type: ignore[method-assign] # counts the look-ups
    (studio.directory / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    studio.show(studio.track(1, 800), studio.track(2, 800))
    shown = set()
    while len(studio.station.status.history) < 3:
        studio.station.step()
        if on_air := studio.station.status.on_air:
            shown.add((on_air.started_at, on_air.picture and on_air.picture.kind))
    assert asked == ["1.mp3", "2.mp3", "1.mp3"]
    assert [kind for _, kind in sorted(shown)[1:]] == ["image/jpeg"] * 2


def test_another_format_closes_the_silence(studio: Studio) -> None:
    """A station that has not settled takes the format its first files have; those who heard silence connect anew."""
    studio.show()
    studio.run_until(5)
    ring = studio.station.ring
    studio.show(adts(studio, 1))
    assert ring.closed
    assert studio.station.status.family == "aac"
    assert not studio.station.ring.closed


def adts(studio: Studio, number: int) -> Track:
    """A track of some seconds of ADTS."""
    path = studio.directory / f"{number}.aac"
    path.write_bytes(b"".join(bytes([0xFF, 0xF1, 0x50, 0x80, 0x04, 0x3F, 0xFC]) + bytes(26) for _ in range(900)))
    return studio.listed(path, "aac")


def test_all_files_of_another_format(studio: Studio) -> None:
    """Where no format is asked for and the last track of the old one has ended, the directory's new one is taken."""
    studio.show(studio.track(1, 300))
    studio.run_until(1)
    studio.show(adts(studio, 2))
    assert studio.station.status.family == "mp3"
    studio.run_until(30)
    assert (studio.station.status.family, studio.station.status.tracks) == ("aac", 1)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.track is not None


def test_a_format_that_is_asked_for_stays(make_studio: Make) -> None:
    """A station that is to send MP3 is silent over AAC files, until that is no longer asked."""
    studio = make_studio(family="mp3")
    studio.show(adts(studio, 1))
    studio.run_until(8)
    assert (studio.station.status.family, studio.station.status.tracks) == ("mp3", 0)
    studio.do(studio.station.configure(replace(studio.station.config, family=None)))
    assert (studio.station.status.family, studio.station.status.tracks) == ("aac", 1)


def test_the_burst_is_long_enough_for_a_browser(make_studio: Make) -> None:
    """At 128 kbps 64 KiB last 4.1 s: a shorter burst is stretched to that, for all listeners alike."""
    studio = make_studio(burst_s=1.0)
    studio.show(studio.track(1, 3000))
    studio.run_until(2)
    assert studio.station.burst_s == pytest.approx(65536 * 8 / 128000)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tracks that are loaded, as they are."""
    names: list[str] = []
    load = deck.load

    def noted(track: Track, *rest: Any) -> deck.Deck:
        names.append(track.name)
        return load(track, *rest)

    monkeypatch.setattr(deck, "load", noted)
    return names


@pytest.mark.parametrize("after", [(2, 3), (2,)])
def test_what_was_read_ahead_stays_unless_another_comes_next(
    studio: Studio, loaded: list[str], after: tuple[int, ...]
) -> None:
    """A command that leaves the next track as it is costs no second reading of it."""
    tracks = {number: studio.track(number, 700) for number in (1, 2, 3)}
    studio.show(tracks[1], tracks[2])
    studio.run_until_published(lambda: "2.mp3" in loaded)
    studio.show(tracks[1], *(tracks[number] for number in after))
    studio.do(studio.station.set_shuffle(False))
    studio.run_until_published(lambda: studio.published[-1].run.track == tracks[2])
    assert loaded.count("2.mp3") == 1


def test_what_was_read_ahead_is_dropped_where_it_is_gone(studio: Studio, loaded: list[str]) -> None:
    """The track after it comes instead, at the moment it would have had."""
    tracks = [studio.track(number, 700) for number in (1, 2, 3)]
    studio.show(*tracks)
    studio.run_until_published(lambda: "2.mp3" in loaded)
    studio.show(tracks[0], tracks[2])
    studio.run_until_published(lambda: studio.published[-1].run.track != tracks[0])
    assert studio.published[-1].run.track == tracks[2]
    assert studio.published[-1].start_s == pytest.approx(studio.published[-2].end_s)


def test_shuffle_changes_what_comes_and_not_what_plays(studio: Studio) -> None:
    """Switched on in the middle of a track, nothing jumps."""
    studio.show(*(studio.track(number, 700) for number in range(1, 9)))
    studio.run_until(5)
    chunks = len(studio.published)
    studio.do(studio.station.set_shuffle(True))
    assert studio.station.status.shuffle
    assert len(studio.published) == chunks
    studio.run_until(700 * FRAME_S * 8 + 5)
    heard = [entry.track for entry in reversed(studio.station.status.history)]
    assert heard[0] == "1.mp3"
    assert sorted(heard[:8]) == sorted(f"{number}.mp3" for number in range(1, 9))


def test_what_is_gone_does_not_confuse_previous(studio: Studio) -> None:
    """The track on the air is deleted and the next one published ahead: previous is still the one before it."""
    tracks = [studio.track(number, 300) for number in (1, 2, 3, 4)]
    studio.show(*tracks)
    studio.run_until(1)
    studio.do(studio.station.next_track())
    studio.do(studio.station.next_track())
    studio.run_until_published(lambda: studio.frames[-1][0] == 4)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "3"
    studio.show(tracks[0], tracks[1], tracks[3])
    assert studio.do(studio.station.previous_track()).title == "2"


def test_tracks_not_heard_are_still_to_come(make_studio: Make) -> None:
    """Where a whole cycle of shuffle is published ahead, a skip goes to what would have been heard next."""
    studio = make_studio()
    studio.show(*(studio.track(number, 40) for number in (1, 2, 3)))
    studio.do(studio.station.set_shuffle(True))
    studio.run_until(3)
    on_air = studio.station.status.on_air
    assert on_air is not None
    assert on_air.track is not None
    order = [number for number, _ in itertools.groupby(number for number, _ in studio.frames)]
    heard = len(studio.station.status.history)
    assert len(order) > heard + 3
    following = [studio.do(studio.station.next_track()).title for _ in range(3)]
    assert following == [str(number) for number in order[heard : heard + 3]]


def test_music_waits_for_silence_to_be_heard(studio: Studio) -> None:
    """Silence is published ahead of the end of the last track: files that come then do not cut that end off."""
    studio.show(studio.track(1, 1000))
    studio.run_until(5)
    studio.show()
    studio.run_until_published(lambda: studio.published[-1].run.track is None)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "1"
    studio.show(studio.track(2, 1000))
    assert studio.station.status.on_air.title == "1"
    studio.run_until(1000 * FRAME_S + 1)
    newest, last = studio.station.status.history[:2]
    assert (newest.track, last.track, last.ended) == ("2.mp3", "1.mp3", PLAYED)
    assert last.ended_at is not None
    assert last.ended_at - last.started_at == pytest.approx(1000 * FRAME_S)
    assert newest.started_at == last.ended_at


def test_a_restart_waits_for_its_directory(make_studio: Make) -> None:
    """A mount that comes late: silence first, then the track of the last run at its place, which is not forgotten."""
    before = make_studio()
    tracks = [before.track(number, 3000) for number in (1, 2)]
    before.show(*tracks)
    before.run_until(1)
    before.do(before.station.next_track())
    before.run_until(20)
    saved = before.do(before.station.snapshot())
    after = make_studio(saved=saved)
    after.show(trouble="is missing")
    after.run_until(20)
    again = after.do(after.station.snapshot())
    assert (again.track, again.elapsed_s) == (saved.track, saved.elapsed_s)
    after.show(*tracks)
    number, index = names(after.data[-1])[0]
    assert number == 2
    assert index * FRAME_S == pytest.approx(saved.elapsed_s, abs=2 * FRAME_S)


def test_a_restart_knows_what_is_heard(make_studio: Make) -> None:
    """The next track is published ahead already; the next run goes on with the end of the one on the air."""
    before = make_studio()
    tracks = [before.track(number, 1000) for number in (1, 2, 3)]
    before.show(*tracks)
    before.run_until(1)
    before.run_until_published(lambda: before.frames[-1][0] == 2)
    saved = before.do(before.station.snapshot())
    after = make_studio(saved=saved)
    after.show(*tracks)
    after.run_until(30)
    order = [number for number, _ in itertools.groupby(number for number, _ in after.frames)]
    assert order[:2] == [1, 2]
    assert after.frames[0][1] * FRAME_S == pytest.approx(saved.elapsed_s, abs=2 * FRAME_S)


def test_a_restart_behind_the_end_of_its_track(make_studio: Make) -> None:
    """The file has become shorter meanwhile: it is no broken file, and plays from its beginning."""
    saved = Saved({"current": str(make_studio().directory / "1.mp3")}, [], str(make_studio().directory / "1.mp3"), 50.0)
    studio = make_studio(saved=saved)
    studio.show(studio.track(1, 400))
    studio.run_until(1)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.title == "1"
    assert not studio.station.status.left_out


def test_a_file_that_became_a_pipe(studio: Studio) -> None:
    """Between two looks, a file is replaced by a pipe that nobody writes to: opening it must not wait."""
    track = studio.track(1, 300)
    Path(track.path).unlink()
    os.mkfifo(track.path)
    studio.show(track)
    studio.run_until(5)
    assert [left.reason for left in studio.station.status.left_out] == ["is not a regular file"]
