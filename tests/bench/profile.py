"""Where the time goes under a thousand listeners: samples the running server with py-spy and prints the hottest lines.

`make profile`, or `python -m tests.bench.profile --listeners 5000 --seconds 60`. Only threads that hold the
interpreter lock are sampled unless `--all` is given, which adds those inside a system call.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

from tests.bench.bench import on_air
from tests.bench.cases import Case, driver
from tests.bench.servers import raise_descriptor_limit

TOP = 25


def hottest(stacks: str) -> tuple[Counter[str], Counter[str]]:
    """py-spy's raw form (`outer;inner 12` a line) as samples by function: on top of the stack, and anywhere in it."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        calls = stack.split(";")
        own[calls[-1]] += int(count)
        total.update({call: int(count) for call in set(calls)})
    return own, total


def record(pid: int, seconds: int, *, only_lock: bool) -> str:
    """Sample a process; needs py-spy, and the right to look into it (root, or a child of one's own)."""
    py_spy = Path(sysconfig.get_path("scripts"), "py-spy")
    command = str(py_spy) if py_spy.exists() else shutil.which("py-spy")
    if command is None:
        sys.exit("py-spy is missing: pip install py-spy")
    with tempfile.NamedTemporaryFile() as out:
        flags = ["--gil"] if only_lock else []
        subprocess.run(
            [command, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", "200", "--nonblocking",
             "--format", "raw", "--output", out.name, *flags], check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return Path(out.name).read_text()


def main() -> None:
    """Put listeners on a server, sample it at rest, print two tables."""
    parser = argparse.ArgumentParser(prog="profile", description=__doc__)
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--joining", action="store_true", help="sample from the first connection on, not at rest")
    parser.add_argument("--all", action="store_true", help="also threads that do not hold the interpreter lock")
    options = parser.parse_args()
    raise_descriptor_limit()
    case = Case("profile", options.listeners, join_s=options.listeners / 1000, hold_s=options.seconds + 5)
    with (
        tempfile.TemporaryDirectory() as home,
        on_air(Path(home), case) as radio,
        driver(radio.port, case, ["/"]) as load,
    ):
        for event in ("start",) if options.joining else ("start", "joined", "rest"):
            load.wait_for(event)
        stacks = record(radio.pid, options.seconds, only_lock=not options.all)
    for title, calls in zip(("own", "with what it calls"), hottest(stacks), strict=True):
        print(f"\n### Samples by function, {title}\n")
        for call, count in calls.most_common(TOP):
            print(f"{count:6}  {call}")


if __name__ == "__main__":
    main()
