"""The turnstile: whoever waits is let through once for each opening, one after another, and nobody is lost."""

from __future__ import annotations

import threading
from functools import partial

from radiostream.radio.turnstile import Turn, Turnstile
from tests.waiting import PATIENCE_S


class Crowd:
    """Threads that wait at a turnstile; each that is let through says so, and keeps its turn until told to pass on."""

    def __init__(self, turnstile: Turnstile, count: int) -> None:
        self.through = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self._turnstile = turnstile
        self._looked = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._wait) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            assert self._looked.acquire(timeout=PATIENCE_S)

    def _wait(self) -> None:
        turn = Turn()
        assert self._turnstile.wait(turn, self._look, PATIENCE_S)
        self.through.release()
        assert self.go_on.acquire(timeout=PATIENCE_S)
        turn.pass_on()

    def _look(self) -> bool:
        """What is opened after this look lets the thread through, though it may not stand at the gate yet."""
        self._looked.release()
        return False

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_one_opening_lets_everybody_through() -> None:
    """Each opens for the next one."""
    turnstile = Turnstile()
    crowd = Crowd(turnstile, 20)
    turnstile.open()
    crowd.go_on.release(20)
    crowd.join()


def test_one_at_a_time() -> None:
    """The next one waits for the turn of the one before it."""
    turnstile = Turnstile()
    crowd = Crowd(turnstile, 3)
    turnstile.open()
    for _ in range(3):
        assert crowd.through.acquire(timeout=PATIENCE_S)
        assert not crowd.through.acquire(blocking=False)
        crowd.go_on.release()
    crowd.join()


def test_nobody_waits_for_what_is_there() -> None:
    """What is ready already is not waited for, and the turn is kept."""
    turnstile, turn = Turnstile(), Turn()
    assert turnstile.wait(turn, lambda: True, PATIENCE_S)
    turn.pass_on()


def test_time_runs_out() -> None:
    """Without an opening the wait ends in time, and leaves nothing behind that an opening would meet."""
    turnstile, turn = Turnstile(), Turn()
    assert not turnstile.wait(turn, lambda: False, 0.001)
    assert not turnstile.wait(turn, lambda: False, 0.001)
    turnstile.open()
    crowd = Crowd(turnstile, 2)
    turnstile.open()
    crowd.go_on.release(2)
    crowd.join()


def test_an_opening_between_look_and_wait_is_not_missed() -> None:
    """The look finds nothing; what is opened then lets through who has not begun to sleep yet."""
    turnstile = Turnstile()

    def look() -> bool:
        turnstile.open()
        return False

    assert turnstile.wait(Turn(), look, PATIENCE_S)


def test_nobody_is_lost_in_a_hurry() -> None:
    """Openings that follow one another while the threads still go through let everybody through in the end."""
    turnstile = Turnstile()
    rounds, count = 50, 8
    published = [0]
    finished = threading.Semaphore(0)

    def listen() -> None:
        turn = Turn()
        for seen in range(rounds):
            assert turnstile.wait(turn, partial(is_newer, seen), PATIENCE_S)
        turn.pass_on()
        finished.release()

    def is_newer(seen: int) -> bool:
        return published[0] > seen

    threads = [threading.Thread(target=listen) for _ in range(count)]
    for thread in threads:
        thread.start()
    for number in range(1, rounds + 1):
        published[0] = number
        turnstile.open()
    for _ in range(count):
        assert finished.acquire(timeout=PATIENCE_S)
    for thread in threads:
        thread.join(PATIENCE_S)
