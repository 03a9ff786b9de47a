"""The condition variable whose waiters wake one another."""

from __future__ import annotations

import threading
from functools import partial

from radiostream.radio.chain import Chain, Seat

PATIENCE_S = 20.0


class Waiters:
    """Threads that wait on a chain, each until told to go on, and report when they were woken."""

    def __init__(self, chain: Chain, count: int) -> None:
        self.woken = threading.Semaphore(0)
        self.order: list[int] = []
        self._chain = chain
        self._threads = [threading.Thread(target=self._wait, args=(number,)) for number in range(count)]
        for number, thread in enumerate(self._threads):
            thread.start()
            while len(chain._waiting) <= number:  # until it sits, so that the order of arrival is known
                threading.Event().wait(0.001)

    def _wait(self, number: int) -> None:
        seat = Seat()
        assert self._chain.wait(seat, lambda: False, PATIENCE_S)
        self.order.append(number)
        self._chain.pass_on(seat)
        self.woken.release()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_everybody_is_woken_by_one_notification() -> None:
    """Though the notifier itself wakes only a few."""
    chain = Chain(width=2)
    waiters = Waiters(chain, 20)
    chain.notify_all()
    waiters.join()
    assert sorted(waiters.order) == list(range(20))


def test_a_chain_of_one_keeps_the_order_of_arrival() -> None:
    """Each wakes the next, so the order is the order in which they came."""
    chain = Chain(width=1)
    waiters = Waiters(chain, 10)
    chain.notify_all()
    waiters.join()
    assert waiters.order == list(range(10))


def test_nobody_waits_for_what_is_there() -> None:
    """Look and wait are one step: what is ready already is not waited for."""
    assert Chain().wait(Seat(), lambda: True, PATIENCE_S)


def test_time_runs_out() -> None:
    """Without a notification the wait ends in time, and the seat may be used again."""
    chain, seat = Chain(), Seat()
    assert not chain.wait(seat, lambda: False, 0.001)
    assert not chain.wait(seat, lambda: False, 0.001)
    chain.notify_all()
    assert not chain._to_wake


def test_a_seat_that_gave_up_does_not_break_the_chain() -> None:
    """A waiter whose time ran out has left the queue: the next one is woken in its place."""
    chain = Chain(width=1)
    assert not chain.wait(Seat(), lambda: False, 0.001)
    waiters = Waiters(chain, 3)
    chain.notify_all()
    waiters.join()


def test_a_notification_during_a_chain_reaches_those_who_came_back() -> None:
    """Whoever comes back to wait while a chain still runs is woken by the notification that follows."""
    chain = Chain(width=1)
    rounds, count = 50, 8
    published = [0]
    finished = threading.Semaphore(0)

    def listen() -> None:
        seat = Seat()
        for seen in range(rounds):
            chain.wait(seat, partial(is_newer, seen), PATIENCE_S)
        chain.pass_on(seat)
        finished.release()

    def is_newer(seen: int) -> bool:
        return published[0] > seen

    threads = [threading.Thread(target=listen) for _ in range(count)]
    for thread in threads:
        thread.start()
    for number in range(1, rounds + 1):
        published[0] = number
        chain.notify_all()
    for _ in range(count):
        assert finished.acquire(timeout=PATIENCE_S)
    for thread in threads:
        thread.join(PATIENCE_S)
