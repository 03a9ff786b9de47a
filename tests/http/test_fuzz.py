"""Whatever a client sends: heads as bytes, requests as values, bodies. Nothing but refusals, and never a 500."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radiostream.http.protocol import head as heads
from radiostream.http.protocol.message import Answer, Refusal, Request, Response, Stream, head_bytes
from radiostream.http.protocol.proxies import Client
from radiostream.http.routes import METHODS, ROUTES, answer
from radiostream.http.server import _request, refused
from tests.http.site_builder import BEARER, House
from tests.radio.studio import Studio

HOSTED = b"GET / HTTP/1.1\r\nHost: x\r\n"

MALFORMED = {
    "version 0.9, said": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "version 0.9, implied": (b"GET /\r\n\r\n", 400),
    "version 1.2": (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    "version 2": (b"PRI * HTTP/2.0\r\n\r\n", 505),
    "version and more": (b"GET / HTTP/1.1x\r\nHost: x\r\n\r\n", 400),
    "version with a zero": (b"GET / HTTP/01.1\r\nHost: x\r\n\r\n", 400),
    "version of words": (b"GET / HTTP/a.b\r\nHost: x\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "other white space": (b"GET\x0b/\x0cHTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a control character": (b"GET /\x1b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "NUL in a value": (HOSTED + b"A: \0\r\n\r\n", 400),
    "NUL in a name": (HOSTED + b"A\0: b\r\n\r\n", 400),
    "a method that is none": (b"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (HOSTED + b"Host: y\r\n\r\n", 400),
    "two lengths alike": (HOSTED + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n", 400),
    "two passwords": (HOSTED + b"Authorization: a\r\nauthorization: b\r\n\r\n", 400),
    "a folded line": (HOSTED + b"A: b\r\n c\r\n\r\n", 400),
    "a folded first line": (b"GET / HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n", 400),
    "no colon": (HOSTED + b"nothing\r\n\r\n", 400),
    "no colon, as in a mailbox": (b"GET / HTTP/1.1\r\nFrom nobody\r\nHost: x\r\n\r\n", 400),
    "no name": (HOSTED + b": b\r\n\r\n", 400),
    "a space before the colon": (HOSTED + b"Transfer-Encoding : chunked\r\n\r\n", 400),
    "a bare CR in a value": (HOSTED + b"A: b\rContent-Length: 5\r\n\r\n", 400),
    "a bare CR at a line's end": (HOSTED + b"A: b\r\r\nContent-Length: 5\r\n\r\n", 400),
    "too many fields": (HOSTED + b"A: b\r\n" * 100 + b"\r\n", 431),
}


@pytest.mark.parametrize(("data", "status"), MALFORMED.values(), ids=MALFORMED)
def test_heads_that_are_none(data: bytes, status: int) -> None:
    """What two programs could read in two ways is refused."""
    with pytest.raises(Refusal) as refusal:
        heads.parse(data)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", heads.Head("GET", "/", {}, True)),
        (b"GET /a HTTP/1.1\nHost: x\n\n", heads.Head("GET", "/a", {"host": "x"}, False)),
        (HOSTED + b"Connection: Foo , CLOSE\r\n\r\n", ("GET", "/", {"host": "x", "connection": "Foo , CLOSE"}, True)),
        (HOSTED + b"A:\t b c \t\r\na: d\r\n\r\n", ("GET", "/", {"host": "x", "a": "b c, d"}, False)),
        (HOSTED + b"A: \xe4\x85\xa0\x1b\r\n\r\n", ("GET", "/", {"host": "x", "a": "\xe4\x85\xa0\x1b"}, False)),
        ("GET /voilà HTTP/1.0\r\n\r\n".encode(), ("GET", "/voilà", {}, True)),
        (b"M-SEARCH * HTTP/1.0\r\n\r\n", ("M-SEARCH", "*", {}, True)),
    ],
)
def test_heads_that_are_taken(data: bytes, expected: tuple[object, ...]) -> None:
    """Names in any case, values without the white space around them, raw UTF-8 in the path."""
    assert heads.parse(data) == expected


WORDS = st.sampled_from(
    [
        *HOSTED.split(b" "),
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"HTTP/1.1",
        b"Content-Length",
        b"\xff",
        b"GET",
    ]
)


@given(st.one_of(st.binary(max_size=300), st.lists(WORDS, max_size=40).map(b"".join)))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    """And what is taken holds nothing that another program could take for the end of a line."""
    with suppress(Refusal):
        head = heads.parse(data)
        assert not {"\r", "\n", "\0"}.intersection("".join((head.method, head.target, *head.fields.values())))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two stations that play, each obeying in the request's own thread."""
    studios = {}
    for route in ("/", "/humor"):
        studio = Studio(tmp_path_factory.mktemp("studio"), route=route)
        studio.show(studio.track(1, 3000), studio.track(2, 3000))
        studio.run_until(5)
        obey(studio)
        studios[route] = studio
    yield House(studios, tmp_path_factory.mktemp("audio"))
    for studio in studios.values():
        studio.station.stop()
        studio.station.run()


def obey(studio: Studio) -> None:
    """A command is obeyed as soon as it is posted, by the thread that posts it."""
    station = studio.station
    post = station._inbox.post

    def post_and_obey(command: Callable[[], object]) -> object:
        future = post(command)
        while not future.done():
            station.step()
        return future

    station._inbox.post = post_and_obey  # type: ignore[method-assign, assignment] # spares a thread a station


METHOD = st.one_of(st.sampled_from([*METHODS, "PUT", "TRACE"]), st.text("ABCDEFabc!", min_size=1, max_size=8))
SEGMENT = st.one_of(
    st.sampled_from([*(path.strip("/") for path in ROUTES), "humor", "main", "humor.mp3", "main.m3u8", "humor.m3u",
                     "player.js", "..", ".", "", "%2e%2e", "a\u202eb", "\ud7ff", "…", "\x1b[31m", "'\"><script>"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)  # fmt: skip
PATH = st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts))
NAMES = st.sampled_from(
    ["host", "range", "accept", "authorization", "cookie", "origin", "sec-fetch-site", "if-none-match", "user-agent",
     "icy-metadata", "content-type", "accept-encoding", "if-range", "x-forwarded-for", "referer"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["bytes=0-", "bytes=5-", "bytes=-1", "bytes=a-b", "*", "text/html", "gzip", "1", "Bearer open sesame", "Basic",
         "Basic %%%", "Basic OmE=", "radiostream_session=x", "http://[", "http://x:99999", "[::1]:80", "same-origin",
         "application/x-www-form-urlencoded", BEARER["authorization"]]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30),
)  # fmt: skip
QUERY = st.dictionaries(
    st.sampled_from(["route", "limit", "on", "player", "mount", "x"]),
    st.one_of(
        st.sampled_from(["/humor", "humor", "main", "", "true", "0", "-1", "1e3", "99999999999"]), st.text(max_size=9)
    ),
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(METHOD, PATH, QUERY, st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=60))
def test_any_request_is_answered(
    house: House, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    """With a status that has a name and is not 500, and a head that no value can break."""
    request = Request(method, path, query, headers, Client("192.0.2.7"), body)
    response: Answer
    try:
        response = answer(house.site, request)
    except Refusal as refusal:
        response = refused(refusal, request)
    assert HTTPStatus(response.status)
    assert response.status != 500
    lines = head_bytes(response, close=True).split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert all(b": " in line and b"\r" not in line and b"\n" not in line for line in lines[1:-2])
    assert not isinstance(response, Response) or b"<script>" not in response.body.replace(b'<script src="', b"")
    if isinstance(response, Stream) and response.takeover is not None:
        limits = house.site.limits
        (limits.events if limits.events.taken else limits.listeners).leave(request.client.address)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_target_is_a_path_or_refused(house: House, target: str, headers: dict[str, str]) -> None:
    """Absolute, empty, percent-encoded, with queries of any kind."""
    with suppress(Refusal):
        request = _request(house.site, "GET", target, headers, "192.0.2.7")
        assert request.path.startswith("/")
        assert "\0" not in request.path
        request.path.encode()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a%2Fb", "/a/b"),
        ("http://x/a?b", "/a"),
        ("http://x", "/"),
        ("https://x?b", "/"),
        ("/%E2%82", "/\ufffd"),
        ("/voil%C3%A0", "/voilà"),
        ("/voilà", "/voilà"),
        ("/a#b?c", "/a"),
    ],
)
def test_targets(house: House, target: str, path: str) -> None:
    """A path is decoded once; what is no UTF-8 becomes U+FFFD."""
    assert _request(house.site, "GET", target, {}, "192.0.2.7").path == path


@pytest.mark.parametrize("target", ["*", "x:443", "a", "", "/%00", "?x", "ftp://x/", "/?" + "a=1&" * 51])
def test_targets_that_are_none(house: House, target: str) -> None:
    """Of other protocols, of proxies, with NUL, with too many parameters."""
    with pytest.raises(Refusal) as refusal:
        _request(house.site, "GET", target, {}, "192.0.2.7")
    assert refusal.value.status == 400
