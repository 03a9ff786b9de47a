"""Reading a request off a socket that may be hostile: one deadline for the whole head, one for the body, and sizes.

Runs in the connection's thread. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import nullcontext, suppress
from typing import Final

from radiostream.http.protocol.head import TOKEN
from radiostream.http.protocol.interpreter import outside
from radiostream.http.protocol.message import KEEP_ALIVE_S, Gone, Refusal

HEAD_S: Final = 10.0
BODY_S: Final = 10.0
LINGER_S: Final = 1.0
LINGER_BYTES: Final = 4 << 20

LINE_MAX: Final = 8 << 10
HEAD_MAX: Final = 16 << 10
BODY_MAX: Final = 16 << 10
"""The longest that is sent to us is a login form."""
RECEIVE_BYTES: Final = 16 << 10


class Wire:
    """A socket's incoming side."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._is_first = True

    def read_head(self) -> bytes:
        """The next request's head, its blank line included. Raises Gone, or Refusal where it is too long or slow."""
        # Many may come at once with their first one; kept connections come one after another.
        with outside() if self._is_first else nullcontext():
            return self._read_head()

    def _read_head(self) -> bytes:
        data = self._rest.lstrip(b"\r\n")
        if not (data or self._is_first):
            data = self._receive(time.monotonic() + KEEP_ALIVE_S).lstrip(b"\r\n")
        self._is_first = False
        deadline = time.monotonic() + HEAD_S
        while (end := _end_of_head(data)) < 0:
            _check(data, len(data))
            try:
                data = (data + self._receive(deadline)).lstrip(b"\r\n")
            except TimeoutError:
                if not data:
                    raise Gone from None
                raise Refusal(408, "the request took too long") from None
        _check(data, end)
        self._rest = data[end:]
        return data[:end]

    def read_body(self, length: int) -> bytes:
        """The request's body of `length` bytes."""
        if length > BODY_MAX:
            raise Refusal(413, "the request's body is too long")
        deadline = time.monotonic() + BODY_S
        data = self._rest
        while len(data) < length:
            try:
                data += self._receive(deadline)
            except TimeoutError:
                raise Refusal(408, "the request took too long") from None
        self._rest = data[length:]
        return data[:length]

    def take_rest(self) -> bytes:
        """What has been read behind the head, for whoever reads the connection from now on."""
        rest, self._rest = self._rest, b""
        return rest

    def linger(self) -> None:
        """End the connection after a refusal: what the client still sends is taken, for a moment and to a limit.
        Closing with bytes unread would reset the connection, which can cost the client the answer."""
        deadline = time.monotonic() + LINGER_S
        with suppress(OSError, Gone):
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(LINGER_BYTES // RECEIVE_BYTES):
                self._receive(deadline)

    def _receive(self, deadline: float) -> bytes:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._socket.settimeout(left_s)
        data = self._socket.recv(RECEIVE_BYTES)
        if not data:
            raise Gone
        return data


def send_all(connection: socket.socket, *parts: bytes | memoryview, stall_s: float) -> None:
    """Send `parts` one after another, without a copy. Raises OSError where the client leaves, and TimeoutError where it
    takes nothing for `stall_s`."""
    connection.settimeout(stall_s)
    left = [memoryview(part) for part in parts if part]
    while left:
        sent = connection.sendmsg(left)
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if left:
            left[0] = left[0][sent:]


def has_room(connection: socket.socket, timeout_s: float, or_fd: int | None = None) -> bool:
    """Wait until the client takes more or `or_fd` hangs up, at most `timeout_s`; whether either is so."""
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    if or_fd is not None:
        poll.register(or_fd, 0)
    return bool(poll.poll(timeout_s * 1000))


def _end_of_head(data: bytes) -> int:
    """Where the head ends, -1 where it has not yet. A bare line feed ends a line too (RFC 9112 §2.2)."""
    ends = [at + len(blank) for blank in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if (at := data.find(blank)) >= 0]
    return min(ends, default=-1)


def _check(data: bytes, head_bytes: int) -> None:
    """Refuse what is no request, or too long for one: `head_bytes` of its head are here."""
    if data and data[0] not in TOKEN:
        raise Refusal(400, "not an HTTP request")  # TLS, most likely: a browser that is told so tries without
    if len(data) > LINE_MAX and b"\n" not in data[: LINE_MAX + 1]:
        raise Refusal(414, "the request line is too long")
    if head_bytes > HEAD_MAX:
        raise Refusal(431, "the request's head is too long")
