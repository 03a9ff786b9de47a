"""From the ring to a socket: one listener's way through a station, in the listener's own thread.

It sends straight from the pool's buffers, without blocking, one system call a chunk. Before it may wait for a slow
client it lets go of the buffer, and looks afterwards whether the ring still holds it; bytes of two chunks never mix.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from radiostream.audio.closing import closing, end_page
from radiostream.audio.frames import OGG
from radiostream.audio.opening import opening
from radiostream.http.protocol.interpreter import make_room
from radiostream.http.protocol.peer import await_room, has_hung_up, is_reset, is_there
from radiostream.http.protocol.reader import has_room
from radiostream.radio.ring import CHUNK_S, Chunk, Ring
from radiostream.radio.station import Station
from radiostream.radio.turnstile import Turn

if TYPE_CHECKING:
    from radiostream.http.handlers.icy import Framer
    from radiostream.http.protocol.limits import Share
    from radiostream.radio.audience import Listener

LISTENER_STALL_S: Final = 30.0
"""A client that takes nothing for so long is paused, if it still acknowledges; else it is dropped."""

PAUSE_S: Final = 570.0
"""How much longer one who is paused is kept: ten minutes in all. When it goes on, it does so at the live edge."""

RESET_S: Final = 1.0
"""How long a client that has closed its end may take to say that it does not listen either."""

FIRST_CHUNK_S: Final = 5.0
"""How long a listener waits for a station that is only just starting."""

SEND_BUFFER_BYTES: Final = 32 << 10
"""Asked of the kernel, which doubles it: what a stalled client can cost us there."""

LAST_BYTES: Final = 128 << 10
"""Asked for when the station ends: room for the rest of a frame, or of a page and an end page, of one who stalls."""

LAST_S: Final = 0.5
"""How long the station's end waits for a client to take that."""

SHORTEST_S: Final = 0.5
"""A browser that joins so shortly before a change waits for it: of so little it might make an error, not an end."""

CLOSED: Final = "the station ended"
CHANGED: Final = "another decoder is needed from here on"
STALLED: Final = "took nothing for 30 s"
PAUSED: Final = "was paused for 10 minutes"
TORN: Final = "was overtaken by the ring"


class Ended(Exception):  # noqa: N818 - no error, an end
    """The stream ends here; the text says why, for the log."""


def tune(connection: socket.socket) -> None:
    """Set a listener's socket up: a small kernel buffer, no blocking, and no end for who takes little at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    connection.setblocking(False)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # see protocol/peer.py
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)


class Feed:
    """One listener's stream. `framer`: interleaves titles, for those who asked; `ends_at_change`: a browser listens;
    `pauses`: the places of those who are kept although they take nothing.

    Used by the listener's thread alone."""

    __slots__ = (
        "_clock",
        "_ends_at_change",
        "_framer",
        "_is_counted",
        "_listener",
        "_owed",
        "_params",
        "_pauses",
        "_ring",
        "_run",
        "_sent_s",
        "_skip_s",
        "_socket",
        "_started_s",
        "_station",
        "_turn",
        "_was_paused",
    )

    def __init__(
        self,
        connection: socket.socket,
        station: Station,
        listener: Listener,
        framer: Framer | None,
        ends_at_change: bool,
        pauses: Share | None = None,
    ) -> None:
        self._socket = connection
        self._station = station
        self._ring: Ring = station.ring
        self._listener = listener
        self._framer = framer
        self._ends_at_change = ends_at_change
        self._turn = Turn()
        self._run: object = None
        self._params: object = None
        self._clock = station.clock
        self._started_s = station.clock.now_s()
        self._sent_s = 0.0
        self._skip_s = 0.0
        """How much of the first page is over for this listener."""
        self._is_counted = False
        self._pauses = pauses
        self._was_paused = False
        self._owed: tuple[bytes, str] | None = None
        """The rest of a frame, and the title there, for one whose chunk was let go because it is paused."""

    def run(self) -> str:
        """Send until the end; return why it ended. A client that leaves raises OSError."""
        why = ""
        make_room()
        try:
            seq, offset = self._join()
            while True:
                seq, offset = self._go_on(seq, offset)
        except Ended as end:
            why = str(end)
            return why
        finally:
            self._turn.pass_on()
            self._station.audience.leave(self._listener, dropped=why in (STALLED, PAUSED, TORN))

    # -- where to read -----------------------------------------------------------------------------------------

    def _join(self) -> tuple[int, int]:
        """The frame that is `burst_s` behind the live edge, as for everybody."""
        ring, clock = self._ring, self._clock
        deadline = clock.now_s() + FIRST_CHUNK_S
        while True:
            at_s = clock.now_s() - self._station.burst_s
            position = ring.join(at_s)
            if position is None:
                if ring.closed or not ring.wait(self._turn, 0, deadline - clock.now_s()):
                    raise Ended(CLOSED)
            elif left_s := self._change_in_s(position.seq, at_s):
                ring.wait(self._turn, ring.next_seq, left_s)
            else:
                self._skip_s = max(0.0, at_s - position.at_s)
                return position.seq, position.offset

    def _change_in_s(self, seq: int, at_s: float) -> float:
        """Seconds to wait for a change that would end this stream before a decoder has enough to start; else 0."""
        if not self._ends_at_change or self._ring.closed:
            return 0.0
        change_s = self._ring.barrier_after(seq)
        return change_s - at_s if change_s is not None and 0 < change_s - at_s < SHORTEST_S else 0.0

    def _go_on(self, seq: int, offset: int) -> tuple[int, int]:
        """Send the chunk `seq` from `offset`, or wait for it; return what comes next."""
        ring = self._ring
        if ring.closed:
            self._end_stream(seq, offset)
            raise Ended(CLOSED)
        if self._was_paused:
            return self._move()
        if seq < ring.discontinuity_seq and offset == 0:
            return self._jump(seq)
        chunk = ring.get(seq)
        if chunk is None:
            if ring.lost(seq):
                return self._move()
            if has_hung_up(self._socket):
                self._await_reset()
            ring.wait(self._turn, seq)
            return seq, offset
        if self._is_ahead(chunk):
            return seq, offset
        if not self._send_chunk(chunk, offset):
            del chunk  # it would be kept for as long as the client is paused
            return self._move()
        return seq + 1, 0

    def _jump(self, seq: int) -> tuple[int, int]:
        """Something new began (a skip): what is left of the old is discarded."""
        ring = self._ring
        mark = ring.get(ring.discontinuity_seq)
        chunk = ring.get(seq)
        if mark and chunk and chunk.run is self._run and mark.run is not self._run:
            tail = closing(self._station.status.family, chunk.view)
            if tail and ring.holds(chunk):
                self._send_own(tail, chunk.title)
        return (mark.seq, 0) if mark else self._move()

    def _end_stream(self, seq: int, offset: int) -> None:
        """The station ends, and the listener stands before byte `offset` of chunk `seq`: an Ogg stream gets its end
        page."""
        if self._station.status.family != OGG or self._run is None:
            return
        ahead, before = self._of_run(seq), self._of_run(seq - 1)
        tail = closing(OGG, ahead[offset:])
        self._send_own(tail or end_page(ahead[:offset] if offset else before), "")

    def _of_run(self, seq: int) -> memoryview:
        """The bytes of a chunk; none where it is not there, or of another run than what was sent last."""
        chunk = self._ring.get(seq)
        return chunk.view if chunk is not None and chunk.run is self._run else memoryview(b"")

    def _move(self) -> tuple[int, int]:
        """Its position has been overwritten, or it was paused: rejoin at the live edge."""
        owed, self._owed = self._owed, None
        if owed is not None:
            self._await_return()
            self._send_own(*owed)
        self._listener.moved += 1
        self._was_paused = False
        return self._join()

    def _is_ahead(self, chunk: Chunk) -> bool:
        """Whether this listener has so much in hand (after many skips) that the chunk can wait; then waits a while."""
        lead_s = self._sent_s - (self._clock.now_s() - self._started_s)
        ahead_s = lead_s + chunk.duration_s - self._station.burst_s - 2 * CHUNK_S
        if ahead_s <= 0:
            return False
        self._ring.wait(self._turn, self._ring.next_seq, ahead_s)
        return True

    # -- sending -----------------------------------------------------------------------------------------------

    def _send_chunk(self, chunk: Chunk, offset: int) -> bool:
        """Send `chunk` from `offset`; False where the ring let go of it, and the stream stands between two frames."""
        if chunk.run is not self._run:
            self._enter_run(chunk)
        if self._skip_s:
            offset += self._open(chunk, offset)
        view = chunk.view[offset:]
        tail: bytes | None = None
        while len(view):
            if not self._ring.holds(chunk):
                if tail:
                    self._send_own(tail, chunk.title)
                return False
            sent = self._send_some(view, chunk.title)
            if not self._ring.holds(chunk):
                raise Ended(TORN)
            if sent and not self._is_counted:
                self._count()
            view = view[sent:]
            if len(view):
                at = len(chunk.view) - len(view)
                end = chunk.frame_end(at)
                tail = bytes(chunk.view[at:end])
                if not self._await_room():
                    self._owed = tail, chunk.title
                    return False
                if self._ring.closed:
                    self._send_own(tail, chunk.title)
                    self._end_stream(chunk.seq, end)
                    raise Ended(CLOSED)
        self._sent_s += chunk.duration_s * (1 - offset / len(chunk.view))
        return True

    def _enter_run(self, chunk: Chunk) -> None:
        if self._ends_at_change and self._params not in (None, chunk.run.params):
            raise Ended(CHANGED)
        self._run, self._params = chunk.run, chunk.run.params
        preamble = (self._ends_at_change and chunk.run.own_preamble) or chunk.run.preamble
        if preamble:
            self._send_own(preamble, "")

    def _open(self, chunk: Chunk, offset: int) -> int:
        """Send what is due of the Ogg page at `offset`; return how many bytes of the chunk it stands for."""
        skip_s, self._skip_s = self._skip_s, 0.0
        if not chunk.run.preamble or not chunk.tick_s:
            return 0
        first = opening(chunk.run.preamble, chunk.view[offset:], int(skip_s / chunk.tick_s))
        if not first.data or not self._ring.holds(chunk):
            return 0
        self._send_own(first.data, chunk.title)
        if not self._is_counted:
            self._count()
        return first.replaced

    def _count(self) -> None:
        self._is_counted = True
        self._station.audience.enter(self._listener)

    def _send_own(self, data: bytes, title: str) -> None:
        """Send bytes that no buffer can take away, all of them."""
        view = memoryview(data)
        while len(view := view[self._send_some(view, title) :]):
            if not self._await_room():
                self._await_return()

    def _send_some(self, view: memoryview, title: str) -> int:
        """Send what the socket takes now; return how many bytes of `view` that was."""
        try:
            if self._framer is None:
                sent = self._socket.send(view)
            else:
                sent = self._framer.sent(self._socket.sendmsg(self._framer.buffers(view, title)))
        except BlockingIOError:
            return 0
        self._listener.bytes_sent += sent
        return sent

    def _await_reset(self) -> None:
        """Some clients half-close and listen on; any other answers further data with a reset."""
        self._turn.pass_on()
        if is_reset(self._socket, RESET_S):
            raise ConnectionResetError

    def _await_room(self) -> bool:
        """Wait until the client takes more, or the station ends; False where it takes nothing for `LISTENER_STALL_S`,
        though it is there. Nothing is held meanwhile."""
        self._turn.pass_on()
        closing_fd = self._ring.closing_fd()
        if self._ring.closed:  # asked after the descriptor: what is closed from now on hangs it up
            self._await_last()
        elif not await_room(self._socket, LISTENER_STALL_S, closing_fd):
            if not is_there(self._socket):
                raise Ended(STALLED)
            return False
        return True

    def _await_return(self) -> None:
        """Wait for one who is paused, as long as there is a place for it; then it goes on at the live edge."""
        if self._pauses is None or not self._pauses.enter(self._listener.address):
            raise Ended(STALLED)
        self._listener.is_paused = self._was_paused = True
        try:
            closing_fd = self._ring.closing_fd()
            if not (self._ring.closed or await_room(self._socket, PAUSE_S, closing_fd)):
                raise Ended(PAUSED if is_there(self._socket) else STALLED)
        finally:
            self._listener.is_paused = False
            self._pauses.leave(self._listener.address)

    def _await_last(self) -> None:
        """The station has ended: what is still to be sent goes into the kernel, which has more room for it from now on,
        and which delivers it also when this process is no more."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LAST_BYTES)
        if not has_room(self._socket, LAST_S):
            raise Ended(CLOSED)
