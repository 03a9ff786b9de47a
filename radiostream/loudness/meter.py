"""How loud an MP3 is, and where it is silent at its ends, from the spectra of some of its frames.

Pure, but for reading one open file from its begin to its end; used by the process that measures. Stretches of frames
spread evenly over the track are decoded to energies (`spectra`), gated as EBU R 128 does (BS.1770-4, Annex 1: at -70
LUFS, then 10 LU below the mean of what is left). Silence is judged frame by frame, without filters: absolute, so that
a quiet beginning is music.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.mpeg import MpegReader
from radiostream.loudness.sideinfo import BrokenFrameError, Format, SideInfo, parse_side_info
from radiostream.loudness.spectra import FrameMeter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

FRAMES: Final = 2400
"""How many frames of a track are decoded: enough for 0.15 dB rms, and about 0.6 s of work."""
BLOCK_S: Final = 0.4
"""What the gates look at at once; shorter blocks would gate the pauses between two beats."""
_MOST_APART: Final = 4
"""Of a long track every fourth frame is decoded: blocks overlap by three quarters anyway."""
_STRETCH_S: Final = 0.8
"""Of a longer one, stretches of this length."""
OFFSET_DB: Final = -3.57
"""From the mean energy of a granule to LUFS: the scale of Layer III's transform, fitted once for all of its kinds."""
_LUFS_OFFSET_DB: Final = -0.691
"""BS.1770's own constant, which a level in dBFS does without."""

_ABSOLUTE_GATE_LUFS: Final = -70.0
_RELATIVE_GATE_LU: Final = 10.0

SILENCE_DBFS: Final = -60.0
SILENT_S: Final = 10.0
"""A silence so long inside a track is one that listeners take for a fault."""
SILENCES_MOST: Final = 20
KEEP_S: Final = 0.25
"""The most that is left of dead air."""
_DECODER_SAMPLES: Final = 529 + 576
"""How much later than its frame a sound may begin: the filters' delay, and a granule that windows overlap by."""
_TAIL_S: Final = 60.0
"""The most that is looked through at a track's end."""
_GOLDEN: Final = 0.618034
"""Stretches are shifted by multiples of it, so that they keep step with no bar of the music."""
_HEADER: Final = 4
_RESERVOIR: Final = 511


_Block = tuple[float, float]
"""The mean energy of `BLOCK_S`, and what it counts for: the time from one block to the next."""


class Measured(NamedTuple):
    """What was found out; frames are counted from the first one that is sent."""

    lufs: float | None
    """None where nothing rises above the absolute gate."""
    head: int
    """Frames of dead air that can be left out at the begin."""
    end: int
    """The frame that the dead air at the end begins with; 0 where there is none."""
    silences: tuple[tuple[float, float], ...] = ()
    """Seconds of the track between which nothing is above `SILENCE_DBFS`, for `SILENT_S` or longer each."""


class _Frame(NamedTuple):
    """One frame with all that it takes to decode it."""

    mode_extension: int
    side: bytes
    before: bytes
    """The main data that came before, as much as a frame can reach back to."""
    data: bytes


def measure(file: BinaryIO, frames: int = FRAMES) -> Measured:
    """Measure the MP3 in `file` from about so many of its frames. Raises `AudioError`, `OSError`."""
    reader = MpegReader(file)
    form = Format(reader.params.rate_hz, reader.params.channels)
    total = (reader.duration_s or 0.0) * form.rate_hz / form.samples
    apart = next((apart for apart in (1, 2) if total <= frames * apart), _MOST_APART)
    gauge = _Gauge(form, apart, max(1.0, total / apart / max(1, frames)))
    while True:
        for frame in _frames(reader, form):
            gauge.take(frame)
        if not reader.next_part():
            break
        form = Format(reader.params.rate_hz, reader.params.channels)
        gauge.enter(form)
    return Measured(gated(gauge.blocks), gauge.head(), gauge.end(), gauge.silences())


def gated(blocks: Sequence[_Block]) -> float | None:
    """The loudness in LUFS of blocks of these mean energies and weights; None where all of them are silent."""
    floor = 10 ** ((_ABSOLUTE_GATE_LUFS - OFFSET_DB) / 10)
    loud = [block for block in blocks if block[0] > floor]
    if not loud:
        return None
    floor = _mean(loud) / 10 ** (_RELATIVE_GATE_LU / 10)
    return 10 * math.log10(_mean([block for block in loud if block[0] > floor])) + OFFSET_DB


def _mean(blocks: Sequence[_Block]) -> float:
    return math.fsum(energy * weight for energy, weight in blocks) / math.fsum(weight for _, weight in blocks)


def _frames(reader: MpegReader, form: Format) -> Iterator[_Frame]:
    """The frames of a part, one after another."""
    view = memoryview(bytearray(1 << 16))
    before = b""
    while (block := reader.fill(view, reader.tick_hz)).length:
        edges = [*block.offsets, block.length]
        for start, stop in pairwise(edges):
            side = start + _HEADER + (0 if view[start + 1] & 1 else 2)
            main = side + form.side_bytes
            mode = view[start + 3]
            data = bytes(view[main:stop])
            yield _Frame(mode >> 4 & 3 if mode >> 6 == 1 else 0, bytes(view[side:main]), before, data)
            before = (before + data)[-_RESERVOIR:]


@dataclass(slots=True)
class _Gauge:
    """Takes one frame after another, and decodes those that are to be measured."""

    form: Format
    apart: int
    """From one frame that is decoded to the next one in its block."""
    sparseness: float
    """From one stretch's begin to the next one's, in stretches."""
    blocks: list[_Block] = field(default_factory=list)
    """One beginning with each frame that was decoded; frames of a part at another rate are of another length."""
    _meter: FrameMeter = field(init=False)
    _flat: FrameMeter = field(init=False)
    _number: int = 0
    """Of the next frame."""
    _stretch_at: int = 0
    _stretches: int = 0
    _stretch_frames: int = field(init=False)
    _recent: deque[float] = field(init=False)
    """Energies of the frames that were decoded last, up to a block."""
    _first_loud: int | None = None
    _needs: int = 0
    """Frames before the first loud one that its main data begins in."""
    _tail: deque[_Frame] = field(init=False)
    _parts: int = 1
    _at_s: float = 0.0
    """Where in the track the next frame begins."""
    _quiet_s: tuple[float, float] | None = None
    """When the first and the last of the sampled frames since a loud one begin."""
    _silences: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tail = deque(maxlen=round(_TAIL_S * self.form.rate_hz / self.form.samples))
        self._set_meters()

    def _set_meters(self) -> None:
        frames_hz = self.form.rate_hz / self.form.samples
        self._stretch_frames = round(_STRETCH_S * frames_hz)
        self._recent = deque(maxlen=max(1, round(BLOCK_S * frames_hz / self.apart)))
        self._meter, self._flat = FrameMeter(self.form), FrameMeter(self.form, is_flat=True)

    def enter(self, form: Format) -> None:
        """A part of other parameters begins."""
        self.form = form
        self._parts += 1
        self._tail.clear()
        self._set_meters()

    def take(self, frame: _Frame) -> None:
        """The next frame."""
        if self._first_loud is None and self._is_loud(frame):
            self._first_loud = self._number
            self._needs = self._reach(frame)
        if self._number >= self._stretch_at:
            if not (self._number - self._stretch_at) % self.apart:
                self._sample(frame)
            if self.sparseness > 1 and self._number >= self._stretch_at + self._stretch_frames - 1:
                self._end_stretch()
        self._tail.append(frame)
        self._number += 1
        self._at_s += self.form.samples / self.form.rate_hz

    def _sample(self, frame: _Frame) -> None:
        energies = self._decode(self._meter, frame)
        self._note_silence(is_loud=energies is None or _is_above_silence(energies))
        if energies is None:
            return
        self._recent.append(math.fsum(energies))
        if len(self._recent) == self._recent.maxlen:
            frame_s = self.form.samples / self.form.rate_hz
            self.blocks.append((math.fsum(self._recent) / len(self._recent), frame_s))

    def _note_silence(self, *, is_loud: bool) -> None:
        if not is_loud:
            self._quiet_s = (self._quiet_s or (self._at_s, 0.0))[0], self._at_s
            return
        if self._quiet_s is not None and self._quiet_s[1] - self._quiet_s[0] >= SILENT_S:
            self._silences.append((round(self._quiet_s[0], 1), round(self._at_s, 1)))
        self._quiet_s = None

    def silences(self) -> tuple[tuple[float, float], ...]:
        """Those of the whole track, once all frames have been taken."""
        self._note_silence(is_loud=True)
        return tuple(self._silences[:SILENCES_MOST])

    def _end_stretch(self) -> None:
        self._recent.clear()
        self._stretches += 1
        shift = self._stretches * _GOLDEN % 1 - (self._stretches - 1) * _GOLDEN % 1
        gap = self._stretch_frames * (self.sparseness - 1) * (1 + shift)
        self._stretch_at = self._number + 1 + max(0, round(gap))

    def _decode(self, meter: FrameMeter, frame: _Frame) -> list[float] | None:
        side = parse_side_info(frame.side, self.form)
        main = _main_data(side, frame)
        if main is None:
            return None
        try:
            return meter.energies(frame.mode_extension, side, main)
        except BrokenFrameError:
            return None

    def _is_loud(self, frame: _Frame) -> bool:
        """Whether a channel of the frame is above the level of dead air; one that cannot be decoded counts as loud."""
        energies = self._decode(self._flat, frame)
        return energies is None or _is_above_silence(energies)

    def _reach(self, frame: _Frame) -> int:
        """How many frames before `frame` hold main data of its own."""
        left = parse_side_info(frame.side, self.form).main_begin
        count = 0
        for earlier in reversed(self._tail):
            if left <= 0:
                break
            left -= len(earlier.data)
            count += 1
        return count

    def _kept(self) -> int:
        """How many frames of dead air are left."""
        samples = KEEP_S * self.form.rate_hz - _DECODER_SAMPLES - self.form.samples
        return max(1, int(samples / self.form.samples))

    def head(self) -> int:
        """Frames to leave out at the begin; none in a track that is silent all through."""
        return max(0, (self._first_loud or 0) - max(self._kept(), self._needs))

    def end(self) -> int:
        """The frame to end before, 0 for the track's own end. Not in a file of several parts."""
        if self._first_loud is None or self._parts > 1:
            return 0
        silent = 0
        for frame in reversed(self._tail):
            if self._is_loud(frame):
                break
            silent += 1
        cut = silent - self._kept()
        return self._number - cut if cut > 0 else 0


def _is_above_silence(energies: Sequence[float]) -> bool:
    loudest = max(energies)
    return loudest > 0 and 10 * math.log10(loudest) + OFFSET_DB - _LUFS_OFFSET_DB >= SILENCE_DBFS


def _main_data(side: SideInfo, frame: _Frame) -> bytes | None:
    """The frame's main data, None where the begin of it is missing."""
    if not side.main_begin:
        return frame.data
    if side.main_begin > len(frame.before):
        return None
    return frame.before[-side.main_begin :] + frame.data
