"""One loaded track: its open file, its reader and its run on the air. Used by the producer's thread only."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from radiostream.audio.formats import open_reader
from radiostream.audio.frames import AudioError, Block, Params, Reader
from radiostream.audio.silence import silence
from radiostream.playlist.history import PLAYED, TRACK
from radiostream.playlist.pictures import Picture
from radiostream.playlist.track import Tags, Track, open_track
from radiostream.radio.ring import Chunk, Run
from radiostream.radio.status import display_title

if TYPE_CHECKING:
    from radiostream.loudness.level import Level
    from radiostream.loudness.shaped import ShapedReader

CHANGED = "changed while it was read; it is rescanned once it is stable"

Shape: TypeAlias = "Callable[[Reader, Track], ShapedReader]"
"""Brings a track to its level."""


class Deck:
    """A track (or silence) being read. `close` when done; a deck that reached its end holds no file.

    A file whose parameters change inside is heard as one track in several runs.
    """

    def __init__(
        self,
        reader: Reader,
        track: Track | None = None,
        file: BinaryIO | None = None,
        shaped: ShapedReader | None = None,
        stamp: tuple[int, int] = (0, 0),
    ) -> None:
        """`shaped`: what brings `reader` to its level; None plays it as it is. `stamp`: the file's size and time of
        modification before anything was read of it."""
        self._file = file
        self._stamp = stamp
        self._shaped = shaped
        self._reader = shaped or reader
        self.run = self._new_run(track)
        """The run that the newest block belongs to."""
        self.ended = PLAYED
        """How the track will have ended: `played`, or `failed` when reading it broke off."""
        self.kind = TRACK
        """`track`, `live`, or `jingle` for what a rule of the folder puts in."""
        self.shown = ""
        """A jingle's title for players: that of the track before it, for a jingle changes none."""
        self.chunk_s: float | None = None
        """The longest chunk to read of it; None: as long as usual."""
        self.position_s = 0.0
        """Where in the track the first chunk lies."""
        self.tags: Tags | None = None
        """As far as they are known."""
        self.picture: Picture | None = None
        """Once it has been looked up."""
        self.has_sounded = False
        """Whether any time has passed in what was read."""
        self._closed = False

    def _new_run(self, track: Track | None) -> Run:
        own_preamble = self._shaped.own_preamble if self._shaped else b""
        return Run(track, self._reader.params, self._reader.preamble, own_preamble)

    @property
    def level(self) -> Level | None:
        """How loud the track is and becomes; None where no level is asked for."""
        return self._shaped.level if self._shaped else None

    @property
    def track(self) -> Track | None:
        return self.run.track

    @property
    def title(self) -> str:
        """What a player shows while this track is heard."""
        return self.shown or display_title(self.run.track, self.tags)

    @property
    def params(self) -> Params:
        return self.run.params

    @property
    def kbps(self) -> int:
        return self._reader.kbps

    @property
    def duration_s(self) -> float | None:
        return self._reader.duration_s

    def waits(self, late_s: float) -> bool:  # noqa: ARG002 - for decks that may have to
        """Whether what comes next is not there yet, `late_s` seconds behind its time. Never so for a file."""
        return False

    def finish(self) -> None:
        """Nothing is waited for any more: `fill` gives what is there."""

    def fill(self, buffer: memoryview, max_s: float) -> Block:
        """The next block of the track; length 0 at its end. A part of other parameters begins a new `run`.

        Raises AudioError or OSError where reading broke off; so does a file that is written to meanwhile: what was
        known of it, an MP4's tables above all, is not true any more, and what it holds may be half of something.
        """
        if self._closed:
            return Block()
        block = self._fill(buffer, max_s)
        while not block.length and self._reader.next_part():
            self.run = self._new_run(self.track)
            block = self._fill(buffer, max_s)
        self._check_unchanged()
        self.has_sounded = self.has_sounded or block.ticks_total > 0
        return block

    def _check_unchanged(self) -> None:
        """After reading, so that nothing that was read in between is sent."""
        if self._file is not None and _stamp(self._file) != self._stamp:
            raise OSError(errno.ESTALE, CHANGED)

    def _fill(self, buffer: memoryview, max_s: float) -> Block:
        return self._reader.fill(buffer, max(1, round(max_s * self._reader.tick_hz)))

    def chunk(self, buffer: memoryview, block: Block, start_s: float) -> Chunk:
        """`block`, which lies at the front of `buffer`, as a chunk that is due at `start_s`."""
        small = block.length * 8 < len(buffer)
        view = buffer[: block.length]
        return Chunk(
            self.run,
            memoryview(bytes(view)) if small else view,
            buffer=None if small else buffer,
            start_s=start_s,
            duration_s=block.ticks_total / self._reader.tick_hz,
            offsets=block.offsets,
            ticks=block.ticks,
            tick_s=1 / self._reader.tick_hz,
        )

    def seek(self, position_s: float) -> None:
        """Begin at `position_s` of the track. Raises AudioError or OSError where that could not be read."""
        self.position_s = self._reader.seek(position_s)
        self.run = self._new_run(self.track)

    def close(self) -> None:
        """Let go of the file; nothing more comes."""
        self._closed = True
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


def load(track: Track, serial: int, shape: Shape | None = None) -> Deck:
    """Open `track`; `serial` numbers an Ogg link, `shape` brings it to its level.

    Raises AudioError or OSError where it cannot be played.
    """
    file = open_track(track.path)
    try:
        stamp = _stamp(file)
        _check_size(stamp, track)
        reader = open_reader(file, track.family, serial)
        return Deck(reader, track, file, shape(reader, track) if shape else None, stamp)
    except BaseException:
        file.close()
        raise


def load_silence(family: str, like: Params | None, serial: int) -> Deck:
    """Endless silence in the station's own format."""
    return Deck(silence(family, like, serial))


def _check_size(stamp: tuple[int, int], track: Track) -> None:
    if stamp[0] != track.size:
        raise OSError(errno.ESTALE, CHANGED)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    """What moves when a file is written to: its size, and its time of modification in nanoseconds.

    The time of change (ctime) also moves when a file is renamed, removed or given away, with its bytes as they were.
    """
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def reason(error: AudioError | OSError) -> str:
    """Why a file was given up, in words for the operator."""
    return str(error) if isinstance(error, AudioError) else (error.strerror or type(error).__name__)
