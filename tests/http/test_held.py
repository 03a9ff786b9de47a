"""What clients have not taken yet: counted once a body, and bounded."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack

import pytest

from radiostream.http.protocol.held import SMALL, Held, TooMuch
from radiostream.http.protocol.message import Gone
from radiostream.http.protocol.reader import send_all
from tests.waiting import PATIENCE_S

BODY = b"x" * 100_000


def test_a_body_counts_once_however_many_take_it() -> None:
    """It is one object; it is free when the last one is through."""
    held = Held(150_000)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(held.hold(BODY))
        for _ in range(10):
            second.enter_context(held.hold(BODY))
        assert held.total == len(BODY)
        second.close()
        assert held.total == len(BODY)
        first.close()
        assert held.total == 0


def test_what_does_not_fit_is_refused() -> None:
    """Beside what others have not taken; then it fits again."""
    held = Held(150_000)
    other = bytes(60_000)
    with held.hold(BODY):
        with pytest.raises(TooMuch), held.hold(other):
            pytest.fail("held")
        assert held.total == len(BODY)
    with held.hold(other):
        assert held.total == len(other)


def test_one_that_is_larger_than_all_that_may_be_is_sent_alone() -> None:
    """A bound that is too low makes nothing unreachable."""
    held = Held(10_000)
    with held.hold(BODY):
        assert held.total == len(BODY)


def test_small_bodies_are_not_counted() -> None:
    """Health and the like are answered whatever is held."""
    held = Held(10_000)
    with held.hold(BODY), held.hold(bytes(SMALL)):
        assert held.total == len(BODY)


def test_a_failure_frees_it() -> None:
    """A client that leaves holds nothing."""
    held = Held()
    with pytest.raises(Gone), held.hold(BODY):
        raise Gone
    assert held.total == 0


def test_all_parts_are_sent_in_order() -> None:
    """However little is taken at a time."""
    near, far = socket.socketpair()
    with near, far:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        parts = (b"head;", b"", bytes(range(256)) * 1000, b"tail")
        sender = threading.Thread(target=send_all, args=(near, *parts), kwargs={"stall_s": PATIENCE_S})
        sender.start()
        data = b""
        while len(data) < sum(map(len, parts)):
            data += far.recv(5000)
        sender.join(PATIENCE_S)
    assert data == b"".join(parts)


def test_a_client_that_takes_nothing_is_given_up() -> None:
    """And nothing is left of it."""
    near, far = socket.socketpair()
    with near, far, pytest.raises(TimeoutError):
        send_all(near, BODY * 10, stall_s=0.01)
