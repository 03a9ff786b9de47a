"""Reading requests from clients that are slow, endless or malicious; counting them in and out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import cast

import pytest

from radiostream.http.protocol import limits as shares
from radiostream.http.protocol import reader as wire
from radiostream.http.protocol.limits import ADDRESS, CONNECTIONS, LISTENERS, SHORT_MAX, SHORT_MIN, Limits, short_places
from radiostream.http.protocol.message import Gone, Refusal
from radiostream.http.protocol.reader import Wire
from tests.waiting import PATIENCE_S


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    near, far = socket.socketpair()
    far.settimeout(PATIENCE_S)
    yield Wire(near), far
    near.close()
    far.close()


Pair = tuple[Wire, socket.socket]


def test_heads_follow_one_another(pair: Pair) -> None:
    """Two requests in one packet are two requests; blank lines between them are nobody's."""
    reader, client = pair
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\nHost: y\n\n")
    assert reader.read_head() == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert reader.read_head() == b"GET /b HTTP/1.1\nHost: y\n\n"


class Pieces:
    """A socket on which so many packets come, one at a time."""

    def __init__(self, *packets: bytes) -> None:
        self._packets = list(packets)

    def settimeout(self, _: float) -> None:
        pass

    def recv(self, _: int) -> bytes:
        return self._packets.pop(0)


def test_blank_lines_between_requests_come_in_any_pieces() -> None:
    """As old browsers send them after a form, each in a packet of its own."""
    first, second = b"GET / HTTP/1.1\r\n\r\n", b"GET /b HTTP/1.1\r\n\r\n"
    reader = Wire(
        cast(socket.socket, Pieces(b"\r", b"\n", first, b"\r\n", b"\r", b"\n\r\n" + second[:20], second[20:]))
    )
    assert reader.read_head() == first
    assert reader.read_head() == second


def test_a_body_is_read_to_its_length(pair: Pair) -> None:
    """And what follows it belongs to the next request."""
    reader, client = pair
    client.sendall(b"POST / HTTP/1.1\r\n\r\nabcdeGET / HTTP/1.1\r\n\r\n")
    reader.read_head()
    assert reader.read_body(5) == b"abcde"
    assert reader.read_head().startswith(b"GET")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 9000, 414),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000, 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 40000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_too_long_is_refused(pair: Pair, sent: bytes, status: int) -> None:
    """A line, a head."""
    reader, client = pair
    client.sendall(sent)
    with pytest.raises(Refusal) as refusal:
        reader.read_head()
    assert refusal.value.status == status


def test_a_body_that_is_too_long_is_not_read(pair: Pair) -> None:
    """It is refused by its length."""
    with pytest.raises(Refusal) as refusal:
        pair[0].read_body(wire.BODY_MAX + 1)
    assert refusal.value.status == 413


def test_one_deadline_for_the_whole_head(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not extend it."""
    monkeypatch.setattr(wire, "HEAD_S", 0.05)
    reader, client = pair
    client.sendall(b"GET / HTT")
    with pytest.raises(Refusal) as refusal:
        reader.read_head()
    assert refusal.value.status == 408


def test_silence_is_no_request(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing gets nothing."""
    monkeypatch.setattr(wire, "HEAD_S", 0.05)
    with pytest.raises(Gone):
        pair[0].read_head()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"])
def test_a_client_that_leaves_is_gone(pair: Pair, sent: bytes) -> None:
    """In the middle of a head as well."""
    reader, client = pair
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(Gone):
        reader.read_head()


def test_a_share_is_so_many_places() -> None:
    """And gives back what it takes; refusals are counted by cause."""
    limits = Limits(2, 1)
    assert limits.listeners.enter("192.0.2.1")
    assert not limits.listeners.enter("192.0.2.1")
    assert limits.listeners.enter("192.0.2.2")
    assert not limits.listeners.enter("192.0.2.3")
    assert limits.refused[ADDRESS] == 1
    assert limits.refused[LISTENERS] == 1
    limits.listeners.leave("192.0.2.1")
    assert limits.listeners.enter("192.0.2.3")
    assert limits.listeners.taken == 2


def test_the_one_that_waits_longest_makes_room() -> None:
    """With the short share full of half-open requests, a new one gets in and the oldest is disconnected."""
    limits = Limits(1, short_max=2)
    pairs = [socket.socketpair() for _ in range(2)]
    with ExitStack() as waiting:
        for near, _ in pairs:
            assert limits.admit()
            waiting.enter_context(limits.waiting(near))
        assert limits.admit()
    assert pairs[0][1].recv(1) == b""
    pairs[1][1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pairs[1][1].recv(1)
    assert limits.refused[CONNECTIONS] == 1
    for one in pairs:
        for end in one:
            end.close()


def test_a_crowd_waits_for_a_place() -> None:
    """Nobody whose request has come is disconnected because we are slow: the next one waits until a place is free."""
    limits = Limits(1, short_max=1)
    near, far = socket.socketpair()
    far.send(b"GET")
    assert limits.admit()
    with near, far, limits.waiting(near):
        far.settimeout(0)
        serving = threading.Thread(target=limits.release)
        serving.start()
        assert limits.admit()
        serving.join(PATIENCE_S)
        with pytest.raises(BlockingIOError):
            far.recv(1)
    assert limits.refused[CONNECTIONS] == 0


def test_accepting_never_waits_for_a_silent_client() -> None:
    """Whatever time that one still has for its request."""
    limits = Limits(1, short_max=1)
    near, far = socket.socketpair()
    near.settimeout(10 * PATIENCE_S)
    assert limits.admit()
    with near, far, limits.waiting(near), ThreadPoolExecutor() as pool:
        assert pool.submit(limits.admit).result(PATIENCE_S)
        assert far.recv(1) == b""


def test_who_asks_without_taking_the_answers_is_no_crowd() -> None:
    """Requests that lie there unread protect only a client that we could answer."""
    limits = Limits(1, short_max=1)
    near, far = socket.socketpair()
    near.setblocking(False)
    far.send(b"GET")
    with suppress(BlockingIOError):
        while near.send(bytes(65536)):
            pass
    assert limits.admit()
    with near, far, limits.waiting(near):
        assert limits.admit()
    assert limits.refused[CONNECTIONS] == 1


def test_one_who_sends_too_much_is_no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is not our fault any more that something lies there unread."""
    monkeypatch.setattr(shares, "EVICTION_GRACE_S", -1.0)
    limits = Limits(1, short_max=1)
    near, far = socket.socketpair()
    far.send(b"GET")
    assert limits.admit()
    with near, far, limits.waiting(near):
        assert limits.admit()
        assert far.recv(1) == b""


def test_with_nobody_waiting_a_full_share_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are being answered are not interrupted."""
    monkeypatch.setattr(shares, "ADMIT_WAIT_S", 0.001)
    limits = Limits(1, short_max=1)
    assert limits.admit()
    assert not limits.admit()
    limits.release()
    assert limits.admit()


def test_who_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nobody has got a place in time nobody waits for one, until one gets free: monitors are told at once."""
    monkeypatch.setattr(shares, "ADMIT_WAIT_S", 0.001)
    limits = Limits(1, short_max=1)
    assert limits.admit()
    assert not limits.admit()
    monkeypatch.setattr(shares, "ADMIT_WAIT_S", 10 * PATIENCE_S)
    assert not limits.admit()
    assert limits.refused[CONNECTIONS] == 2


class Allowance:
    """The process's limit of descriptors, as the system keeps it."""

    RLIM_INFINITY = -1
    RLIMIT_NOFILE = 7

    def __init__(self, soft: int, hard: int) -> None:
        self.limits = soft, hard

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        if -1 < self.limits[1] < limits[0]:
            raise ValueError("beyond the hard limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "places"),
    [
        (1024, -1, 1860, SHORT_MAX),
        (1024, 524288, 1860, SHORT_MAX),
        (65536, 65536, 65536, SHORT_MAX),
        (-1, -1, -1, SHORT_MAX),
        (1024, 1024, 1024, 1024 - 836),
    ],
)
def test_descriptors_for_everybody(
    soft: int, hard: int, raised: int, places: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 listeners, 256 readers of events, 4 stations' tracks and 64 more come first; short requests get the rest."""
    allowance = Allowance(soft, hard)
    monkeypatch.setattr(shares, "resource", allowance)
    assert short_places(500, 4) == places
    assert allowance.limits == (raised, hard)
    assert not caplog.records


def test_too_few_descriptors_are_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With what would be enough; health and control keep a few places."""
    monkeypatch.setattr(shares, "resource", Allowance(256, 1024))
    assert short_places(5000, 1) == SHORT_MIN
    assert "1024 open files are too few for 5000 listeners, allow 6348" in caplog.text


def test_a_body_that_does_not_come(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has one deadline, however its bytes trickle; a client that closes is gone."""
    reader, client = pair
    monkeypatch.setattr(wire, "BODY_S", 0.0)
    with pytest.raises(Refusal) as refusal:
        reader.read_body(5)
    assert refusal.value.status == 408
    monkeypatch.setattr(wire, "BODY_S", PATIENCE_S)
    client.sendall(b"abc")
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(Gone):
        reader.read_body(5)


def test_what_follows_a_head_is_handed_over_once(pair: Pair) -> None:
    """To whoever reads the connection from then on, as a live source's stream is."""
    reader, client = pair
    client.sendall(b"SOURCE / HTTP/1.0\r\n\r\naudio")
    reader.read_head()
    assert reader.take_rest() == b"audio"
    assert reader.take_rest() == b""


def test_a_refused_client_may_finish_what_it_says(pair: Pair) -> None:
    """It is listened to until it closes, so that the answer is not lost in a reset."""
    reader, client = pair
    client.sendall(b"x" * 10_000)
    client.shutdown(socket.SHUT_WR)
    reader.linger()
    assert client.recv(1) == b""


def test_a_refused_client_is_not_listened_to_for_ever(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in time nor in bytes."""
    reader, client = pair
    monkeypatch.setattr(wire, "LINGER_S", 0.0)
    reader.linger()
    monkeypatch.setattr(wire, "LINGER_BYTES", wire.RECEIVE_BYTES)
    monkeypatch.setattr(wire, "LINGER_S", PATIENCE_S)
    client.sendall(b"x")
    reader.linger()
    assert client.recv(1) == b""


def test_leaving_is_waited_for() -> None:
    """At the end, until all places are free, and no longer than there is time."""
    places = Limits(2, 2).listeners
    assert places.enter("192.0.2.1")
    assert not places.wait_empty(0.0)
    places.leave("192.0.2.1")
    assert places.wait_empty(-1.0)
