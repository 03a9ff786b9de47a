"""A track: one audio file as the directory listing saw it, what its tags say, and how its name is shown.

Values and one way to open a file; no thread, nothing kept. The tags are read in tags.py.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from io import FileIO

# fmt: off
_PLAIN: Final[dict[int, str | None]] = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " "),
    **dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]),
}
# fmt: on
"""Control characters and line ends become spaces; marks that turn the direction of the text around it are removed
(Unicode Standard Annex 9, 2.1 to 2.6)."""


@dataclass(frozen=True, slots=True)
class Track:
    """One file in one state: a replaced or retagged file (other size or times) is another track."""

    path: str
    """Absolute; bytes that are not UTF-8 are surrogate escapes, as `os.fsdecode` makes them."""
    size: int
    mtime_ns: int
    family: str
    """`mp3`, `aac` or `ogg`, by the file's suffix; what the bytes are, only opening it tells."""
    ctime_ns: int = 0
    """When the file or its attributes changed: tells a retag that kept size and mtime."""
    inode: int = field(default=0, compare=False)
    """Only a hint for the scan, no part of what the track is: some network file systems renumber files."""

    @property
    def name(self) -> str:
        """The file's name without its directory, printable: bytes that are not UTF-8 show as U+FFFD."""
        return os.path.basename(os.fsencode(self.path)).decode("utf-8", "replace")

    @property
    def stem(self) -> str:
        """The title of a track that has none."""
        return title_from_name(self.name)


@dataclass(frozen=True, slots=True)
class TagGain:
    """The loudness that a tag claims."""

    lufs: float
    """Of the track, for Opus with its header's output gain applied."""
    peak: float | None = None
    """The highest sample, 1.0 is full scale; None where the tag does not say."""
    source: str = "replaygain"
    """`replaygain`, `r128` or `rva2`."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a track says of itself; empty strings where it is silent."""

    title: str = ""
    artist: str = ""
    """The album's artist where the track names none."""
    album: str = ""
    isrc: str = ""
    label: str = ""
    """Who published it."""
    gain: TagGain | None = None


def title_from_name(name: str) -> str:
    """A file's name without its suffix, as a title: on one line, in one direction."""
    return plain(name.rpartition(".")[0] or name)


def plain(text: str) -> str:
    """`text` without what breaks a line or turns the direction of the text around it."""
    return text.translate(_PLAIN)


def open_track(path: str) -> FileIO:
    """The file, without waiting: what was a file may be a pipe by now. Raises `OSError` where it is no regular file."""
    file = open(path, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is not a regular file")
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
