"""How long the frames of a file last and how they are spread over it: by looking into it here and there.

A short file is counted as a whole. In others some looks agree where the bitrate is constant; where they do not, more
looks are taken. What lies behind the last frame does not count. Pure; reads through `FrameSearch`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from radiostream.audio.framing import FrameSearch, Sample

_COUNTED: Final = 1 << 20
"""Bytes of a file that is counted frame by frame."""
_FEW, _MANY = 8, 96
_LOOK: Final = 16 << 10
_EDGE: Final = 2 << 10
_SHORTEST_S: Final = 0.001
_EVEN: Final = 0.005
"""By how much the bitrates of some looks may differ that are called constant: padding takes less."""


class Survey(NamedTuple):
    """Where a file's time lies: stretches of bytes, each with the second at which it begins."""

    offsets: tuple[int, ...]
    seconds: tuple[float, ...]
    """As many; the last ones are the end and the duration."""
    frame_bytes_a_second: float
    is_exact: bool
    """Whether places are right to a frame: the bitrate is constant."""

    @property
    def duration_s(self) -> float:
        return self.seconds[-1]

    def offset(self, second: float) -> int:
        """Near which byte that second lies."""
        return int(_between(second, self.seconds, self.offsets))

    def second(self, offset: int) -> float:
        """Near which second that byte lies."""
        return _between(offset, self.offsets, self.seconds)


def even(start: int, end: int, duration_s: float, frame_bytes_a_second: float, *, is_exact: bool) -> Survey:
    """A survey of a file of which somebody else has told the duration."""
    return Survey((start, end), (0.0, duration_s), frame_bytes_a_second, is_exact)


def survey(search: FrameSearch, start: int) -> Survey:
    """Look at the audio from `start` up to the search's end, a frame lying at `start`. Raises `OSError`."""
    if search.end - start <= _COUNTED:
        return _counted(search, start, search.end)
    offsets, samples = _looks(search, start, search.end, _FEW)
    rates = [sample.duration_s / sample.covered for sample in samples]
    kinds = frozenset[int]().union(*(sample.kinds for sample in samples))
    is_exact = len(kinds) == 1 and max(rates) - min(rates) <= _EVEN * max(rates)
    if not is_exact:
        behind = _behind_audio(search, offsets, samples)
        if behind - start <= _COUNTED:
            return _counted(search, start, behind)
        offsets, samples = _looks(search, start, behind, _MANY)
    return _summed(offsets, samples, is_exact=is_exact)


def _counted(search: FrameSearch, start: int, end: int) -> Survey:
    sample = search.sample(start, end - start)
    duration_s = max(sample.duration_s, _SHORTEST_S)
    return Survey((start, end), (0.0, duration_s), sample.frame_bytes / duration_s, is_exact=False)


def _looks(search: FrameSearch, start: int, end: int, count: int) -> tuple[list[int], list[Sample]]:
    """Where so many even stretches begin (and the last one ends), and a sample from the middle of each."""
    offsets = [start + (end - start) * number // count for number in range(count + 1)]
    middles = [(low + high - _LOOK) // 2 for low, high in pairwise(offsets)]
    return offsets, [search.sample(max(start, middle), _LOOK) for middle in middles]


def _behind_audio(search: FrameSearch, offsets: list[int], samples: list[Sample]) -> int:
    """About where the audio ends and nothing but rubbish follows, right to a few frames."""
    low, high = offsets[0], offsets[-1]
    if search.sample(high - _LOOK, _LOOK).duration_s:
        return high
    for number, sample in enumerate(samples):
        if sample.duration_s:
            low = (offsets[number] + offsets[number + 1]) // 2
    while high - low > _EDGE:
        middle = (low + high) // 2
        low, high = (middle, high) if search.sample(middle, _LOOK).duration_s else (low, middle)
    return min(offsets[-1], high + _EDGE)


def _summed(offsets: list[int], samples: list[Sample], *, is_exact: bool) -> Survey:
    spans = [high - low for low, high in pairwise(offsets)]
    parts_s = [span * sample.duration_s / sample.covered for span, sample in zip(spans, samples, strict=True)]
    seconds = tuple(accumulate(parts_s, initial=0.0))
    sampled_s = sum(sample.duration_s for sample in samples)
    rate = sum(sample.frame_bytes for sample in samples) / sampled_s if sampled_s else 1.0
    return Survey(tuple(offsets), (*seconds[:-1], max(seconds[-1], _SHORTEST_S)), rate, is_exact)


def _between(value: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """The value that belongs to `value` on the line through points, whose `xs` do not fall."""
    at = min(max(0, bisect_right(xs, value) - 1), len(xs) - 2)
    width = xs[at + 1] - xs[at]
    share = min(1.0, max(0.0, (value - xs[at]) / width)) if width else 0.0
    return ys[at] + share * (ys[at + 1] - ys[at])
