"""From a source's socket into its feed, in the source's own thread: a broadcaster's connection or the relay's."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Final, Protocol

from radiostream.audio.frames import AudioError
from radiostream.live import desk as desks
from radiostream.live.body import BodyError, Chunked, Plain
from radiostream.live.feed import FeedOver

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.live.desk import Desk
    from radiostream.live.feed import Feed

log = logging.getLogger(__name__)

IDLE_S: Final = 30.0
"""A source that sends nothing for so long is let go."""
LOOK_S: Final = 0.5
"""How often a thread that waits for its source looks whether it is still wanted."""
RECEIVE_BYTES: Final = 16 << 10


class Body(Protocol):
    """What takes the transfer coding off; see `radiostream.live.body`."""

    @property
    def is_over(self) -> bool: ...

    def feed(self, data: bytes) -> bytes: ...


def body_of(fields: dict[str, str]) -> Body:
    """The body that a request with these fields sends. Raises `Refused` for a coding that is not known."""
    coding = fields.get("transfer-encoding", "").strip().lower()
    if coding == "chunked":
        return Chunked()
    if coding not in ("", "identity"):
        raise desks.Refused(501, "send the body as it is, or chunked")
    length = fields.get("content-length", "")
    return Plain(int(length) if length.isdecimal() and int(length) else None)  # who says 0 sends on all the same


def pump(connection: socket.socket, rest: bytes, body: Body, feed: Feed, audio: Callable[[bytes], bytes]) -> str:
    """Take what comes until the source ends, or is not wanted any more; why it ended. `rest` has been read already.

    `audio` takes out of the body what is no audio.
    """
    connection.settimeout(LOOK_S)
    heard_s = time.monotonic()
    data = rest
    try:
        while True:
            if data:
                heard_s = time.monotonic()
                feed.write(audio(body.feed(data)))
            received = b"" if body.is_over else _receive(connection)
            if received == b"":
                feed.finish()
                return "it has ended"
            if feed.over:
                return feed.over
            if received is None and time.monotonic() - heard_s > IDLE_S:
                return f"it sent nothing for {IDLE_S:.0f} s"
            data = received or b""
    except FeedOver as over:
        return str(over)
    except (AudioError, BodyError) as error:
        return str(error)
    except OSError as error:
        return f"the connection broke: {error.strerror or type(error).__name__}"


def _receive(connection: socket.socket) -> bytes | None:
    """What has come, empty at the end; None where nothing came for a while."""
    try:
        return connection.recv(RECEIVE_BYTES)
    except TimeoutError:
        return None


def serve(desk: Desk, feed: Feed, body: Body, rest: bytes, connection: socket.socket, head: bytes) -> None:
    """A broadcaster's connection, from the answer's head to its end; gives its place back."""
    why = "it left"
    try:
        desks.tell(desk.route, feed, "came")
        connection.sendall(head)
        why = pump(connection, rest, body, feed, lambda data: data)
    except OSError:
        pass  # it left before it was answered
    finally:
        desk.release(feed, why)
        desks.tell(desk.route, feed, "gone", why)
