"""The library: one thread that looks at every station's directory again and again, and tells what has changed.

No inotify, so that network mounts work. The thread "library" calls `on_change`; everything else may be called by any
thread. Directories are looked at one after another: a mount that hangs holds up the looks at the others (not one
station's sound), and shows as a `last_look_s` that grows old.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from radiostream.playlist.scan import Directory, Listing, Skipped
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Library", "Listing", "Skipped"]

log = logging.getLogger(__name__)


class Library:
    """The directories of all stations, by route."""

    def __init__(
        self,
        directories: Mapping[str, Path],
        on_change: Callable[[str, Listing], None],
        interval_s: float = 2.0,
        now: Callable[[], float] = time.monotonic,
        before_look: Callable[[bool], None] | None = None,
    ) -> None:
        """`on_change(route, listing)` is called by the thread "library": once after the first look, then whenever a
        look found something else than the one before. What it raises is logged, and it is told again at the next look.
        `before_look(eager)` is called by the same thread before each look; it alone may `add` and `remove`.
        """
        self._directories = {route: Directory(str(path)) for route, path in directories.items()}
        self._told: dict[str, Listing] = {}
        self._on_change = on_change
        self._interval_s = interval_s
        self._now = now
        self._before_look = before_look
        self._answers = threading.Condition()  # guards _stopping, _asked, _answered; nobody holds it while looking
        self._stopping = False
        self._asked = 0
        self._answered = -1
        self._last_look_s: float | None = None
        self._reported: set[str] = set()
        self._worker = Worker("library", self._step)

    def start(self) -> None:
        """Begin to look; the first look takes all files that are there at once."""
        self._worker.start()

    def close(self) -> None:
        """Ask for the end of the thread, and let go of all who wait for a look."""
        with self._answers:
            self._stopping = True
            self._answers.notify_all()
        self._worker.close()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread; one that hangs in a mount is left behind after `timeout_s`."""
        self.close()
        self._worker.stop(timeout_s)

    def add(self, route: str, path: Path, *, trusting: bool = False) -> None:
        """Look at one more directory. `trusting`: its first look takes all files at once, as at the start; without
        it they have to stand still first, as every new file has. Library's thread, from `before_look`."""
        directory = self._directories[route] = Directory(str(path))
        if not trusting:
            directory.distrust()

    def remove(self, route: str) -> None:
        """Look at a directory no more. Library's thread, from `before_look`."""
        self._directories.pop(route, None)
        self._told.pop(route, None)
        self._reported.discard(route)

    @property
    def last_look_s(self) -> float | None:
        """When the latest look at all directories ended (`now`'s seconds); None before the first one did."""
        return self._last_look_s

    def wait_looked(self, timeout_s: float) -> bool:
        """Wait for the end of the first look; False when it has not come within `timeout_s`."""
        with self._answers:
            done = self._answers.wait_for(lambda: self._stopping or self._answered >= 0, timeout_s)
            return done and not self._stopping

    def rescan(self, timeout_s: float = 10.0) -> bool:
        """Look now, at every file, taking new ones at once unless they are empty; wait until that look is done.

        False when it was not done within `timeout_s` (0: only ask) or the library was stopped.
        """
        with self._answers:
            self._asked += 1
            mine = self._asked
        self._worker.wake()
        with self._answers:
            done = self._answers.wait_for(lambda: self._stopping or self._answered >= mine, timeout_s)
            return done and not self._stopping

    def look(self, eager: bool = False) -> None:
        """One look at every directory: the thread's work, by hand in tests."""
        if self._before_look is not None:
            try:
                self._before_look(eager)
            except Exception:
                self._report("--stations")
            else:
                self._reported.discard("--stations")
        for route, directory in tuple(self._directories.items()):
            try:
                self._tell(route, directory.look(eager))
            except Exception:
                self._report(route)
            else:
                self._reported.discard(route)

    def _tell(self, route: str, listing: Listing) -> None:
        if self._told.get(route) is not listing:
            self._on_change(route, listing)
            self._told[route] = listing

    def _report(self, route: str) -> None:
        """A bug costs one look at one directory, and one report until that look works again."""
        if route not in self._reported:
            self._reported.add(route)
            log.exception("looking at the directory of %s failed; it goes on with the next look", route)

    def _step(self) -> float:
        with self._answers:
            asked = self._asked
        self.look(eager=asked > self._answered >= 0)
        with self._answers:
            self._answered = asked
            self._last_look_s = self._now()
            self._answers.notify_all()
        return self._interval_s
