"""A long life in a short time: listeners come and go while everything that can happen to a radio happens to it.

`make soak` takes an hour, `make soak ARGS="--minutes 4"` as long as CI has. At the end every long-lived listener's
stream decodes clean and kept time, memory is flat, and threads and descriptors are what they were.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import audio, measures
from tests.bench.cases import Case, driver, print_heading, print_line
from tests.bench.recorder import Recorder, drift
from tests.bench.servers import Radio, raise_descriptor_limit
from tests.bench.troubles import TROUBLES, Victim

CHUNK_S = 65536 * 8 / 128_000
"""What one pool buffer lasts."""
GROWTH_LIMIT_KB = 4096
"""By which resident memory may differ over the second half of a run; the slope is told."""
SLOPE_MIN = 10.0
"""Over fewer minutes a slope says more of the latest crowd, of up to 200, than of a leak."""
MOST_KB = 60 << 10
"""Resident memory whatever happens, with such crowds."""
LEAVE_LIMIT_S = 60.0


class Visitors(threading.Thread):
    """Crowds that come, stay a while and leave, one tenth of them without ever reading."""

    def __init__(self, port: int, lot: random.Random) -> None:
        super().__init__(name="visitors", daemon=True)
        self._port = port
        self._random = lot
        self.leave = threading.Event()
        self.count = 0

    def run(self) -> None:
        while not self.leave.is_set():
            size = self._random.randrange(20, 200)
            case = Case("", size, join_s=2, settle_s=1, hold_s=self._random.randrange(5, 20), stalled=10, slow=10)
            with driver(self._port, case, ["/", "/humor"]) as load:
                for event in ("start", "joined", "rest", "done"):
                    load.wait_for(event)
            self.count += size


class Watch(threading.Thread):
    """Reads the resident memory once a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="watch", daemon=True)
        self._pid = pid
        self.done = threading.Event()
        self.points: list[tuple[float, float]] = []
        """Minutes and KB."""

    def run(self) -> None:
        while not self.done.wait(1):
            self.points.append((time.monotonic() / 60, measures.rss_kb(self._pid)))

    def second_half(self) -> list[tuple[float, float]]:
        return self.points[len(self.points) // 2 :]


def live(victim: Victim, until_s: float, pace_s: float) -> list[str]:
    """Make trouble after trouble until the time has come; returns what went wrong while making it."""
    faults = []
    number = 0
    while time.monotonic() < until_s:
        trouble = TROUBLES[number] if number < len(TROUBLES) else victim.random.choice(TROUBLES)
        number += 1
        try:
            print(f"{until_s - time.monotonic():6.0f} s left: {trouble(victim)}", flush=True)
        except OSError as error:
            faults.append(f"{trouble.__name__}: {error}")
            print(faults[-1], flush=True)
        time.sleep(pace_s)
    return faults


def wait_until(holds: Callable[[], bool], limit_s: float) -> bool:
    """Whether it came true in time."""
    end_s = time.monotonic() + limit_s
    while not holds() and time.monotonic() < end_s:
        time.sleep(0.5)
    return holds()


def soak(radio: Radio, victim: Victim, minutes: float, pace_s: float) -> list[tuple[str, str, bool]]:
    """The whole run; what was checked, what was seen, and whether that is good."""
    recorders = [Recorder(radio.port, route, victim.spare.with_name(f"recording-{number}"))
                 for number, route in enumerate(("/", "/", "/humor", "/humor"))]  # fmt: skip
    for recorder in recorders:
        recorder.start()
    time.sleep(5)
    threads, descriptors = measures.threads(radio.pid), measures.descriptors(radio.pid)
    pipes = 2 * len({recorder.route for recorder in recorders})  # a station's first stalled listener makes its ring's
    visitors, watch = Visitors(radio.port, victim.random), Watch(radio.pid)
    visitors.start()
    watch.start()
    faults = live(victim, time.monotonic() + minutes * 60, pace_s)
    visitors.leave.set()
    visitors.join()
    watch.done.set()
    calm = wait_until(lambda: measures.threads(radio.pid) <= threads
                      and measures.descriptors(radio.pid) <= descriptors + pipes, LEAVE_LIMIT_S)  # fmt: skip
    now = f"{threads} -> {measures.threads(radio.pid)}, {descriptors} -> {measures.descriptors(radio.pid)}"
    return [
        ("troubles went through", told(faults), not faults),
        ("visitors", str(visitors.count), visitors.count > 0),
        ("threads, descriptors", now, calm),
        memory(watch),
        *listened(recorders, victim),
        ("the server still runs", str(radio.process.poll()), radio.process.poll() is None),
    ]


def memory(watch: Watch) -> tuple[str, str, bool]:
    points = watch.second_half()
    slope, minutes = measures.slope(points), points[-1][0] - points[0][0]
    most_kb = max(kb for _, kb in points)
    sizes = f"{points[-1][1] / 1024:.1f} MB, at most {most_kb / 1024:.1f}"
    text = f"{sizes}, slope {slope:+.0f} KB a minute over {minutes:.0f} min"
    is_flat = minutes < SLOPE_MIN or slope * minutes < GROWTH_LIMIT_KB
    return "memory, second half", text, most_kb < MOST_KB and is_flat


def listened(recorders: list[Recorder], victim: Victim) -> list[tuple[str, str, bool]]:
    """End the long-lived listeners and judge what they got."""
    rows = []
    for recorder in recorders:
        recorder.stop()
        faults, points = recorder.judge()
        heard_min = (points[-1][0] - points[0][0]) / 60 if points else 0
        rows.append(
            (f"stream of {recorder.route}", f"{heard_min:.1f} min, {told(faults)}", bool(points) and not faults)
        )
        if recorder.route == "/":
            most_s = drift(points, victim.disturbed_s)
            rows.append(("drift of /", f"{most_s:.3f} s", most_s < CHUNK_S))
    return rows


def told(faults: list[str]) -> str:
    return "; ".join([f"{len(faults)} faults", *faults[:3]])


def main() -> None:
    """Set the stage, run, print the table; fails where anything is not as it should be."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--pace", type=float, default=10, help="seconds between two troubles")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16), help="to repeat a run")
    options = parser.parse_args()
    raise_descriptor_limit()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        main_dir = audio.directory(Path(home, "main"), *(audio.track(128, 20 + n, 20 + n) for n in range(3)))
        humor = audio.directory(Path(home, "humor"), *(audio.track(128, 15 + n, 30 + n, vbr=True) for n in range(3)))
        spare = Path(shutil.copy(audio.track(128, 18, 40), Path(home, "spare.mp3")))
        with Radio(main_dir, {"humor": humor}) as radio:
            suspend_s = 20 if options.minutes > 10 else 5
            victim = Victim(radio.pid, radio.port, main_dir, humor, spare, suspend_s, random.Random(options.seed))
            rows = soak(radio, victim, options.minutes, options.pace)
            output = radio.output()
    print_heading(("checked", "seen", ""))
    for name, seen, good in rows:
        print_line((name, seen, "ok" if good else "WRONG"))
    print("\nTracebacks in the log: ", output.count("Traceback"))
    sys.exit(not all(good for _, _, good in rows) or "Traceback" in output)


if __name__ == "__main__":
    main()
