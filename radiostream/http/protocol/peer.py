"""Whether a client is still there. Of those that take nothing, one that is paused goes on acknowledging, one that is
gone does not.

A client whose window is closed is asked by the kernel from time to time whether it has opened (a zero-window probe,
RFC 9293 §3.8.6.1), at intervals that double up to two minutes, and answers although it reads nothing. Linux ends the
connection when the window has been closed for `TCP_USER_TIMEOUT`, answered or not, and asks once more at that moment
(tcp(7); net/ipv4/tcp_timer.c): so that time is moved along while the client answers, which keeps the questions close
together.

Runs in the client's own thread, which has nothing else to do meanwhile.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress
from typing import Final

from radiostream.http.protocol.reader import has_room

LOOK_S: Final = 5.0
"""How often we look whether it has answered."""
ASK_S: Final = 20.0
"""By when the kernel asks it again, from each look on. A process that stands still for so long loses who is paused."""
GONE_S: Final = 25.0
"""Who has acknowledged nothing for so long is gone. With a look each 5 s, it is dropped within 30 s."""

_LAST_ACK: Final = struct.Struct("=56xI")
"""`tcpi_last_ack_recv` of `struct tcp_info` (linux/tcp.h): behind 8 bytes the thirteenth 32-bit number, in ms."""


def silent_s(connection: socket.socket) -> float | None:
    """Seconds since the peer acknowledged anything; None on a system, or of a socket, that does not tell."""
    if not (hasattr(socket, "TCP_INFO") and hasattr(socket, "TCP_USER_TIMEOUT")):
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_ACK.size)
    except OSError:
        return None
    return _LAST_ACK.unpack(info)[0] / 1000 if len(info) == _LAST_ACK.size else None


def is_there(connection: socket.socket) -> bool:
    """Whether the peer is known to have acknowledged something within GONE_S."""
    silence_s = silent_s(connection)
    return silence_s is not None and silence_s < GONE_S


def has_hung_up(connection: socket.socket) -> bool:
    """Whether the client has closed its end; of a socket that does not block."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False


def is_reset(connection: socket.socket, timeout_s: float) -> bool:
    """Wait for a reset, at most `timeout_s`; whether there was one."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(timeout_s * 1000))


def await_room(connection: socket.socket, timeout_s: float, or_fd: int | None, stalled_s: float = 0.0) -> bool:
    """Wait until the client takes more or `or_fd` hangs up; False after `timeout_s`, or once it is known to be gone.

    `stalled_s`: for how many seconds the client has been waited for before.
    """
    began_s = time.monotonic()
    while not has_room(connection, min(LOOK_S, timeout_s), or_fd):
        waited_s = time.monotonic() - began_s
        silence_s = silent_s(connection)
        if waited_s >= timeout_s or (silence_s or 0.0) >= GONE_S:
            return False
        with suppress(OSError):
            due_ms = int((stalled_s + waited_s + ASK_S) * 1000)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, due_ms)
    return True
