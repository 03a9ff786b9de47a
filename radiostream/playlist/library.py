"""The library: one thread that scans every station's directory again and again, and tells what has changed.

No inotify, so that network mounts work. The thread "library" decides when to look, takes what was found and calls
`follow` and `on_change`; everything else may be called by any thread. The file system is asked in another thread
(lookout.py), one directory after another; one that hangs is told, left alone until it answers, and holds up no other.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.playlist.listing import HANGS, Listing, Skipped
from radiostream.playlist.lookout import HANG_S, Lookout, Task
from radiostream.playlist.scan import Directory
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

__all__ = ["Library", "Listing", "Skipped"]

log = logging.getLogger(__name__)

_SURVEY: Final = "--stations"
"""Stands for the survey where routes stand for their directories."""


class _Found(NamedTuple):
    """What a question about one directory is answered with."""

    has_new_settings: bool
    listing: Listing


class Library:
    """The directories of all stations, by route."""

    def __init__(
        self,
        directories: Mapping[str, Path],
        on_change: Callable[[str, Listing], None],
        interval_s: float = 2.0,
        now: Callable[[], float] = time.monotonic,
        survey: Callable[[bool], Any] | None = None,
        follow: Callable[[Any], None] | None = None,
        settings: Callable[[str, bool], bool] | None = None,
        hang_s: float = HANG_S,
    ) -> None:
        """`on_change(route, listing)` is called by the thread "library": once after the first scan, then whenever a
        scan found something else than the one before. What it raises is logged, and it is told again at the next scan.
        Before each scan `survey(eager)` asks the file system which stations there should be, and `follow(answer)`,
        called by the library's thread, alone may `add` and `remove`. Before a directory is scanned
        `settings(route, eager)` asks for the settings that lie in it, as part of the same question; where it says True
        they have changed, and `follow(None)` is called before what the directory holds is told. A question that makes
        no progress for `hang_s` hangs: the station is told a listing whose trouble is `HANGS`, with the tracks it had.
        """
        self._interval_s = interval_s
        self._directories = {route: Directory(str(path), interval_s) for route, path in directories.items()}
        self._told: dict[str, Listing] = {}
        self._on_change = on_change
        self._now = now
        self._survey = survey
        self._follow = follow
        self._settings = settings
        self._lookout = Lookout(hang_s)
        self._hung: dict[str, Directory | None] = {}
        """What hangs, by route; None for the survey."""
        self._answers = threading.Condition()  # guards _stopping, _asked, _answered; nobody holds it while looking
        self._stopping = False
        self._asked = 0
        self._answered = -1
        self._last_look_s: float | None = None
        self._reported: set[str] = set()
        self._worker = Worker("library", self._step)

    def start(self) -> None:
        """Begin to scan; the first one takes all files that are there at once."""
        self._worker.start()

    def close(self) -> None:
        """Ask for the end of the thread, and let go of all who wait for a scan."""
        with self._answers:
            self._stopping = True
            self._answers.notify_all()
        self._worker.close()
        self._lookout.close()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread; one that hangs in a mount is left behind after `timeout_s`."""
        self.close()
        self._worker.stop(timeout_s)

    def add(self, route: str, path: Path, *, trusting: bool = False) -> None:
        """Look at one more directory. `trusting`: its first scan takes all files at once, as at the start; without
        it they have to stand still first, as every new file has. Library's thread, from `follow`."""
        directory = self._directories[route] = Directory(str(path), self._interval_s)
        if not trusting:
            directory.distrust()

    def remove(self, route: str) -> None:
        """Look at a directory no more. Library's thread, from `follow`."""
        self._directories.pop(route, None)
        self._told.pop(route, None)
        self._reported.discard(route)
        self._hung.pop(route, None)

    def costs(self) -> dict[str, tuple[float, int]]:
        """By route, what scans of the directory have taken so far: seconds of CPU, questions to the file system. Any
        thread: reads numbers that only grow."""
        return {route: (one.busy_s, one.calls) for route, one in tuple(self._directories.items())}

    @property
    def last_look_s(self) -> float | None:
        """When the latest look at all directories that answer ended (`now`'s seconds); None before the first."""
        return self._last_look_s

    def wait_looked(self, timeout_s: float) -> bool:
        """Wait for the end of the first scan; False when it has not come within `timeout_s`."""
        with self._answers:
            done = self._answers.wait_for(lambda: self._stopping or self._answered >= 0, timeout_s)
            return done and not self._stopping

    def rescan(self, timeout_s: float = 10.0) -> bool:
        """Scan now, every file, taking new ones at once unless they are empty; wait until that scan is done.

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
        """One look at every directory that does not hang: the thread's work, by hand in tests."""
        survey = self._survey
        if survey is not None and _SURVEY not in self._hung:
            self._ask([Task(_SURVEY, lambda: survey(eager))], {})
        asked = {route: one for route, one in self._directories.items() if route not in self._hung}
        self._ask([self._task(route, directory, eager) for route, directory in asked.items()], asked)

    def _task(self, route: str, directory: Directory, eager: bool) -> Task:
        def ask() -> _Found:
            changed = self._settings is not None and self._settings(route, eager)
            return _Found(changed, directory.look(eager))

        return Task(route, ask, lambda: directory.calls, directory)

    def _ask(self, tasks: list[Task], directories: Mapping[str, Directory]) -> None:
        for task in self._lookout.run(tasks, self._take):
            directory = self._hung[task.key] = directories.get(task.key)
            log.warning("%s: the file system does not answer; the others are scanned as ever", task.key)
            if directory is not None:
                self._guarded(task.key, partial(self._tell_hung, task.key))

    def _take(self, task: Task, answer: Any) -> None:
        """An answer, perhaps a late one, which may be about a directory that is none of a station's any more."""
        if task.key in self._hung and task.is_about(self._hung[task.key]):
            del self._hung[task.key]
            log.warning("%s: the file system answers again", task.key)
        if isinstance(answer, Exception):
            self._report(task.key, answer)
        elif task.key == _SURVEY:
            self._follow_now(task.key, answer)
        elif task.is_about(self._directories.get(task.key)):
            if answer.has_new_settings:
                self._follow_now(task.key, None)
            if task.is_about(self._directories.get(task.key)):
                self._guarded(task.key, lambda: self._tell(task.key, answer.listing))

    def _follow_now(self, key: str, answer: Any) -> None:
        if (follow := self._follow) is not None:
            self._guarded(key, lambda: follow(answer))

    def _guarded(self, key: str, act: Callable[[], None]) -> None:
        """A bug costs one scan of one directory, and one report until that scan works again."""
        try:
            act()
        except Exception as error:
            self._report(key, error)
        else:
            self._reported.discard(key)

    def _tell(self, route: str, listing: Listing) -> None:
        if self._told.get(route) is not listing:
            self._on_change(route, listing)
            self._told[route] = listing

    def _tell_hung(self, route: str) -> None:
        self._tell(route, replace(self._told.get(route, Listing()), trouble=HANGS))

    def _report(self, key: str, error: Exception) -> None:
        if key not in self._reported:
            self._reported.add(key)
            log.error("scanning the directory of %s failed; the next scan tries again", key, exc_info=error)

    def _step(self) -> float:
        with self._answers:
            asked = self._asked
        self.look(eager=asked > self._answered >= 0)
        with self._answers:
            self._answered = asked
            self._last_look_s = self._now()
            self._answers.notify_all()
        return self._interval_s
