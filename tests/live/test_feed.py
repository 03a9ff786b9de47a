"""The buffer between a source and its station, with real threads."""

from __future__ import annotations

import threading

import pytest

from radiostream.clock import SystemClock
from radiostream.live.feed import SLACK_S, About, Feed, FeedOver
from tests.radio.studio import FRAME_S, frame
from tests.waiting import PATIENCE_S, until

FRAMES = 2000
RESERVE_S = 3.0


def feed_of(kind: str) -> Feed:
    return Feed(About(kind, "192.0.2.9"), "mp3", SystemClock(), reserve_s=RESERVE_S, chunk_s=1.0)


def index_of(data: bytes) -> int:
    return int.from_bytes(data[38:42], "big")


def test_a_broadcaster_is_held_back() -> None:
    """A source that is faster than its station waits, and not a frame is lost."""
    feed = feed_of("broadcaster")
    data = b"".join(frame(1, index) for index in range(FRAMES))

    def send() -> None:
        for at in range(0, len(data), 9000):
            feed.write(data[at : at + 9000])

    source = threading.Thread(target=send)
    source.start()
    until(feed.was_held_back, "it is not held back")
    got: list[int] = []
    while len(got) < FRAMES - 1:
        if (first := feed.first()) is not None:
            assert feed.level_s <= RESERVE_S + SLACK_S + FRAME_S
            got.append(index_of(first.unit.data))
            feed.take()
    source.join(PATIENCE_S)
    assert got == list(range(FRAMES - 1))


def test_a_relay_keeps_the_newest() -> None:
    """Off the air it waits for nobody: what is buffered is what came last."""
    feed = feed_of("relay")
    for index in range(FRAMES):
        feed.write(frame(1, index))
    first = feed.first()
    assert first is not None
    assert index_of(first.unit.data) > FRAMES - 2 - (RESERVE_S + SLACK_S) / FRAME_S
    assert feed.level_s < RESERVE_S + SLACK_S


def test_an_ended_feed_lets_its_source_go() -> None:
    """A source that waits for room is told when nothing more is wanted."""
    feed = feed_of("broadcaster")
    filled, ended = threading.Event(), []
    feed.on_arrival = lambda: filled.set() if feed.level_s > RESERVE_S + SLACK_S - 1 else None

    def send() -> None:
        try:
            for index in range(FRAMES):
                feed.write(frame(1, index))
        except FeedOver as over:
            ended.append(str(over))

    source = threading.Thread(target=send)
    source.start()
    assert filled.wait(PATIENCE_S)
    feed.end("enough")
    source.join(PATIENCE_S)
    assert ended == ["enough"]
    with pytest.raises(FeedOver):
        feed.write(b"")
