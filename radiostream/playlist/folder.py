"""One directory of a station's tree, as it was read last: tracks, files that are not taken yet, what is left out.

Belongs to the thread that looks (scan.py). Waits for nothing but the file system; raises `OSError` where the directory
cannot be read.
"""

from __future__ import annotations

import math
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.formats import FAMILY_BY_SUFFIX
from radiostream.playlist.names import LEAVE_OUT_MARKS, is_clutter, is_system_directory
from radiostream.playlist.orders import is_order
from radiostream.playlist.track import Track

if TYPE_CHECKING:
    from collections.abc import Iterable

# fmt: off
_OTHER_AUDIO: Final = frozenset((
    ".flac", ".wav", ".wma", ".aif", ".aiff", ".aifc", ".ape", ".m4p", ".mka", ".webm", ".3ga", ".m4r",
    ".mpc", ".wv", ".tta", ".mp1", ".mp2", ".amr", ".ac3", ".dts", ".caf", ".au", ".adts", ".mpga",
    ".dsf", ".dff", ".mid", ".spx", ".ra", ".3gp", ".alac", ".aax", ".ogx",
))
# fmt: on

_ALL_MAY_READ: Final = 0o444

MISSING: Final = "is missing"
"""A listing's trouble where there is no such directory."""
DENIED: Final = "permission denied"
UNSETTLED: Final = "is new or changing, and joins once it stands still"


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    size: int
    mtime_ns: int
    ctime_ns: int


class Folder:
    """A directory and what is below it, scanned again and again. Links are followed."""

    # fmt: off
    __slots__ = (
        "calls", "children", "entries", "left_out", "marked", "mtime_ns", "order", "path", "place", "reread_until_s",
        "settling", "tracks", "why",
    )
    # fmt: on

    def __init__(self, path: str, place: tuple[int, int]) -> None:
        self.path = path
        self.place = place
        """Device and inode."""
        self.mtime_ns: int | None = None
        """When it changed, as of the latest reading; None: read it again."""
        self.reread_until_s = 0.0
        """Until then (monotonic) it is read at every look: a change within the same tick of a coarse clock shows so."""
        self.tracks: dict[str, Track] = {}
        self.settling: dict[str, Stamp] = {}
        """Files that may join: new, changing, empty or not permitted ones, as they were seen last."""
        self.left_out: dict[str, str] = {}
        """Reasons by path."""
        self.children: dict[str, bool] = {}
        """The directories in it, and whether each is a link."""
        self.order = ""
        """Path of the list that gives an order, where it holds one."""
        self.entries = 0
        """How many names it holds."""
        self.why = ""
        """Why it could not be read; what it held before stays until the reason goes."""
        self.marked = False
        """Whether a mark in it leaves it out; the station's own directory cannot be left out so."""
        self.calls = 0
        """Files asked for size and times at the latest reading."""

    @property
    def restless(self) -> bool:
        """Whether it has to be looked at although its own time has not moved."""
        return bool(self.settling or self.why)

    def read(self, *, still_ns: float, ask: bool, room: int, is_root: bool) -> bool:
        """Read what it holds; whether all of it was: False where it holds more than `room` entries.

        `ask`: ask every file for size and times; else only those that are new or settling, or have another inode.
        `still_ns`: files that changed before that time are taken at once, unless they are empty.
        """
        known, settling = self.tracks, self.settling
        self.tracks, self.settling, self.left_out, self.children = {}, {}, {}, {}
        self.entries = self.calls = 0
        self.marked, self.order = False, ""
        complete = True
        try:
            with os.scandir(self.path) as entries:
                complete = self._take_all(entries, known, settling, still_ns, ask, room)
        except OSError:
            self.tracks, self.settling = known, settling
            raise
        if self.marked and not is_root:
            self.tracks, self.settling, self.children = {}, {}, {}
            self.left_out = {self.path: "is left out: it holds .nomedia or .ndignore"}
        return complete

    def _take_all(
        self,
        entries: Iterable[os.DirEntry[str]],
        known: dict[str, Track],
        settling: dict[str, Stamp],
        still_ns: float,
        ask: bool,
        room: int,
    ) -> bool:
        for entry in entries:
            self.entries += 1
            path = entry.path
            track = known.get(path)
            if track is not None and not ask and path not in settling and entry.inode() == track.inode:
                self.tracks[path] = track
            elif track is None and self.entries > room:
                return False
            else:
                self._judge(entry, track, settling.get(path), still_ns)
        return True

    def _judge(self, entry: os.DirEntry[str], known: Track | None, before: Stamp | None, still_ns: float) -> None:
        name = entry.name
        if is_clutter(name):
            self.marked = self.marked or name in LEAVE_OUT_MARKS
            return
        suffix = os.path.splitext(name)[1].lower()
        try:
            if entry.is_dir():
                if not is_system_directory(name):
                    self.children[entry.path] = entry.is_symlink()
            elif suffix in FAMILY_BY_SUFFIX:
                self.calls += 1
                self._judge_audio(entry.path, entry.stat(), known, before, still_ns)
            elif is_order(name):
                self.order = min(self.order or entry.path, entry.path)
            elif suffix in _OTHER_AUDIO:
                self.left_out[entry.path] = f"{suffix} is not a format that is sent"
        except OSError as error:
            self.left_out[entry.path] = reason(error)

    def ask_settling(self) -> bool:
        """Ask the settling files again; whether the tracks or what is left out have changed."""
        changed = False
        for path, before in tuple(self.settling.items()):
            known, why = self.tracks.pop(path, None), self.left_out.pop(path, None)
            del self.settling[path]
            try:
                self._judge_audio(path, os.stat(path), known, before, -math.inf)
            except FileNotFoundError:
                pass
            except OSError as error:
                self.left_out[path] = reason(error)
            changed = changed or self.tracks.get(path) is not known or self.left_out.get(path) != why
        return changed

    def _judge_audio(
        self, path: str, status: os.stat_result, known: Track | None, before: Stamp | None, still_ns: float
    ) -> None:
        """Take it, let it settle or leave it out. A known file that only got other times stays until it has settled,
        so that a touched directory does not fall silent."""
        stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if not stat.S_ISREG(status.st_mode):
            self.left_out[path] = "is not a regular file"
        elif known is not None and stamp == (known.size, known.mtime_ns, known.ctime_ns):
            self.tracks[path] = known
        elif not stamp.size:
            self._wait(path, stamp, "is empty")
        elif status.st_mode & _ALL_MAY_READ != _ALL_MAY_READ and not os.access(path, os.R_OK):
            self._wait(path, stamp, DENIED)
        elif before == stamp or max(stamp.mtime_ns, stamp.ctime_ns) < still_ns:
            family = FAMILY_BY_SUFFIX[os.path.splitext(path)[1].lower()]
            self.tracks[path] = Track(path, stamp.size, stamp.mtime_ns, family, stamp.ctime_ns, status.st_ino)
        elif known is not None and known.size == stamp.size:
            self.tracks[path] = known
            self.settling[path] = stamp
        else:
            self._wait(path, stamp, UNSETTLED)

    def _wait(self, path: str, stamp: Stamp, why: str) -> None:
        self.settling[path] = stamp
        self.left_out[path] = why


def is_gone(error: OSError) -> bool:
    """Whether the error says that there is no such directory, and not only that it cannot be had now."""
    return isinstance(error, FileNotFoundError | NotADirectoryError)


def reason(error: OSError) -> str:
    """The error in words that follow a name."""
    if isinstance(error, FileNotFoundError):
        return MISSING
    if isinstance(error, NotADirectoryError):
        return "is not a directory"
    if isinstance(error, PermissionError):
        return DENIED
    return f"cannot be read: {error.strerror or error}"
