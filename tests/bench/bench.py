"""What a listener costs: runs the real server under many loads and prints tables.

`make bench` runs everything (about two hours), `make bench ARGS="--only load,compare"` some groups,
`make bench ARGS=--quick` the four minutes that CI runs, with a gate: it fails where memory, underruns or the CPU in
proportion to the C sender are worse than the limits below, or where a disturbance is not got over. But for that, no
limit is in seconds: machines differ.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import audio, disturb, measures, sync
from tests.bench.cases import Case, Row, driver, measure, print_heading, print_line, print_row
from tests.bench.servers import CSender, Icecast, Radio, Reference, raise_descriptor_limit

TRACK_S = 240

LOADS = [
    Case("1", 1),
    Case("100", 100),
    Case("1,000", 1000),
    Case("5,000", 5000, join_s=5),
    Case("10,000", 10000, join_s=10, settle_s=8),
]
STATIONS = [Case("20 stations", 1000, stations=20), Case("100 stations", 1000, stations=100)]
RATES = [Case("64 kbps", 1000, kbps=64, settle_s=10), Case("320 kbps", 1000, kbps=320)]
KINDS = [
    Case("ICY", 1000, icy=True),
    Case("10 % stalled", 1000, stalled=10, settle_s=3),
    Case("10 % slow", 1000, slow=10),
    Case("all stalled", 1000, stalled=100, settle_s=0, hold_s=15),
    Case("all stalled, ten minutes", 1000, stalled=100, settle_s=0, hold_s=585),
]

QUICK = Case("300", 300, settle_s=4, hold_s=16)
PAIR = Case("1,000, unprobed", 1000, settle_s=6, hold_s=12, probed=False)
"""Of this the CPU is compared with that of the C sender."""
STORM = Case("10,000 in a storm", 10_000, join_s=0, pressing=64, settle_s=10, hold_s=12)
"""As fast as they are served: whenever one of 64 who wait hears its station, the next one comes."""
COMPARED = (1000, 5000, 10000)
LIMITS = {
    "KB a listener": 24.0,
    "RSS MB at 300 listeners": 42.0,
    "underruns": 0.0,
    "CPU at rest / C sender": 4.5,
    "disturbances not got over": 0.0,
    "listeners not served": 0.0,
    "kernel KB a stalled listener": 64.0,
}
"""The gate of `--quick`: what the promise says, with room for a shared machine's noise."""


def on_air(home: Path, case: Case) -> Radio:
    """A radio with as many stations as the case wants, all with the same audio."""
    file = audio.track(case.kbps, TRACK_S)
    dirs = [audio.directory(home / f"{case.kbps}-{number}", file) for number in range(case.stations)]
    routes = {f"station-{number}": path for number, path in enumerate(dirs) if number}
    return Radio(dirs[0], routes, case.options)


def run(case: Case) -> Row:
    """One case on a fresh server, its row printed at once."""
    row = fresh(case)
    if case.listeners > 1:
        # Fairer than the memory just after the start: of the same age, with a ring as full.
        row = replace(row, empty_kb=with_one(case.kbps, case.stations))
    print_row(row)
    return row


@functools.cache
def with_one(kbps: int, stations: int) -> int:
    """Resident KB of the same server with one listener."""
    return fresh(Case("one", 1, kbps=kbps, stations=stations)).rss_kb


def fresh(case: Case) -> Row:
    with tempfile.TemporaryDirectory() as home, on_air(Path(home), case) as radio:
        routes = ["/", *(f"/station-{number}" for number in range(1, case.stations))]
        return measure(radio, case, routes)


def table(title: str, cases: Sequence[Case]) -> list[Row]:
    print(f"\n### {title}\n")
    print_heading()
    return [run(case) for case in cases]


def compare(repeat: int = 5) -> None:
    """The same load on the sender in C, on the one in Python and on the radio, in turn and several times; then once on
    Icecast, where it is installed."""
    print(f"\n### Compared, {repeat} runs each: minimum, median, maximum; the health probe is left out\n")
    print_heading(("listeners", "C sender, CPU %", "Python sender, CPU %", "radiostream, CPU %", "radiostream / C",
                   "radiostream / Python", "runs in which all were served"))  # fmt: skip
    for count in COMPARED:
        compare_at(count, repeat)
    if shutil.which("icecast2") and shutil.which("ffmpeg"):
        print()
        print_heading()
        with Icecast(audio.track(128, TRACK_S)) as icecast:
            print_row(measure(icecast, Case("Icecast", 1000), ["/main"], "/status-json.xsl"))


def compare_at(count: int, repeat: int) -> list[float]:
    """One row of that table; returns what the radio costs in proportion to the C sender, a figure a run."""
    case = Case("compared", count, join_s=count / 1000, settle_s=8, probed=False)
    runs = [(sender(CSender, case), sender(Reference, case), fresh(case)) for _ in range(repeat)]
    cpu = [[row.cpu_rest for row in of_one] for of_one in zip(*runs, strict=True)]
    ratios = [[run[2].cpu_rest / run[at].cpu_rest for run in runs] for at in (0, 1)]
    whole = sum(run[2].is_whole for run in runs)
    print_line((f"{count:,}", *map(spread, (*cpu, *ratios)), f"{whole} of {repeat}"))
    return ratios[0]


def sender(kind: type[CSender] | type[Reference], case: Case) -> Row:
    with kind(audio.track(case.kbps, TRACK_S), case.kbps) as server:
        return measure(server, case)


def spread(values: Sequence[float]) -> str:
    """Minimum, median and maximum."""
    return " / ".join(f"{value:.1f}" for value in (min(values), statistics.median(values), max(values)))


def crowd(present: int = 1000, joining: int = 1000) -> None:
    """So many join within one second while others listen: nobody may notice."""
    print("\n### A crowd joins within one second\n")
    with tempfile.TemporaryDirectory() as home, on_air(Path(home), Case("", 1)) as radio:
        first, second = Case("present", present, settle_s=3, hold_s=16), Case("crowd", joining, settle_s=5, hold_s=5)
        with driver(radio.port, first, ["/"]) as calm:
            for event in ("start", "joined", "rest"):
                calm.wait_for(event)
            with driver(radio.port, second, ["/"], first_address=1000) as rush:
                for event in ("start", "joined", "rest"):
                    rush.wait_for(event)
                came = rush.wait_for("done")
            stayed = calm.wait_for("done")
    underruns = came["underruns_joining"] + came["underruns"]
    print(
        f"{joining:,} join {present:,}: first byte {came['first_byte_ms']} ms, {came['started']} served; "
        f"underruns: {stayed['underruns']} of those present, {underruns} of the crowd"
    )


def storms(times: int) -> None:
    """All come as fast as they are served, so often, each time to a fresh server."""
    print(f"\n### Storms, {times} runs\n")
    print_heading()
    rows = []
    for _ in range(times):
        rows.append(fresh(STORM))
        print_row(rows[-1])
    whole = sum(row.is_whole for row in rows)
    first, health = [row.first_ms[1] for row in rows], [row.health_joining_ms for row in rows]
    print(
        f"\nall were served all the time in {whole} of {times} runs; minimum / median / maximum: CPU at rest "
        f"{spread([row.cpu_rest for row in rows])} %, first byte p99 {spread(first)} ms, "
        f"slowest health while they came {spread(health)} ms"
    )


def start(times: int = 5) -> None:
    """How long until there is audio, and what a station costs that nobody hears."""
    print("\n### Start and idle stations\n")
    took_ms = []
    with tempfile.TemporaryDirectory() as home:
        for number in range(times):
            with on_air(Path(home, str(number)), Case("", 1)) as radio:
                heard = sync.listen(radio.port, time.monotonic() + 1)
                took_ms.append((heard.first_byte_s - radio.started_s) * 1000)
        median_ms = statistics.median(took_ms)
        print(f"- start to first audio byte: median {median_ms:.0f} ms of {times}, worst {max(took_ms):.0f} ms")
        one_kb, one_percent = idle(Path(home, "one"), 1)
        many_kb, many_percent = idle(Path(home, "many"), 100)
    print(f"- an idle station: {(many_percent - one_percent) / 99:.3f} % of a core, {(many_kb - one_kb) / 99:.0f} KB")


def idle(home: Path, stations: int) -> tuple[int, float]:
    """Resident KB and percent of a core of so many stations without a listener; also tells how fast they start."""
    with on_air(home, Case("", 1, stations=stations)) as radio:
        last = f"/station-{stations - 1}" if stations > 1 else "/"
        heard_s = sync.listen(radio.port, time.monotonic() + 1, last).first_byte_s
        print(f"- {stations} stations: the last one is heard {heard_s - radio.started_s:.2f} s after the start")
        time.sleep(10)
        cpu_s, wall_s = measures.cpu_s(radio.pid), time.monotonic()
        time.sleep(20)
        percent = (measures.cpu_s(radio.pid) - cpu_s) / (time.monotonic() - wall_s) * 100
        rss_kb = measures.memory(radio.pid).rss_kb
    print(f"- {stations} stations, nobody listening: {percent:.2f} % of a core, {rss_kb / 1024:.1f} MB")
    return rss_kb, percent


def quick() -> bool:
    """The gate: True where everything is within the limits."""
    print_heading()
    pairs = [(sender(CSender, PAIR), fresh(PAIR)) for _ in range(2)]
    for pair in pairs:
        print_row(pair[0])
        print_row(pair[1])
    row = run(QUICK)
    stalled = run(Case("all stalled", 200, stalled=100, settle_s=0, hold_s=12))
    crowd(300, 300)
    print()
    print_heading(disturb.HEADING)
    disturbed = disturb.run(3000, join_s=3, only="clients paused,metrics scraped")
    print()
    seen = {
        "KB a listener": row.kb_each,
        "RSS MB at 300 listeners": row.rss_kb / 1024,
        "underruns": row.underruns + row.underruns_joining,
        "CPU at rest / C sender": min(ours.cpu_rest / floor.cpu_rest for floor, ours in pairs),
        "disturbances not got over": sum(not one.is_fine for one in disturbed),
        "listeners not served": row.case.listeners - row.started + row.lost,
        "kernel KB a stalled listener": stalled.kernel_kb / stalled.case.listeners,
    }
    print()
    print_heading(("figure", "seen", "limit", ""))
    for name, value in seen.items():
        print_line((name, f"{value:.1f}", f"{LIMITS[name]:g}", "ok" if value <= LIMITS[name] else "TOO MUCH"))
    return all(value <= LIMITS[name] for name, value in seen.items())


GROUPS: dict[str, Callable[[], object]] = {
    "load": lambda: table("Listeners, 128 kbps, one station", LOADS),
    "stations": lambda: table("Stations", STATIONS),
    "rates": lambda: table("Bitrates", RATES),
    "kinds": lambda: table("Kinds of listeners", KINDS),
    "crowd": crowd,
    "start": start,
    "disturb": lambda: disturb.table(10_000),
}
REPEATED: dict[str, Callable[[int], object]] = {"compare": compare, "storms": lambda repeat: storms(4 * repeat)}


def main() -> None:
    """Run the groups asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cases, and fail where they are beyond the limits")
    parser.add_argument("--only", default=",".join((*GROUPS, *REPEATED)), help=f"of {', '.join((*GROUPS, *REPEATED))}")
    parser.add_argument("--repeat", type=int, default=5, help="rows of `compare`; four times as many storms")
    options = parser.parse_args()
    raise_descriptor_limit()
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
          f"load before {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    if options.quick:
        sys.exit(not quick())
    for group in options.only.split(","):
        REPEATED[group](options.repeat) if group in REPEATED else GROUPS[group]()


if __name__ == "__main__":
    main()
