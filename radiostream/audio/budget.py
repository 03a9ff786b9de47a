"""How much work one file is worth besides sending its audio: one budget for rubbish, false headers and tables.

Pure. Work is counted in nanoseconds of a slow core, as measured for each kind of it and told in advance: the same file
costs the same everywhere, and no clock is asked. Each reader owns one `Budget`, used by its thread only.
"""

from __future__ import annotations

from typing import Final

from radiostream.audio.frames import AudioError

WORK_NS: Final = 1_000_000_000
"""What a file may cost that gives no audio for it."""

RUBBISH_BYTE_NS: Final = 16
"""A byte that is read and searched for a header: 60 MB of rubbish in a row are believed to be followed by audio."""
LOOK_NS: Final = 1_000
"""A look at what seems to be a frame's header."""
PART_NS: Final = 2_000_000
"""A change of parameters inside a file: a chunk, a title and a barrier for listeners."""
BOX_NS: Final = 1_500
"""An MP4 box that is looked at by itself."""
FRAGMENT_NS: Final = 7_000
"""An MP4 fragment besides its numbers: an audiobook of 20 hours has some 70,000."""
NUMBER_NS: Final = 10
"""A number in a table that is read in bulk."""
ROW_NS: Final = 400
"""A row of a table that is read one by one."""


class Budget:
    """What may still be spent on a file."""

    __slots__ = ("_left_ns",)

    def __init__(self, work_ns: int = WORK_NS) -> None:
        self._left_ns = work_ns

    @property
    def is_spent(self) -> bool:
        """Whether the file has cost too much: it ends here."""
        return self._left_ns <= 0

    def spend(self, work_ns: int) -> None:
        """Count work that is done; who searches asks `is_spent` then."""
        self._left_ns -= work_ns

    def demand(self, work_ns: int) -> None:
        """Count work that is about to be done. Raises `AudioError` where it is too much."""
        self._left_ns -= work_ns
        if self._left_ns <= 0:
            raise AudioError("is not worth the work: it holds too much besides its audio")

    def earn(self, audio_bytes: int) -> None:
        """Audio came: as much rubbish may follow, up to the whole budget."""
        self._left_ns = min(WORK_NS, self._left_ns + audio_bytes * RUBBISH_BYTE_NS)
