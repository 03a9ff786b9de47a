"""Requests and responses as values: what a handler gets, and what it gives back. No socket is in sight here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket

    from radiostream.http.protocol.proxies import Client

JSON: Final = "application/json; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"

Headers = tuple[tuple[str, str], ...]

NO_STORE: Final = ("Cache-Control", "no-store")
ANY_ORIGIN: Final = ("Access-Control-Allow-Origin", "*")


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
    port: int = 80
    """The server's own."""

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
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = TEXT
    headers: Headers = ()
    length: int | None = None
    """Of a body that `sender` sends; else it is that of `body`."""
    sender: Callable[[socket.socket, bytes], None] | None = field(default=None, compare=False)
    """Sends the head that it is given, and a body that is no copy of anything."""
    endless: bool = False
    """A stream's: HTTP/1.0 without a length, the form that every player takes; it ends with the connection."""
    takeover: Callable[[socket.socket, bytes], None] | None = field(default=None, compare=False)
    """Owns the socket, and sends the head that it is given first; gives back whatever the handler took for it."""


class Refusal(Exception):  # noqa: N818 - no error, an answer
    """The answer to a request that can not be granted; raised anywhere in a handler."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def json_response(value: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """`value` as JSON, readable from any origin and never stored."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    return Response(status, body, JSON, (NO_STORE, *headers))


def head_bytes(response: Response, *, close: bool) -> bytes:
    """The response's head on the wire. Nothing in a value can end its line, whatever file or client it came from."""
    status = response.status
    version = "HTTP/1.0" if response.endless else "HTTP/1.1"
    lines = [
        f"{version} {status} {HTTPStatus(status).phrase}",
        "Server: radiostream",
        f"Date: {formatdate(usegmt=True)}",
    ]
    if status not in (204, 304):
        lines.append(f"Content-Type: {response.content_type}")
    if status not in (204, 304) and not response.endless:  # a 304's would have to be that of the 200 (RFC 9110 §8.6)
        length = len(response.body) if response.length is None else response.length
        lines.append(f"Content-Length: {length}")
    lines += [f"{name}: {clean(value)}" for name, value in response.headers]
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def clean(value: str) -> str:
    """`value` as it may stand in a header: on one line, without control characters."""
    if not value.isprintable():
        value = "".join(char if char.isprintable() else " " for char in value)
    return value[:1000].strip()
