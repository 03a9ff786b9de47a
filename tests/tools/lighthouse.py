"""Lighthouse's opinion of the pages, as a table: `make lighthouse`. Fails below `LEAST`, or where the layout moves.

Needs npm, and Debian's Chromium. That `/status` asks not to be indexed is meant, and is the one finding that is not
counted; the login is answered with 401, which Lighthouse does not look at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.elsewhere import npm_package
from tests.functional.browser import on_air, two_stations
from tests.server import PASSWORD, ROOT, Radio

VERSION: Final = "12.6.1"
"""The newest one that Debian 12's node runs."""
LEAST: Final = 95
SHIFT_MOST: Final = 0.05
CATEGORIES: Final = ("performance", "accessibility", "best-practices", "seo")
LOGIN: Final = {"Authorization": f"Bearer {PASSWORD}"}
PAGES: Final = {"/web": {}, "/web?route=/humor": {}, "/embed/main": {}, "/status": LOGIN}
NOT_INDEXED: Final = "/status"


def ask(lighthouse: Path, url: str, headers: dict[str, str], *, desktop: bool) -> dict[str, Any]:
    """What it makes of a page: its whole report."""
    flags = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking"
    command = ["node", str(lighthouse), url, "--quiet", "--output=json", f"--chrome-flags={flags}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={json.dumps(headers)}"]
    command += ["--preset=desktop"] if desktop else []
    done = subprocess.run(
        command, env={**os.environ, "CHROME_PATH": "/usr/bin/chromium"}, check=True, capture_output=True, text=True
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


class Opinion(NamedTuple):
    """What is counted of a report."""

    scores: dict[str, int]
    """Of 100, by category."""
    shift: float
    failed: list[str]
    """The audits that cost the page something."""
    error: str


def opinion(report: dict[str, Any]) -> Opinion:
    """The figures of a report."""
    audits = report["audits"]
    return Opinion(
        {name: round((report["categories"][name]["score"] or 0) * 100) for name in CATEGORIES},
        audits["cumulative-layout-shift"]["numericValue"],
        sorted(one["id"] for one in audits.values() if one["score"] is not None and one["score"] < 0.9),
        str(report.get("runtimeError") or ""),
    )


def judge(path: str, seen: Opinion) -> list[str]:
    """What is wrong with a page; nothing where all is well."""
    counted = {name: score for name, score in seen.scores.items() if name != "seo" or path != NOT_INDEXED}
    found = [seen.error] if seen.error else []
    found += [f"{name}: {score}" for name, score in counted.items() if score < LEAST]
    return found + ([f"the layout shifts by {seen.shift:.3f}"] if seen.shift > SHIFT_MOST else [])


def rows(radio: Radio, lighthouse: Path) -> bool:
    """Print a line a page and screen; whether all are well."""
    good = True
    for path, headers in PAGES.items():
        for screen in ("phone", "desktop"):
            seen = opinion(ask(lighthouse, radio.url + path, headers, desktop=screen == "desktop"))
            figures = [*(f"{score:>4}" for score in seen.scores.values()), f"{seen.shift:>6.3f}"]
            print(f"{path:17} {screen:8}", *figures, *seen.failed, flush=True)
            for fault in judge(path, seen):
                print(f"    {fault}")
                good = False
    return good


def main() -> int:
    """Two stations, and every page for a telephone and for a desk."""
    # apart from what the tests keep beside it, which npm would remove
    package = npm_package("lighthouse", VERSION, ROOT / "node_modules" / ".lighthouse")
    with tempfile.TemporaryDirectory() as home, on_air(*two_stations(Path(home))) as radio:
        print("page              screen   perf acce best  seo  shift  what costs something")
        return 0 if rows(radio, package / "cli" / "index.js") else 1


if __name__ == "__main__":
    sys.exit(main())
