"""Frames without any container: what a format says of them, and the search for runs of them in a file.

A run is believed where several frames of one kind follow one another, or fewer up to the very end. Pure, used by one
thread at a time; what a search spends is the file's `Budget`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from radiostream.audio.budget import LOOK_NS, RUBBISH_BYTE_NS, Budget
from radiostream.audio.span import read_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_WINDOW: Final = 1 << 16
STRANGE_RUN: Final = 3
"""Headers in a row that are believed where they are of a new kind."""
KNOWN_RUN: Final = 2
"""Headers in a row that are believed where they are of the kind that is expected."""


class Header(Protocol):
    """What a frame's header says; each format has its own tuple of these, and of what else it knows."""

    @property
    def kind(self) -> int:
        """Not 0, and equal for all frames of one part."""

    @property
    def rate_hz(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def samples(self) -> int: ...

    @property
    def length(self) -> int:
        """Bytes of the frame, header included."""


Matcher: TypeAlias = "Callable[..., re.Match[bytes] | None]"
"""`match` of a pattern."""


class Framing(NamedTuple):
    """One format of frames."""

    name: str
    codec: str
    header_bytes: int
    longest: int
    """Bytes of the longest legal frame."""
    sync: re.Pattern[bytes]
    """What a header begins with, and as little else as possible."""
    header_at: Callable[[bytes | memoryview, int], Header | None]
    """The header at an offset that has `header_bytes` behind it, None where there is none."""
    refusal: Callable[[bytes], str]
    """Why nothing is found in audio that begins with these bytes."""
    left_out: Callable[[Header], Matcher] | None = None
    """In formats that have such: what matches frames of a part with this first header that are not to be sent."""


class Found(NamedTuple):
    """Where a run of frames begins, and its first header."""

    at: int
    header: Header


class Sample(NamedTuple):
    """What a piece of a file holds."""

    covered: int
    """Bytes that were looked at, without the halves of frames at both ends."""
    frame_bytes: int
    duration_s: float
    kinds: frozenset[int]


class FrameSearch:
    """Finds frames in a file between its tags."""

    def __init__(self, file: BinaryIO, framing: Framing, budget: Budget, end: int) -> None:
        self.end = end
        """The offset behind the audio; it moves to the front where the file turns out to be shorter."""
        self._file = file
        self._framing = framing
        self._budget = budget

    def next_run(self, at: int, kind: int = 0) -> Found | None:
        """The first run from `at` on: of `kind`, or a longer one of any other kind.

        None at the end of the audio, or where the budget is spent. Raises `OSError`.
        """
        while at < self.end and not self._budget.is_spent:
            window = self._window(at, _WINDOW)
            at_end = at + len(window) >= self.end
            searched = len(window) if at_end else len(window) - STRANGE_RUN * self._framing.longest
            for match in self._framing.sync.finditer(window, 0, searched):
                header = self._run_at(window, match.start(), kind, at_end=at_end)
                if header is not None:
                    self._budget.spend(match.start() * RUBBISH_BYTE_NS)
                    return Found(at + match.start(), header)
                self._budget.spend(LOOK_NS)
            self._budget.spend(searched * RUBBISH_BYTE_NS)
            at += searched
        return None

    def sample(self, at: int, size: int) -> Sample:
        """How much audio the `size` bytes from `at` on hold, of whatever kinds. Raises `OSError`."""
        data = self._window(at, size)
        at_end = at + len(data) >= self.end
        lead, behind, frame_bytes, duration_s, kinds = len(data), 0, 0, 0.0, set[int]()
        for match in self._framing.sync.finditer(data):
            begin = match.start()
            if begin < behind:
                continue
            if self._budget.is_spent:
                break
            header = self._run_at(data, begin, 0, at_end=at_end)
            if header is None:
                self._budget.spend(LOOK_NS)
                continue
            behind, counted, ticks = self._count(data, begin, header)
            lead = min(lead, begin)
            frame_bytes += counted
            duration_s += ticks / header.rate_hz
            kinds.add(header.kind)
        longest = self._framing.longest
        lead = lead if at and lead <= longest else 0
        tail = len(data) - behind if len(data) - behind <= longest else 0
        return Sample(max(1, len(data) - lead - tail), frame_bytes, duration_s, frozenset(kinds))

    def _count(self, data: bytes, at: int, first: Header) -> tuple[int, int, int]:
        """The offset behind the whole frames of one kind that follow one another, and their bytes and samples."""
        header_at, last = self._framing.header_at, len(data) - self._framing.header_bytes
        left_out = self._framing.left_out(first) if self._framing.left_out else None
        header: Header | None = first
        size = ticks = 0
        while header is not None and header.kind == first.kind and at + header.length <= len(data):
            if left_out is None or not left_out(data, at, at + header.length):
                size += header.length
                ticks += header.samples
            at += header.length
            header = header_at(data, at) if at <= last else None
        return at, size, ticks

    def _window(self, at: int, size: int) -> bytes:
        asked = max(0, min(size, self.end - at))
        window = read_at(self._file, at, asked)
        if len(window) < asked:
            self.end = at + len(window)
        return window

    def _run_at(self, data: bytes, at: int, expected: int, *, at_end: bool) -> Header | None:
        """The header at `at`, where frames enough of one kind follow one another from there on."""
        first: Header | None = None
        count = 0
        while first is None or count < (KNOWN_RUN if first.kind == expected else STRANGE_RUN):
            if at + self._framing.header_bytes > len(data):
                is_whole = at_end and at == len(data) and (not expected or (first and first.kind == expected))
                return first if is_whole else None
            header = self._framing.header_at(data, at)
            if header is None or (first is not None and header.kind != first.kind):
                return None
            first = first or header
            count += 1
            at += header.length
        return first
