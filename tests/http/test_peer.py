"""Who takes nothing and is there, and who is gone: asked of the kernel over real TCP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from radiostream.http.handlers.listener import tune
from radiostream.http.protocol import peer


@pytest.fixture
def paused() -> Iterator[socket.socket]:
    """Our end of a connection whose other end reads nothing, full to the brim."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        far.connect(server.getsockname())
        near = server.accept()[0]
        with near:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
            near.settimeout(0.3)
            with suppress(TimeoutError):
                while True:
                    near.send(bytes(1 << 16))
            near.setblocking(False)
            yield near


def test_one_who_is_paused_is_there(paused: socket.socket) -> None:
    """Its kernel acknowledges whatever its player does."""
    owed_s = peer.unanswered_s(paused)
    assert owed_s is not None
    assert 0 <= owed_s < peer.GONE_S
    assert peer.is_there(paused)


def test_a_small_window_ends_no_stream(paused: socket.socket) -> None:
    """The kernel's own limit is off for listeners: it would count although the client takes all that it is sent."""
    paused.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    tune(paused)
    assert paused.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0


def test_one_who_acknowledges_nothing_is_gone(paused: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the second look at which it still owes us an answer; it is not waited for any longer."""
    owed_s = iter([0.0, peer.GONE_S, 0.0, peer.GONE_S, peer.GONE_S + peer.LIVENESS_S])
    monkeypatch.setattr(peer, "LIVENESS_S", 0.01)
    monkeypatch.setattr(peer, "unanswered_s", lambda _: next(owed_s))
    assert not peer.await_room(paused, 600, None)
    assert next(owed_s, None) is None


def test_a_socket_that_cannot_tell() -> None:
    """It is not known to be there, and is waited for to the end of its time."""
    near, far = socket.socketpair()
    with near, far:
        assert peer.unanswered_s(near) is None
        assert not peer.is_there(near)
        assert peer.await_room(near, 0.01, None)


def test_hung_up(paused: socket.socket) -> None:
    """Only who has closed its end has hung up; only who answers with a reset is reset."""
    assert not peer.has_hung_up(paused)
    assert not peer.is_reset(paused, 0.001)
    near, far = socket.socketpair()
    with near:
        near.setblocking(False)
        far.close()
        assert peer.has_hung_up(near)


def test_a_socket_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is no TCP, and a system that has no such question: nothing is known."""
    near, far = socket.socketpair()
    with near, far:
        assert peer.unanswered_s(near) is None
        monkeypatch.delattr(socket, "TCP_INFO")
        assert peer.unanswered_s(near) is None
