"""What the kernel knows about a process and its sockets, and two small statistics. Linux only, like the bench."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CPUCLOCK_SCHED = 2
"""Linux's clock id of a process's CPU time is `~pid << 3 | 2` (clock_getcpuclockid(3)); it counts nanoseconds."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Kibibytes: resident, and resident with shared pages counted in parts."""

    rss_kb: int
    pss_kb: int


def cpu_s(pid: int) -> float:
    """Seconds of CPU that all threads of the process have used so far."""
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def memory(pid: int) -> Memory:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    figures = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.MULTILINE)}
    return Memory(figures["Rss"], figures["Pss"])


def rss_kb(pid: int) -> int:
    """The resident memory alone, cheap enough for a sample a second."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def crowded_s() -> float:
    """Seconds so far in which some thread on this machine had to wait for a core (Linux's pressure stall figures)."""
    some = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    return int(some.rpartition("=")[2]) / 1e6


def kernel_kb(port: int) -> int:
    """Kernel memory of the sockets connected to `port`, as `ss` tells it: what is queued to be sent and received,
    and what is reserved for it."""
    out = subprocess.run(["ss", "-tnmH", "state", "connected", "sport", "=", f":{port}"],
                         capture_output=True, text=True, check=True).stdout  # fmt: skip
    return sum(int(figure) for figure in re.findall(r"[(,](?:r|w|f|o|bl)(\d+)", out)) // 1024


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed; NaN where there is none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The steepness of the straight line that fits best (least squares); 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
