"""One POST, to webhooks of every kind: those that answer, and those that do their worst."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from radiostream.plays.post import PostError, post
from tests.plays.sink import OK, Sink


def test_what_is_posted_is_http() -> None:
    """The body with its length, JSON, our headers, the URL's query, and the password of its address."""
    with Sink(lambda _: OK) as sink:
        post(sink.url.replace("//", "//user:p%40ss@"), b'{"a":1}', {"X-One": "1"})
    head, _, body = sink.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /hook?key=1 HTTP/1.1"
    assert {f"Host: 127.0.0.1:{sink.port}", "Content-Type: application/json", "Content-Length: 7", "X-One: 1"} <= {
        *lines
    }
    assert "Authorization: Basic dXNlcjpwQHNz" in lines
    assert body == b'{"a":1}'


def answer(status: str, *fields: str) -> bytes:
    """An answer's head, and nothing behind it."""
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
def test_a_2xx_is_taken(status: str) -> None:
    """Discord's 204 as well as the others."""
    with Sink(lambda _: answer(status)) as sink:
        post(sink.url, b"{}", {})


@pytest.mark.parametrize(
    ("said", "retry", "after_s"),
    [
        (answer("400 Bad Request"), False, 0),
        (answer("404 Not Found"), False, 0),
        (answer("410 Gone"), False, 0),
        (answer("408 Timeout"), True, 0),
        (answer("429 Slow down", "Retry-After: 30"), True, 30),
        (answer("429 Slow down", "Retry-After: Thu, 26 Nov 2026 02:02:31 GMT"), True, 0),
        (answer("500 Oops"), True, 0),
        (answer("503 Busy", "Retry-After: 7"), True, 7),
        (answer("302 Found"), False, 0),
        (answer("303 See Other", "Location: /other"), False, 0),
        (b"", True, 0),
        (b"SSH-2.0-OpenSSH\r\n\r\n", True, 0),
        (b"HTTP/1.1 abc\r\n\r\n", True, 0),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", True, 0),
        (b"\xff" * 100_000, True, 0),
    ],
)
def test_other_answers_are_failures(said: bytes, retry: bool, after_s: float) -> None:
    """Those that may pass are tried again, when the server says so; those that will not, are not."""
    with Sink(lambda _: said) as sink, pytest.raises(PostError) as failed:
        post(sink.url, b"{}", {})
    assert (failed.value.retry, failed.value.after_s) == (retry, after_s)


def test_an_enormous_answer_is_not_read() -> None:
    """Of a body without end, nothing."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(answer("200 OK"))
        while True:
            connection.sendall(b"x" * 65536)

    with Sink(lambda _: flood) as sink:
        post(sink.url, b"{}", {})


def hang(connection: socket.socket) -> None:
    """Say nothing until the other end is gone."""
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    """A header that comes byte by byte and never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    connection.settimeout(0.02)
    while True:
        connection.sendall(b"x")
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue


@pytest.mark.parametrize("how", [hang, drip])
def test_who_does_not_answer_is_given_up(how: Callable[[socket.socket], None]) -> None:
    """All of it has one deadline, not one for each byte."""
    with Sink(lambda _: how) as sink, pytest.raises(PostError, match="in time"):
        post(sink.url, b"{}", {}, timeout_s=0.3)


def test_nobody_there_is_a_failure() -> None:
    """A port that nobody listens to, a name that is none."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://nobody.invalid/", f"https://127.0.0.1:{port}/"):
        with pytest.raises(PostError):
            post(url, b"{}", {})


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_on_the_same_host_is_followed(status: str) -> None:
    """With the body, as a POST."""
    with Sink(lambda data: OK if b"/there" in data[:20] else answer(status, "Location: /there")) as sink:
        post(sink.url, b'{"a":1}', {})
    assert len(sink.requests) == 2
    assert sink.requests[1].startswith(b"POST /there HTTP/1.1\r\n")
    assert sink.requests[1].endswith(b'{"a":1}')


@pytest.mark.parametrize("target", ["http://localhost:{port}/", "http://evil.invalid/", "ftp://127.0.0.1/", "http://["])
def test_a_redirect_elsewhere_is_not(target: str) -> None:
    """What is told to one host is told to no other."""
    with Sink(lambda _: answer("307 T", f"Location: {target}")) as sink:
        with pytest.raises(PostError) as failed:
            post(sink.url, b"{}", {})
        assert len(sink.requests) == 1
    assert not failed.value.retry


def test_redirects_in_a_circle_end() -> None:
    """After three."""
    with Sink(lambda _: answer("307 T", "Location: /again")) as sink:
        with pytest.raises(PostError, match="redirects"):
            post(sink.url, b"{}", {})
        assert len(sink.requests) == 4
