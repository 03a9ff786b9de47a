"""One case of the benchmark: so many listeners of this kind on that server, and the row of figures it yields."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from tests.bench import measures
from tests.bench.probe import Probe
from tests.server import ROOT, Server

QUIET_S = 2.0
"""What a server gets after its start before its empty memory is read, in seconds."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is tried. Percentages are of the listeners."""

    name: str
    listeners: int
    kbps: int = 128
    stations: int = 1
    icy: bool = False
    stalled: int = 0
    slow: int = 0
    tight: int = 0
    join_s: float = 1.0
    pressing: int = 1 << 20
    """How many may wait for their audio at a time, those who come after them waiting outside."""
    settle_s: float = 5.0
    hold_s: float = 20.0
    probed: bool = True
    """Whether `/healthz` is asked meanwhile, which costs half a percent of a core."""
    reports: bool = False
    """Whether the driver tells each second of the measured time who has nothing to play."""
    options: tuple[str, ...] = ()
    """More of the radio's command line."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen; milliseconds, kibibytes and percent of one core."""

    case: Case
    cpu_join: float
    join_ms: float
    """CPU that one listener's coming costs, in milliseconds: the same however long it took."""
    cpu_rest: float
    rss_kb: int
    pss_kb: int
    empty_kb: int
    """Resident before anybody listened."""
    kernel_kb: int
    threads: int
    underruns_joining: int
    underruns: int
    heard_percent: float | None
    first_ms: tuple[float, float, float]
    """p50, p99 and the last."""
    health_ms: tuple[float, float]
    """p50 and p99, joining included."""
    health_joining_ms: float
    """The slowest while they came."""
    started: int
    lost: int
    crowded: float
    """Percent of the time at rest in which somebody on this machine waited for a core: near 100, mistrust the row."""
    driver_busy: bool
    driver: str

    @property
    def is_whole(self) -> bool:
        """Whether everybody was served all the time."""
        return not (self.underruns or self.underruns_joining or self.lost) and self.started == self.case.listeners

    @property
    def kb_each(self) -> float:
        """Resident memory that one listener adds."""
        return (self.rss_kb - self.empty_kb) / self.case.listeners


class Driver:
    """A running load driver: its events, one after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next event, which must be this one."""
        said = self.next_event()
        if said["event"] != event:
            raise RuntimeError(f"the load driver said {said['event']!r} where {event!r} was due")
        return said

    def next_event(self) -> dict[str, Any]:
        """Whatever it says next."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {"event": "the driver died"}
        return said


@contextmanager
def driver(port: int, case: Case, routes: Sequence[str], first_address: int = 0) -> Iterator[Driver]:
    """A load driver at work; its listeners leave with the `with`."""
    figures = (
        f"--port {port} --listeners {case.listeners} --kbps {case.kbps} --stalled {case.stalled} --slow {case.slow} "
        f"--tight {case.tight} --pressing {case.pressing} "
        f"--join {case.join_s} --settle {case.settle_s} --hold {case.hold_s} --first-address {first_address}"
    ).split()
    flags = [*(["--icy"] if case.icy else []), *(["--report"] if case.reports else [])]
    command = [sys.executable, "-m", "tests.bench.load", "--linger", *figures, *flags, "--routes", *routes]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Driver(process)
        finally:
            process.terminate()


def measure(server: Server, case: Case, routes: Sequence[str] = ("/",), health: str = "/healthz") -> Row:
    """Put the case's listeners on the server, and read its figures in each phase."""
    time.sleep(QUIET_S)
    empty_kb = measures.memory(server.pid).rss_kb
    probe = Probe(server.port, path=health)
    with probe if case.probed else nullcontext(), driver(server.port, case, routes) as load:
        load.wait_for("start")
        start = (time.monotonic(), measures.cpu_s(server.pid))
        load.wait_for("joined")
        joining_ms = probe.restart()
        cpu_join = _percent_since(server.pid, *start)
        join_ms = (measures.cpu_s(server.pid) - start[1]) / case.listeners * 1000
        load.wait_for("rest")
        rest = (time.monotonic(), measures.cpu_s(server.pid))
        crowded_s = measures.crowded_s()
        done = load.wait_for("done")
        cpu_rest = _percent_since(server.pid, *rest)
        crowded = (measures.crowded_s() - crowded_s) / (time.monotonic() - rest[0]) * 100
        latencies_ms = joining_ms + probe.restart()
        memory = measures.memory(server.pid)
        return Row(
            case, cpu_join, join_ms, cpu_rest, memory.rss_kb, memory.pss_kb, empty_kb, measures.kernel_kb(server.port),
            measures.threads(server.pid), done["underruns_joining"], done["underruns"], done["heard_percent"],
            (done["first_byte_ms"]["p50"], done["first_byte_ms"]["p99"], done["first_byte_ms"]["p100"]),
            (measures.percentile(latencies_ms, 50), measures.percentile(latencies_ms, 99)),
            measures.percentile(joining_ms, 100),
            done["started"], done["lost"], crowded, done["driver_is_bottleneck"], str(done["driver"]),
        )  # fmt: skip


def _percent_since(pid: int, wall_s: float, cpu_s: float) -> float:
    return (measures.cpu_s(pid) - cpu_s) / (time.monotonic() - wall_s) * 100


def _name(row: Row) -> str:
    """The case, and what makes its figures doubtful."""
    wanted = row.case.listeners - row.case.listeners * row.case.stalled // 100
    short = f" ({row.started} of {wanted} started, {row.lost} lost)" if row.lost or row.started < wanted else ""
    return row.case.name + short + (f" (driver busy: {row.driver})" if row.driver_busy else "")


COLUMNS: dict[str, Callable[[Row], str]] = {
    "case": _name,
    "listeners": lambda row: f"{row.case.listeners:,}",
    "CPU % joining": lambda row: f"{row.cpu_join:.1f}",
    "CPU ms a join": lambda row: f"{row.join_ms:.2f}",
    "CPU % at rest": lambda row: f"{row.cpu_rest:.2f}",
    "RSS MB": lambda row: f"{row.rss_kb / 1024:.1f}",
    "PSS MB": lambda row: f"{row.pss_kb / 1024:.1f}",
    "KB a listener": lambda row: f"{row.kb_each:.1f}",
    "kernel MB": lambda row: f"{row.kernel_kb / 1024:.1f}",
    "threads": lambda row: str(row.threads),
    "underruns joining": lambda row: str(row.underruns_joining),
    "underruns at rest": lambda row: str(row.underruns),
    "heard %": lambda row: "-" if row.heard_percent is None else f"{row.heard_percent:.0f}",
    "first byte ms p50 / p99 / last": lambda row: " / ".join(f"{ms:.0f}" for ms in row.first_ms),
    "health ms p50 / p99": lambda row: " / ".join(f"{ms:.1f}" for ms in row.health_ms),
    "slowest joining": lambda row: f"{row.health_joining_ms:.0f}",
    "cores short %": lambda row: f"{row.crowded:.0f}",
}


def print_row(row: Row) -> None:
    print_line([cell(row) for cell in COLUMNS.values()])


def print_line(values: Sequence[str]) -> None:
    print("| " + " | ".join(values) + " |", flush=True)


def print_heading(columns: Iterable[str] = COLUMNS) -> None:
    titles = list(columns)
    print_line(titles)
    print_line(["---"] * len(titles))
