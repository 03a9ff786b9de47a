"""A station between its folder and its live sources, on a clock stepped by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from radiostream.live.desk import Refused
from radiostream.live.feed import About, FeedOver
from radiostream.live.said import said
from tests.live.sources import LIVE_TRACK, Newsroom
from tests.radio.studio import FRAME_S, Studio

ADTS = bytes.fromhex("fff15080027ffc210049900219002380")[:16] + bytes(3)
"""A frame of AAC of 19 bytes."""
LONG = 4000
"""Frames of a track of 104 s."""


@pytest.fixture
def newsroom(studio: Studio) -> Newsroom:
    """A station that has played a folder of long tracks for a minute."""
    studio.show(studio.track(1, LONG), studio.track(2, LONG))
    studio.run_until(60)
    return Newsroom(studio)


def silence_s(studio: Studio) -> float:
    """The longest time for which a listener who has heard all that was published had nothing to hear."""
    worst = 0.0
    have_until = studio.published_at_s[0]
    for chunk, at_s in zip(studio.published, studio.published_at_s, strict=True):
        worst = max(worst, at_s - have_until)
        have_until = max(have_until, at_s) + chunk.duration_s
    return worst


def test_a_broadcaster_takes_over_when_the_burst_is_full(newsroom: Newsroom) -> None:
    """The folder plays until the source has sent burst and reserve; then the station goes over, at a discontinuity."""
    studio = newsroom.studio
    feed = newsroom.broadcaster()
    newsroom.send(feed, 10.5)
    assert newsroom.kinds == ["track"]
    newsroom.send(feed, 1.5)
    assert newsroom.kinds == ["track", "live"]
    first = next(
        chunk for chunk, data in zip(studio.published, studio.data, strict=True) if LIVE_TRACK in numbers(data)
    )
    assert first.discontinuity
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.kind == "live"
    newsroom.send(feed, 30)
    live = [index for number, index in studio.frames if number == LIVE_TRACK]
    assert live == list(range(len(live)))
    assert silence_s(studio) == 0


def numbers(data: bytes) -> set[int]:
    """The tracks whose frames are in `data`."""
    return {int.from_bytes(data[at + 36 : at + 38], "big") for at in range(0, len(data), 417)}


def test_the_folder_goes_on_with_its_next_track(newsroom: Newsroom) -> None:
    """When the source ends, what it sent is played out, then the track behind the one it cut.

    Only the last frame is lost, which nothing follows.
    """
    studio = newsroom.studio
    feed = newsroom.broadcaster()
    newsroom.send(feed, 30)
    newsroom.desk.release(feed, "it left")
    newsroom.wait(15)
    tracks = [number for number, _ in studio.frames]
    assert list(dict.fromkeys(tracks)) == [1, LIVE_TRACK, 2]
    assert [index for number, index in studio.frames if number == LIVE_TRACK] == list(range(newsroom.sent - 1))
    assert silence_s(studio) == 0
    assert [(one.kind, one.ended) for one in studio.station.status.history] == [
        ("track", "playing"), ("live", "played"), ("track", "skipped"),
    ]  # fmt: skip


def test_a_source_that_stalls_is_left_after_two_seconds(newsroom: Newsroom) -> None:
    """Nobody hears a pause, and the source takes over again once it has sent a burst anew."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    stalled_s = newsroom.clock.now
    newsroom.wait(8)
    assert newsroom.kinds == ["track", "live", "track"]
    back = next(
        at_s
        for at_s, data in zip(newsroom.studio.published_at_s, newsroom.studio.data, strict=True)
        if at_s > stalled_s and LIVE_TRACK not in numbers(data)
    )
    assert back - stalled_s <= 3.1
    assert silence_s(newsroom.studio) == 0
    assert feed.stalls == 1
    newsroom.send(feed, 15)
    assert newsroom.kinds == ["track", "live", "track", "live"]


def test_a_short_stall_is_not_heard(newsroom: Newsroom) -> None:
    """A source that catches up after 1.9 s stays on the air."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    for _ in range(5):
        newsroom.wait(1.9)
        newsroom.send(feed, 1.9, speed=1000.0)
        newsroom.send(feed, 5)
    assert newsroom.kinds == ["track", "live"]
    assert silence_s(newsroom.studio) == 0


def test_a_source_that_trickles_is_left(newsroom: Newsroom) -> None:
    """A line that carries half of the sound makes silence of 2 s at most at a time; the station goes on without it."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    newsroom.send(feed, 20, speed=0.5)
    assert newsroom.kinds[:3] == ["track", "live", "track"]
    assert silence_s(newsroom.studio) <= 2.0


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-200, 200])
def test_half_an_hour_with_a_clock_that_is_off(newsroom: Newsroom, ppm: int) -> None:
    """The station follows the source's clock, and stays on time by its own."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 1800, speed=1 + ppm / 1e6)
    assert feed.is_on_air
    assert feed.stalls == 0
    assert abs(feed.level_s - feed.reserve_s) < 1.5
    assert abs(newsroom.studio.station.drift_s) < 0.1
    assert silence_s(newsroom.studio) == 0


def test_one_source_at_a_time(newsroom: Newsroom) -> None:
    """A second one is refused, until the first one has gone or is silent."""
    first = newsroom.broadcaster()
    newsroom.send(first, 3)
    with pytest.raises(Refused) as refused:
        newsroom.broadcaster()
    assert refused.value.status == 403
    newsroom.wait(3)
    second = newsroom.broadcaster()
    with pytest.raises(FeedOver):
        first.write(b"x")
    newsroom.desk.release(first, "it left")
    newsroom.send(second, 14)
    assert newsroom.kinds == ["track", "live"]


def test_the_operator_ends_a_broadcaster(newsroom: Newsroom) -> None:
    """The folder goes on at once; that broadcaster is refused for a minute, another one is not."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    assert newsroom.desk.end() == "broadcaster"
    with pytest.raises(FeedOver):
        feed.write(b"x")
    newsroom.wait(0.1)
    assert [one.kind for one in newsroom.studio.station.status.history] == ["track", "live", "track"]
    newsroom.desk.release(feed, "ended")
    newsroom.wait(2)
    assert newsroom.kinds == ["track", "live", "track"]
    with pytest.raises(Refused):
        newsroom.broadcaster()
    other = newsroom.broadcaster(about=About("broadcaster", "192.0.2.10"))
    newsroom.desk.release(other, "it left")
    newsroom.wait(60)
    newsroom.broadcaster()


def test_the_operator_ends_what_a_broadcaster_has_left_behind(newsroom: Newsroom) -> None:
    """A source that sends a file at once has gone long before it has been heard: that is ended too, and only once."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20, speed=1.5)
    newsroom.desk.release(feed, "it has ended")
    newsroom.wait(2)
    assert newsroom.desk.end() == "broadcaster"
    assert newsroom.desk.end() == ""
    newsroom.wait(0.1)
    assert [one.kind for one in newsroom.studio.station.status.history] == ["track", "live", "track"]
    with pytest.raises(Refused):
        newsroom.broadcaster()


def test_a_broadcaster_is_ended_once(newsroom: Newsroom) -> None:
    """Until its thread has noticed, there is nobody to end and nobody who could name what is heard."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    assert newsroom.desk.end() == "broadcaster"
    assert newsroom.desk.end() == ""
    assert not newsroom.desk.retitle(said("Late"))


def test_nobody_to_end(newsroom: Newsroom) -> None:
    """Where nobody is live there is nothing to end, and where there is no relay nothing to resume."""
    assert newsroom.desk.end() == ""
    assert not newsroom.desk.resume()


def test_titles_come_with_the_sound_they_name(newsroom: Newsroom) -> None:
    """A title changes where the source told it, for ICY in the chunk, for the page when it is heard."""
    studio = newsroom.studio
    feed = newsroom.broadcaster()
    newsroom.send(feed, 15)
    newsroom.desk.retitle(said("Näws\r\n", "Ann"))
    told = newsroom.sent
    newsroom.send(feed, 15)
    newsroom.desk.retitle(said("Weather"))
    newsroom.send(feed, 15)
    titles: dict[str, int] = {}
    for chunk, data in zip(studio.published, studio.data, strict=True):
        if LIVE_TRACK in numbers(data):
            titles.setdefault(chunk.title, int.from_bytes(data[38:42], "big"))
    assert list(titles) == ["live", "Ann - Näws", "Weather"]
    assert titles["Ann - Näws"] == told - 1  # a frame comes when the next one is seen
    entries = [(one.title, one.artist, one.kind) for one in studio.station.status.history]
    assert entries[:2] == [("Weather", "", "live"), ("Näws", "Ann", "live")]
    assert entries[2][2] == "track"


def test_skips_do_not_end_a_source(newsroom: Newsroom) -> None:
    """Next and previous are for the folder; a source on the air stays there."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    studio = newsroom.studio
    assert studio.do(studio.station.next_track()).kind == "live"
    assert studio.do(studio.station.previous_track()).kind == "live"
    newsroom.send(feed, 5)
    assert newsroom.kinds == ["track", "live"]


def test_a_station_without_a_file(make_studio: Callable[..., Studio]) -> None:
    """It sends silence, the source, and silence again."""
    studio = make_studio()
    studio.show()
    studio.run_until(20)
    newsroom = Newsroom(studio)
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    assert studio.station.status.on_air is not None
    assert studio.station.status.on_air.kind == "live"
    newsroom.desk.release(feed, "it left")
    newsroom.wait(20)
    assert studio.station.status.on_air.track is None


def test_a_relay_comes_at_once_first_and_later_at_a_tracks_end(newsroom: Newsroom) -> None:
    """The first time it cuts; when it was away it waits for ten seconds of sound and the end of the track."""
    studio = newsroom.studio
    feed = newsroom.relay()
    newsroom.send(feed, 20)
    assert newsroom.kinds == ["track", "live"]
    newsroom.desk.release(feed, "it broke")
    newsroom.wait(10)
    assert newsroom.kinds == ["track", "live", "track"]
    feed = newsroom.relay()
    newsroom.send(feed, 60)
    assert newsroom.kinds == ["track", "live", "track"]
    newsroom.send(feed, 60)
    assert newsroom.kinds == ["track", "live", "track", "live"]
    assert [index for number, index in studio.frames if number == 2] == list(range(LONG))
    assert silence_s(studio) == 0
    assert feed.level_s == pytest.approx(feed.reserve_s, abs=6)


def test_a_relay_goes_on_behind_a_broadcaster(newsroom: Newsroom) -> None:
    """A broadcaster cuts into a relay; when it has gone the relay goes on, without a track between them."""
    relay = newsroom.relay()
    newsroom.send(relay, 20)
    feed = newsroom.broadcaster()
    newsroom.begin(relay, 40)
    newsroom.send(feed, 20, 901)
    newsroom.desk.release(feed, "it left")
    newsroom.wait(20)
    numbers_sent = [number for number, _ in newsroom.studio.frames]
    assert list(dict.fromkeys(numbers_sent[::50])) == [1, LIVE_TRACK, 901]
    assert numbers_sent[-1] == LIVE_TRACK


def test_a_paused_relay_waits_for_the_operator(newsroom: Newsroom) -> None:
    """Ended by the operator it is off the air, and comes back only when it is resumed."""
    feed = newsroom.relay()
    newsroom.send(feed, 20)
    assert newsroom.desk.end() == "relay"
    newsroom.desk.release(feed, "paused")
    newsroom.wait(5)
    assert newsroom.kinds == ["track", "live", "track"]
    assert newsroom.desk.end() == ""
    assert newsroom.desk.rows()[0]["state"] == "paused"
    assert newsroom.desk.resume()
    assert newsroom.desk.rows()[0]["state"] == "connecting"


@pytest.mark.slow
def test_a_hundred_broken_sources(newsroom: Newsroom) -> None:
    """Killed, stalled and ended a hundred times: no gap, and every frame of the folder in its place."""
    studio = newsroom.studio
    for number in range(100):
        about = About("broadcaster", f"192.0.2.{number}")
        feed = newsroom.broadcaster(about=about)
        newsroom.send(feed, 12 + number % 3)
        if number % 3 == 0:
            newsroom.wait(4)
        if number % 3 == 1:
            newsroom.desk.end()
        newsroom.desk.release(feed, "it left")
        newsroom.wait(5)
    assert newsroom.kinds.count("live") == 100
    assert silence_s(studio) == 0
    assert studio.station.resyncs == 0
    assert studio.station.restarts == 0


def test_chunks_follow_one_another_in_time(newsroom: Newsroom) -> None:
    """But for discontinuities, each chunk begins where the one before it ends."""
    feed = newsroom.broadcaster()
    newsroom.send(feed, 20)
    newsroom.desk.release(feed, "it left")
    newsroom.wait(20)
    for before, after in pairwise(newsroom.studio.published):
        assert after.discontinuity or after.start_s == pytest.approx(before.end_s, abs=FRAME_S / 100)


def test_a_source_of_another_family_is_let_go(newsroom: Newsroom) -> None:
    """A feed of another family than the station's, which has changed meanwhile, never goes on the air."""
    feed = newsroom.broadcaster("aac")
    with pytest.raises(FeedOver):
        feed.write(ADTS * 400)
    newsroom.wait(1)
    assert newsroom.kinds == ["track"]


def test_a_relay_that_comes_in_lumps_has_not_stalled(newsroom: Newsroom) -> None:
    """Other servers send five seconds at once, and then nothing for five: that is sound without a stall."""
    feed = newsroom.relay()
    newsroom.begin(feed, 10, speed=1000.0)
    newsroom.wait(2)
    for _ in range(20):
        newsroom.begin(feed, 5, speed=1000.0)
        newsroom.wait(5)
    assert feed.stalls == 0
    assert feed.clean_s() > 100
    assert newsroom.kinds == ["track", "live"]
    assert silence_s(newsroom.studio) == 0
