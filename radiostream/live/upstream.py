"""The connection to the server whose stream is relayed: redirects and playlists are followed, up to the audio itself.

Runs in the relay's thread. Speaks HTTP/1.0, in which a stream has no chunks, and takes answers in HTTP/1.x and in
SHOUTcast's own `ICY 200 OK`. Everything has a bound: times, redirects, the head's size.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from radiostream.audio.frames import AAC, MP3, OGG
from radiostream.live.body import Chunked, Plain
from radiostream.live.icy import METAINT_MOST
from radiostream.live.playlists import PLAYLIST_MOST, PlaylistError, is_playlist, stream_in
from radiostream.radio.live_input import WAY_FIELD

CONNECT_S: Final = 10.0
HEAD_S: Final = 15.0
HEAD_MOST: Final = 32 << 10
STEPS_MOST: Final = 6
"""Redirects and playlists in a row."""
RECEIVE_BYTES: Final = 16 << 10
AGENT: Final = "radiostream-relay"
LOOK_S: Final = 2.0
"""For a question besides the stream: its buffer lasts longer."""

FAMILIES: Final = {
    "audio/mpeg": MP3,
    "audio/mp3": MP3,
    "audio/x-mpeg": MP3,
    "audio/mpeg3": MP3,
    "audio/x-mp3": MP3,
    "audio/aac": AAC,
    "audio/aacp": AAC,
    "audio/x-aac": AAC,
    "audio/mp4a-latm": AAC,
    "audio/ogg": OGG,
    "application/ogg": OGG,
    "application/x-ogg": OGG,
    "audio/x-ogg": OGG,
    "audio/opus": OGG,
    "audio/vorbis": OGG,
    "audio/flac": OGG,
    "video/ogg": OGG,
}
"""Content types of streams to families."""
_UNKNOWN: Final = ("", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded")


class UpstreamError(Exception):
    """The stream cannot be had; the text tells the operator why."""


class Answer(NamedTuple):
    """What a server answered: the status, the fields with names in lower case, and what of the body has come."""

    status: int
    fields: dict[str, str]
    rest: bytes


class Upstream(NamedTuple):
    """A stream that has begun."""

    connection: socket.socket
    rest: bytes
    body: Plain | Chunked
    content_type: str
    metaint: int
    name: str
    url: str
    """Where it was found, behind redirects and playlists."""
    way: tuple[str, ...]
    """The stations that have relayed it so far, the nearest one first."""


def family_of(content_type: str) -> str | None:
    """The family that a content type names; empty where it says nothing, None for one that is not sent here."""
    kind = content_type.partition(";")[0].strip().lower()
    return "" if kind in _UNKNOWN else FAMILIES.get(kind)


def open_stream(url: str) -> Upstream:
    """Connect to the stream at `url`. Raises `UpstreamError`."""
    for _ in range(STEPS_MOST):
        parts = _parsed(url)
        connection = _connected(parts)
        try:
            answer = _asked(connection, parts)
            target = _target(connection, answer, parts)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                raise UpstreamError(_reason(error)) from error
            raise
        if target is None:
            return _begun(connection, answer, url)
        connection.close()
        url = urljoin(url, target)
    raise UpstreamError(f"more than {STEPS_MOST} redirects")


def way_of(url: str) -> tuple[str, ...]:
    """The stations that have relayed the stream at `url` by now; none where that cannot be told in `LOOK_S`."""
    with suppress(UpstreamError, OSError):
        parts = _parsed(url)
        with _connected(parts, LOOK_S) as connection:
            return _way(_asked(connection, parts, "HEAD", LOOK_S))
    return ()


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        raise UpstreamError("is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise UpstreamError("is not an http:// or https:// URL")
    return parts


def _connected(parts: SplitResult, timeout_s: float = CONNECT_S) -> socket.socket:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connection = socket.create_connection((parts.hostname, port), timeout_s)
    except (OSError, UnicodeError) as error:
        raise UpstreamError(_reason(error)) from error
    if parts.scheme == "http":
        return connection
    import ssl  # 10 ms and 4 MB that only those pay who relay over TLS

    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    except (OSError, ValueError) as error:
        connection.close()
        raise UpstreamError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "does not answer"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _asked(connection: socket.socket, parts: SplitResult, method: str = "GET", timeout_s: float = HEAD_S) -> Answer:
    host = parts.netloc.rpartition("@")[2]
    target = quote(parts.path or "/", safe="/%:;=@!$&'()*+,~") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.0", f"Host: {host}", f"User-Agent: {AGENT}", "Accept: */*", "Icy-MetaData: 1"]
    if parts.username is not None:
        lines.append(f"Authorization: Basic {_basic(parts)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace")
    connection.settimeout(timeout_s)
    connection.sendall(head)
    return _answer(connection, timeout_s)


def _basic(parts: SplitResult) -> str:
    import base64
    from urllib.parse import unquote

    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return base64.b64encode(pair.encode()).decode()


def _answer(connection: socket.socket, timeout_s: float) -> Answer:
    import time

    deadline = time.monotonic() + timeout_s
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0 and (end := data.find(b"\n\n")) < 0:
        if len(data) > HEAD_MOST or time.monotonic() > deadline:
            raise UpstreamError("answers without end")
        part = connection.recv(RECEIVE_BYTES)
        if not part:
            raise UpstreamError("closed the connection without an answer")
        data += part
    first, *lines = data[:end].decode("utf-8", "replace").splitlines()
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith(("HTTP/1.", "ICY")) or not words[1].isdigit():
        raise UpstreamError("answers in something else than HTTP")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(words[1]), fields, data[end:].removeprefix(b"\r\n\r\n").removeprefix(b"\n\n"))


def _target(connection: socket.socket, answer: Answer, parts: SplitResult) -> str | None:
    """Where the answer sends us: by a redirect or a playlist; None where it is the stream itself."""
    if answer.status in (301, 302, 303, 307, 308) and "location" in answer.fields:
        return answer.fields["location"]
    if answer.status not in (200, 206):
        raise UpstreamError(f"answers {answer.status}")
    if not is_playlist(answer.fields.get("content-type", ""), parts.path):
        return None
    body = _body(answer)
    data = body.feed(answer.rest)
    with suppress(TimeoutError):
        while len(data) < PLAYLIST_MOST and not body.is_over and (part := connection.recv(RECEIVE_BYTES)):
            data += body.feed(part)
    try:
        return stream_in(data)
    except PlaylistError as error:
        raise UpstreamError(str(error)) from None


def _body(answer: Answer) -> Plain | Chunked:
    if "chunked" in answer.fields.get("transfer-encoding", "").lower():
        return Chunked()
    length = answer.fields.get("content-length", "")
    return Plain(int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None)


def _begun(connection: socket.socket, answer: Answer, url: str) -> Upstream:
    metaint = answer.fields.get("icy-metaint", "0")
    every = int(metaint) if metaint.isascii() and metaint.isdigit() and len(metaint) < 9 else 0
    if every > METAINT_MOST:
        connection.close()
        raise UpstreamError(f"says titles come every {every} bytes")
    content_type, name = answer.fields.get("content-type", ""), answer.fields.get("icy-name", "")
    return Upstream(connection, answer.rest, _body(answer), content_type, every, name, url, _way(answer))


def _way(answer: Answer) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, answer.fields.get(WAY_FIELD.lower(), "").split(","))))
