"""AAC in MP4 (`.m4a`, `.mp4`, `.m4b`), re-framed to ADTS without re-encoding: byte for byte what ffmpeg would copy.

Frames are read from the file straight to where they are sent from, each behind a header of seven bytes. HE-AAC is sent
with a header that names its core, which decoders extend by themselves. Pure; used by one thread at a time; owns the
track's tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiostream.audio.adts import HEADER_BYTES, SAMPLES
from radiostream.audio.frames import AAC, SBR, AudioError, Block, Params
from radiostream.audio.mp4_tables import read_track
from radiostream.audio.sbr import is_he_aac
from radiostream.audio.span import read_at, read_into

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from radiostream.audio.mp4_config import AacConfig

_SYNC: Final = 0xFFF1
"""Sync word, MPEG-4, layer 0, no CRC."""
_FULLNESS_UNKNOWN: Final = 0x7FF
_LENGTH_AT: Final = 13


class Mp4Reader:
    """One MP4 file as the `Reader` interface describes it; every frame is a start."""

    preamble = b""
    _next: tuple[int, int] | None
    """Offset and bytes of the frame that comes next; None at the end."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the tables. Raises `AudioError` with the reason, or `OSError`."""
        self._file = file
        config, frames, self._skipped = read_track(file)
        count = len(frames) - self._skipped
        self.tick_hz = config.rate_hz
        self.duration_s: float | None = count * SAMPLES / config.rate_hz
        mean_bytes = frames.bytes / len(frames) + HEADER_BYTES
        self.kbps = max(1, round(mean_bytes * config.rate_hz / (SAMPLES * 125)))
        self._header = _header(config)
        self._table = frames
        setup = SBR if config.has_sbr or is_he_aac(self._first_frames()) else ""
        self.params = Params(AAC, config.rate_hz, config.channels, setup)
        self._go_to(self._skipped)

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next whole frames, back to back."""
        block = Block()
        while self._next is not None and (not block.length or block.ticks_total < max_ticks):
            offset, size = self._next
            end = block.length + HEADER_BYTES + size
            if end > len(view):
                break
            if size:
                complaint = self._read_frame(offset, view[block.length + HEADER_BYTES : end])
                if complaint:
                    if block.length:
                        break
                    raise AudioError(complaint)
                header = self._header | HEADER_BYTES + size << _LENGTH_AT
                view[block.length : block.length + HEADER_BYTES] = header.to_bytes(HEADER_BYTES, "big")
                block.offsets.append(block.length)
                block.ticks.append(block.ticks_total)
                block.length = end
                block.ticks_total += SAMPLES
            self._next = next(self._frames, None)
        return block

    def next_part(self) -> bool:
        """An MP4 track has one set of parameters, so it is one part."""
        return False

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`; by the table, without reading any audio."""
        heard = max(0, min(int(position_s * self.tick_hz / SAMPLES), len(self._table) - self._skipped))
        self._go_to(self._skipped + heard)
        return heard * SAMPLES / self.tick_hz

    def _first_frames(self) -> Iterator[bytes]:
        for offset, size in self._table.starting(self._skipped):
            yield read_at(self._file, offset, size)

    def _go_to(self, number: int) -> None:
        """Read on from that frame of the table."""
        self._frames = self._table.starting(number)
        self._next = next(self._frames, None)

    def _read_frame(self, offset: int, place: memoryview) -> str:
        """Read one frame to its place; what is wrong with it, empty where nothing is."""
        if read_into(self._file, offset, place) < len(place):
            return "is cut off: its tables name audio that is not there"
        if not place[0] and not any(place):  # every frame ends with bits that are set: ID_END, ISO 14496-3, 4.5.2.1
            return "is half written: zeros lie where its tables name audio"
        return ""


def _header(config: AacConfig) -> int:
    """An ADTS header as a number of 56 bits, its length still 0."""
    header = _SYNC << 2 | config.object_type - 1
    header = header << 4 | config.rate_index
    header = header << 4 | config.channel_config
    return header << 4 + 13 + 11 + 2 | _FULLNESS_UNKNOWN << 2
