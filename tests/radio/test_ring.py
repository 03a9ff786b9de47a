"""The ring: where listeners start, what is kept, and who owns a buffer when."""

from __future__ import annotations

import gc
import os
import select
import sys
import threading
from array import array
from types import FrameType
from typing import Any

import pytest

from radiostream.audio.frames import Params
from radiostream.radio.ring import IDLE_CHUNKS, MOST_CHUNKS, MOST_SPARES, Chunk, Ring, Run
from radiostream.radio.turnstile import Turn
from tests.waiting import PATIENCE_S

PARAMS = Params("mp3", 44100, 2)
FRAMES = 40
FRAME_S = 0.1
FRAME_BYTES = 10
CHUNK_S = FRAMES * FRAME_S


def chunk(ring: Ring, start_s: float, *, discontinuity: bool = False, barrier: bool = False) -> Chunk:
    """Four seconds of forty frames in a buffer of the pool."""
    buffer = ring.take()
    return Chunk(
        Run(None, PARAMS, b""),
        buffer[: FRAMES * FRAME_BYTES],
        buffer=buffer,
        start_s=start_s,
        duration_s=CHUNK_S,
        offsets=array("I", range(0, FRAMES * FRAME_BYTES, FRAME_BYTES)),
        ticks=array("I", range(FRAMES)),
        tick_s=FRAME_S,
        discontinuity=discontinuity,
        barrier=barrier,
    )


def filled(count: int, keep_s: float = 60.0) -> Ring:
    ring = Ring(4096, keep_s)
    for number in range(count):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    return ring


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        (100.0, (0, 0, 100.0)),
        (100.05, (0, 0, 100.0)),
        (100.1, (0, 10, 100.1)),
        (103.95, (0, 390, 103.9)),
        (104.0, (1, 0, 104.0)),
        (110.33, (2, 230, 110.3)),
        (99.0, (0, 0, 100.0)),
        (500.0, (2, 390, 111.9)),
    ],
)
def test_a_listener_starts_with_the_frame_of_its_moment(at_s: float, expected: tuple[int, int, float]) -> None:
    """The last frame that begins at or before the moment asked for; the oldest or newest where there is none."""
    position = filled(3).join(at_s)
    assert position is not None
    assert (position.seq, position.offset, round(position.at_s, 6)) == expected


@pytest.mark.parametrize(("kind", "place"), [("discontinuity", (2, 0)), ("barrier", (0, 100))])
def test_nobody_joins_across_a_discontinuity(kind: str, place: tuple[int, int]) -> None:
    """What lies in front of a skip is not for newcomers; over a change of parameters they join in step."""
    ring = filled(2)
    ring.publish(chunk(ring, 108.0, **{kind: True}))
    position = ring.join(101.0)
    assert position is not None
    assert (position.seq, position.offset) == place
    assert ring.discontinuity_seq == (2 if kind == "discontinuity" else 0)


def test_an_empty_ring_has_no_place() -> None:
    """Nothing published, nowhere to start."""
    ring = Ring(4096, 60)
    assert ring.join(100.0) is None
    assert ring.get(0) is None
    assert not ring.lost(0)


def test_old_chunks_go_and_new_ones_stay() -> None:
    """So many seconds are kept behind the newest chunk; the rest is lost to listeners."""
    ring = filled(20, keep_s=20.0)
    seqs = [one.seq for one in ring.chunks]
    assert seqs == list(range(13, 20))
    assert ring.lost(12)
    assert not ring.lost(13)
    assert ring.get(12) is None
    newest = ring.get(19)
    assert newest is not None
    assert newest.seq == 19
    assert ring.get(20) is None
    assert not ring.lost(20)


def test_a_buffer_is_overwritten_only_after_its_chunk_is_gone() -> None:
    """Filling what `take` hands out never changes a chunk that the ring holds, nor the one it has just let go."""
    ring = Ring(4096, 20.0)
    for number in range(50):
        new = chunk(ring, 100 + number * CHUNK_S)
        new.view[:] = bytes([number]) * len(new.view)
        just_gone = ring.chunks[0] if ring.chunks else None
        ring.publish(new)
        for held in ring.chunks:
            assert bytes(held.view) == bytes([held.seq]) * len(held.view)
        if just_gone is not None:
            assert bytes(just_gone.view) == bytes([just_gone.seq]) * len(just_gone.view)


def test_a_station_that_nobody_hears_keeps_less() -> None:
    """The burst, for whoever comes next; all that a listener may need as soon as one has come, until long after."""
    ring = Ring(4096, 60.0)
    ring.idle_s = 8.0
    for number in range(20):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert [one.seq for one in ring.chunks] == [16, 17, 18, 19]
    position = ring.join(100 + 19 * CHUNK_S - 8.0)
    assert position is not None
    assert position.seq == 17
    for number in range(20, 20 + IDLE_CHUNKS):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert ring.chunks[0].seq == 16
    for number in range(20 + IDLE_CHUNKS, 22 + IDLE_CHUNKS):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert len(ring.chunks) == 4
    assert len(ring._spares) <= MOST_SPARES  # the memory is given back


def test_the_pool_stops_growing() -> None:
    """Once the ring is as long as it should be, buffers go round."""
    ring = Ring(4096, 20.0)
    buffers = set()
    for number in range(200):
        new = chunk(ring, 100 + number * CHUNK_S)
        buffers.add(id(new.buffer.obj if new.buffer is not None else None))
        ring.publish(new)
    assert len(buffers) <= 10


def test_the_ring_is_bounded_in_bytes() -> None:
    """Very many tiny chunks (skips) or very large ones do not make it grow past its bound."""
    ring = Ring(4096, 1e9, max_bytes=FRAMES * FRAME_BYTES * 10)
    for number in range(100):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert len(ring.chunks) == 10


def test_the_ring_is_bounded_in_chunks() -> None:
    """However short they are."""
    ring = Ring(4096, 1e9)
    for number in range(MOST_CHUNKS + 50):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert len(ring.chunks) == MOST_CHUNKS


@pytest.mark.parametrize("buffer_size", [1 << 12, 1 << 16, 4 << 20])
def test_larger_buffers_make_the_ring_no_shorter(buffer_size: int) -> None:
    """Of what fits into its bound it keeps the time that HLS and slow listeners rely on."""
    ring = Ring(buffer_size, 70.0)
    for number in range(30):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert ring.chunks[-1].start_s - ring.chunks[0].start_s >= 70


def test_holding_ends_with_the_chunk() -> None:
    """A lease is asked about by chunk."""
    ring = filled(3, keep_s=20)
    first = ring.chunks[0]
    assert ring.holds(first)
    for number in range(3, 12):
        ring.publish(chunk(ring, 100 + number * CHUNK_S))
    assert not ring.holds(first)


def test_a_waiting_listener_is_woken_by_the_next_chunk() -> None:
    """And by the ring's end."""
    ring = filled(1)
    results: list[bool] = []

    def listen() -> None:
        turn = Turn()
        results.append(ring.wait(turn, 1, PATIENCE_S))
        results.append(ring.wait(turn, 2, PATIENCE_S))
        turn.pass_on()

    thread = threading.Thread(target=listen)
    thread.start()
    ring.publish(chunk(ring, 104.0))
    ring.close()
    thread.join(PATIENCE_S)
    assert results == [True, True]
    assert ring.closed


def test_the_wait_for_what_comes_next_ends_in_time() -> None:
    """A listener that has enough in hand waits so long, or until anything is published."""
    ring = filled(2)
    assert not ring.wait(Turn(), ring.next_seq, 0.001)
    ring.publish(chunk(ring, 108.0, discontinuity=True))
    assert ring.wait(Turn(), 2, PATIENCE_S)


@pytest.mark.parametrize(("offset", "end"), [(1, 10), (10, 10), (11, 20), (400, 400), (395, 400)])
def test_a_stream_may_stop_at_a_frame_end(offset: int, end: int) -> None:
    """The end of the frame that holds the byte in front of `offset`."""
    ring = filled(1)
    assert ring.chunks[0].frame_end(offset) == end


def test_closing_tells_those_who_wait_in_poll() -> None:
    """However many: one descriptor hangs up, which is made when somebody first asks for it."""
    ring = Ring(4096, 60.0)
    fd = ring.closing_fd()
    assert fd is not None
    assert ring.closing_fd() == fd
    poll = select.poll()
    poll.register(fd, 0)
    assert poll.poll(0) == []
    ring.close()
    ring.close()
    assert poll.poll(20_000) == [(fd, select.POLLHUP)]
    assert ring.closing_fd() is None


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_ring_that_is_gone_leaves_no_descriptor(is_closed: bool) -> None:
    """Stations come and go."""
    before = len(os.listdir("/proc/self/fd"))
    ring = Ring(4096, 60.0)
    ring.closing_fd()
    if is_closed:
        ring.close()
    del ring
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_without_a_descriptor_to_be_had_the_ring_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow listeners then hear of the end when their client takes something."""

    def refuse() -> tuple[int, int]:
        raise OSError("too many open files")

    ring = Ring(4096, 60.0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pipe", refuse)
        assert ring.closing_fd() is None
        assert not ring.closed
    assert ring.closing_fd() is not None
    ring.close()


def test_a_number_is_promised_when_its_chunk_is_there() -> None:
    """Whoever waits for a chunk looks at the number first: it must not find nothing, and ask again and again."""
    ring = Ring(4096, 60.0)
    seen: list[tuple[bool, bool]] = []

    def spy(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not Ring.publish.__code__:
            return None
        seen.append((ring._next_seq > 0, ring._chunks != ()))
        return spy

    before = sys.gettrace()
    sys.settrace(spy)
    try:
        ring.publish(chunk(ring, 0.0))
    finally:
        sys.settrace(before)
    assert (False, True) in seen
    assert (True, False) not in seen
