"""Where the frames of an MP4 file's AAC track lie, from its tables and fragments. Pure. ISO 14496-12.

What is kept is two bytes a frame, and eight a chunk and a run; how many there may be is bounded by the file's size, a
day of audio, and the file's budget of work, which all its tracks share.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.adts import SAMPLES
from radiostream.audio.budget import NUMBER_NS, ROW_NS, Budget
from radiostream.audio.frames import AudioError
from radiostream.audio.mp4_boxes import I32, I64, U32, Box, BoxFile
from radiostream.audio.mp4_config import AacConfig, read_config
from radiostream.audio.mp4_fragments import read_fragments
from radiostream.audio.mp4_frames import BEHIND_THE_END, Frames

if TYPE_CHECKING:
    from typing import BinaryIO

_LARGEST_ENTRY: Final = 1 << 16
_MOST_EDITS: Final = 16


class Track(NamedTuple):
    """The AAC track of a file."""

    config: AacConfig
    frames: Frames
    skipped: int
    """Frames at the beginning that an edit list leaves out (the encoder's priming), but for the last one, which the
    decoder needs before the first that is heard."""


def read_track(file: BinaryIO) -> Track:
    """The first playable audio track. Raises `AudioError` with the reason where there is none, or `OSError`."""
    source = BoxFile(file, Budget())
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
                if source.budget.is_spent:
                    break
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
        read_fragments(source, moov, moofs, _versioned(source.content(source.find(trak, b"tkhd"), 24)), frames)
    if not frames.bytes:
        raise AudioError("is MP4 without audio in its track")
    if frames.last_chunk >= source.size:
        raise AudioError(BEHIND_THE_END)
    skipped = _edited_out(source, trak, config.rate_hz)
    return Track(config, frames, skipped if skipped < len(frames) else 0)


def _versioned(content: bytes) -> int:
    """The number behind two times, which version 1 of a box keeps in 64 bits: `tkhd`'s track, `mdhd`'s time scale."""
    return int(U32(content, 20 if content[0] else 12)[0])


def _read_tables(source: BoxFile, stbl: Box, frames: Frames) -> None:
    """The tables of the frames that are not in fragments."""
    found = {box.kind: box for box in source.boxes(stbl.start, stbl.end)}
    if stsz := found.get(b"stsz"):
        _read_sizes(source, stsz, frames)
    elif stz2 := found.get(b"stz2"):
        _read_compact_sizes(source, stz2, frames)
    for kind, typecode in ((b"stco", "I"), (b"co64", "Q")):
        if box := found.get(kind):
            for offsets in source.table(box, 8, U32(source.content(box, 8), 4)[0], 1, typecode):
                frames.add_chunks(offsets)
    if stsc := found.get(b"stsc"):
        for rows in source.table(stsc, 8, U32(source.content(stsc, 8), 4)[0], 3):
            source.budget.demand(len(rows) // 3 * ROW_NS)
            for first, count in zip(rows[::3], rows[1::3], strict=True):
                frames.add_run(max(0, first - 1), count)


def _read_sizes(source: BoxFile, stsz: Box, frames: Frames) -> None:
    """How large each frame is: all alike, or 32 bits each (§8.7.3.2)."""
    _, size, count = (U32(source.content(stsz, 12), at)[0] for at in (0, 4, 8))
    if size:
        frames.add_equal(size, count)
        source.budget.spend(count * NUMBER_NS)
    else:
        for sizes in source.table(stsz, 12, count):
            frames.add_sizes(sizes)


def _read_compact_sizes(source: BoxFile, stz2: Box, frames: Frames) -> None:
    """How large each frame is, in 4, 8 or 16 bits (§8.7.3.3); an odd number of 4 bits is filled up with zeros."""
    content = source.content(stz2, 12)
    bits, count = content[7], U32(content, 8)[0]
    if bits == 4:
        for pairs in source.table(stz2, 12, -(-count // 2), 1, "B"):
            sizes = array("H", (nibble for pair in pairs for nibble in (pair >> 4, pair & 15)))
            frames.add_sizes(sizes[: count - len(frames)])
    elif bits in (8, 16):
        for sizes in source.table(stz2, 12, count, 1, "B" if bits == 8 else "H"):
            frames.add_sizes(sizes)
    else:
        raise AudioError("is damaged: MP4 with frame sizes of no known width")


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
