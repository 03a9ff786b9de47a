"""Workers and deadlines."""

from __future__ import annotations

import logging
import queue
import threading

import pytest

from radiostream.threads import REST_S, Deadline, Worker
from tests.radio.studio import FakeClock
from tests.waiting import PATIENCE_S


def test_deadline() -> None:
    """It shrinks with the clock, and is never less than nothing."""
    clock = FakeClock()
    deadline = Deadline(2.5, clock)
    assert deadline.left_s == 2.5
    clock.sleep(1.0)
    assert deadline.left_s == 1.5
    clock.sleep(9.0)
    assert deadline.left_s == 0.0


def test_steps_until_stopped() -> None:
    """Steps follow one another at once while they ask for that; stopping ends them."""
    steps: queue.Queue[int] = queue.Queue()

    def step() -> float:
        steps.put(1)
        return 0.0

    worker = Worker("test", step)
    worker.start()
    for _ in range(3):
        steps.get(timeout=PATIENCE_S)
    assert worker.stop(PATIENCE_S)
    assert worker.stopping


def test_woken() -> None:
    """A worker that waits for nothing runs again when it is woken, and a wake-up during a step is not lost."""
    began: queue.Queue[int] = queue.Queue()
    goes_on = threading.Semaphore(0)

    def step() -> None:
        began.put(1)
        assert goes_on.acquire(timeout=PATIENCE_S)

    worker = Worker("test", step)
    worker.start()
    began.get(timeout=PATIENCE_S)
    worker.wake()
    goes_on.release()
    began.get(timeout=PATIENCE_S)
    goes_on.release(2)
    assert worker.stop(PATIENCE_S)


def test_last_step() -> None:
    """Where it is wanted, a step runs after the end was asked for, also when none ever ran before."""
    seen: list[bool] = []
    worker = Worker("test", lambda: seen.append(worker.stopping), last_step=True)
    worker.close()
    worker.start()
    assert worker.stop(PATIENCE_S)
    assert seen == [True]


def test_a_bug_costs_one_step(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once with its traceback, again only after a step that worked, and is followed by a rest."""
    broken = [True, True, False, True]

    def step() -> float:
        if broken.pop(0):
            raise RuntimeError("a bug")
        return 7.0

    worker = Worker("test", step)
    with caplog.at_level(logging.ERROR):
        assert [worker.guarded_step() for _ in range(4)] == [REST_S, REST_S, 7.0, REST_S]
    assert [record.getMessage() for record in caplog.records] == ["a step of the thread test failed; it goes on"] * 2
    assert all(record.exc_info for record in caplog.records)


def test_who_hangs_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """A step that does not end holds nobody up, and its thread is named."""
    gate, inside = threading.Event(), threading.Event()

    def step() -> None:
        inside.set()
        gate.wait(PATIENCE_S)

    worker = Worker("stuck", step)
    worker.start()
    assert inside.wait(PATIENCE_S)
    with caplog.at_level(logging.WARNING):
        assert not worker.stop(0)
    assert "stuck" in caplog.text
    gate.set()
    assert worker.stop(PATIENCE_S)


def test_never_started() -> None:
    """Stopping what does not run is nothing to wait for."""
    assert Worker("test", lambda: None).stop(PATIENCE_S)
