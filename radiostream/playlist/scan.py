"""What a directory holds, as one look at it finds: tracks in natural order, and what is left out and why.

A `Directory` remembers from look to look what it needs to tell new from known and copied from still being copied. It
belongs to one thread at a time (the library's), waits for nothing but the file system, and raises nothing.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.audio.formats import FAMILY_BY_SUFFIX
from radiostream.playlist.natural import natural_key
from radiostream.playlist.track import Track

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFTOVERS: Final = ("~", ".swp", ".swo", ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download")
"""How the names end that editors and half finished copies leave behind."""

_NOT_OURS: Final = frozenset({"@eaDir", "__MACOSX", "lost+found", "$RECYCLE.BIN", "System Volume Information"})
# fmt: off
_OTHER_AUDIO: Final = frozenset((
    ".flac", ".wav", ".wma", ".aif", ".aiff", ".aifc", ".ape", ".m4p", ".mka", ".webm",
    ".mpc", ".wv", ".tta", ".mp1", ".mp2", ".amr", ".ac3", ".dts", ".caf", ".au",
    ".dsf", ".dff", ".mid", ".spx", ".ra", ".3gp", ".alac", ".aax",
))
# fmt: on

STATS_A_LOOK: Final = 4000
"""Above so many known files, each look asks only a part of them for size and time, all of them in turn."""

_ALL_MAY_READ: Final = 0o444
_DEEPEST: Final = 40
_MOST_ENTRIES: Final = 200_000
_MOST_LEFT_OUT: Final = 1000

MISSING: Final = "is missing"
"""A listing's trouble where there is no such directory."""

_UNSETTLED: Final = "is new or changing, and joins once it stands still"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or directory that is not played: its path below the station's, printable, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What one look found. Where nothing has changed, the next look answers with the same object."""

    tracks: tuple[Track, ...] = ()
    """In natural order of their paths."""
    left_out: tuple[Skipped, ...] = ()
    trouble: str = ""
    """Why the directory can not be read, in words that follow its name (`is missing`); then there are no tracks."""


class Directory:
    """One station's directory and what was last seen in it.

    Links are followed, each directory is read once (by device and inode, so loops end), under its own name rather than
    a link's. A known file that grows or shrinks is left out until it stands still; one that only got another time
    stays until then, so that a touched directory does not fall silent.
    """

    def __init__(self, path: str) -> None:
        self._root = os.path.abspath(path)
        self._known: dict[str, Track] = {}
        self._settling: dict[str, tuple[int, int]] = {}
        self._looks = 0
        self._listing = Listing()

    def distrust(self) -> None:
        """Let the files of the first look stand still first, as those of every other look."""
        self._looks = 1

    def look(self, eager: bool = False) -> Listing:
        """Read the directory. A new or changed file joins when a look finds the size and time that the last one found.

        `eager` (always the first look) takes at once whatever is not empty, and asks every file for its size and time.
        """
        look = _Look(self._root, self._known, self._settling, eager or self._looks == 0, self._looks)
        self._looks += 1
        try:
            look.run()
        except OSError as error:
            self._publish((), (), reason(error))
            return self._listing
        unchanged = not look.fresh and len(look.found) == len(self._known) == len(self._listing.tracks)
        self._known, self._settling = look.found, look.settling
        tracks = self._listing.tracks if unchanged else _in_order(look.found)
        self._publish(tracks, look.left_out(), "")
        return self._listing

    def _publish(self, tracks: tuple[Track, ...], left_out: tuple[Skipped, ...], trouble: str) -> None:
        before = self._listing
        if tracks is not before.tracks or left_out != before.left_out or trouble != before.trouble:
            self._listing = Listing(tracks, left_out, trouble)


class _Look:
    """One pass over the directory tree."""

    def __init__(
        self, root: str, known: dict[str, Track], settled: dict[str, tuple[int, int]], eager: bool, number: int
    ) -> None:
        self.found: dict[str, Track] = {}
        self.fresh = False
        """Whether `found` holds a track that was not known."""
        self.settling: dict[str, tuple[int, int]] = {}
        self._left_out: dict[str, str] = {}
        self._root = root
        self._known = known
        self._settled = settled
        self._eager = eager
        self._slices = 1 if eager else 1 + len(known) // STATS_A_LOOK
        self._turn = number % self._slices
        self._entries = 0
        self._directories = [root]
        self._links: list[str] = []

    def run(self) -> None:
        """Raises `OSError` where the root itself can not be read."""
        for path in self._walk():
            try:
                with os.scandir(path) as entries:
                    self._read(entries)
            except OSError as error:
                if path == self._root:
                    raise
                self._skip(path, reason(error))

    def left_out(self) -> tuple[Skipped, ...]:
        """Every file left out, in natural order, the end of a very long list summed up."""
        paths = sorted(self._left_out, key=natural_key)
        named = [Skipped(self._shown(path), self._left_out[path]) for path in paths[:_MOST_LEFT_OUT]]
        if len(paths) > _MOST_LEFT_OUT:
            named.append(Skipped("…", f"and {len(paths) - _MOST_LEFT_OUT} more"))
        return tuple(named)

    def _walk(self) -> Iterator[str]:
        """Every directory once; links come last, so that a directory is read under its own name."""
        seen = set()
        while self._directories or self._links:
            path = self._directories.pop() if self._directories else self._links.pop()
            try:
                status = os.stat(path)
            except OSError as error:
                if path == self._root:
                    raise
                self._skip(path, reason(error))
                continue
            place = status.st_dev, status.st_ino
            if place not in seen:
                seen.add(place)
                yield path

    def _read(self, entries: Iterator[os.DirEntry[str]]) -> None:
        known, found, slices, settled = self._known, self.found, self._slices, self._settled
        for entry in entries:
            self._entries += 1
            track = known.get(entry.path)
            if track is not None:
                due = self._entries % slices == self._turn or entry.path in settled
                if not due or _stands(entry, track):
                    found[track.path] = track
                    continue
            elif self._entries > _MOST_ENTRIES:
                self._skip(self._root, f"holds more than {_MOST_ENTRIES} entries; the rest is not read")
                return
            self._judge(entry)

    def _judge(self, entry: os.DirEntry[str]) -> None:
        name = entry.name
        if is_ignored(name):
            return
        suffix = os.path.splitext(name)[1].lower()
        family = FAMILY_BY_SUFFIX.get(suffix)
        try:
            if entry.is_dir():
                self._descend(entry)
            elif family is not None:
                self._judge_audio(entry, family)
            elif suffix in _OTHER_AUDIO:
                self._skip(entry.path, f"{suffix} is not a format that is sent")
        except OSError as error:
            self._skip(entry.path, reason(error))

    def _descend(self, entry: os.DirEntry[str]) -> None:
        if entry.path.count("/") - self._root.count("/") > _DEEPEST:
            self._skip(entry.path, f"lies more than {_DEEPEST} directories deep")
        else:
            (self._links if entry.is_symlink() else self._directories).append(entry.path)

    def _judge_audio(self, entry: os.DirEntry[str], family: str) -> None:
        """Take it, let it settle or leave it out. Raises `OSError` where it can not be asked."""
        status = entry.stat()
        path, stamp = entry.path, (status.st_size, status.st_mtime_ns)
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "is not a regular file")
        elif not status.st_size:
            self._skip(path, "is empty")
        elif status.st_mode & _ALL_MAY_READ != _ALL_MAY_READ and not os.access(path, os.R_OK):
            self._skip(path, "may not be read")
        elif self._eager or self._settled.get(path) == stamp:
            self.found[path] = Track(path, *stamp, family)
            self.fresh = True
        else:
            self._settle(path, stamp)

    def _settle(self, path: str, stamp: tuple[int, int]) -> None:
        self.settling[path] = stamp
        before = self._known.get(path)
        if before is not None and before.size == stamp[0]:
            self.found[path] = before
        else:
            self._skip(path, _UNSETTLED)

    def _skip(self, path: str, reason: str) -> None:
        self._left_out[path] = reason

    def _shown(self, path: str) -> str:
        return os.fsencode(os.path.relpath(path, self._root)).decode("utf-8", "replace")


def _stands(entry: os.DirEntry[str], track: Track) -> bool:
    """Whether a known file is still the same; what became of another one is found out by judging it."""
    try:
        status = entry.stat()
    except OSError:
        return False
    return status.st_mtime_ns == track.mtime_ns and status.st_size == track.size and stat.S_ISREG(status.st_mode)


def _in_order(found: dict[str, Track]) -> tuple[Track, ...]:
    return tuple(sorted(found.values(), key=lambda track: natural_key(track.path)))


def is_ignored(name: str) -> bool:
    """Whether a file or directory of that name is nobody's music: hidden, left behind, or the system's own."""
    return name.startswith(".") or name.endswith(LEFTOVERS) or name in _NOT_OURS


def reason(error: OSError) -> str:
    """Why a directory or file cannot be had, in words that follow its name."""
    if isinstance(error, FileNotFoundError):
        return MISSING
    if isinstance(error, NotADirectoryError):
        return "is not a directory"
    if isinstance(error, PermissionError):
        return "may not be read"
    return f"can not be read: {error.strerror or error}"
