"""The log's thread: whoever logs never waits, what is lost is counted and told."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from radiostream.log_writer import QUEUE_BYTES, Writer

PATIENCE_S = 20.0
LINE = b"x" * 99 + b"\n"
MORE_THAN_FITS = QUEUE_BYTES // len(LINE) + 2000
"""Also beyond what a pipe holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that holds one page."""
    out, into = os.pipe()
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
    yield out, into
    for fd in (out, into):
        with suppress(OSError):  # the test has closed it
            os.close(fd)


def told(count: int) -> bytes:
    return b"dropped %d\n" % count


def drained(out: int, until: bytes) -> bytes:
    """What is read from `out` up to and including `until`."""
    data = b""
    while not data.endswith(until):
        data += os.read(out, 1 << 16)
    return data


def test_lines_are_written_in_order(pipe: tuple[int, int]) -> None:
    """Whole, and by nobody who logs."""
    writer = Writer(pipe[1], told)
    for number in range(100):
        writer.write(b"%d\n" % number)
    assert drained(pipe[0], b"99\n") == b"".join(b"%d\n" % number for number in range(100))
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 0


def test_a_log_that_nobody_reads_holds_nobody_up(pipe: tuple[int, int]) -> None:
    """A full pipe: lines are dropped and counted; once it is read, what was queued comes, then how many are lost."""
    writer = Writer(pipe[1], told)
    for _ in range(MORE_THAN_FITS):
        writer.write(LINE)
    assert not writer.flush(0)
    assert writer.dropped > 0
    lost = writer.dropped
    data = drained(pipe[0], told(lost))
    assert data.count(LINE) == MORE_THAN_FITS - lost
    assert writer.flush(PATIENCE_S)
    writer.write(b"and on\n")
    assert drained(pipe[0], b"\n") == b"and on\n"
    assert writer.dropped == lost


def test_what_waits_is_bounded(pipe: tuple[int, int]) -> None:
    """In bytes, also for single lines that are long."""
    writer = Writer(pipe[1], told)
    writer.write(b"x" * QUEUE_BYTES + b"\n")
    assert writer.dropped == 1
    for _ in range(10):
        writer.write(b"x" * (QUEUE_BYTES // 4) + b"\n")
    assert writer.dropped == 1 + 7


def test_a_reader_that_is_gone(pipe: tuple[int, int]) -> None:
    """Costs the lines, and nothing else."""
    writer = Writer(pipe[1], told)
    os.close(pipe[0])
    writer.write(b"nobody\n")
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 1
    writer.write(b"reads this\n")
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 3  # and the line that told of the first


def test_a_descriptor_that_others_made_non_blocking(pipe: tuple[int, int]) -> None:
    """Programs that share a terminal do that to it: it is waited for all the same."""
    os.set_blocking(pipe[1], False)
    writer = Writer(pipe[1], told)
    for _ in range(200):
        writer.write(LINE)
    writer.write(b"end\n")
    assert drained(pipe[0], b"end\n") == LINE * 200 + b"end\n"


def test_the_end(pipe: tuple[int, int]) -> None:
    """What is queued is written still, then the thread is over."""
    before = threading.active_count()
    writer = Writer(pipe[1], told)
    writer.write(LINE * 100)
    writer.close()
    assert drained(pipe[0], LINE * 100) == LINE * 100
    writer._thread.join(PATIENCE_S)
    assert threading.active_count() == before
