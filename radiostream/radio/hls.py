"""HLS: the ring's chunks as a list of segments that, once told to a player, never change.

Threads: request threads call `refresh` and `find`; whoever asks first after something was published adds it to the
list, under a lock, from the ring's immutable chunks. The producer does nothing for it, and a station whose playlist
nobody asks for has none. Segments refer to chunks; no audio is copied.

Time: segments lie end to end on a timeline of their own, which begins with the Unix time and grows by what is listed
(the ring goes back in time at a discontinuity). A segment is a run of frames that fit into the target duration, over
the ends of chunks and tracks: where sample rate and channels stay, the frames follow one another as in the plain
stream, and no discontinuity interrupts a decoder. The playlist tells of one at a skip or a resumption, where sample
rate or channels change, and where nobody asked for so long that audio was missed.

Where a segment ends: FFmpeg (mpv, VLC, many a hardware radio) reads MP3 in blocks of 1,024 bytes without regard to
segments, and gives the frames of a block that spans two segments the time of the second one. How many those are
depends on where in a block the first one ends, and its clock goes back whenever they become fewer. So a segment ends
with the last frame that makes it a whole number of blocks, or very little more: then, wherever a player joins, the
number stays, or grows, for a minute and more.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from radiostream.clock import Clock
from radiostream.radio.ring import Chunk, Ring

TARGET_S: Final = 5
"""EXT-X-TARGETDURATION: no segment's duration, rounded, exceeds it (RFC 8216 §4.3.3.1). A chunk's 5 s, no more: a
player starts three of these behind the end of the list, and should hear nearly what others hear in the plain stream."""

LONGEST_S: Final = 5.49
SHORTEST_S: Final = 2.0
"""No segment is shorter, unless something ends it."""

BLOCK_BYTES: Final = 1024
REST_BYTES: Final = 48
"""How much more than a whole number of blocks a segment holds at most, if that may be. One frame in twenty ends there,
so audio waits half a second for the segment after; and with twenty segments there is still not another block."""

LISTED_S: Final = 22.0
"""What is listed: the newest segments that last so long together. Never fewer than five, more than three target
durations (RFC 8216 §6.2.2); and short enough that the ring's minute covers a list, a segment and a list again, for
which a segment must be there after it has left the list."""

SETTLE_S: Final = 1.5
"""What is skipped again so soon is never listed: a player would hear all of it, and be late for good."""

PTS_HZ: Final = 90_000
PTS_WRAP: Final = 1 << 33

EPOCH_S: Final = 1_735_689_600
NUMBERS_PER_S: Final = 10
"""A run's numbers begin with the tenths of a second since 2025-01-01 at its start. A run tells fewer than that in its
time; so those of a restarted server are higher than any that were told before."""

ERA_S: Final = 8
ERAS: Final = 1 << 18
"""So do its discontinuity numbers, with every eighth second, over and over again in three weeks: they have to be small,
as hls.js counts from 0 up to them whenever it loads a list. A run may therefore begin with a lower one than a run of
some weeks before; as all timelines are Unix time, a player that takes the two for one makes no mistake."""

PLAYERS_WINDOW_S: Final = 3.0 * TARGET_S
"""A player that has not asked for the playlist for so long has gone."""
PLAYERS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """Some frames of one chunk: from frame `first` to before frame `end`."""

    chunk: Chunk
    first: int
    end: int

    @property
    def view(self) -> memoryview:
        return self.chunk.view[_byte(self.chunk, self.first) : _byte(self.chunk, self.end)]

    @property
    def start_s(self) -> float:
        return self.chunk.start_s + _second(self.chunk, self.first)

    @property
    def duration_s(self) -> float:
        return _second(self.chunk, self.end) - _second(self.chunk, self.first)


def _byte(chunk: Chunk, frame: int) -> int:
    return chunk.offsets[frame] if frame < len(chunk.offsets) else len(chunk.view)


def _second(chunk: Chunk, frame: int) -> float:
    return chunk.ticks[frame] * chunk.tick_s if frame < len(chunk.ticks) else chunk.duration_s


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Consecutive frames, as one file of a playlist."""

    ring: Ring
    number: int
    """Its media sequence number."""
    era: int
    """Its discontinuity sequence number."""
    is_cut: bool
    """A discontinuity precedes it."""
    parts: tuple[Part, ...]
    duration_s: float
    pts: int
    """The time of its first frame: 90 kHz, 33 bits."""
    unix_s: float
    """When its first frame is heard by those who listen to the plain stream."""

    @property
    def title(self) -> str:
        """What is heard for most of it."""
        return max(self.parts, key=lambda part: part.duration_s).chunk.title

    @property
    def codec(self) -> str:
        return self.parts[0].chunk.run.params.codec

    @property
    def is_held(self) -> bool:
        """Whether all its bytes are still their own. Ask before and after they are used."""
        return self.ring.holds(self.parts[0].chunk)


class Hls:
    """One station's segments, and who follows them. For any thread."""

    def __init__(self, clock: Clock, run: str | None = None) -> None:
        self.run = run or os.urandom(5).hex()
        """Stands in every segment's URL: no other run of the server gives that name to anything else."""
        self.players = Players(clock)
        self._clock = clock
        self._lock = threading.Lock()  # guards everything below
        self._ring: Ring | None = None
        self._seen = -1
        self._open: list[Part] = []
        """What is no segment yet."""
        self._cut = True
        """The next segment begins with a discontinuity."""
        self._last: Chunk | None = None
        self._kept: deque[Segment] = deque()
        """All segments whose audio is still in the ring, the listed ones among them."""
        self._list: tuple[Segment, ...] = ()
        """What is listed, the same object for as long as nothing changes; who has made something of it keeps that."""
        self._listed_of = (-1, -1)
        """The oldest and the newest chunk of the ring when that was made."""
        unix_s = clock.unix_s()
        self._at_s = unix_s % (PTS_WRAP / PTS_HZ)
        """Where the next segment begins on the timeline."""
        self._number = max(0, int((unix_s - EPOCH_S) * NUMBERS_PER_S))
        self._era = int(unix_s / ERA_S) % ERAS

    def refresh(self, ring: Ring, burst_s: float) -> tuple[Segment, ...]:
        """What a playlist lists now, oldest first; `burst_s` is how far behind the ring the station is heard."""
        ring.want()
        with self._lock:
            if ring is not self._ring:
                self._enter(ring)
            chunks = ring.chunks
            if not chunks:
                return ()
            there = chunks[0].seq, chunks[-1].seq
            if there == self._listed_of and self._seen == there[1]:
                return self._list
            self._listed_of = there
            while self._kept and self._kept[0].parts[0].chunk.seq < chunks[0].seq:
                self._kept.popleft()
            for chunk in self._fresh(chunks, burst_s):
                self._add(chunk, burst_s)
            listed = self._listed()
            if listed != self._list:  # segments are compared by identity
                self._list = listed
            return self._list

    def find(self, number: int) -> Segment | None:
        """The segment of that number, listed or not any more; None where there is none, or its audio is gone."""
        with self._lock:
            at = number - self._kept[0].number if self._kept else -1
            return self._kept[at] if 0 <= at < len(self._kept) else None

    # -- the lock is held below ------------------------------------------------------------------------------------

    def _enter(self, ring: Ring) -> None:
        """Begin with a ring: the first, or another one because the station sends another format now."""
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        self._ring = ring
        self._seen = -1
        self._cut, self._last = True, None
        self._open.clear()
        self._kept.clear()
        self._listed_of = (-1, -1)

    def _fresh(self, chunks: tuple[Chunk, ...], burst_s: float) -> Iterator[Chunk]:
        """What is new, without what was skipped at once, and without what may still be."""
        fresh = [chunk for chunk in chunks if chunk.seq > self._seen]
        cuts = [chunk for chunk in fresh if chunk.discontinuity]
        superseded = {one.seq for one, then in pairwise(cuts) if then.start_s - one.start_s < SETTLE_S}
        leave_out = False
        for chunk in fresh:
            if chunk.discontinuity:
                leave_out = chunk.seq in superseded
                settled_s = chunk.start_s + burst_s + SETTLE_S
                if chunk is cuts[-1] and self._kept and self._clock.now_s() < settled_s:
                    return
            if leave_out:
                self._seen = chunk.seq
            else:
                yield chunk

    def _add(self, chunk: Chunk, burst_s: float) -> None:
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        missed_s = self._missed_s(chunk)
        if missed_s:
            self._at_s += _duration_s(self._open) + missed_s
            self._open.clear()
        elif self._open and chunk.barrier:
            if chunk.discontinuity and chunk.run is not self._open[-1].chunk.run:
                self._open.clear()  # nobody was told of it, and it was skipped
            else:
                self._close(len(self._open) - 1, self._open[-1].end, burst_s)
        self._seen, self._last = chunk.seq, chunk
        self._cut = self._cut or chunk.barrier or missed_s > 0
        if chunk.duration_s:
            self._open.append(Part(chunk, 0, len(chunk.offsets)))
        while _duration_s(self._open) + chunk.duration_s > LONGEST_S and (end := self._find_end()):
            self._close(*end, burst_s)

    def _missed_s(self, chunk: Chunk) -> float:
        """How much audio has left the ring since somebody asked last."""
        if self._last is None or chunk.seq <= self._seen + 1:
            return 0.0
        return max(0.001, chunk.start_s - self._last.end_s)

    def _find_end(self) -> tuple[int, int] | None:
        """Where the next segment should end: in which open part, before which frame. None: after what comes next."""
        ends = list(self._ends())
        for rest, at, frame in reversed(ends):
            if rest <= REST_BYTES:
                return at, frame
        return min(ends)[1:] if _duration_s(self._open) > LONGEST_S else None

    def _ends(self) -> Iterator[tuple[int, int, int]]:
        """Where the next segment may end, and by how many bytes it is more than a whole number of blocks then."""
        before_s, before_bytes = 0.0, 0
        for at, part in enumerate(self._open):
            chunk, first_s, first_byte = part.chunk, _second(part.chunk, part.first), _byte(part.chunk, part.first)
            for frame in range(part.first + 1, part.end + 1):
                if SHORTEST_S <= before_s + _second(chunk, frame) - first_s <= LONGEST_S:
                    yield (before_bytes + _byte(chunk, frame) - first_byte) % BLOCK_BYTES, at, frame
            before_s, before_bytes = before_s + part.duration_s, before_bytes + len(part.view)

    def _close(self, at: int, frame: int, burst_s: float) -> None:
        """Make a segment of what is open, up to that frame of part `at`."""
        assert self._ring is not None  # noqa: S101 - chunks come from it
        last = self._open[at]
        parts = (*self._open[:at], replace(last, end=frame))
        self._open[: at + 1] = [replace(last, first=frame)] if frame < last.end else []
        duration_s = _duration_s(parts)
        behind_s = burst_s + self._clock.unix_s() - self._clock.now_s()
        self._era += self._cut
        pts = round(self._at_s * PTS_HZ) % PTS_WRAP
        self._kept.append(
            Segment(self._ring, self._number, self._era, self._cut, parts, duration_s, pts, parts[0].start_s + behind_s)
        )
        self._number += 1
        self._cut = False
        self._at_s += duration_s

    def _listed(self) -> tuple[Segment, ...]:
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        duration_s, first = 0.0, len(self._kept)
        while first and duration_s < LISTED_S:
            first -= 1
            duration_s += self._kept[first].duration_s
        return tuple(self._kept[at] for at in range(first, len(self._kept)))


def _duration_s(parts: Sequence[Part]) -> float:
    return sum(part.duration_s for part in parts)


class Players:
    """Who follows a playlist: those who asked for it within `PLAYERS_WINDOW_S`. Bounded, for any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards _asked_s
        self._asked_s: OrderedDict[int, float] = OrderedDict()

    def note(self, address: str, agent: str) -> None:
        """A player has asked; one behind the same address and of the same name is taken for the same."""
        now_s = self._clock.now_s()
        with self._lock:
            self._asked_s[hash((address, agent))] = now_s
            self._asked_s.move_to_end(hash((address, agent)))
            self._forget(now_s)

    def __len__(self) -> int:
        with self._lock:
            self._forget(self._clock.now_s())
            return len(self._asked_s)

    def _forget(self, now_s: float) -> None:
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        while self._asked_s:
            oldest = next(iter(self._asked_s))
            if len(self._asked_s) <= PLAYERS_MAX and now_s - self._asked_s[oldest] <= PLAYERS_WINDOW_S:
                return
            del self._asked_s[oldest]
