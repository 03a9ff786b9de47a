"""What `/readyz` and the operator's page say of the server: each check with its value and its limit, and the process.

Everything is looked at when somebody asks; nothing runs in between. For any thread. The functions ending in `_check`
judge values that they are given; `Health` fetches the values.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from radiostream import __version__
from radiostream.playlist.scan import MISSING
from radiostream.radio.playout import CHUNK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from radiostream.config import Config
    from radiostream.playlist.library import Library
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
"""A look at a large directory on a slow mount takes its time."""
CPU_WINDOW_S: Final = 1.0
"""Callers within one such window get the same figure, so that they do not take each other's."""


class Health:
    """The checks of one server, and the facts of its process."""

    def __init__(
        self,
        config: Config,
        stations: Mapping[str, Station],
        library: Library,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: the clock that producers and library note their progress by."""
        self._config = config
        self._stations = stations
        self._library = library
        self._now = now
        self._started_s = now()
        self._cpu = CpuMeter(now, time.process_time)

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and `{"ready": …, "checks": {name: {"ok": …, "value": …, "limit": …}}}`."""
        checks = self._checks()
        ready = all(check["ok"] for check in checks.values())
        return ready, {"ready": ready, "checks": checks}

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
        library = checks["library"] = library_check(age_s, self._config.poll_interval_s)
        minimum_mb = self._config.min_free_disk_mb
        if self._config.state_dir is not None:
            checks["disk:state"] = disk_check(self._config.state_dir, minimum_mb)
        for route, station in self._stations.items():
            status = station.status
            # A mount that hangs would hang who asks it; the library hangs there already, and its age tells.
            if library["ok"] and not status.trouble:
                checks[f"disk:audio:{route}"] = disk_check(station.config.directory, minimum_mb)
            else:
                checks[f"disk:audio:{route}"] = unknown("the directory can not be asked", minimum_mb)
            required = route != "/" or self._config.audio_dir_given
            checks[f"directory:{route}"] = directory_check(status, required=required)
            checks[f"producer:{route}"] = producer_check(now_s - station.progress_s, station.burst_s)
        return checks


class CpuMeter:
    """The processor time of the process as a share of one core, since a moment of at least `CPU_WINDOW_S` ago."""

    def __init__(self, now: Callable[[], float], used: Callable[[], float]) -> None:
        """`now` and `used`: seconds that have passed, and that the process has computed."""
        self._now = now
        self._used = used
        self._lock = threading.Lock()  # guards everything below
        self._at_s = now()
        self._used_s = used()
        self._percent: float | None = None

    def percent(self) -> float:
        """Percent of one core: 100 is one core kept busy."""
        with self._lock:
            now_s, used_s = self._now(), self._used()
            passed_s = now_s - self._at_s
            if self._percent is None or passed_s >= CPU_WINDOW_S:
                self._percent = 100 * (used_s - self._used_s) / passed_s if passed_s > 0 else 0.0
                self._at_s, self._used_s = now_s, used_s
            return self._percent


# -- judging -----------------------------------------------------------------------------------------------------------


def unknown(note: str, limit: float) -> Check:
    """A value that can not be had, which is another check's trouble."""
    return {"ok": True, "value": None, "limit": limit, "note": note}


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


def directory_check(status: Status, *, required: bool) -> Check:
    """A station's directory; one that nobody asked for, `./audio`, may be missing."""
    fine = not status.trouble or (status.trouble == MISSING and not required)
    return {"ok": fine, "value": status.trouble or "readable", "tracks": status.tracks}


def producer_check(age_s: float, burst_s: float) -> Check:
    """Seconds since a station's producer last published."""
    limit_s = round(burst_s + CHUNK_S + PRODUCER_SLACK_S, 1)
    return {"ok": age_s <= limit_s, "value": round(age_s, 1), "limit": limit_s, "unit": "s ago"}


def library_check(age_s: float | None, interval_s: float) -> Check:
    """Seconds since the last look at all directories ended; None: the first one has not."""
    limit_s = round(LOOK_INTERVALS * interval_s + LOOK_SLACK_S, 1)
    if age_s is None:
        return {"ok": False, "value": None, "limit": limit_s, "note": "the first look is not done"}
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


def rss_bytes() -> int:
    """Resident memory of the process; its peak where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def thread_count() -> int:
    """Threads of the process: as the kernel counts them, since those of connections have no `threading.Thread`."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def memory_limit(read: Callable[[str], str] | None = None) -> int | None:
    """The tightest memory limit on the control groups of the process, in bytes; None where there is none.

    `read` gives a file's text or raises `OSError`. Version 2 has `memory.max` in each group (the word `max`: no limit),
    version 1 has `memory.limit_in_bytes` (without a limit, the largest multiple of a page); see the kernel's
    admin-guide/cgroup-v2 and cgroup-v1/memory. A container sees its own group as the root, whatever its path is called.
    """
    read = read or _text
    try:
        groups = read("/proc/self/cgroup").splitlines()
    except OSError:
        return None
    found = [limit for path in _limit_files(groups) if (limit := _limit(path, read)) is not None]
    return min(found, default=None)


NO_LIMIT: Final = 1 << 60


def _limit_files(groups: list[str]) -> list[str]:
    """Where limits may be: for each line of /proc/self/cgroup the group and all above it."""
    files = []
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, name = ("/memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")
        parts = [part for part in path.split("/") if part]
        files += ["/".join((f"/sys/fs/cgroup{root}", *parts[:count], name)) for count in range(len(parts) + 1)]
    return files


def _limit(path: str, read: Callable[[str], str]) -> int | None:
    try:
        text = read(path).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) < NO_LIMIT else None


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
