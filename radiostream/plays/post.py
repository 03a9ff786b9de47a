"""One POST to a webhook: everything of it within five seconds or less, and nothing of the answer but its status.

Runs in the thread "webhooks". Speaks HTTP/1.1 with `Connection: close`; a redirect is followed on the same host only,
and never from https to http. Of the answer at most `HEAD_MOST` bytes are read, however long it would be.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from radiostream import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 5.0
HEAD_MOST: Final = 16 << 10
REDIRECTS_MOST: Final = 3
REDIRECTS: Final = (301, 302, 307, 308)


class PostError(Exception):
    """The message has not been taken; the text says why. It may be tried again."""

    def __init__(self, text: str, *, retry: bool = True, after_s: float = 0.0) -> None:
        """`retry`: whether that may help. `after_s`: not before so many seconds, as the server says."""
        super().__init__(text)
        self.retry = retry
        self.after_s = after_s


class SlowError(PostError):
    """There was no answer in time."""


class Answer(NamedTuple):
    """The status of an answer, and its header fields with names in lower case."""

    status: int
    fields: Mapping[str, str]


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
    """Post `body` to `url`. Raises `PostError`."""
    deadline_s = time.monotonic() + timeout_s
    first = urlsplit(url)
    for _ in range(REDIRECTS_MOST + 1):
        parts = urlsplit(url)
        try:
            answer = _ask(parts, body, headers, deadline_s)
        except TimeoutError:
            raise SlowError("does not answer in time") from None
        except (OSError, ValueError) as error:
            raise PostError(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None
        if answer.status not in REDIRECTS or "location" not in answer.fields:
            _judge(answer)
            return
        target = _followed(first, url, answer.fields["location"])
        if target is None:
            raise PostError("redirects to another host", retry=False)
        url = target
    raise PostError(f"more than {REDIRECTS_MOST} redirects", retry=False)


def _followed(first: SplitResult, url: str, location: str) -> str | None:
    """Where a redirect leads, None where that is another host, or no URL."""
    try:
        target = urlsplit(urljoin(url, location))
        same = target.hostname == first.hostname and target.port != 0
    except ValueError:
        return None
    is_safe = target.scheme == "https" or (target.scheme == "http" and first.scheme == "http")
    return target.geturl() if same and is_safe else None


def _judge(answer: Answer) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    after = answer.fields.get("retry-after", "")
    after_s = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0.0
    raise PostError(f"answers {status}", retry=status >= 500 or status in (408, 425, 429), after_s=after_s)


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _ask(parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Answer:
    with _connect(parts, deadline_s) as connection:
        connection.settimeout(_left_s(deadline_s))
        connection.sendall(_head(parts, len(body), headers) + body)
        return _answer(connection, deadline_s)


def _connect(parts: SplitResult, deadline_s: float) -> socket.socket:
    connection = _connected(parts, deadline_s)
    if parts.scheme != "https":
        return connection
    import ssl  # 4 MB that only those pay whose webhook is reached by TLS

    try:
        connection.settimeout(_left_s(deadline_s))
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    except BaseException:
        connection.close()
        raise


def _connected(parts: SplitResult, deadline_s: float) -> socket.socket:
    """A connection to the first of the host's addresses that takes one."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    why: OSError = OSError("has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left_s(deadline_s))
            connection.connect(address)
        except OSError as error:
            connection.close()
            why = error
        else:
            return connection
    raise why


def _head(parts: SplitResult, length: int, headers: Mapping[str, str]) -> bytes:
    target = quote(parts.path or "/", safe="/%:;=@!$&'()*+,~") + (f"?{parts.query}" if parts.query else "")
    fields = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": f"radiostream/{__version__}",
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "Connection": "close",
        **headers,
    }
    if parts.username is not None:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        fields["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _answer(connection: socket.socket, deadline_s: float) -> Answer:
    data = b""
    while b"\r\n\r\n" not in data and b"\n\n" not in data:
        if len(data) > HEAD_MOST:
            raise ValueError("answers without end")
        connection.settimeout(_left_s(deadline_s))
        part = connection.recv(4096)
        if not part:
            break
        data += part
    first, *lines = data.decode("latin-1").splitlines() or [""]
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not (words[1].isascii() and words[1].isdigit()):
        raise ValueError("answers in something else than HTTP" if data else "closed the connection without an answer")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(words[1][:4]), fields)
