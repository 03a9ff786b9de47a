"""What the process uses and may use: memory, threads, processor time. Asked of the kernel; for any thread."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CPU_WINDOW_S: Final = 1.0
"""Callers within one such window get the same figure, so that they do not take each other's."""
NO_LIMIT: Final = 1 << 60
"""What version 1 of the control groups says where there is no limit is larger than this."""


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


def rss_bytes() -> int:
    """Resident memory of the process; its peak where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # it is in KB; see getrusage(2)


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
