"""The bench judges the server: its player, its frame parser and its circle of tracks are tested themselves."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from tests.bench import measures, sync
from tests.bench.frames import NoFrameError, audio_of, frame_at, frames
from tests.bench.player import Player
from tests.bench.profile import hottest
from tests.bench.recorder import Point, drift
from tests.server import port_in

A_SECOND = 16000
"""Bytes at 128 kbps."""


def frame(number: int, mark: bytes = b"") -> bytes:
    """An MPEG-1 frame of 128 kbps at 44.1 kHz without padding: 417 bytes, told apart by `number`."""
    return (b"\xff\xfb\x90\x64" + bytes(32) + mark + number.to_bytes(4, "big")).ljust(417, b"\x55")


def file(*numbers: int) -> bytes:
    """A tagged file with an info frame, as lame writes it."""
    body = b"".join(frame(number) for number in numbers)
    return b"ID3\x04\0\0\0\0\x01\x00" + bytes(128) + frame(0, b"Info") + body + b"TAG".ljust(128, b"\0")


CIRCLE = sync.Circle([file(1, 2, 3), file(4, 5)])


def body(*numbers: int) -> sync.Recording:
    return sync.Recording(100.0, 100.01, b"HTTP/1.0 200 OK", b"".join(frame(number) for number in numbers))


def test_player_waits_for_a_second_of_audio() -> None:
    """Silence before the first second of audio is a start, not an underrun."""
    player = Player(128)
    player.receive(A_SECOND // 2, 0.0)
    player.look(50.0)
    assert (player.playing, player.underruns) == (False, 0)
    player.receive(A_SECOND // 2, 50.0)
    assert (player.playing, player.empty_at_s) == (True, 51.0)


def test_player_fed_in_time_plays_on() -> None:
    """A chunk that comes before the buffer is empty moves the end on by its own length."""
    player = Player(128)
    player.receive(4 * A_SECOND, 0.0)
    for second in (3.9, 7.9, 11.9):
        player.receive(4 * A_SECOND, second)
    assert (player.underruns, player.empty_at_s) == (0, 16.0)


def test_player_counts_one_underrun_a_gap() -> None:
    """However long the gap: one underrun, and a new start with a second of audio."""
    player = Player(128)
    player.receive(2 * A_SECOND, 0.0)
    for second in (2.5, 3.0, 4.0):
        player.look(second)
    assert (player.underruns, player.playing) == (1, False)
    player.receive(A_SECOND, 5.0)
    assert player.empty_at_s == 6.0
    player.look(6.5)
    assert player.underruns == 2


@pytest.mark.parametrize(
    ("header", "length", "seconds"),
    [
        ("ff fb 90 64", 417, 1152 / 44100),
        ("ff fb 92 64", 418, 1152 / 44100),
        ("ff fb e4 64", 960, 1152 / 48000),
        ("ff f3 40 c4", 104, 576 / 22050),
        ("ff e3 18 c4", 72, 576 / 8000),
    ],
)
def test_frame_length_and_duration(header: str, length: int, seconds: float) -> None:
    """MPEG-1, 2 and 2.5, with and without padding."""
    assert frame_at(bytes.fromhex(header), 0) == (length, seconds)


@pytest.mark.parametrize(
    "header", ["49 44 33 04", "ff fb f0 64", "ff fb 00 64", "ff fb 9c 64", "ff fd 90 64", "ff eb 90 64"]
)
def test_what_is_no_frame(header: str) -> None:
    """A tag, a forbidden bitrate, free format, a reserved rate, Layer II, a reserved version."""
    with pytest.raises(NoFrameError, match="byte 0"):
        frame_at(bytes.fromhex(header), 0)


def test_frames_of_a_stream() -> None:
    """Whole frames come out, the one cut off at the end does not, and rubbish between two is not passed over."""
    assert [one.data for one in frames(frame(1) + frame(2) + frame(3)[:100])] == [frame(1), frame(2)]
    with pytest.raises(NoFrameError, match="byte 417"):
        list(frames(frame(1) + b"TAG" + frame(2)))


def test_audio_of_a_file() -> None:
    """Both tags and the info frame are no audio."""
    assert [one.data for one in audio_of(file(7, 8))] == [frame(7), frame(8)]
    assert next(frames(frame(0, b"Xing"))).is_info


def test_circle_has_one_time_line() -> None:
    """The second track begins where the first ends, to the frame."""
    assert CIRCLE.starts == {0, 3}
    assert math.isclose(CIRCLE.times_s[3], 3 * 1152 / 44100)
    assert math.isclose(CIRCLE.total_s, 5 * 1152 / 44100)


def test_circle_refuses_frames_that_are_alike() -> None:
    """A position must be certain."""
    with pytest.raises(ValueError, match="alike"):
        sync.Circle([file(1, 2, 1)])


def test_judge_follows_the_circle() -> None:
    """Over both track ends, from the middle of a track, with nothing to complain of."""
    verdict = sync.judge(body(3, 4, 5, 1, 2, 3, 4), CIRCLE)
    assert (verdict.faults, verdict.frames, verdict.track_ends) == ([], 7, 3)
    assert math.isclose(verdict.lag_s, 100.0 - 2 * 1152 / 44100)
    assert math.isclose(verdict.first_byte_ms, 10.0)


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ((1, 2, 4), "lost"),
        ((1, 2, 2, 3), "repeated"),
        ((3, 4, 3), "out of order"),
        ((1, 99, 2), "of no track"),
        ((), "no audio"),
    ],
)
def test_judge_finds_faults(numbers: tuple[int, ...], fault: str) -> None:
    """A frame lost, repeated, swapped or foreign is found."""
    assert fault in sync.judge(body(*numbers), CIRCLE).faults[0]


@pytest.mark.parametrize(
    ("between", "fault"), [(frame(0, b"Info"), "info frame"), (b"TAG" + bytes(125), "no frame at")]
)
def test_judge_finds_what_is_no_audio(between: bytes, fault: str) -> None:
    """An info frame or a tag in the stream is found."""
    recording = body(1, 2)
    recording.body += between + frame(3)
    assert fault in sync.judge(recording, CIRCLE).faults[0]


def test_lag_is_compared_on_the_circle() -> None:
    """Listeners a round apart are in step; the spread is the largest difference."""
    late = body(2, 3)
    late.asked_s += CIRCLE.total_s + CIRCLE.frames[0].seconds + 0.004
    assert math.isclose(sync.report([body(1, 2), late], CIRCLE).spread_ms, 4.0, abs_tol=1e-6)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (99, 4), (100, 4)])
def test_percentile(percent: float, value: float) -> None:
    """The smallest value that so many percent do not exceed."""
    assert measures.percentile([4, 1, 3, 2], percent) == value


def test_slope() -> None:
    """Least squares: exact on a line, level on a symmetrical bump, nought where there is nothing to fit."""
    assert measures.slope([(0, 5), (1, 7), (2, 9)]) == 2
    assert measures.slope([(0, 1), (1, 9), (2, 1)]) == 0
    assert measures.slope([(3, 1)]) == 0


def leads(*spans: tuple[int, int, float]) -> list[Point]:
    """A lead that falls from each chunk to the next, 4 s later, and is `lead` at its height from `begin` to `end`."""
    return [(at, lead - at % 4) for begin, end, lead in spans for at in range(begin, end)]


@pytest.mark.parametrize(
    ("points", "disturbed", "expected"),
    [
        ([], [], 0),
        (leads((0, 100, 8)), [], 0),
        (leads((0, 50, 8), (50, 100, 7.5)), [], 0.5),
        (leads((0, 50, 8), (50, 100, 3)), [48, 52], 0),
        (leads((0, 50, 8), (50, 80, 3), (80, 130, 3.25)), [48, 50], 0.25),
        (leads((0, 20, 8), (20, 25, 1)), [], 0),
    ],
)
def test_drift_is_the_change_of_lead_between_disturbances(
    points: list[Point], disturbed: list[float], expected: float
) -> None:
    """Chunks make no drift, a standstill is not counted, a span too short says nothing."""
    assert drift(points, disturbed) == expected


def test_hottest_functions() -> None:
    """Own samples are those on top of the stack; a recursion counts once a sample."""
    own, total = hottest("main;send;send 3\nmain;wait 2\n")
    assert own == {"send": 3, "wait": 2}
    assert total == {"main": 5, "send": 3, "wait": 2}


def test_own_process_measured() -> None:
    """The kernel's figures of a process that is certainly there."""
    pid = os.getpid()
    assert measures.cpu_s(pid) > 0
    assert measures.memory(pid).pss_kb <= measures.memory(pid).rss_kb
    assert measures.threads(pid) == len(list(Path(f"/proc/{pid}/task").iterdir()))
    assert measures.descriptors(pid) > 0


@pytest.mark.parametrize(
    ("banner", "port"),
    [
        ("radiostream\n  main  http://localhost:8012/  player http://localhost:8012/web", 8012),
        ("on http://[::1]:8012/ and http://127.0.0.1:8013/", 8013),
        ("starting on port 0", None),
    ],
)
def test_port_in_a_banner(banner: str, port: int | None) -> None:
    """The first URL with a port tells it."""
    assert port_in(banner) == port
