"""Where the frames of an MP4 file's AAC track lie, from its tables and fragments. Pure. ISO 14496-12.

What is kept is two bytes a frame, and eight a chunk and a run; how many there may be is bounded by the file's size and
a day of audio.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.adts import HEADER_BYTES, LONGEST, SAMPLES
from radiostream.audio.frames import AudioError
from radiostream.audio.mp4_boxes import I32, I64, U32, U64, Box, BoxFile
from radiostream.audio.mp4_config import AacConfig, read_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MOST_FRAMES: Final = 4 << 20
_LARGEST_FRAME: Final = LONGEST - HEADER_BYTES
_LOW_HALF: Final = 0 if sys.byteorder == "little" else 1
"""Which half of a 32-bit number is the low one; converting number by number takes ten times as long."""
_LARGEST_ENTRY: Final = 1 << 16
_MOST_EDITS: Final = 16

_BEHIND_THE_END: Final = "is cut off, or its tables are wrong: audio lies behind the end of the file"

_BASE, _DESCRIPTION, _DURATION, _SIZE = 0x1, 0x2, 0x8, 0x10
"""Flags of a track fragment: the optional fields that are there, in this order."""
_RUN_OFFSET, _RUN_FIRST, _RUN_DURATION, _RUN_SIZE = 0x1, 0x4, 0x100, 0x200
_RUN_FIELDS: Final = (0x100, 0x200, 0x400, 0x800)
"""Flags of a run: optional fields of the run, and those that each frame has."""


class Frames:
    """The frames of a track in order of time: in chunks of consecutive bytes, and runs of chunks of equally many."""

    def __init__(self, room: int) -> None:
        """`room`: bytes of the file, which the frames can not exceed."""
        self._room = room
        self.bytes = 0
        self._sizes = array("H")
        self._chunks = array("Q")
        self._run_chunks = array("I")
        """The first chunk (from 0) of each run."""
        self._run_frames = array("I")
        """How many frames each of the run's chunks has."""

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Offset in the file and bytes of each frame."""
        frame, run = 0, -1
        for chunk, offset in enumerate(self._chunks):
            while run + 1 < len(self._run_chunks) and self._run_chunks[run + 1] <= chunk:
                run += 1
            count = self._run_frames[run] if run >= 0 else 0
            for size in self._sizes[frame : frame + count]:
                yield offset, size
                offset += size
            frame += count

    @property
    def last_chunk(self) -> int:
        """The highest offset at which a chunk begins."""
        return max(self._chunks, default=0)

    def add_sizes(self, sizes: array[int]) -> None:
        """Raises `AudioError` where ADTS can not carry such a frame, or the file can not hold as much."""
        self._grow(len(sizes), sum(sizes), max(sizes, default=0))
        self._sizes.extend(array("H", sizes.tobytes())[_LOW_HALF::2])

    def add_equal(self, size: int, count: int) -> None:
        """`count` frames of the same size; errors as above."""
        self._grow(count, size * count, size)
        self._sizes.extend(array("H", [size]) * count)

    def _grow(self, frames: int, size: int, largest: int) -> None:
        self.bytes += size
        if self.bytes > self._room:
            raise AudioError(_BEHIND_THE_END)
        if len(self._sizes) + frames > _MOST_FRAMES:
            raise AudioError("is MP4 with more frames than any track has")
        if largest > _LARGEST_FRAME:
            raise AudioError("is MP4 with AAC frames too large for ADTS")

    def add_chunks(self, offsets: array[int]) -> None:
        self._chunks.extend(array("Q", offsets))

    def add_run(self, chunk: int, frames: int) -> None:
        self._run_chunks.append(chunk)
        self._run_frames.append(frames)

    def add_fragment(self, offset: int, frames: int) -> None:
        """A chunk of its own with so many frames, whose sizes are added besides."""
        if not 0 <= offset < 1 << 63:
            raise AudioError("is damaged: an MP4 fragment lies outside of the file")
        self.add_run(len(self._chunks), frames)
        self._chunks.append(offset)


class Track(NamedTuple):
    """The AAC track of a file."""

    config: AacConfig
    frames: Frames
    skipped: int
    """Frames at the beginning that an edit list leaves out (the encoder's priming), but for the last one, which the
    decoder needs before the first that is heard."""


def read_track(file: BinaryIO) -> Track:
    """The first playable audio track. Raises `AudioError` with the reason where there is none, or `OSError`."""
    source = BoxFile(file)
    moov: Box | None = None
    moofs: list[Box] = []
    for box in source.boxes(0, source.size):
        if box.kind == b"moov":
            moov = moov or box
        elif box.kind == b"moof":
            moofs.append(box)
    if moov is None:
        raise AudioError("is MP4 without its table of contents (moov): unfinished or cut off")
    refusal = AudioError("is MP4 without an audio track")
    for trak in list(source.children(moov, b"trak")):
        if source.content(source.find(trak, b"mdia", b"hdlr"), 12)[8:] == b"soun":
            try:
                return _read_trak(source, moov, trak, moofs)
            except AudioError as error:
                refusal = error
    raise refusal


def _read_trak(source: BoxFile, moov: Box, trak: Box, moofs: list[Box]) -> Track:
    stbl = source.find(trak, b"mdia", b"minf", b"stbl")
    stsd = source.find(stbl, b"stsd") if stbl else None
    if stbl is None or stsd is None:
        raise AudioError("is damaged: MP4 without sample tables")
    entry = source.content(stsd, min(_LARGEST_ENTRY, stsd.end - stsd.start))[8:]
    config = read_config(entry[: U32(entry)[0]] if len(entry) >= 8 else b"")
    frames = Frames(source.size)
    _read_tables(source, stbl, frames)
    if moofs:
        track_id = _versioned(source.content(source.find(trak, b"tkhd"), 24))
        _read_fragments(source, moofs, track_id, _default_size(source, moov, track_id), frames)
    if not frames.bytes:
        raise AudioError("is MP4 without audio in its track")
    if frames.last_chunk >= source.size:
        raise AudioError(_BEHIND_THE_END)
    skipped = _edited_out(source, trak, config.rate_hz)
    return Track(config, frames, skipped if skipped < len(frames) else 0)


def _versioned(content: bytes) -> int:
    """The number behind two times, which version 1 of a box keeps in 64 bits: `tkhd`'s track, `mdhd`'s time scale."""
    return int(U32(content, 20 if content[0] else 12)[0])


def _read_tables(source: BoxFile, stbl: Box, frames: Frames) -> None:
    """The tables of the frames that are not in fragments."""
    found = {box.kind: box for box in source.boxes(stbl.start, stbl.end)}
    if stsz := found.get(b"stsz"):
        _, size, count = (U32(source.content(stsz, 12), at)[0] for at in (0, 4, 8))
        if size:
            frames.add_equal(size, count)
        else:
            for sizes in source.table(stsz, 12, count):
                frames.add_sizes(sizes)
    for kind, typecode in ((b"stco", "I"), (b"co64", "Q")):
        if box := found.get(kind):
            for offsets in source.table(box, 8, U32(source.content(box, 8), 4)[0], 1, typecode):
                frames.add_chunks(offsets)
    if stsc := found.get(b"stsc"):
        for rows in source.table(stsc, 8, U32(source.content(stsc, 8), 4)[0], 3):
            for first, count in zip(rows[::3], rows[1::3], strict=True):
                frames.add_run(max(0, first - 1), count)


def _edited_out(source: BoxFile, trak: Box, rate_hz: int) -> int:
    """Frames that the first edit with any audio begins behind, less the one that primes the decoder."""
    timescale = _versioned(source.content(source.find(trak, b"mdia", b"mdhd"), 24))
    edits = source.content(source.find(trak, b"edts", b"elst"), 8 + 20 * _MOST_EDITS)
    number, row, at = (I64, 20, 16) if edits[0] else (I32, 12, 12)
    for _ in range(min(U32(edits, 4)[0], _MOST_EDITS)):
        media_time = number(edits, at)[0]
        if media_time >= 0:
            return int(max(0, media_time * rate_hz // (max(1, timescale) * SAMPLES) - 1))
        at += row
    return 0


def _default_size(source: BoxFile, moov: Box, track_id: int) -> int:
    """Bytes of a frame in fragments that do not say it themselves."""
    mvex = source.find(moov, b"mvex")
    for trex in source.children(mvex, b"trex") if mvex else ():
        content = source.content(trex, 24)
        if U32(content, 4)[0] == track_id:
            return int(U32(content, 16)[0])
    return 0


def _read_fragments(source: BoxFile, moofs: list[Box], track_id: int, default_size: int, frames: Frames) -> None:
    for moof in moofs:
        for traf in source.children(moof, b"traf"):
            head = source.content(source.find(traf, b"tfhd"), 32)
            if U32(head, 4)[0] == track_id:
                _read_fragment(source, moof, traf, head, default_size, frames)


def _read_fragment(source: BoxFile, moof: Box, traf: Box, head: bytes, default_size: int, frames: Frames) -> None:
    """One track's runs in one `moof`."""
    flags, at = U32(head)[0], 8
    base = moof.at
    if flags & _BASE:
        base, at = U64(head, at)[0], at + 8
    at += (4 if flags & _DESCRIPTION else 0) + (4 if flags & _DURATION else 0)
    size = U32(head, at)[0] if flags & _SIZE else default_size
    offset = base
    for trun in source.children(traf, b"trun"):
        content = source.content(trun, 16)
        run, count = U32(content)[0], U32(content, 4)[0]
        if run & _RUN_OFFSET:
            offset = base + I32(content, 8)[0]
        if not run & _RUN_SIZE and not size:
            continue
        frames.add_fragment(offset, count)
        before = frames.bytes
        if run & _RUN_SIZE:
            _read_run_sizes(source, trun, run, count, frames)
        else:
            frames.add_equal(size, count)
        offset += frames.bytes - before


def _read_run_sizes(source: BoxFile, trun: Box, run: int, count: int, frames: Frames) -> None:
    at = 8 + (4 if run & _RUN_OFFSET else 0) + (4 if run & _RUN_FIRST else 0)
    width = sum(1 for field in _RUN_FIELDS if run & field)
    for rows in source.table(trun, at, count, width):
        frames.add_sizes(rows[1 if run & _RUN_DURATION else 0 :: width])
