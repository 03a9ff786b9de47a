"""What is told of plays: who listened to each, to the integer, against a count made by hand."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from radiostream.playlist.track import Tags
from radiostream.radio.audience import Audience, Listener
from radiostream.radio.changes import Changes
from radiostream.radio.plays import Began, Play
from tests.radio.studio import FRAME_S, FakeClock, Studio


class Ears:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[Began] = []
        self.plays: list[Play] = []

    def began(self, began: Began) -> None:
        self.begun.append(began)

    def ended(self, play: Play) -> None:
        self.plays.append(play)


def listener(number: int) -> Listener:
    """Somebody who listens."""
    return Listener(number, "192.0.2.1", "player", 0.0)


def test_plays_are_told_as_they_end(tmp_path: Path) -> None:
    """With times, how they ended, the file below the directory and its tags; the one on the air when all ends, too."""
    ears = Ears()
    studio = Studio(tmp_path, told=ears)
    (tmp_path / "sub").mkdir()
    studio.tagger.tags["1.mp3"] = Tags("One", "Somebody", "First")
    begin = studio.clock.wall
    first, second = studio.track(1, 400), studio.track(2, 1000)
    studio.show(first, second)
    studio.run_until(400 * FRAME_S + 1)
    studio.do(studio.station.next_track())
    studio.station.stop()
    studio.station.run()
    assert [(one.file, one.ended, one.kind) for one in ears.plays] == [
        ("1.mp3", "played", "track"),
        ("2.mp3", "skipped", "track"),
        ("1.mp3", "played", "track"),
    ]
    assert ears.plays[0].tags.artist == "Somebody"
    assert abs(ears.plays[0].ended_at - begin - 400 * FRAME_S) < 0.1
    assert ears.plays[1].started_at == ears.plays[0].ended_at
    assert [one.title for one in ears.begun if one.kind] == ["One", "2", "One"]


def test_listeners_of_a_play_are_counted_to_the_integer(tmp_path: Path) -> None:
    """Those there at its start, those who came, and their seconds, whatever they do while it lasts."""
    ears = Ears()
    studio = Studio(tmp_path, told=ears)
    studio.show(studio.track(1, 1200), studio.track(2, 900), studio.track(3, 300))
    rng = random.Random(7)
    audience = studio.station.audience
    present: list[tuple[Listener, list[float]]] = []
    spans: list[list[float]] = []

    def come_or_go() -> None:
        if present and rng.random() < 0.48:
            who, span = present.pop(rng.randrange(len(present)))
            span.append(studio.clock.wall)
            audience.leave(who)
        else:
            who = listener(len(spans))
            audience.enter(who)
            spans.append([studio.clock.wall])
            present.append((who, spans[-1]))

    def wait(condition: threading.Condition, timeout_s: float | None) -> None:
        assert timeout_s is not None
        end_s = studio.clock.now + timeout_s
        while (pause_s := rng.random() * 0.5) < end_s - studio.clock.now:
            studio.clock.sleep(pause_s)
            come_or_go()
        studio.clock.sleep(end_s - studio.clock.now)

    studio.clock.wait = wait  # type: ignore[method-assign] # while the station waits, listeners come and go
    studio.run_until(180)
    studio.station.stop()
    studio.station.run()
    for span in spans:
        span += [studio.clock.wall] * (2 - len(span))
    assert len(ears.plays) > 6
    for play in ears.plays:
        begin, end = play.started_at, play.ended_at
        shares = [min(end, left) - max(begin, came) for came, left in spans if came < end and left > begin]
        assert play.distinct_listeners == len(shares)
        assert play.listeners_at_start == sum(came < begin < left for came, left in spans)
        assert round(play.listener_s) == round(sum(shares))


def test_a_day_of_ten_thousand_on_twenty_stations() -> None:
    """Joins, hours and peaks of each station are those of a list of all who came and left."""
    clock = FakeClock()
    rng = random.Random(3)
    audiences = [Audience(Changes(), clock.now_s) for _ in range(20)]
    present: list[list[tuple[Listener, float]]] = [[] for _ in audiences]
    oracle_s, joins, peaks, windows_s = [0.0] * 20, [0] * 20, [0] * 20, [0.0] * 20
    for number in range(20_000):
        clock.sleep(rng.random() * 2 * 86400 / 20_000)
        at = rng.randrange(20)
        if present[at] and number % 2:
            who, came = present[at].pop(rng.randrange(len(present[at])))
            audiences[at].leave(who)
            oracle_s[at] += clock.now - came
        else:
            who = listener(number)
            audiences[at].enter(who)
            present[at].append((who, clock.now))
            joins[at] += 1
            peaks[at] = max(peaks[at], len(present[at]))
        if number % 100 == 0:
            windows_s[at] += audiences[at].window(begin_next=True).listener_s
    for at, audience in enumerate(audiences):
        oracle_s[at] += sum(clock.now - came for _, came in present[at])
        reading = audience.reading()
        assert (reading.listeners, reading.joins, audience.peak) == (len(present[at]), joins[at], peaks[at])
        assert round(reading.listener_s) == round(oracle_s[at])
        assert round(windows_s[at] + audience.window(begin_next=True).listener_s) == round(oracle_s[at])


def test_who_never_took_anything_is_nobody() -> None:
    """Leaving without having been counted, and leaving twice, changes nothing."""
    clock = FakeClock()
    audience = Audience(Changes(), clock.now_s)
    audience.leave(listener(1))
    someone = listener(2)
    audience.enter(someone)
    audience.enter(someone)
    clock.sleep(10)
    audience.leave(someone)
    audience.leave(someone)
    clock.sleep(10)
    assert audience.reading() == (0, 1, 10.0)


def test_tags_that_come_late_are_the_plays(tmp_path: Path) -> None:
    """The play that is on the air is told with them; during silence there is no play to name."""
    ears = Ears()
    studio = Studio(tmp_path, told=ears)
    track = studio.track(1, 4000)
    studio.show(track)
    studio.run_until(5)
    studio.tagger.tags["1.mp3"] = Tags("One", "Somebody")
    studio.station.tags_read(track)
    studio.do(studio.station.next_track())
    studio.station.stop()
    studio.station.run()
    assert [one.tags.artist for one in ears.plays] == ["Somebody"] * 2


def test_a_play_in_silence_is_none(tmp_path: Path) -> None:
    """It begins, as alerts want to know; nothing of it is told at its end."""
    ears = Ears()
    studio = Studio(tmp_path, told=ears)
    studio.show()
    studio.run_until(20)
    studio.station.stop()
    studio.station.run()
    assert [one.kind for one in ears.begun] == [""]
    assert ears.plays == []


def test_what_those_who_left_took_still_counts() -> None:
    """Bytes and moves to the live edge only grow."""
    audience = Audience(Changes(), FakeClock().now_s)
    one, other = listener(1), listener(2)
    one.bytes_sent, one.moved, other.bytes_sent, other.moved = 100, 1, 20, 2
    audience.enter(one)
    audience.enter(other)
    audience.leave(one)
    assert (audience.bytes_sent, audience.moved) == (120, 3)


def test_tags_while_nothing_plays(tmp_path: Path) -> None:
    """They belong to no play."""
    ears = Ears()
    studio = Studio(tmp_path, told=ears)
    studio.run_until(1)
    tally = studio.station._air.tally
    assert tally is not None
    tally.retitle(Tags("Nobody's"))
    studio.show(studio.track(1, 400))
    studio.run_until(30)
    studio.station.stop()
    studio.station.run()
    assert {one.title for one in ears.begun} == {"", "1"}
