"""How threads by the thousand share one interpreter."""

from __future__ import annotations

import errno
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from radiostream.http.protocol import interpreter
from tests.waiting import PATIENCE_S


@pytest.mark.parametrize(
    ("threads", "interval_s"), [(0, 0.005), (10, 0.005), (1000, 0.4), (10_000, 2.0), (99_999, 2.0)]
)
def test_a_crowd_asks_seldom_for_the_interpreter(threads: int, interval_s: float) -> None:
    """A few threads as the interpreter has it; thousands so that their wake-ups together stay bounded."""
    before_s = sys.getswitchinterval()
    try:
        interpreter.expect(threads)
        assert sys.getswitchinterval() == pytest.approx(interval_s)
    finally:
        sys.setswitchinterval(before_s)


def test_a_listener_pushes_nobody_out_of_a_core() -> None:
    """Its thread is of the kernel's class that waits; the others stay what they are."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(os.sched_getscheduler, 0).result(PATIENCE_S) == os.SCHED_OTHER
        pool.submit(interpreter.make_room).result(PATIENCE_S)
        assert pool.submit(os.sched_getscheduler, 0).result(PATIENCE_S) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_where_the_kernel_does_not_let_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's filter of system calls costs speed, and no listener."""

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    interpreter.make_room()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
