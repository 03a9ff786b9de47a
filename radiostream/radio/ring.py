"""The ring: the newest minute of a station, in chunks of whole frames, and the pool of buffers behind it.

Threads: one producer takes buffers and publishes; any number of listeners join, read and wait. They share one frozen
tuple of chunks that `publish` replaces whole, so reading takes no lock.

Who owns a buffer: the producer, from `take` to `publish`; then the ring, until the chunk is older than `keep_s`; then
it rests among the spares before `take` hands it out again. A listener only ever borrows: it sends without blocking,
and asks `holds(chunk)` before and after. What the ring no longer holds may be overwritten at any moment.

Media time is clock time: `Chunk.start_s` is the monotonic second at which the chunk's first frame is due, so the live
point is simply "now". The ring knows nothing about formats.
"""

from __future__ import annotations

import os
import threading
from array import array
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from radiostream.audio.frames import Params
from radiostream.playlist.track import Track
from radiostream.radio.turnstile import Turn, Turnstile

CHUNK_S: Final = 5.0
"""The longest chunk. Few large chunks keep a listener cheap; the burst gives players the lead that makes it safe."""

IDLE_CHUNKS = 12
"""So many chunks after somebody last asked for one, nobody listens: at least as long as a stalled client is kept."""
MOST_SPARES = 3
MOST_CHUNKS = 256
"""However short they are, as when somebody skips without end."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One track's time on the air: what its chunks have in common. Compared by identity."""

    track: Track | None
    params: Params
    preamble: bytes
    """What a listener needs before any of its chunks: Ogg header pages, else empty."""
    own_preamble: bytes = b""
    """The same as the file has it, where `preamble` was given another gain: for browsers, which keep the first one."""


class Chunk:
    """A run of whole frames or pages of one run, published together. Immutable once published."""

    __slots__ = (
        "barrier",
        "buffer",
        "discontinuity",
        "duration_s",
        "offsets",
        "run",
        "seq",
        "start_s",
        "tick_s",
        "ticks",
        "title",
        "view",
    )

    def __init__(
        self,
        run: Run,
        view: memoryview,
        *,
        start_s: float,
        duration_s: float,
        buffer: memoryview | None = None,
        title: str = "",
        offsets: array[int] | None = None,
        ticks: array[int] | None = None,
        tick_s: float = 0.0,
        discontinuity: bool = False,
        barrier: bool = False,
    ) -> None:
        self.seq = -1
        self.run = run
        self.view = view
        self.buffer = buffer
        """The pool buffer that `view` lies in; None where it has memory of its own."""
        self.start_s = start_s
        self.duration_s = duration_s
        self.title = title
        self.offsets = offsets if offsets is not None else array("I")
        self.ticks = ticks if ticks is not None else array("I")
        self.tick_s = tick_s
        self.discontinuity = discontinuity
        """The clock starts over here (a skip, the start, a resumption): who is behind goes here at once."""
        self.barrier = barrier or discontinuity
        """A decoder may not be able to go on: a discontinuity, or other parameters than before."""

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s

    def locate(self, at_s: float) -> tuple[int, float]:
        """Byte offset and due time of the last frame that starts at or before `at_s` (or of the first one)."""
        if not self.ticks:
            return 0, self.start_s
        index = max(0, bisect_right(self.ticks, (at_s - self.start_s) / self.tick_s + 1e-6) - 1)
        return self.offsets[index], self.start_s + self.ticks[index] * self.tick_s

    def frame_end(self, offset: int) -> int:
        """The byte behind the frame that holds byte `offset - 1`: where a stream cut at `offset` may stop."""
        at = bisect_right(self.offsets, offset - 1)
        return self.offsets[at] if at < len(self.offsets) else len(self.view)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listener goes on: a chunk's sequence number, a byte in it, and that byte's due time."""

    seq: int
    offset: int
    at_s: float


class Ring:
    """The newest chunks of a station. One thread publishes; any may read and wait.

    `keep_s`: seconds of audio kept behind the newest; `buffer_size`: bytes of a pool buffer;
    `max_bytes`: the most audio kept, however long it lasts.
    """

    def __init__(self, buffer_size: int, keep_s: float, max_bytes: int = 16 << 20) -> None:
        self._buffer_size = buffer_size
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self.idle_s = keep_s
        """Seconds kept while nobody listens: at least the burst. The producer's; it may be changed at any time."""
        self._spares: deque[memoryview] = deque()
        self._chunks: tuple[Chunk, ...] = ()
        self._turnstile = Turnstile()
        self._next_seq = 0
        self._wanted_seq = -IDLE_CHUNKS - 1
        """What was the next chunk when somebody last asked. Written by any reader, without a lock: the newest wins, and
        one that is overwritten is as new as the other."""
        self._discontinuity_seq = 0
        self.closed = False
        self._lock = threading.Lock()  # guards _pipe, and that it is made or closed once
        self._pipe: tuple[int, int] | None = None
        """Both ends, once somebody waits for a slow client; closing the ring closes the second."""

    # -- the producer's thread ---------------------------------------------------------------------------------

    def take(self) -> memoryview:
        """A free buffer, the one that has rested longest; the pool grows until the ring is as long as it should be."""
        if len(self._spares) > 1:
            return self._spares.popleft()
        return memoryview(bytearray(self._buffer_size))

    def give_back(self, buffer: memoryview) -> None:
        """Return a taken buffer that will not be published; nobody has seen it, so it may be used next."""
        self._spares.appendleft(buffer)

    def publish(self, chunk: Chunk) -> None:
        """Put `chunk` on the air and begin to wake the listeners."""
        chunk.seq = self._next_seq
        chunks = (*self._chunks, chunk)
        first = self._first_to_keep(chunks)
        self._chunks = chunks[first:]
        if chunk.discontinuity:
            self._discontinuity_seq = chunk.seq
        self._next_seq = chunk.seq + 1  # behind the chunk: whoever reads the number finds what it promises
        self._spares.extend(old.buffer for old in chunks[:first] if old.buffer is not None)
        while len(self._spares) > (0 if self._is_idle else MOST_SPARES):
            self._spares.popleft()  # the ring has become shorter; who still borrows one keeps it alive
        self._turnstile.open()

    @property
    def _is_idle(self) -> bool:
        return self._next_seq - self._wanted_seq > IDLE_CHUNKS

    def _first_to_keep(self, chunks: tuple[Chunk, ...]) -> int:
        oldest_s = chunks[-1].start_s - (min(self.idle_s, self._keep_s) if self._is_idle else self._keep_s)
        first, left = len(chunks) - 1, self._max_bytes - len(chunks[-1].view)
        last = max(0, len(chunks) - MOST_CHUNKS)
        while first > last and chunks[first - 1].end_s >= oldest_s and left >= len(chunks[first - 1].view):
            first -= 1
            left -= len(chunks[first].view)
        return first

    def close(self) -> None:
        """End every listener's stream at the next frame boundary. May be called from any thread."""
        with self._lock:
            if not self.closed and self._pipe is not None:
                os.close(self._pipe[1])
            self.closed = True
        self._turnstile.open()

    # -- any thread --------------------------------------------------------------------------------------------

    def closing_fd(self) -> int | None:
        """A descriptor of the ring's that hangs up (`POLLHUP`) when it is closed, for those who wait in `poll`.

        None where the ring is closed already, or no descriptor is to be had.
        """
        with self._lock:
            if self._pipe is None and not self.closed:
                with suppress(OSError):
                    self._pipe = os.pipe()
            return self._pipe[0] if self._pipe and not self.closed else None

    def __del__(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe[0])
            if not self.closed:
                os.close(self._pipe[1])

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """What is on the air, oldest first; the newest may reach some seconds beyond the live edge."""
        return self._chunks

    @property
    def discontinuity_seq(self) -> int:
        """The newest chunk at which the clock started over; who is behind it goes there."""
        return self._discontinuity_seq

    def holds(self, chunk: Chunk) -> bool:
        """Whether the chunk's bytes are still its own. Ask before and after they are used."""
        chunks = self._chunks
        return bool(chunks) and chunk.seq >= chunks[0].seq

    def want(self) -> None:
        """Somebody listens: keep all that is to be kept. Asking for a chunk or a place to join says so too."""
        self._wanted_seq = self._next_seq

    def get(self, seq: int) -> Chunk | None:
        """The chunk of that number; None where it is not there yet, or no more (see `lost`)."""
        self.want()
        chunks = self._chunks
        if not chunks or not 0 <= seq - chunks[0].seq < len(chunks):
            return None
        return chunks[seq - chunks[0].seq]

    def lost(self, seq: int) -> bool:
        """Whether that chunk has been and gone."""
        chunks = self._chunks
        return bool(chunks) and seq < chunks[0].seq

    def join(self, at_s: float) -> Position | None:
        """Where a listener starts who is to hear media time `at_s` first; not before the newest discontinuity.

        A change of parameters is no reason to begin later: who began behind it would be ahead of everybody else.
        """
        self.want()
        chunks = self._chunks
        for chunk in reversed(chunks):
            if chunk.start_s <= at_s or chunk.discontinuity or chunk is chunks[0]:
                offset, frame_s = chunk.locate(at_s)
                return Position(chunk.seq, offset, frame_s)
        return None

    def barrier_after(self, seq: int) -> float | None:
        """When the first chunk behind `seq` is due that other parameters, or another clock, begin with; None where
        there is none yet."""
        return next((chunk.start_s for chunk in self._chunks if chunk.seq > seq and chunk.barrier), None)

    @property
    def next_seq(self) -> int:
        """The number that the next chunk will have."""
        return self._next_seq

    def wait(self, turn: Turn, seq: int, timeout_s: float = -1) -> bool:
        """Wait until chunk `seq` is published or the ring is closed, at the latest until anything happens after all
        that there is now; False when time ran out. Who was let through has the turn."""
        return self._turnstile.wait(turn, lambda: self.closed or self._next_seq > seq, timeout_s)
