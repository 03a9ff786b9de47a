"""What a station's directory holds, as one scan finds it: tracks in natural order, and what is left out and why.

A `Directory` remembers what it read. At rest a scan asks directories for their own time only, and reads again what has
moved; files changed in place are found by reading a few directories again at every scan, all in turn. It belongs to one
thread at a time (the library's), waits for nothing but the file system, and raises nothing.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Final

from radiostream.playlist.folder import MISSING, Folder, is_gone, reason
from radiostream.playlist.listing import Listing, Skipped, in_order, left_out
from radiostream.playlist.mounts import is_network_mount
from radiostream.playlist.orders import Order, OrderFiles
from radiostream.playlist.pace import DEAR_S, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.playlist.track import Track

__all__ = ["MISSING", "Directory", "Listing", "Skipped"]

LOOK_S: Final = 5.0
"""What is not read after so long goes on at the next scan: other stations want to be scanned too."""

_COARSE_S: Final = 2.5
"""File systems' clocks tick every 2 s at worst (FAT); a change within the tick of a reading does not move the time."""
_SETTLING_A_LOOK: Final = 500
_DEEPEST: Final = 40
_MOST_FOLDERS: Final = 20_000
_MOST_ENTRIES: Final = 200_000
_TIMED_CALLS: Final = 15


class Directory:
    """One station's directory and what was last seen in it.

    Links are followed; a directory is read once however many links lead to it, under its own name rather than a
    link's. A known file that grows or shrinks is left out until it stands still; one that only got other times stays
    until then, so that a touched directory does not fall silent.
    """

    def __init__(
        self,
        path: str,
        interval_s: float = 2.0,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`interval_s`: how often it will be looked at. `now` is monotonic, `wall` what the kernel's clock says."""
        self.calls = 0
        """Questions put to the file system so far; moves while a scan makes progress. Read by any thread."""
        self.busy_s = 0.0
        """CPU time that scans have taken so far."""
        self._root = os.path.abspath(path)
        self._interval_s = interval_s
        self._now, self._wall = now, wall
        self._pace = Pace(interval_s)
        self._folders: dict[str, Folder] = {}
        self._places: dict[tuple[int, int], str] = {}
        self._entries = 0
        self._turn: list[Folder] = []
        """The folders but the root, in the order in which they are asked and read again."""
        self._turn_is_old = False
        self._next_check = self._next_read = 0
        self._stale: dict[str, bool] = {}
        """Folders to read now, and whether to ask all their files."""
        self._unread: list[str] = []
        self._unread_links: list[str] = []
        self._restless: dict[str, None] = {}
        self._eager = True
        """Whether what is read now is taken at once: at the first scan, and one that was asked for."""
        self._trouble = self._full = ""
        self._changed = self._unfinished = False
        self._listing = Listing()
        self._orders = OrderFiles()
        self._order_paths: dict[str, str] = {}
        """By the folder it lies in."""

    def distrust(self) -> None:
        """Let the files of the first scan stand still first, as those of every other scan."""
        self._eager = False

    def look(self, eager: bool = False) -> Listing:
        """Scan again. A new or changed file joins when a scan finds the size and times that the last one found.

        `eager` (always the first scan) takes at once whatever is not empty, and asks every directory and file.
        """
        began_s = time.thread_time()
        until_s = self._now() + LOOK_S
        self._pace.begin_look()
        try:
            self._begin(eager)
            if not self._unfinished:  # else what is known would use up the time for what is not
                self._check()
                self._read_in_turn()
                self._ask_restless()  # what is read again is not asked before, or it would seem to stand still
            self._read_stale(until_s)
            self._discover(until_s)
        except OSError as error:
            self._fail(error)
        else:
            self._publish()
        self.busy_s += time.thread_time() - began_s
        return self._listing

    # -- the parts of a scan ---------------------------------------------------------------------------------------

    def _begin(self, eager: bool) -> None:
        """Ask the root. Like `_read` of the root, raises `OSError` where it cannot be had."""
        root = self._folders.get(self._root)
        if root is not None and not (eager or self._trouble or self._pace.root_is_due):
            return
        status = self._stat(self._root)
        if root is None or eager:
            self._pace.dear = is_network_mount(os.path.realpath(self._root))
        if root is None:
            self._full = ""
            self._register(self._root, status)
            self._stale[self._root] = True
        elif eager or self._trouble:
            self._stale = dict.fromkeys(self._folders, True)
            self._full = ""
        elif status.st_mtime_ns != root.mtime_ns:
            self._stale.setdefault(self._root, False)
        self._eager = self._eager or eager
        self._changed = self._changed or bool(self._trouble)
        self._trouble = ""

    def _fail(self, error: OSError) -> None:
        """The root cannot be had: empty where it is gone, else as it was. What is known is kept for its return."""
        self._trouble, self._eager = reason(error), False
        if is_gone(error):
            self._set((), (), self._trouble)
        else:
            self._set(self._listing.tracks, self._listing.left_out, self._trouble, self._listing.orders)

    def _ask_restless(self) -> None:
        """Files that settle are asked at each scan, as a file that grows does not move its directory's time."""
        asked, now_s = 0, self._now()
        for path in tuple(self._restless):
            folder = self._folders[path]
            if folder.why or now_s < folder.reread_until_s:
                self._stale.setdefault(path, False)
            elif asked < _SETTLING_A_LOOK and path not in self._stale:
                asked += len(folder.settling)
                self.calls += len(folder.settling)
                self._changed = folder.ask_settling() or self._changed
            elif asked >= _SETTLING_A_LOOK:
                continue
            del self._restless[path]
            self._note_restless(folder)

    def _check(self) -> None:
        """Ask directories for their own time: as many as the pace allows, all in turn."""
        if self._turn_is_old:
            self._turn = [folder for folder in self._folders.values() if folder.path != self._root]
            self._turn_is_old = False
        turn = self._turn
        count = self._pace.checks(len(turn))
        start = self._next_check if self._next_check < len(turn) else 0
        due = turn[start : start + count]
        due += turn[: count - len(due)]
        timed = due[:_TIMED_CALLS]
        took_s = sorted(map(self._check_timed, timed))
        if len(timed) == _TIMED_CALLS and took_s[_TIMED_CALLS // 2] > DEAR_S:
            self._pace.dear = True
        stale, ask = self._stale, os.stat
        for folder in due[_TIMED_CALLS:]:
            try:
                if ask(folder.path).st_mtime_ns != folder.mtime_ns:
                    stale.setdefault(folder.path, False)
            except OSError:
                stale.setdefault(folder.path, False)
        self.calls += len(due)
        self._pace.spend_checks(len(due))
        self._next_check = start + count - len(turn) if start + count >= len(turn) else start + count

    def _check_timed(self, folder: Folder) -> float:
        """Ask one; how long that took."""
        began_s = time.perf_counter()
        try:
            moved = os.stat(folder.path).st_mtime_ns != folder.mtime_ns
        except OSError:
            moved = True
        if moved:
            self._stale.setdefault(folder.path, False)
        return time.perf_counter() - began_s

    def _read_in_turn(self) -> None:
        """Read a few directories again although their time has not moved, every file asked."""
        for _ in range(len(self._turn) + 1):
            if not self._pace.may_read:
                return
            self._next_read = (self._next_read + 1) % (len(self._turn) + 1)
            path = self._turn[self._next_read - 1].path if self._next_read else self._root
            self._stale[path] = True
            self._pace.spend_read(3 + len(self._folders[path].tracks))

    def _read_stale(self, until_s: float) -> None:
        while self._stale and self._now() < until_s:
            path = next(iter(self._stale))
            ask = self._stale.pop(path)
            self._read(self._folders[path], ask)  # whoever is forgotten is not stale any more

    def _discover(self, until_s: float) -> None:
        """Read what was found in what was read; links last, so that a directory is read under its own name."""
        while (self._unread or self._unread_links) and self._now() < until_s:
            path = (self._unread or self._unread_links).pop()
            if path in self._folders:
                continue
            if len(self._folders) >= _MOST_FOLDERS:
                self._full = f"holds more than {_MOST_FOLDERS} directories; the rest is not read"
                self._unread, self._unread_links = [], []
                return
            try:
                status = self._stat(path)
            except OSError as error:
                self._leave_out(path, reason(error))
                continue
            if not self._is_read_already(path, status) and self._register(path, status):
                self._read(self._folders[path], ask=True)

    # -- one folder

    def _stat(self, path: str) -> os.stat_result:
        self.calls += 1
        return os.stat(path)

    def _register(self, path: str, status: os.stat_result) -> bool:
        """Know the directory at `path` from now on; False where it lies too deep."""
        if path.count("/") - self._root.count("/") > _DEEPEST:
            self._leave_out(path, f"lies more than {_DEEPEST} directories deep")
            return False
        folder = Folder(path, (status.st_dev, status.st_ino))
        folder.reread_until_s = self._now() + _COARSE_S
        self._folders[path] = folder
        self._places.setdefault(folder.place, path)
        self._turn_is_old = True
        return True

    def _is_read_already(self, path: str, status: os.stat_result) -> bool:
        """Whether `path` is another way to a directory that is known. Device and inode alone do not tell: pooled and
        network file systems number directories alike (mergerfs, SMB)."""
        other = self._places.get((status.st_dev, status.st_ino))
        if other is None or other == path:
            return False
        real, real_root = os.path.realpath(path), os.path.realpath(self._root)
        own = self._root + real.removeprefix(real_root) if real.startswith(real_root) else ""
        return real == os.path.realpath(other) or (own != path and own in self._folders)

    def _read(self, folder: Folder, ask: bool) -> None:
        """Read one folder, and note what that changes."""
        tracks, left_out, children, why = folder.tracks, folder.left_out, folder.children, folder.why
        self._entries -= folder.entries
        try:
            status = self._stat(folder.path)
            complete = folder.read(
                still_ns=self._still_ns(folder),
                ask=ask,
                room=_MOST_ENTRIES - self._entries,
                is_root=folder.path == self._root,
            )
        except OSError as error:
            folder.mtime_ns = None
            self._entries += folder.entries
            if folder.path == self._root:
                raise
            if is_gone(error):
                self._forget(folder.path)
                return
            folder.why = reason(error)
        else:
            if status.st_mtime_ns != folder.mtime_ns:
                folder.reread_until_s = self._now() + _COARSE_S
            folder.mtime_ns, folder.why = status.st_mtime_ns, ""
            self._entries += folder.entries
            if not complete:
                self._full = f"holds more than {_MOST_ENTRIES} entries; the rest is not read"
            self._follow(folder, children)
            self._note_order(folder)
        self.calls += 2 + folder.calls
        self._note_restless(folder)
        if folder.tracks != tracks or folder.left_out != left_out or folder.why != why:
            self._changed = True
            self._pace.changed()

    def _still_ns(self, folder: Folder) -> float:
        """A file in `folder` that changed before that moment has stood still. Only on the root's own file system, and
        only where that is local: there the kernel's clock, the one we have, sets a file's change time."""
        if self._eager:
            return math.inf
        if self._pace.dear or folder.place[0] != self._folders[self._root].place[0]:
            return -math.inf
        return (self._wall() - max(self._interval_s, 1.0)) * 1e9

    def _follow(self, folder: Folder, before: dict[str, bool]) -> None:
        """Forget the sub-directories that are gone, have the new ones read."""
        for path in before.keys() - folder.children.keys():
            self._forget(path)
        for path, is_link in folder.children.items():
            if path not in self._folders:
                (self._unread_links if is_link else self._unread).append(path)

    def _forget(self, path: str) -> None:
        """The directory at `path` is gone, and what was in it."""
        gone = [path]
        while gone:
            folder = self._folders.pop(gone.pop(), None)
            if folder is None:
                continue
            gone += folder.children
            self._entries -= folder.entries
            self._restless.pop(folder.path, None)
            self._order_paths.pop(folder.path, None)
            self._stale.pop(folder.path, None)
            self._full = ""  # whoever reads on will find out
            if self._places.get(folder.place) == folder.path:
                del self._places[folder.place]
            self._changed = True
        self._turn_is_old = True

    def _note_restless(self, folder: Folder) -> None:
        if folder.restless or self._now() < folder.reread_until_s:
            self._restless[folder.path] = None

    def _note_order(self, folder: Folder) -> None:
        """A list counts in the directory itself and in its parts, whose names begin so."""
        parent, name = os.path.split(folder.path)
        if folder.order and (folder.path == self._root or (parent == self._root and name.startswith("_"))):
            self._order_paths[folder.path] = folder.order
        else:
            self._order_paths.pop(folder.path, None)

    def _leave_out(self, path: str, why: str) -> None:
        """A sub-directory that is not read: its parent says so until that is read again."""
        parent = self._folders.get(os.path.dirname(path))
        if parent is not None:
            parent.left_out[path] = why
            self._changed = True

    # -- what is told

    def _publish(self) -> None:
        unfinished = bool(self._stale or self._unread or self._unread_links)
        self.calls += len(self._order_paths)
        orders = self._orders.look(self._order_paths.values(), self._eager)
        self._eager = self._eager and unfinished
        if self._changed or unfinished or self._unfinished:
            found = [track for folder in self._folders.values() for track in folder.tracks.values()]
            known = self._listing.tracks
            same = len(found) == len(known) and set(found) == set(known)
            goes_on = self._eager or bool(self._unread or self._unread_links)
            note = self._full or ("takes long to read; it goes on" if goes_on else "")
            self._set(known if same else in_order(found), left_out(self._folders, self._root, note), "", orders)
        elif orders is not self._listing.orders:
            self._set(self._listing.tracks, self._listing.left_out, "", orders)
        self._changed, self._unfinished = False, unfinished

    def _set(
        self, tracks: tuple[Track, ...], left_out: tuple[Skipped, ...], trouble: str, orders: tuple[Order, ...] = ()
    ) -> None:
        before = self._listing
        same = tracks is before.tracks and orders is before.orders
        if not same or left_out != before.left_out or trouble != before.trouble:
            self._listing = Listing(tracks, left_out, trouble, orders)
