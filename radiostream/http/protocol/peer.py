"""Whether a client is still there. Of those that take nothing, one that is paused goes on acknowledging, one that is
gone does not.

A client whose window is closed is asked by the kernel from time to time whether it has opened (a zero-window probe,
RFC 9293 §3.8.6.1), and answers although it reads nothing. The intervals double up to two minutes, on Linux from 6.15 on
to what `TCP_RTO_MAX_MS` says; so there one who is gone is found out within 30 s, elsewhere with the next question.

Not so with TCP_USER_TIMEOUT: Linux counts from the first moment at which the window was too small for what is to be
sent next, however much the client takes after that (net/ipv4/tcp_timer.c, `icsk_probes_tstamp`). A player with a small
buffer, whose window is always nearly closed, was disconnected after 30 s, although it took all that it was sent.

Runs in the client's own thread, which has nothing else to do meanwhile.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress
from typing import Final

from radiostream.http.protocol.interpreter import outside
from radiostream.http.protocol.reader import has_room

LIVENESS_S: Final = 5.0
"""How often we look whether it has answered."""
GONE_S: Final = 20.0
"""Who is asked and has acknowledged nothing for so long, at two looks in a row, is gone: within 30 s in all."""

ASK_MS: Final = 10_000
"""The longest interval between two questions."""
_TCP_RTO_MAX_MS: Final = 44
"""linux/tcp.h; Python does not name it."""

_INFO: Final = struct.Struct("=3xB20xI28xI")
"""Of `struct tcp_info` (linux/tcp.h): `tcpi_probes`, questions not answered yet; `tcpi_unacked`, segments not
acknowledged yet; `tcpi_last_ack_recv`, milliseconds since the last acknowledgement."""


def ask_often(connection: socket.socket) -> None:
    """Let the kernel keep the questions close together, where it can."""
    with suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, ASK_MS)


def unanswered_s(connection: socket.socket) -> float | None:
    """For how many seconds the peer has owed us an acknowledgement: 0 where it owes none. None on a system, or of a
    socket, that does not tell."""
    if not hasattr(socket, "TCP_INFO"):
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except OSError:
        return None
    if len(info) < _INFO.size:
        return None  # pragma: no cover - a kernel that is older than any that CI has
    probes, unacked, silent_ms = _INFO.unpack(info)
    return silent_ms / 1000 if probes or unacked else 0.0


def is_there(connection: socket.socket) -> bool:
    """Whether the peer is known not to be gone."""
    owed_s = unanswered_s(connection)
    return owed_s is not None and owed_s < GONE_S


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


def await_room(connection: socket.socket, timeout_s: float, or_fd: int | None) -> bool:
    """Wait until the client takes more or `or_fd` hangs up; False after `timeout_s`, or once it is known to be gone."""
    deadline, overdue = time.monotonic() + timeout_s, 0
    with outside():
        while not has_room(connection, min(LIVENESS_S, timeout_s), or_fd):
            ask_often(connection)
            overdue = overdue + 1 if (unanswered_s(connection) or 0.0) >= GONE_S else 0
            if time.monotonic() >= deadline or overdue > 1:
                return False
    return True
