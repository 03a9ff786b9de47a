"""The log's thread: whoever logs never waits, what is lost is counted and told."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator

import pytest

from radiostream.log_writer import QUEUE_BYTES, Writer
from tests.waiting import PATIENCE_S

LINE = b"x" * 99 + b"\n"
MORE_THAN_FITS = QUEUE_BYTES // len(LINE) + 2000
"""Also beyond what a pipe holds."""


class Pipe:
    """A pipe that holds one page, and the writer at its end."""

    def __init__(self) -> None:
        self.out, self._into = os.pipe()
        fcntl.fcntl(self._into, fcntl.F_SETPIPE_SZ, 4096)
        self.writer = Writer(self._into, told)
        self._is_read = True

    def share(self) -> None:
        """Another program makes the descriptor one that does not block."""
        os.set_blocking(self._into, False)

    def leave(self) -> None:
        """The reader goes."""
        if self._is_read:
            os.close(self.out)
        self._is_read = False

    def close(self) -> None:
        """The writer is over before its descriptor's number can be another's."""
        self.leave()
        self.writer.close()
        self.writer._thread.join(PATIENCE_S)
        assert not self.writer._thread.is_alive()
        os.close(self._into)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Somebody reads a log, or does not."""
    made = Pipe()
    yield made
    made.close()


def told(count: int) -> bytes:
    return b"dropped %d\n" % count


def drained(out: int, until: bytes) -> bytes:
    """What is read from `out` up to and including `until`."""
    data = b""
    while not data.endswith(until):
        assert select.select([out], [], [], PATIENCE_S)[0], data[-200:]
        data += os.read(out, 1 << 16)
    return data


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    """Whole, and by nobody who logs."""
    writer = pipe.writer
    for number in range(100):
        writer.write(b"%d\n" % number)
    assert drained(pipe.out, b"99\n") == b"".join(b"%d\n" % number for number in range(100))
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 0


def test_a_log_that_nobody_reads_holds_nobody_up(pipe: Pipe) -> None:
    """A full pipe: lines are dropped and counted; once it is read, what was queued comes, then how many are lost."""
    writer = pipe.writer
    for _ in range(MORE_THAN_FITS):
        writer.write(LINE)
    assert not writer.flush(0)
    assert writer.dropped > 0
    lost = writer.dropped
    data = drained(pipe.out, told(lost))
    assert data.count(LINE) == MORE_THAN_FITS - lost
    assert writer.flush(PATIENCE_S)
    writer.write(b"and on\n")
    assert drained(pipe.out, b"\n") == b"and on\n"
    assert writer.dropped == lost


def test_what_waits_is_bounded(pipe: Pipe) -> None:
    """In bytes, also for single lines that are long."""
    writer = pipe.writer
    writer.write(b"x" * QUEUE_BYTES + b"\n")
    assert writer.dropped == 1
    for _ in range(10):
        writer.write(b"x" * (QUEUE_BYTES // 4) + b"\n")
    assert writer.dropped == 1 + 7


def test_a_reader_that_is_gone(pipe: Pipe) -> None:
    """Costs the lines, and nothing else."""
    writer = pipe.writer
    pipe.leave()
    writer.write(b"nobody\n")
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 1
    writer.write(b"reads this\n")
    assert writer.flush(PATIENCE_S)
    assert writer.dropped == 3  # and the line that told of the first


def test_a_descriptor_that_others_made_non_blocking(pipe: Pipe) -> None:
    """Programs that share a terminal do that to it: it is waited for all the same."""
    pipe.share()
    writer = pipe.writer
    for _ in range(200):
        writer.write(LINE)
    writer.write(b"end\n")
    assert drained(pipe.out, b"end\n") == LINE * 200 + b"end\n"


def test_the_end(pipe: Pipe) -> None:
    """What is queued is written still, then the thread is over."""
    writer = pipe.writer
    writer.write(LINE * 100)
    writer.close()
    assert drained(pipe.out, LINE * 100) == LINE * 100
    writer._thread.join(PATIENCE_S)
    assert not writer._thread.is_alive()
