"""A reader whose track is brought to its level, without the dead air at its ends.

Used by the producer's thread. Frames are changed in the buffer they were just read into; nothing is copied. Where dead
air was left out, the first frames may lack main data that lies in frames which were not sent: those are made silent,
which they nearly were, and what they carry for the frames behind them stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import MP3, WIDEST_FRAME, Block
from radiostream.loudness import aac, gain
from radiostream.loudness.headers import with_gain
from radiostream.loudness.level import UNKNOWN, Level, has_header_gain, has_steps, steps_of, wanted_db
from radiostream.loudness.reservoir import Reservoir

if TYPE_CHECKING:
    from radiostream.audio.frames import Params, Reader
    from radiostream.loudness.known import Known

_SCRATCH_BYTES: Final = 4 * WIDEST_FRAME


class ShapedReader:
    """A reader that brings a track to its level; see `radiostream.audio.frames.Reader` for what the members promise.

    `target_lufs`: None leaves the level as it is; `trim`: whether dead air is left out.
    """

    def __init__(self, reader: Reader, known: Known | None, target_lufs: float | None, *, trim: bool) -> None:
        self._reader = reader
        self._known = known
        self._target_lufs = target_lufs
        self._steps = 0
        self._can_shift: bool | None = None
        self.own_preamble = b""
        """The header pages as the file has them, for browsers; empty where they are the preamble."""
        self.preamble = reader.preamble
        self.level = Level()
        samples = 1152 if reader.tick_hz >= 32000 else 576
        is_trimmed = trim and known is not None and reader.params.codec == MP3
        self._head_ticks = known.head * samples if is_trimmed and known else 0
        self._end_ticks = known.end * samples if is_trimmed and known else 0
        self._ticks = 0
        self._rate_hz = reader.tick_hz
        self._reservoir: Reservoir | None = None
        self._enter_part()

    def _enter_part(self) -> None:
        """Decide what is done to the part that the reader is at."""
        reader, known = self._reader, self._known
        self.preamble, self.own_preamble, self._steps, self._can_shift = reader.preamble, b"", 0, None
        if known is None or known.lufs is None or self._target_lufs is None:
            self.level = self._told(0.0, 0.0)
            return
        gain_db, volume_db = 0.0, 0.0
        if has_steps(reader.params):
            self._steps = steps_of(known, self._target_lufs)
            gain_db = self._steps * gain.STEP_DB
        else:
            volume_db = min(0.0, wanted_db(known, self._target_lufs))
            if has_header_gain(reader.params):
                changed = with_gain(reader.preamble, wanted_db(known, self._target_lufs))
                if changed is not None:
                    self.preamble, self.own_preamble = changed, reader.preamble
                    gain_db = wanted_db(known, self._target_lufs)
        self.level = self._told(gain_db, volume_db)

    def _told(self, gain_db: float, volume_db: float) -> Level:
        known = self._known
        if known is None:
            return Level()
        head_s = self._head_ticks / self._rate_hz
        silences = tuple((max(0.0, begin_s - head_s), end_s - head_s) for begin_s, end_s in known.silences)
        source = known.source if known.lufs is not None else UNKNOWN
        return Level(known.lufs, source, round(gain_db, 2), round(volume_db, 2), silences)

    @property
    def params(self) -> Params:
        return self._reader.params

    @property
    def tick_hz(self) -> int:
        return self._reader.tick_hz

    @property
    def kbps(self) -> int:
        return self._reader.kbps

    @property
    def duration_s(self) -> float | None:
        """Without the dead air."""
        whole_s = self._reader.duration_s
        if self._end_ticks:
            whole_s = self._end_ticks / self._rate_hz
        return None if whole_s is None else max(0.0, whole_s - self._head_ticks / self._rate_hz)

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next frames or pages, at their level; see `Reader.fill`."""
        if self._ticks < self._head_ticks:
            self._skip_head()
        if self._end_ticks:
            max_ticks = min(max_ticks, self._end_ticks - self._ticks)
            if max_ticks <= 0:
                return Block()
        block = self._reader.fill(view, max_ticks)
        self._ticks += block.ticks_total
        frames = view[: block.length]
        if self._reservoir is not None and not self._reservoir.fill(frames, block.offsets):
            self._reservoir = None
        if self._steps:
            self._shift(frames, block)
        return block

    def _shift(self, frames: memoryview, block: Block) -> None:
        if self._reader.params.codec == MP3:
            gain.shift_gain(frames, block.offsets, self._steps)
            return
        if self._can_shift is None:
            self._can_shift = aac.can_shift(frames, block.offsets)
            if not self._can_shift:
                self.level = self._told(0.0, 0.0)
        if self._can_shift:
            aac.shift_gain(frames, block.offsets, self._steps)

    def _skip_head(self) -> None:
        """Read past the dead air at the begin."""
        scratch = memoryview(bytearray(_SCRATCH_BYTES))
        while self._ticks < self._head_ticks:
            block = self._reader.fill(scratch, self._head_ticks - self._ticks)
            if not block.length:
                break
            self._ticks += block.ticks_total
        self._reservoir = Reservoir()

    def next_part(self) -> bool:
        """See `Reader.next_part`."""
        if self._end_ticks and self._ticks >= self._end_ticks:
            return False
        if not self._reader.next_part():
            return False
        self._head_ticks = min(self._head_ticks, self._ticks)
        self._enter_part()
        return True

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`; the begin is that of the sound."""
        head_s = self._head_ticks / self._rate_hz
        if position_s <= 0:
            return 0.0
        reached_s = self._reader.seek(position_s + head_s)
        self._ticks = max(self._head_ticks, round(reached_s * self._rate_hz))
        self._enter_part()
        return max(0.0, reached_s - head_s)
