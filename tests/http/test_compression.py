"""Compressed answers: who gets them, what is left alone."""

from __future__ import annotations

import gzip

import pytest

from radiostream.http.protocol.compression import accepts_gzip, packed
from radiostream.http.protocol.message import HTML, JSON, Request, Response
from radiostream.http.protocol.proxies import Client

LONG = b"<p>again and again</p>" * 200
TAKES = {"accept-encoding": "gzip, deflate, br"}


def asked(headers: dict[str, str]) -> Request:
    return Request("GET", "/web", {}, headers, Client("192.0.2.7"))


@pytest.mark.parametrize("content_type", [HTML, JSON, "text/plain; version=0.0.4"])
def test_long_text_is_compressed(content_type: str) -> None:
    """The same bytes come out of it, caches are told, and the other headers stay."""
    response = packed(asked(TAKES), Response(200, LONG, content_type, (("X-Other", "1"),)))
    assert gzip.decompress(response.body) == LONG
    assert len(response.body) < len(LONG) / 10
    assert response.headers == (("X-Other", "1"), ("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip"))


@pytest.mark.parametrize(
    "response",
    [
        Response(200, b"short", HTML),
        Response(200, LONG, "image/png"),
        Response(200, LONG, "text/css; charset=utf-8", (("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip"))),
    ],
    ids=["short", "picture", "compressed before"],
)
def test_what_is_left_alone(response: Response) -> None:
    """What would gain nothing, and what has been compressed already."""
    assert packed(asked(TAKES), response) is response


def test_a_client_that_does_not_ask_gets_plain_text() -> None:
    """And caches are told that others may get something else."""
    response = packed(asked({}), Response(200, LONG, HTML))
    assert (response.body, response.headers) == (LONG, (("Vary", "Accept-Encoding"),))


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("gzip; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br, identity", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_accepts_gzip(header: str, accepts: bool) -> None:
    """A table of headers."""
    assert accepts_gzip(header) is accepts
