"""Requests and answers as values: what a handler gets, and what it gives back. No socket is in sight here.

An answer is one of three kinds: a `Response` holds its body, a `Sent` sends a body that is no copy, a `Stream` takes
the connection over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket

    from radiostream.http.protocol.proxies import Client

JSON: Final = "application/json; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"

Headers = tuple[tuple[str, str], ...]

KEEP_ALIVE_S: Final = 75.0
"""How long a kept connection may stay silent between two requests: longer than the 60 s of load balancers, which would
else send a request into a connection that ends just then."""

SOURCES: Final = ("PUT", "SOURCE")
"""The methods of broadcasters, whose body has no end and is read by whoever takes the connection over."""

NO_STORE: Final = ("Cache-Control", "no-store")
ANY_ORIGIN: Final = ("Access-Control-Allow-Origin", "*")
CORS: Final[Headers] = (
    ANY_ORIGIN,
    ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
    ("Access-Control-Allow-Headers", "Icy-MetaData, Range, Content-Type, Accept"),
    (
        "Access-Control-Expose-Headers",
        "icy-metaint, icy-name, icy-genre, icy-description, icy-url, icy-br, icy-sr, icy-pub, icy-logo, "
        "icy-main-stream-url, icy-language-codes, icy-country-code, ice-audio-info, Content-Range",
    ),
)
"""What lets a page of another origin play a stream, ask for titles in it, and read what it is called."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole."""

    method: str
    path: str
    """Decoded, below the base path; begins with a slash."""
    query: Mapping[str, str]
    """The last value of each parameter."""
    headers: Mapping[str, str]
    """Names in lower case; repeated fields joined by a comma."""
    client: Client
    body: bytes = b""
    own: str = "localhost"
    """Our socket's address and port, for a request that names no host."""
    raw_path: str = ""
    """As it was sent; empty where it does not differ."""

    raw_query: str = ""
    """As it was sent."""

    @property
    def depth(self) -> int:
        """How many slashes the client sees in the path, below the base path: what relative links climb."""
        return (self.raw_path or self.path).count("/")

    @property
    def wants_html(self) -> bool:
        """Whether a person reads the answer."""
        return "text/html" in self.headers.get("accept", "")

    def form(self) -> dict[str, str]:
        """The fields of a submitted form; empty where the body is something else."""
        from urllib.parse import parse_qsl

        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        try:
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), max_num_fields=20))
        except ValueError:
            return {}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose body is at hand."""

    status: int = 200
    body: bytes = b""
    content_type: str = TEXT
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer whose body of `length` bytes is no copy of anything: `send` puts it on the socket by itself."""

    status: int
    content_type: str
    headers: Headers
    length: int
    send: Callable[[socket.socket, bytes], None] = field(compare=False)
    """Sends the head that it is given, then the body. Raises Gone or OSError where the client leaves."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An endless answer: HTTP/1.0 without a length, the form that every player takes; it ends with the connection."""

    status: int
    content_type: str
    headers: Headers
    takeover: Callable[[socket.socket, bytearray], None] | None = field(default=None, compare=False)
    """Called with the socket and the head, which it sends first, and clears, since our caller holds it for as long as
    this runs; it frees what the handler took. None for HEAD."""


Answer = Response | Sent | Stream


class Gone(Exception):  # noqa: N818 - no error, clients leave
    """The client left, or said nothing in time: nothing to answer."""


class Refusal(Exception):  # noqa: N818 - no error, an answer
    """The answer to a request that cannot be granted; raised anywhere in a handler."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def json_response(value: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """`value` as JSON, readable from any origin and never stored."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    return Response(status, body, JSON, (NO_STORE, *headers))


def head_bytes(answer: Answer, *, close: bool) -> bytes:
    """The answer's head on the wire. Nothing in a value can end its line, whatever file or client it came from."""
    status = answer.status
    version = "HTTP/1.0" if isinstance(answer, Stream) else "HTTP/1.1"
    lines = [
        f"{version} {status} {HTTPStatus(status).phrase}",
        "Server: radiostream",
        f"Date: {_date(int(time.time()))}",
    ]
    if status not in (204, 304):
        lines.append(f"Content-Type: {answer.content_type}")
        if not isinstance(answer, Stream):  # a 304's would have to be that of the 200 (RFC 9110 §8.6)
            lines.append(f"Content-Length: {answer.length if isinstance(answer, Sent) else len(answer.body)}")
    if answer.headers:
        lines.append(_fields(answer.headers))
    lines.append("Connection: close" if close else f"Keep-Alive: timeout={KEEP_ALIVE_S:.0f}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


@lru_cache(maxsize=2)
def _date(unix_s: int) -> str:
    return formatdate(unix_s, usegmt=True)


@lru_cache(maxsize=64)
def _fields(headers: Headers) -> str:
    """Header lines; thousands of answers in a row have the same ones."""
    return "\r\n".join(f"{name}: {clean(value)}" for name, value in headers)


def clean(value: str) -> str:
    """`value` as it may stand in a header: on one line, without control characters."""
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value)
    return value[:1000].strip()
