"""What `/readyz` and the operator's page say of the server: each check with its value and its limit.

Everything is looked at when somebody asks; nothing runs in between. For any thread. The functions ending in `_check`
judge values that they are given; `Health` fetches the values.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from radiostream import __version__
from radiostream.playlist.scan import MISSING
from radiostream.process import CpuMeter, memory_limit, rss_bytes, thread_count
from radiostream.radio.ring import CHUNK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from radiostream.config import Config
    from radiostream.playlist.library import Library
    from radiostream.playlist.roster import Roster
    from radiostream.radio.station import Station
    from radiostream.radio.status import Status

    Check = dict[str, Any]

MB: Final = 1 << 20
PROMISED_MB: Final = 100
"""What the process is promised to stay below; where nobody limits it, more is worth a warning only."""
FULL: Final = 0.9
"""The share of its memory limit from which on the process is about to be killed."""
PRODUCER_SLACK_S: Final = 10.0
LOOK_INTERVALS: Final = 3
LOOK_SLACK_S: Final = 30.0
"""A scan of a large directory on a slow mount takes its time."""
DISK_S: Final = 1.0
"""How long whoever asks waits for a disk; one that hangs is not waited for twice."""


class Health:
    """The checks of one server, and the facts of its process."""

    def __init__(
        self,
        config: Config,
        stations: Mapping[str, Station],
        library: Library,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: the clock that producers and library note their progress by.

        `config` and `stations` may be replaced whole by another thread: reading them needs no lock.
        """
        self.config = config
        self.stations = stations
        self._library = library
        self._now = now
        self._started_s = now()
        self._cpu = CpuMeter(now, time.process_time)
        self.roster: Roster | None = None
        """Where stations come and go: what is wrong with the directory of theirs."""
        self._is_stopping = False
        self._disk = None
        if (directory := config.state_dir) is not None:
            self._disk = Probe(lambda: disk_check(directory, config.min_free_disk_mb))

    def stop(self) -> None:
        """The server is stopping: no longer ready."""
        self._is_stopping = True

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether anything can be served, and `{"ready": …, "ok": …, "checks": {name: {"ok": …, "value": …}}}`.

        Ready is a server of which at least one station's producer makes progress: whoever routes by it would take all
        stations off the air for one missing directory else. What is wrong besides is in `checks`; `ok`: all are.
        """
        checks = self._checks()
        producers = [check["ok"] for name, check in checks.items() if name.startswith("producer:")]
        ready = not self._is_stopping and (any(producers) or not producers)
        return ready, {"ready": ready, "ok": all(check["ok"] for check in checks.values()), "checks": checks}

    def state_disk(self) -> Check | None:
        """The check of the disk that holds the state; None where nothing is kept."""
        return self._disk.ask(DISK_S) if self._disk is not None else None

    def facts(self) -> dict[str, Any]:
        """Version, uptime, memory, share of one core and threads."""
        return {
            "version": __version__,
            "uptime_s": round(self._now() - self._started_s, 1),
            "rss_mb": round(rss_bytes() / MB, 1),
            "cpu_percent": round(self._cpu.percent(), 1),
            "threads": thread_count(),
        }

    def _checks(self) -> dict[str, Check]:
        now_s = self._now()
        checks = {"memory": memory_check(rss_bytes(), memory_limit())}
        looked_s = self._library.last_look_s
        age_s = None if looked_s is None else now_s - looked_s
        checks["library"] = library_check(age_s, self.config.poll_interval_s)
        if disk := self.state_disk():
            checks["disk:state"] = disk
        if self.roster is not None:
            checks["stations"] = stations_check(self.roster.trouble, self.roster.left_out)
        for route, station in self.stations.items():
            status = station.status
            required = route != "/" or self.config.audio_dir_given
            checks[f"directory:{route}"] = directory_check(status, required=required)
            checks[f"producer:{route}"] = producer_check(now_s - station.progress_s, station.burst_s)
        return checks


class Probe:
    """A check that may hang in a disk, run by a thread of its own when somebody asks."""

    def __init__(self, check: Callable[[], Check]) -> None:
        self._check = check
        self._lock = threading.Lock()  # guards the two below, not the check
        self._asked: Future[Check] | None = None
        """The check that runs."""
        self._known: Check = {"ok": False, "value": None}
        """What it said last."""

    def ask(self, timeout_s: float) -> Check:
        """What the check says, or where that takes longer, what it said last, as failed."""
        with self._lock:
            asked, is_new = self._asked, self._asked is None
            if asked is None:
                asked = self._asked = Future()
                threading.Thread(target=self._run, args=(asked,), name="disk check", daemon=True).start()
        try:
            return asked.result(timeout_s if is_new else 0)
        except TimeoutError:
            return {**self._known, "ok": False, "note": "the disk does not answer"}

    def _run(self, asked: Future[Check]) -> None:
        try:
            said = self._check()
        except Exception as error:
            self._over()
            asked.set_exception(error)
            return
        self._known = said
        self._over()  # before the answer: whoever has it and asks again starts a new check
        asked.set_result(said)

    def _over(self) -> None:
        with self._lock:
            self._asked = None


# -- judging -----------------------------------------------------------------------------------------------------------


def free_check(free_mb: float, minimum_mb: int, *, read_only: bool) -> Check:
    """Free MB of a file system. An image such as squashfs is full by nature: read-only with not one block to spare."""
    image = read_only and not free_mb
    return {"ok": free_mb >= minimum_mb or image, "value": round(free_mb), "limit": minimum_mb, "unit": "MB free"}


def memory_check(used_bytes: int, limit_bytes: int | None) -> Check:
    """Resident memory against the limit of the process's control group; without one, the promise, as a warning."""
    used_mb = round(used_bytes / MB, 1)
    if limit_bytes is not None:
        limit_mb = round(FULL * limit_bytes / MB, 1)
        return {"ok": used_mb <= limit_mb, "value": used_mb, "limit": limit_mb, "unit": "MB"}
    check: Check = {"ok": True, "value": used_mb, "limit": PROMISED_MB, "unit": "MB"}
    return check | ({"warning": "more than is promised"} if used_mb > PROMISED_MB else {})


def stations_check(trouble: str, left_out: Mapping[str, str]) -> Check:
    """The directory of --stations, and the sub-directories in it that are no stations."""
    return {"ok": not trouble, "value": trouble or "readable", "left_out": dict(left_out)}


def directory_check(status: Status, *, required: bool) -> Check:
    """A station's directory; one that nobody asked for, `./audio`, may be missing."""
    fine = not status.trouble or (status.trouble == MISSING and not required)
    return {"ok": fine, "value": status.trouble or "readable", "tracks": status.tracks}


def producer_check(age_s: float, burst_s: float) -> Check:
    """Seconds since a station's producer last published."""
    limit_s = round(burst_s + CHUNK_S + PRODUCER_SLACK_S, 1)
    return {"ok": age_s <= limit_s, "value": round(age_s, 1), "limit": limit_s, "unit": "s ago"}


def library_check(age_s: float | None, interval_s: float) -> Check:
    """Seconds since the last scan of all directories ended; None: the first one has not."""
    limit_s = round(LOOK_INTERVALS * interval_s + LOOK_SLACK_S, 1)
    if age_s is None:
        return {"ok": False, "value": None, "limit": limit_s, "note": "the first scan is not done"}
    return {"ok": age_s <= limit_s, "value": round(age_s, 1), "limit": limit_s, "unit": "s ago"}


# -- fetching ----------------------------------------------------------------------------------------------------------


def disk_check(directory: Path, minimum_mb: int) -> Check:
    """Free space where `directory` lies, or will lie once it is made."""
    try:
        there = next(path for path in (directory, *directory.parents) if path.exists())
        disk = os.statvfs(there)
    except (OSError, StopIteration) as error:
        return {"ok": False, "value": None, "limit": minimum_mb, "note": getattr(error, "strerror", "is nowhere")}
    read_only = bool(disk.f_flag & os.ST_RDONLY)
    return free_check(disk.f_bavail * disk.f_frsize / MB, minimum_mb, read_only=read_only)
