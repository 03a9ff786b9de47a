"""Disturbances, one after another, on one server with a crowd: shows how long until everybody is served again.

`python -m tests.bench.disturb --listeners 10000`. Half of the listeners read barely faster than they play, through
64 KB buffers. A disturbance is over when nobody lacks audio for `CALM_S` on end; the time told is from the end of what
caused it to the last second in which somebody lacked some.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import audio, measures
from tests.bench.cases import Case, Driver, driver, print_heading, print_line
from tests.bench.probe import Probe
from tests.bench.servers import Radio, raise_descriptor_limit

TRACK_S = 240
PAUSE_S = 10.0
STORM_S = 5.0
CALM_S = 8.0
"""Longer than a chunk: whoever was left out would lack audio by then."""
LIMIT_S = 15.0
GIVEN_UP_S = 40.0
SCRAPERS = 8
HEADING = ("disturbance", "listeners", "lacked audio at most", "served again after s", "lost", "CPU % meanwhile",
           "health ms p50 / p99 / last")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one disturbance did."""

    name: str
    listeners: int
    starving: int
    again_s: float
    """Infinite where somebody still lacked audio when we gave up."""
    lost: int
    cpu: float
    health_ms: tuple[float, float, float]

    @property
    def is_fine(self) -> bool:
        """Everybody is there, and served again in time."""
        return self.again_s <= LIMIT_S and not self.lost

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        health = " / ".join(f"{ms:.0f}" for ms in self.health_ms)
        return (self.name, f"{self.listeners:,}", f"{self.starving:,}", f"{self.again_s:.1f}", str(self.lost),
                f"{self.cpu:.0f}", health)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A server and the driver of its crowd."""

    radio: Radio
    crowd: Driver


def paused_driver(scene: Scene) -> None:
    """All clients stop reading at once, as when a network fails."""
    _freeze(scene.crowd.pid)


def suspended_server(scene: Scene) -> None:
    """The server's process stands still, as on a host that is out of breath."""
    _freeze(scene.radio.pid)


def _freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    os.kill(pid, signal.SIGCONT)


def joins(scene: Scene) -> None:
    """A thousand come as fast as one driver can bring them."""
    case = Case("joins", 1000, join_s=0, settle_s=0, hold_s=2)
    with driver(scene.radio.port, case, ["/"], first_address=1000) as more:
        for event in ("start", "joined", "rest", "done"):
            said = more.wait_for(event)
        print(f"joins: {said['started']} of 1,000 served, first byte {said['first_byte_ms']} ms", file=sys.stderr)


def scrapes(scene: Scene) -> None:
    """Eight monitors ask for the metrics without a pause."""
    end_s = time.monotonic() + STORM_S
    threads = [threading.Thread(target=_scrape, args=(scene.radio.port, end_s)) for _ in range(SCRAPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _scrape(port: int, end_s: float) -> None:
    while time.monotonic() < end_s:
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(b"GET /metrics HTTP/1.0\r\nHost: bench\r\n\r\n")
            while sock.recv(1 << 16):
                pass


DISTURBANCES: dict[str, Callable[[Scene], None]] = {
    "none": lambda _: None,
    "clients paused": paused_driver,
    "server suspended": suspended_server,
    "a thousand join": joins,
    "metrics scraped": scrapes,
}


@contextmanager
def scene(listeners: int, tight: int, join_s: float) -> Iterator[Scene]:
    """A crowd that has joined and settled."""
    case = Case("crowd", listeners, tight=tight, join_s=join_s, settle_s=8, hold_s=3600, reports=True)
    with tempfile.TemporaryDirectory() as home:
        folder = audio.directory(Path(home, "audio"), audio.track(128, TRACK_S))
        with Radio(folder) as radio, driver(radio.port, case, ["/"]) as crowd:
            for event in ("start", "joined", "rest"):
                crowd.wait_for(event)
            yield Scene(radio, crowd)


def disturb(scene: Scene, listeners: int, name: str) -> Outcome:
    """Cause it, and watch until everybody is served again."""
    lost = scene.crowd.wait_for("tick")["lost"]
    with Probe(scene.radio.port) as probe:
        cpu_s, began_s = measures.cpu_s(scene.radio.pid), time.monotonic()
        DISTURBANCES[name](scene)
        ended_s = hungry_s = time.monotonic()
        worst, tick = 0, {"at_s": ended_s, "starving": 0, "lost": lost}
        while tick["at_s"] < min(max(hungry_s, ended_s) + CALM_S, ended_s + GIVEN_UP_S):
            tick = scene.crowd.wait_for("tick")
            worst = max(worst, tick["starving"])
            if tick["starving"]:
                hungry_s = tick["at_s"]
        percent = (measures.cpu_s(scene.radio.pid) - cpu_s) / (time.monotonic() - began_s) * 100
        seen = probe.restart()
    again_s = max(0.0, hungry_s - ended_s) if tick["at_s"] - hungry_s >= CALM_S else float("inf")
    health = [measures.percentile(seen, percent) for percent in (50, 99, 100)]
    return Outcome(name, listeners, worst, again_s, tick["lost"] - lost, percent, (health[0], health[1], health[2]))


def run(listeners: int, *, tight: int = 50, rounds: int = 1, join_s: float, only: str = "") -> list[Outcome]:
    """Every disturbance in turn, so many rounds, on one crowd; prints a row for each."""
    outcomes = []
    with scene(listeners, tight, join_s) as on_air:
        for _ in range(rounds):
            for name in only.split(",") if only else DISTURBANCES:
                outcomes.append(disturb(on_air, listeners, name))
                print_line(outcomes[-1].cells())
        whys = re.findall(r"gone after .*?: ([^,:]+)$", on_air.radio.output(), re.MULTILINE)
        print(f"streams that ended: {dict(Counter(whys))}", file=sys.stderr)
    return outcomes


def table(listeners: int) -> list[Outcome]:
    """All of them, with a heading."""
    print(f"\n### Disturbances, {listeners:,} listeners, half of whom read barely in time\n")
    print_heading(HEADING)
    return run(listeners, join_s=listeners / 1000)


def main() -> None:
    """Run them all, and fail where one is not got over."""
    parser = argparse.ArgumentParser(prog="disturb", description=__doc__)
    parser.add_argument("--listeners", type=int, default=10_000)
    parser.add_argument("--tight", type=int, default=50, help="percent who read barely in time")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--join", type=float, default=10.0, help="seconds within which the crowd comes")
    parser.add_argument("--only", default="", help=f"of {', '.join(DISTURBANCES)}")
    options = parser.parse_args()
    raise_descriptor_limit()
    print_heading(HEADING)
    outcomes = run(options.listeners, tight=options.tight, rounds=options.rounds, join_s=options.join,
                   only=options.only)  # fmt: skip
    sys.exit(not all(one.is_fine for one in outcomes))


if __name__ == "__main__":
    main()
