"""What a station remembers over a restart, in two files of JSON: its order and history, and the place in its track.

The order (which may be long) is written when it changes, the place (which is short) every few seconds. Each write is
atomic: after a crash or on a full disk, the file holds what it held before. Nothing here raises; a fault is logged
once, and once more is logged that it is over. `StateFile` belongs to one thread at a time; `StateKeeper`'s thread
"state" writes for all stations, so that no producer waits for a disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

_VERSION: Final = 1
_LONGEST_NAME: Final = 100
_MOST_BYTES: Final = 256 * 1024 * 1024
_LONGEST_TRACK_S: Final = 1e9
_MOST_FILES: Final = 2000


@dataclass(frozen=True, slots=True)
class Saved:
    """What is kept of one station."""

    playlist: Mapping[str, object] = field(default_factory=dict)
    """`Playlist.state()`, the shuffle flag included; empty when nothing was saved."""
    history: list[dict[str, object]] = field(default_factory=list)
    """`History.state()`."""
    track: str | None = None
    """Path of the track on the air, and how long it had been."""
    elapsed_s: float = 0.0


class StateFile:
    """The files of one station."""

    def __init__(self, directory: Path, route: str, write: Callable[[Path, bytes], None] | None = None) -> None:
        """The directory need not exist. `write(path, data)` replaces a file's content whole or raises `OSError`."""
        name = file_name(route)
        self._route = route
        self._path = directory / f"order{name}.json"
        self._place_path = directory / f"place{name}.json"
        self._write = write or write_atomically
        self._written: tuple[object, object] | None = None
        self._in_trouble = False

    def load(self) -> Saved:
        """What was saved; an empty `Saved` where there is nothing, or nothing whole."""
        state = self._load(self._path)
        place = self._load(self._place_path)
        playlist, history, track = state.get("playlist"), state.get("history"), place.get("track")
        return Saved(
            playlist if isinstance(playlist, dict) else {},
            history if isinstance(history, list) else [],
            track if isinstance(track, str) else None,
            _elapsed(place.get("elapsed_s")),
        )

    def save(self, saved: Saved) -> bool:
        """Write what has changed since the last time; False when it could not be written (it is tried next time)."""
        content = saved.playlist, saved.history
        try:
            if content != self._written:
                whole = {
                    "version": _VERSION,
                    "route": self._route,
                    "playlist": saved.playlist,
                    "history": saved.history,
                }
                self._write(self._path, _json(whole))
                self._written = content
            place = {"version": _VERSION, "track": saved.track, "elapsed_s": round(saved.elapsed_s, 3)}
            self._write(self._place_path, _json(place))
        except (OSError, ValueError, TypeError) as error:
            self._report(error)
            return False
        if self._in_trouble:
            self._in_trouble = False
            log.info("the state of %s is saved again", self._route)
        return True

    def _report(self, error: Exception) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            log.error("the state of %s cannot be saved: %s", self._route, error)

    def _load(self, path: Path) -> Mapping[str, object]:
        try:
            with open(path, "rb") as file:
                content = json.loads(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return {}
        except OSError as error:
            log.error("the state of %s cannot be read, it starts fresh: %s", self._route, error)
            return {}
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict) and content.get("version") == _VERSION:
            return content
        self._put_aside(path)
        return {}

    def _put_aside(self, path: Path) -> None:
        aside = path.with_name(f"{path.name}.damaged")
        try:
            os.replace(path, aside)
        except OSError as error:
            log.error("the state of %s is damaged, it starts fresh; %s stays: %s", self._route, path.name, error)
        else:
            log.error("the state of %s is damaged, it starts fresh; see %s", self._route, aside.name)


class StateKeeper:
    """Writes the states of all stations from a thread of its own; of each, only the newest waits to be written."""

    def __init__(self, file_of: Callable[[str], StateFile]) -> None:
        """`file_of(route)` makes the file of a station's state."""
        self._file_of = file_of
        self._files: dict[str, StateFile] = {}
        """Used by the thread "state" alone, once it has been started."""
        self._lock = threading.Lock()  # guards _waiting; nobody holds it while writing
        self._waiting: dict[str, Saved] = {}
        self._worker = Worker("state", self.write, last_step=True)

    def start(self) -> None:
        self._worker.start()

    def load(self, route: str) -> Saved:
        """What was saved for the station at `route`. Reads the disk, by a hand of its own: any thread."""
        with self._lock:
            waiting = self._waiting.get(route)
        return waiting or self._file_of(route).load()

    def keep(self, route: str, saved: Saved) -> None:
        """Write this soon, instead of what still waits. Any thread; answers at once."""
        with self._lock:
            self._waiting[route] = saved
        self._worker.wake()

    def close(self) -> None:
        """Ask the thread to write what waits and to end."""
        self._worker.close()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Write what waits and end the thread; one that hangs in the disk is left behind after `timeout_s`."""
        self._worker.stop(timeout_s)

    def write(self) -> None:
        """Write all that waits: the thread's work, by hand in tests."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for route, saved in waiting.items():
            try:
                self._file(route).save(saved)
            except Exception:
                log.exception("saving the state of %s failed", route)

    def _file(self, route: str) -> StateFile:
        """One object a station, which knows what it has written; those of stations that left are forgotten in time."""
        if len(self._files) > _MOST_FILES:
            self._files.clear()
        if route not in self._files:
            self._files[route] = self._file_of(route)
        return self._files[route]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the content of `path`, whole or not at all, also when the power fails. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def file_name(route: str) -> str:
    """The end of a file's name: empty for the default station, else plain characters that no other route gets."""
    name = quote(route.strip("/"), safe="")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()}"
    return name and f"-{name}"


def _json(content: object) -> bytes:
    """ASCII, in which the surrogate escapes of odd file names survive."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def _elapsed(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= _LONGEST_TRACK_S else 0.0
