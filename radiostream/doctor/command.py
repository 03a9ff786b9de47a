"""The command line of `radiostream check`. Exit status: 0 nothing found, 1 findings, 2 a directory cannot be read."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiostream import values
from radiostream.doctor import text
from radiostream.doctor.directory import Report, Wanted, check
from radiostream.loudness.known import FILE_NAME, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BAR: Final = 30
_REDRAW_S: Final = 0.1


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Check the directories that `argv` names; `environ` gives what no flag does."""
    parser = argparse.ArgumentParser(prog="radiostream check", description="What the server makes of directories.")
    parser.add_argument("directories", nargs="+", metavar="DIR", help="a station's directory")
    parser.add_argument("--json", action="store_true", help="one JSON document, for scripts")
    parser.add_argument("--all", action="store_true", help="name every file")
    parser.add_argument("--stream-format", choices=values.FAMILIES, help="what the station sends")
    parser.add_argument("--timezone", default="", help="such as Europe/Berlin; a station.toml beats it")
    parser.add_argument("--state-dir", metavar="DIR", help="the server's, where it keeps tracks' loudness; only read")
    asked = parser.parse_args(list(argv))
    if asked.state_dir is not None and not Path(asked.state_dir).expanduser().is_dir():
        parser.error(f"--state-dir: {asked.state_dir!r} is not a directory")
    wanted = _wanted(asked, environ)
    now_s = time.time()
    reports: list[Report] = []
    for directory in asked.directories:
        reports.append(check(directory, wanted, _progress(directory)))
        if not asked.json:
            print("\n".join(map(_printable, text.lines(reports[-1], now_s, asked.all))), flush=True)
    if asked.json:
        json.dump({"directories": [text.as_json(report, now_s) for report in reports]}, sys.stdout, indent=1)
        print()
    if any(report.trouble for report in reports):
        return 2
    return 1 if any(report.findings for report in reports) else 0


def _wanted(asked: argparse.Namespace, environ: Mapping[str, str]) -> Wanted:
    family = asked.stream_format or environ.get("STREAM_FORMAT", "").lower() or None
    has_level = has_trim = False
    with suppress(ValueError):
        has_level = values.lufs(environ.get("LEVEL", "")) is not None
    with suppress(ValueError):
        has_trim = values.boolean(environ.get("TRIM", ""))
    state_dir = None
    with suppress(ValueError):
        state_dir = values.optional_path(asked.state_dir or environ.get("STATE_DIR", ""))
    table = Table(state_dir / FILE_NAME if state_dir else None)
    table.load()
    return Wanted(family if family in values.FAMILIES else None, asked.timezone, has_level, has_trim, table)


def _printable(line: str) -> str:
    """A file's name can break no line, and says nothing to a terminal but text."""
    return "".join(char if char.isprintable() else "\ufffd" for char in line)


def _progress(directory: str) -> Callable[[int, int], None]:
    """A bar on the terminal that stderr is; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _done, _of: None
    drawn_s = 0.0

    def draw(done: int, of: int) -> None:
        nonlocal drawn_s
        now_s = time.monotonic()
        if done == of:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif now_s - drawn_s >= _REDRAW_S:
            drawn_s, full = now_s, _BAR * done // of
            bar = "#" * full + "." * (_BAR - full)
            print(f"\r\x1b[K[{bar}] {done}/{of} {_printable(directory)}", end="", file=sys.stderr, flush=True)

    return draw
