"""Segments out of chunks: nothing lost, nothing changed once told, nothing too long, and a timeline without a hole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from radiostream.radio.hls import (
    BLOCK_BYTES,
    EPOCH_S,
    ERAS,
    LISTED_S,
    LONGEST_S,
    PLAYERS_MAX,
    PLAYERS_WINDOW_S,
    PTS_HZ,
    PTS_WRAP,
    REST_BYTES,
    Hls,
    Part,
    Segment,
)
from radiostream.radio.ring import Chunk
from tests.radio.studio import FRAME_S, FakeClock, Studio, frame, names

OTHER_RATE = b"\xff\xfb\x94\x00"


class Follower:
    """Asks for the list in intervals, and keeps everything that it was ever told."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.station = studio.station
        self.told: dict[int, Segment] = {}
        self.data: dict[int, bytes] = {}

    def ask(self) -> tuple[Segment, ...]:
        listed = self.station.hls.refresh(self.station.ring, self.station.burst_s)
        for segment in listed:
            if segment.number not in self.told:
                self.told[segment.number] = segment
                self.data[segment.number] = b"".join(bytes(part.view) for part in segment.parts)
            assert self.told[segment.number] is segment
        return listed

    def follow(self, seconds: float, every_s: float = 2.0) -> tuple[Segment, ...]:
        """Let the station work for so long, and ask again and again."""
        begin_s = self.studio.clock.now - 1000
        for at in range(1, round(seconds / every_s) + 1):
            self.studio.run_until(begin_s + at * every_s)
            self.ask()
        return self.ask()

    @property
    def segments(self) -> list[Segment]:
        return [self.told[number] for number in sorted(self.told)]

    @property
    def frames(self) -> list[tuple[int, int]]:
        return names(b"".join(self.data[number] for number in sorted(self.data)))


def check(segments: list[Segment]) -> None:
    """What holds for any list."""
    for segment in segments:
        assert 0 < segment.duration_s <= LONGEST_S
        assert round(segment.duration_s) <= 5
        assert segment.duration_s == pytest.approx(sum(part.duration_s for part in segment.parts))
    for one, then in pairwise(segments):
        assert then.number == one.number + 1
        assert then.era == one.era + then.is_cut
        assert (then.pts - one.pts) % PTS_WRAP == pytest.approx(one.duration_s * PTS_HZ, abs=1.01)
        if not then.is_cut:
            assert then.unix_s - one.unix_s == pytest.approx(one.duration_s, abs=1e-6)


@pytest.fixture
def follower(studio: Studio) -> Follower:
    """Of a station with three tracks of 10, 5 and 4.2 s."""
    studio.station.ring.want()  # somebody listens from the start, so all is kept
    studio.show(studio.track(1, 383), studio.track(2, 191), studio.track(3, 161))
    return Follower(studio)


def test_segments_are_what_was_published(follower: Follower) -> None:
    """Every frame, in its order, over many ends of tracks; cut only at the very beginning."""
    follower.follow(120)
    check(follower.segments)
    assert follower.frames == follower.studio.frames[: len(follower.frames)]
    assert len(follower.frames) * FRAME_S > 120
    assert [segment.is_cut for segment in follower.segments] == [True] + [False] * (len(follower.segments) - 1)


@pytest.mark.parametrize("buffer_size", [16384, 32768, 65536])
def test_segments_are_long(make_studio: Callable[..., Studio], buffer_size: int) -> None:
    """Small chunks, as of high bitrates, are put together as long as the target allows."""
    studio = make_studio(buffer_size=buffer_size)
    studio.show(studio.track(1, 4000))
    follower = Follower(studio)
    follower.follow(60)
    check(follower.segments)
    durations_s = [segment.duration_s for segment in follower.segments]
    assert min(durations_s) > 3
    assert sum(durations_s) / len(durations_s) > 3.9


def test_audio_does_not_wait(studio: Studio) -> None:
    """Of what is published, all but a second or two is listed at once."""
    studio.show(studio.track(1, 20000))
    follower = Follower(studio)
    for _ in range(60):
        follower.follow(1, 1)
        assert studio.station.published_s - sum(segment.duration_s for segment in follower.segments) < 2


@pytest.mark.parametrize("tracks", [(4000,), (383, 191, 161), (30, 8, 50, 3)])
def test_segments_are_whole_blocks(studio: Studio, tracks: tuple[int, ...]) -> None:
    """Nearly: wherever a player joins that reads blocks of 1,024 bytes, the frames in the block that reaches into the
    next segment become no fewer for a minute, over all ends of tracks."""
    studio.show(*(studio.track(number, frames) for number, frames in enumerate(tracks, 1)))
    follower = Follower(studio)
    follower.follow(180)
    check(follower.segments)
    lengths = [len(follower.data[segment.number]) for segment in follower.segments]
    assert max(length % BLOCK_BYTES for length in lengths) <= REST_BYTES
    for joined in range(len(lengths) - 15):
        spans = [sum(lengths[joined:at]) % BLOCK_BYTES for at in range(joined + 1, joined + 15)]
        assert spans == sorted(spans)


def test_no_whole_blocks_are_to_be_had(studio: Studio) -> None:
    """Frames of which no number makes whole blocks: the best there is, and nothing too long."""
    odd = b"\xff\xfb\x92\x00"  # padded: 418 bytes
    data = b"".join((frame(1, i) if i % 3 else odd.ljust(418, b"\x55")) for i in range(400))
    studio.show(studio.track(1, 0, data=data), studio.track(2, 161))
    follower = Follower(studio)
    follower.follow(60)
    check(follower.segments)


def test_the_end_of_a_track_ends_no_segment(studio: Studio) -> None:
    """It goes on with the next one, and is called after what is heard for most of it."""
    studio.show(studio.track(1, 157 + 20), studio.track(2, 400))
    follower = Follower(studio)
    follower.follow(10)
    mixed = follower.segments[1]
    assert [part.chunk.title for part in mixed.parts] == ["1", "1", "2"]
    assert mixed.title == max("12", key=lambda title: sum(p.duration_s for p in mixed.parts if p.chunk.title == title))
    assert not mixed.is_cut


def test_other_parameters_cut(studio: Studio) -> None:
    """Another sample rate begins with a discontinuity, and shares no segment with what was before."""
    other = studio.track(2, 0, data=b"".join(frame(2, i, OTHER_RATE) for i in range(300)))
    studio.show(studio.track(1, 170), other)
    follower = Follower(studio)
    follower.follow(40)
    check(follower.segments)
    for segment in follower.segments:
        assert len({part.chunk.run.params for part in segment.parts}) == 1
    cuts = [segment.parts[0].chunk.run.track for segment in follower.segments if segment.is_cut]
    assert [track.name for track in cuts if track][:4] == ["1.mp3", "2.mp3", "1.mp3", "2.mp3"]


def test_a_skip_cuts(follower: Follower) -> None:
    """The new track begins with a discontinuity, from its first frame on; the timeline goes on."""
    follower.follow(5)
    told = len(follower.told)
    follower.studio.do(follower.station.next_track())
    follower.follow(20)
    check(follower.segments)
    cut = follower.segments[told]
    assert cut.is_cut
    assert names(follower.data[cut.number])[0] == (2, 0)
    assert sum(segment.is_cut for segment in follower.segments) == 2


def test_a_skip_is_dated_when_it_is_heard(follower: Follower) -> None:
    """Program date-time says when a listener of the plain stream hears a frame: what is skipped to, at once."""
    follower.follow(5)
    skipped_at = follower.studio.clock.wall
    follower.studio.do(follower.station.next_track())
    follower.follow(6)
    cut = next(segment for segment in follower.segments[1:] if segment.is_cut)
    assert cut.unix_s == pytest.approx(skipped_at, abs=0.01)


def test_skips_in_a_row(follower: Follower) -> None:
    """Who skips ten times a second is waited for; players hear the track that is left in the end."""
    follower.follow(6)
    told = len(follower.told)
    for _ in range(20):
        follower.studio.do(follower.station.next_track())
        follower.follow(0.1, 0.1)
    assert len(follower.told) <= told + 1
    follower.follow(10)
    check(follower.segments)
    assert sum(segment.is_cut for segment in follower.segments) == 2
    assert names(follower.data[follower.segments[told].number])[0] == (3, 0)  # 20 after the first of three


def test_it_does_not_matter_when_players_ask(studio: Studio) -> None:
    """One who asks often and one who asks rarely are told the same."""
    studio.show(studio.track(1, 383), studio.track(2, 191), studio.track(3, 161))
    often, rarely = Follower(studio), Hls(studio.clock)
    segments: dict[int, tuple[Part, ...]] = {}
    for _ in range(12):
        often.follow(7, 0.5)
        for one in rarely.refresh(studio.station.ring, studio.station.burst_s):
            segments[one.number] = one.parts
    heard = [one.parts for one in often.segments]
    assert list(segments.values()) == heard[: len(segments)]


def test_enough_is_listed(follower: Follower) -> None:
    """Never less than five segments and three target durations, once there is so much; and never much more."""
    follower.follow(30)
    for _ in range(40):
        listed = follower.follow(1, 1)
        assert len(listed) >= 5
        assert LISTED_S <= sum(segment.duration_s for segment in listed) < LISTED_S + LONGEST_S


def test_removed_segments_stay_for_a_while(follower: Follower) -> None:
    """As long as RFC 8216 §6.2.2 wants: the segment's duration and that of the longest list."""
    removed: dict[int, float] = {}
    before: tuple[Segment, ...] = ()
    for _ in range(200):
        listed = follower.follow(1, 1)
        now_s = follower.studio.clock.now
        removed |= {one.number: now_s for one in before if one.number < listed[0].number}
        before = listed
        for number, since_s in removed.items():
            found = follower.station.hls.find(number)
            if now_s - since_s < follower.told[number].duration_s + LISTED_S + LONGEST_S:
                assert found is follower.told[number]
                assert found.is_held
    assert follower.station.hls.find(follower.segments[0].number) is None
    assert follower.station.hls.find(follower.segments[-1].number + 1) is None


def test_nobody_asks_for_a_while(follower: Follower) -> None:
    """The list goes on behind a discontinuity, later by what nobody heard of."""
    follower.follow(20)
    last = follower.segments[-1]
    follower.studio.run_until(320)
    new = follower.ask()[0]
    assert new.number > last.number
    assert new.era == last.era + 1
    assert new.unix_s - last.unix_s > 200
    assert (new.pts - last.pts) % PTS_WRAP == pytest.approx((new.unix_s - last.unix_s) * PTS_HZ, abs=LONGEST_S * PTS_HZ)


def test_time_wraps(follower: Follower) -> None:
    """33 bits at 90 kHz are 26.5 hours."""
    wrap_s = PTS_WRAP / PTS_HZ
    follower.studio.clock.wall += wrap_s - follower.studio.clock.wall % wrap_s - 6
    follower.station.hls = Hls(follower.studio.clock)
    follower.follow(30)
    check(follower.segments)
    assert follower.segments[0].pts > PTS_WRAP - 7 * PTS_HZ
    assert follower.segments[-1].pts < PTS_WRAP // 2
    assert follower.station.hls.find(follower.segments[-1].number) is follower.segments[-1]


@pytest.mark.parametrize("up_s", [0.5, 2.0, 30.0, 300.0])
def test_a_restart_goes_on_with_higher_numbers(make_studio: Callable[..., Studio], up_s: float) -> None:
    """A run that is asked for the first time when its ring is full tells a dozen numbers at once, and one that has just
    begun tells several: the run that follows at once, under another name, begins behind all of them."""
    runs: list[tuple[Segment, ...]] = []
    wall = EPOCH_S + 50_000_000.0
    for _ in range(2):
        studio = make_studio()
        studio.clock.wall = wall
        studio.station.hls = Hls(studio.clock)
        studio.show(studio.track(1, 4000))
        studio.run_until(up_s)
        wall += up_s
        runs.append(studio.station.hls.refresh(studio.station.ring, studio.station.burst_s))
    before, after = runs
    assert after[0].number > before[-1].number
    assert after[0].era >= before[0].era


def test_discontinuity_numbers_do_not_go_back(make_studio: Callable[..., Studio]) -> None:
    """Nor after half a minute of skips; and they are small, for hls.js counts up to them each time."""
    studio = make_studio()
    studio.show(studio.track(1, 4000), studio.track(2, 4000))
    follower, begin = Follower(studio), studio.clock.wall
    for _ in range(4):
        follower.follow(3, 1)
        studio.do(studio.station.next_track())
    listed = follower.follow(25, 1)
    told = listed[0].era - listed[0].is_cut
    assert told > follower.segments[0].era
    after = make_studio()
    after.clock.wall = studio.clock.wall
    after.station.hls = Hls(after.clock)
    after.run_until(1)
    first = Follower(after).ask()[0]
    assert studio.clock.wall - begin < 60
    assert told <= first.era - first.is_cut < ERAS


def test_a_clock_that_is_wrong(follower: Follower) -> None:
    """A small host may start in 1970."""
    follower.studio.clock.wall = 7.0
    follower.station.hls = Hls(follower.studio.clock)
    assert follower.follow(4)[0].number == 0


def test_another_ring_is_another_format(follower: Follower) -> None:
    """What the old ring held is told no more, and what was told stays as it was."""
    follower.follow(20)
    old = follower.segments[-1]
    follower.station._playout.ring = type(follower.station.ring)(65536, 64.0)
    assert follower.ask() == ()
    assert follower.station.hls.find(old.number) is None
    assert old.is_held


def test_the_first_skip_is_not_waited_for(studio: Studio) -> None:
    """Where nothing is listed yet there is nothing to wait for."""
    studio.show(studio.track(1, 383))
    studio.run_until(0.2)
    assert Follower(studio).ask()


def test_a_resumption_loses_nothing(follower: Follower) -> None:
    """After a standstill the same track goes on behind a discontinuity, from the very next frame."""
    follower.follow(10)
    follower.studio.clock.sleep(30)
    follower.follow(20)
    check(follower.segments)
    assert follower.frames == follower.studio.frames[: len(follower.frames)]
    assert sum(segment.is_cut for segment in follower.segments) == 2


def test_players_are_counted_once_and_forgotten() -> None:
    """By address and name, while they ask."""
    clock = FakeClock()
    players = Hls(clock).players
    for _ in range(3):
        players.note("192.0.2.1", "hls.js")
        players.note("192.0.2.2", "hls.js")
        players.note("192.0.2.2", "VLC")
    assert len(players) == 3
    clock.sleep(PLAYERS_WINDOW_S - 1)
    players.note("192.0.2.1", "hls.js")
    assert len(players) == 3
    clock.sleep(2)
    assert len(players) == 1
    clock.sleep(PLAYERS_WINDOW_S)
    assert len(players) == 0


def test_players_are_bounded() -> None:
    """A flood of names costs what is set aside for it, and no more."""
    players = Hls(FakeClock()).players
    for number in range(PLAYERS_MAX + 500):
        players.note("192.0.2.1", str(number))
    assert len(players) == PLAYERS_MAX


def test_a_chunk_without_time(follower: Follower) -> None:
    """As the end page of a link is: no segment begins with it, and the number is passed."""
    follower.follow(20)
    ring, last = follower.station.ring, follower.station.ring.chunks[-1]
    ring.publish(Chunk(last.run, memoryview(b""), start_s=last.end_s, duration_s=0.0))
    follower.ask()
    assert all(part.duration_s for segment in follower.segments for part in segment.parts)
    assert follower.station.hls._seen == ring.next_seq - 1
