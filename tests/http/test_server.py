"""The pure parts of the server: how long a body is, whose request it is and for what, how a refusal reads."""

from __future__ import annotations

import _thread
import errno
import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from radiostream.http import routes, server
from radiostream.http.handlers import listener
from radiostream.http.protocol.held import HELD_MAX
from radiostream.http.protocol.message import Answer, Refusal, Request, Response, head_bytes
from radiostream.http.protocol.proxies import Client
from radiostream.http.server import Connection, RadioServer, _length, _request, has_asked, refused
from radiostream.http.site import Site
from tests.http.site_builder import House
from tests.radio.studio import Studio
from tests.waiting import PATIENCE_S, until


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({}, 0),
        ({"content-length": "0"}, 0),
        ({"content-length": "12"}, 12),
        ({"content-length": "007"}, 7),
        ({"content-length": "999999999"}, 999_999_999),
        ({"content-length": "9" * 5000}, 1 << 40),
    ],
)
def test_lengths(fields: dict[str, str], length: int) -> None:
    """A number of any size; one that is absurd is only known to be too large."""
    assert _length(fields) == length


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"content-length": ""}, 400),
        ({"content-length": "-1"}, 400),
        ({"content-length": "+1"}, 400),
        ({"content-length": "1.0"}, 400),
        ({"content-length": "0x10"}, 400),
        ({"content-length": "1_0"}, 400),
        ({"content-length": "\u0661"}, 400),
        ({"content-length": "\xb2"}, 400),
        ({"content-length": "3, 3"}, 400),
        ({"content-length": "3", "transfer-encoding": "chunked"}, 400),
        ({"transfer-encoding": "chunked"}, 501),
        ({"transfer-encoding": ""}, 501),
    ],
)
def test_lengths_that_are_none(fields: dict[str, str], status: int) -> None:
    """What another program could read as another length is refused, chunks are not read at all."""
    with pytest.raises(Refusal) as refusal:
        _length(fields)
    assert refusal.value.status == status


@pytest.fixture
def house(studio: Studio, tmp_path: Path) -> House:
    """Below /radio, behind a proxy at 192.0.2.1."""
    return House({"/": studio}, tmp_path, "--base-path", "/radio", "--trusted-proxies", "192.0.2.1/32")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/radio", "/"),
        ("/radio/", "/"),
        ("/radio/humor", "/humor"),
        ("/radio/radio/humor", "/radio/humor"),
        ("/radiohumor", "/radiohumor"),
        ("/humor", "/humor"),
        ("/", "/"),
        ("/r%61dio/humor", "/humor"),
        ("//radio/humor", "//radio/humor"),
        ("http://radio.example/radio/humor?x", "/humor"),
    ],
)
def test_the_base_path_is_taken_off(house: House, target: str, path: str) -> None:
    """Once, as a whole segment; proxies that strip it themselves are understood too."""
    assert _request(house.site, "GET", target, {}, "192.0.2.9").path == path


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("?", {}),
        ("?route=/humor&limit=5", {"route": "/humor", "limit": "5"}),
        ("?route=%2Fh+x&route=last", {"route": "last"}),
        ("?on=&off", {"on": "", "off": ""}),
        ("?a=%ff", {"a": "\ufffd"}),
        ("?a=b?c=d", {"a": "b?c=d"}),
        ("?a=b#c=d", {"a": "b"}),
        ("?a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_queries(house: House, query: str, parameters: dict[str, str]) -> None:
    """The last value of each; a fragment is not for us."""
    assert _request(house.site, "GET", "/now-playing" + query, {}, "192.0.2.9").query == parameters


FORWARDED = {
    "x-forwarded-for": "203.0.113.9, 198.51.100.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "radio.example",
}


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("192.0.2.1", Client("198.51.100.7", "https", "radio.example")),
        ("::ffff:192.0.2.1", Client("198.51.100.7", "https", "radio.example")),
        ("192.0.2.2", Client("192.0.2.2")),
    ],
)
def test_whose_request_it_is(house: House, peer: str, client: Client) -> None:
    """What the trusted proxy says of whom it saw; of others, what we see ourselves."""
    assert _request(house.site, "GET", "/", FORWARDED, peer).client == client


def asked_with(**headers: str) -> Request:
    return Request("GET", "/no/where", {}, headers, Client("192.0.2.7"))


@pytest.mark.parametrize("request_", [None, asked_with(), asked_with(accept="*/*"), asked_with(accept="text/plain")])
@pytest.mark.parametrize("status", [400, 404, 405, 503])
def test_a_refusal_is_json(status: int, request_: Request | None) -> None:
    """With its own headers; neither stored nor sniffed."""
    response = refused(Refusal(status, 'no "such" thing', ("Retry-After", "5")), request_)
    assert (response.status, response.content_type) == (status, "application/json; charset=utf-8")
    assert json.loads(response.body) == {"error": 'no "such" thing'}
    headers = dict(response.headers)
    assert (headers["Retry-After"], headers["Cache-Control"]) == ("5", "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Access-Control-Allow-Origin"] == "*"


def test_a_kept_connection_says_for_how_long() -> None:
    """Load balancers send into connections that they think are kept: longer than their 60 s, and told."""
    kept = head_bytes(Response(), close=False).decode()
    assert "\r\nKeep-Alive: timeout=75\r\n" in kept
    assert "Keep-Alive" not in head_bytes(Response(), close=True).decode()


def test_every_answer_tells_the_time() -> None:
    """RFC 9110 §6.6.1: whoever has a clock says when."""
    lines = head_bytes(Response(), close=True).decode().split("\r\n")
    said = next(line.partition(": ")[2] for line in lines if line.startswith("Date: "))
    assert abs(parsedate_to_datetime(said).timestamp() - time.time()) < 60
    assert said.endswith(" GMT")


@pytest.mark.parametrize(("status", "is_page"), [(404, True), (401, True), (400, False), (503, False)])
def test_a_person_who_is_lost_gets_a_page(status: int, is_page: bool) -> None:
    """With the policy of all pages; other refusals are for programs."""
    response = refused(Refusal(status, "nothing here"), asked_with(accept="text/html,*/*;q=0.8"))
    assert response.content_type.startswith("text/html") is is_page
    assert ("Content-Security-Policy" in dict(response.headers)) is is_page
    assert (b"<h1>" in response.body) is is_page


def test_what_every_connection_has_from_the_listening_socket(house: House) -> None:
    """Small answers go at once, and a peer that died without a word is noticed, whatever it had asked for."""
    with RadioServer(house.site, "127.0.0.1", 0) as server, socket.create_connection(("127.0.0.1", server.server_port)):
        connection, _ = server.get_request()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


def test_a_lack_of_descriptors_is_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not with each try; and anew when it comes anew."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with RadioServer(house.site, "127.0.0.1", 0) as server, monkeypatch.context() as patched:
        listening = server.socket
        for _ in range(2):
            patched.setattr(server, "socket", _Full())
            for _ in range(3):
                with pytest.raises(OSError, match="files"):
                    server.get_request()
            patched.setattr(server, "socket", listening)
            with socket.create_connection(("127.0.0.1", server.server_port)):
                server.get_request()[0].close()
    assert [record.message for record in caplog.records] == ["cannot accept a connection: no files"] * 2


def test_a_client_that_is_gone_before_it_is_accepted(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is told of it."""
    with RadioServer(house.site, "127.0.0.1", 0) as server, monkeypatch.context() as patched:
        patched.setattr(server, "socket", _Full(errno.ECONNABORTED))
        with pytest.raises(ConnectionAbortedError):
            server.get_request()
    assert not caplog.records


def _says_nothing(_: socket.socket) -> None: ...


def _asks(client: socket.socket) -> None:
    client.sendall(b"G")


def _leaves(client: socket.socket) -> None:
    client.close()


def _resets(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize(("acts", "asked"), [(_says_nothing, False), (_asks, True), (_leaves, True), (_resets, True)])
def test_who_has_asked(acts: Callable[[socket.socket], None], asked: bool) -> None:
    """Whoever need not be waited for; what it sent is there to be read all the same."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        near = listening.accept()[0]
        with client, near:
            acts(client)
            assert has_asked(near) is asked
            if acts is _asks:
                assert near.recv(10) == b"G"


def test_who_says_nothing_does_not_stand_in_the_entrance(on_air: RadioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is accepted at once: only a request that is there is waited for."""
    monkeypatch.setattr(server, "ENTER_S", 10 * PATIENCE_S)
    with socket.create_connection(("127.0.0.1", on_air.server_port)):
        on_air.handle_request()
        assert b"200 OK" in answer_of(on_air, b"GET /healthz")


def test_a_connection_that_is_kept_does_not_stand_in_the_entrance(
    on_air: RadioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is accepted once it has its first answer, not at its end."""
    monkeypatch.setattr(server, "ENTER_S", 10 * PATIENCE_S)
    with socket.create_connection(("127.0.0.1", on_air.server_port), PATIENCE_S) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        on_air.handle_request()
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert b"200 OK" in answer_of(on_air, b"GET /healthz")


def test_a_request_that_takes_long_does_not_stand_in_the_entrance(
    on_air: RadioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for a moment."""
    answered, answer = threading.Event(), routes.answer

    def slowly(site: Site, request: Request) -> Answer:
        if request.path == "/tracks":
            assert answered.wait(PATIENCE_S)
        return answer(site, request)

    monkeypatch.setattr(routes, "answer", slowly)
    with socket.create_connection(("127.0.0.1", on_air.server_port), PATIENCE_S) as client:
        client.sendall(b"GET /tracks HTTP/1.0\r\n\r\n")
        on_air.handle_request()
        assert b"200 OK" in answer_of(on_air, b"GET /healthz")
        answered.set()
        assert client.recv(12).startswith(b"HTTP/1.")


def test_no_thread_to_be_had(house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Told once, not with each client; a monitor hears that we live, everybody else that we are busy, none is cut off
    before it is told."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    with RadioServer(house.site, "127.0.0.1", 0) as server:
        asked = {
            b"GET /healthz": b"200 OK",
            b"GET /radio/healthz": b"200 OK",
            b"GET /": b"503",
            b"POST /healthzz": b"503",
        }
        for _ in range(2):
            with monkeypatch.context() as patched:
                patched.setattr(_thread, "start_new_thread", refuse)
                for request, status in asked.items():
                    assert status in answer_of(server, request)
            assert b"200 OK" in answer_of(server, b"GET /healthz")  # by a thread again
        assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
            "no thread for a connection, sending clients away: can't start new thread"
        ] * 2


@pytest.fixture
def on_air(house: House, studio: Studio) -> Iterator[RadioServer]:
    """A server whose station has been on the air for a while, and ends with the test."""
    studio.show(studio.track(1, 20000))
    studio.run_until(30)
    with RadioServer(house.site, "127.0.0.1", 0) as server:
        yield server
        studio.station.stop()
        until(lambda: not house.site.limits.listeners.taken)


def test_no_thread_for_a_stream(on_air: RadioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on in the thread that answered its request."""
    start, answering = _thread.start_new_thread, [1]

    def start_one(*arguments: Any) -> int:
        if answering:
            answering.pop()
            return start(*arguments)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", start_one)
    with socket.create_connection(("127.0.0.1", on_air.server_port), PATIENCE_S) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        on_air.handle_request()
        data = b""
        while len(data) < 50_000:
            data += client.recv(1 << 16)
    assert data.startswith(b"HTTP/1.0 200")
    assert not answering


def test_a_bug_in_a_stream(
    on_air: RadioServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its connection is closed, and it is logged once."""

    def fail(_: listener.Feed) -> NoReturn:
        raise RuntimeError("a bug")

    monkeypatch.setattr(listener.Feed, "run", fail)
    assert answer_of(on_air, b"GET /").startswith(b"HTTP/1.0 200")
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == ["a connection failed"]


def answer_of(server: RadioServer, request: bytes) -> bytes:
    """What a client reads until the connection ends."""
    with socket.create_connection(("127.0.0.1", server.server_port), 20) as client:
        client.sendall(request + b" HTTP/1.0\r\n\r\n")
        server.handle_request()
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_what_clients_do_not_take_is_bounded(house: House) -> None:
    """Where others hold as much as may be, one more large answer is a 503, and a small one is sent."""
    limits = house.site.limits
    with RadioServer(house.site, "127.0.0.1", 0) as server, limits.held.hold(bytes(HELD_MAX)):
        assert b"503 " in answer_of(server, b"GET /static/style.css")
        assert b"200 OK" in answer_of(server, b"GET /healthz")
    assert limits.refused["memory"] == 1


class _Full:
    def __init__(self, number: int = errno.EMFILE) -> None:
        self._number = number

    def accept(self) -> None:
        raise OSError(self._number, "no files")


def test_a_player_from_its_request_to_its_leaving(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It gets the head and whole frames, is counted while it is there, and both is logged."""
    studio = house.studios["/"]
    studio.show(studio.track(1, 4000))
    studio.run_until(5)
    caplog.set_level(logging.INFO)
    with RadioServer(house.site, "127.0.0.1", 0) as server:
        with socket.create_connection(("127.0.0.1", server.server_port), PATIENCE_S) as client:
            client.sendall(b"GET /radio/ HTTP/1.0\r\nUser-Agent: a player\r\nRange: bytes=1000-\r\n\r\n")
            server.handle_request()
            received = b""
            while b"\xff\xfb\x90\x00" not in received:
                received += client.recv(1 << 16)
            assert received.startswith(b"HTTP/1.0 206 ")
            (one,) = until(studio.station.audience.present, "the listener")
            assert one.agent == "a player"
        studio.station.stop()  # whoever has not noticed yet is told
        assert house.site.limits.listeners.wait_empty(PATIENCE_S)
    said = [" ".join(record.message.split()[1:4]) for record in caplog.records if "listener 1 " in record.message]
    assert said == ["listener 1 from", "listener 1 gone"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("HEAD", "/", {}, 200),
        ("HEAD", "/main.mp3", {}, 200),
        ("HEAD", "/", {"range": "bytes=1000-"}, 206),
        ("HEAD", "/", {"range": "bytes=-5"}, 200),
        ("GET", "/main.ogg", {}, 404),
        ("GET", "/", {}, 503),
    ],
)
def test_heads_of_streams(
    studio: Studio, tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """HEAD takes no place; a full house says when to try again."""
    site = House({"/": studio}, tmp_path)
    site.site.limits.listeners.places = 0
    response = site.ask(method, path, headers)
    assert response.status == status
    assert ("Content-Range" in dict(response.headers)) is (status == 206)
    assert ("Retry-After" in dict(response.headers)) is (status == 503)


def bug(*_: object) -> NoReturn:
    """A mistake of ours."""
    raise RuntimeError("a bug")


def test_a_bug_of_ours_is_a_500_and_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns nothing of it."""
    monkeypatch.setattr(routes, "answer", bug)
    with RadioServer(house.site, "127.0.0.1", 0) as server:
        answer = answer_of(server, b"GET /")
    assert b"500 " in answer
    assert b"a bug" not in answer
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]


def test_a_bug_in_a_connection_is_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the connection ends."""
    monkeypatch.setattr(Connection, "_serve", bug)
    with RadioServer(house.site, "127.0.0.1", 0) as server:
        assert answer_of(server, b"GET /") == b""
    assert [record.message for record in caplog.records] == ["a connection failed"]


def test_what_is_no_request_is_told_so(house: House) -> None:
    """With the answer whole, though bytes were left unread."""
    with (
        RadioServer(house.site, "127.0.0.1", 0) as server,
        socket.create_connection(("127.0.0.1", server.server_port), PATIENCE_S) as client,
    ):
        client.sendall(b"\x16\x03\x01" + bytes(1000))
        client.shutdown(socket.SHUT_WR)
        server.handle_request()
        assert b" 400 " in b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_a_body_is_asked_for_where_the_client_waits(house: House) -> None:
    """`Expect: 100-continue`, as curl sends it with longer bodies."""
    with (
        RadioServer(house.site, "127.0.0.1", 0) as server,
        socket.create_connection(("127.0.0.1", server.server_port), PATIENCE_S) as client,
    ):
        client.sendall(b"POST /radio/healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n")
        client.sendall(b"Connection: close\r\n\r\n")
        server.handle_request()
        assert client.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert b" 405 " in b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_a_connection_over_the_cap_is_sent_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a thread."""
    monkeypatch.setattr(house.site.limits, "admit", lambda: False)
    with (
        RadioServer(house.site, "127.0.0.1", 0) as server,
        socket.create_connection(("127.0.0.1", server.server_port), PATIENCE_S) as client,
    ):
        server.handle_request()
        assert b"503 " in client.recv(1 << 16)
