"""Where the frames in the fragments of an MP4 file lie. Pure. ISO 14496-12, 8.8.

A long file has tens of thousands of fragments: each is read at once and taken apart in memory.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.budget import FRAGMENT_NS, NUMBER_NS
from radiostream.audio.frames import AudioError
from radiostream.audio.mp4_boxes import I32, U32, U64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.audio.mp4_boxes import Box, BoxFile
    from radiostream.audio.mp4_frames import Frames

_LARGEST: Final = 16 << 20
"""Bytes of one `moof`, which is read as a whole."""

_BASE, _DESCRIPTION, _DURATION, _SIZE, _BASE_IS_MOOF = 0x1, 0x2, 0x8, 0x10, 0x20000
"""Flags of a track fragment: the optional fields that are there, in this order, and what offsets are counted from."""
_RUN_OFFSET, _RUN_FIRST, _RUN_DURATION, _RUN_SIZE = 0x1, 0x4, 0x100, 0x200
_RUN_FIELDS: Final = (0x100, 0x200, 0x400, 0x800)
"""Flags of a run: optional fields of the run, and those that each frame has."""

_NO_SIZES: Final = array("I")


class _Run(NamedTuple):
    """Frames that lie one behind the other: where, how many, and how large each or all alike."""

    offset: int
    frames: int
    sizes: array[int]
    size: int
    end: int


def read_fragments(source: BoxFile, moov: Box, moofs: list[Box], track_id: int, frames: Frames) -> None:
    """Add the frames of one track from all fragments, in order. Raises `AudioError`, `OSError`."""
    defaults = _default_sizes(source, moov)
    for moof in moofs:
        size = moof.end - moof.start
        if size > _LARGEST:
            raise AudioError("is damaged: an MP4 fragment's table is larger than any")
        source.budget.demand(FRAGMENT_NS + size // 4 * NUMBER_NS)
        _read_fragment(source.content(moof, size), moof.at, track_id, defaults, frames)


def _default_sizes(source: BoxFile, moov: Box) -> dict[int, int]:
    """By track, the bytes of a frame in fragments that do not say it themselves (`trex`)."""
    mvex = source.find(moov, b"mvex")
    boxes = source.children(mvex, b"trex") if mvex else ()
    contents = (source.content(box, 24) for box in boxes)
    return {U32(content, 4)[0]: U32(content, 16)[0] for content in contents}


def _read_fragment(data: bytes, moof_at: int, track_id: int, defaults: dict[int, int], frames: Frames) -> None:
    """The runs of one track in the content of one `moof`.

    Where a track fragment does not say what its offsets are counted from, that is the `moof` for the first one, and
    the end of the one before for the others (8.8.7.1).
    """
    end = moof_at
    for kind, start, stop in _boxes(data, 0, len(data)):
        if kind != b"traf":
            continue
        head = next((data[at:to] for kind, at, to in _boxes(data, start, stop) if kind == b"tfhd"), b"").ljust(
            32, b"\0"
        )
        track = U32(head, 4)[0]
        for run in _runs(data[start:stop], head, moof_at, end, defaults.get(track, 0)):
            end = run.end
            if track == track_id and (run.sizes or run.size):
                frames.add_fragment(run.offset, run.frames)
                if run.sizes:
                    frames.add_sizes(run.sizes)
                else:
                    frames.add_equal(run.size, run.frames)


def _runs(traf: bytes, head: bytes, moof_at: int, end_before: int, default_size: int) -> Iterator[_Run]:
    """The runs of one track fragment, whose header is `head`."""
    flags, at = U32(head)[0], 8
    base = moof_at if flags & _BASE_IS_MOOF else end_before
    if flags & _BASE:
        base, at = U64(head, at)[0], at + 8
    at += (4 if flags & _DESCRIPTION else 0) + (4 if flags & _DURATION else 0)
    size = U32(head, at)[0] if flags & _SIZE else default_size
    offset = base
    for kind, start, stop in _boxes(traf, 0, len(traf)):
        if kind != b"trun" or stop - start < 8:
            continue
        run, count = U32(traf, start)[0], U32(traf, start + 4)[0]
        if run & _RUN_OFFSET and stop - start >= 12:
            offset = base + I32(traf, start + 8)[0]
        sizes = _run_sizes(traf[start:stop], run, count) if run & _RUN_SIZE else _NO_SIZES
        end = offset + (sum(sizes) if sizes else size * count)
        yield _Run(offset, count, sizes, 0 if run & _RUN_SIZE else size, end)
        offset = end


def _run_sizes(trun: bytes, flags: int, count: int) -> array[int]:
    """The frames' sizes of a run that tells each."""
    start = 8 + (4 if flags & _RUN_OFFSET else 0) + (4 if flags & _RUN_FIRST else 0)
    width = sum(1 for field in _RUN_FIELDS if flags & field)
    end = start + count * width * 4
    if end > len(trun):
        raise AudioError("is cut off or damaged: an MP4 table is larger than its place")
    numbers = array("I", trun[start:end])
    if sys.byteorder == "little":  # pragma: no branch - no machine that CI has is otherwise
        numbers.byteswap()
    return numbers[1 if flags & _RUN_DURATION else 0 :: width]


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, content's begin and end of the boxes that follow one another; one that claims more is clipped."""
    while end - start >= 8:
        size, content = U32(data, start)[0], 8
        kind = data[start + 4 : start + 8]
        if size == 1 and end - start >= 16:
            size, content = U64(data, start + 8)[0], 16
        elif size == 0:
            size = end - start
        if size < content:
            return
        yield kind, start + content, min(end, start + size)
        start += size
