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
from typing import Any, Final

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


def program() -> Path:
    """Lighthouse from npm, kept in `node_modules` (which git ignores), apart from what the tests keep there."""
    home = ROOT / "node_modules" / ".lighthouse"
    source = home / "node_modules" / "lighthouse" / "cli" / "index.js"
    package = source.parents[1] / "package.json"
    if not package.is_file() or json.loads(package.read_text(encoding="utf-8"))["version"] != VERSION:
        npm = ("npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", str(home))
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run((*npm, f"lighthouse@{VERSION}"), check=True, capture_output=True)
    return source


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


def judge(path: str, report: dict[str, Any]) -> list[str]:
    """What is wrong with a page; nothing where all is well."""
    found = [] if not report.get("runtimeError") else [str(report["runtimeError"])]
    for name in CATEGORIES:
        score = round((report["categories"][name]["score"] or 0) * 100)
        if score < LEAST and not (name == "seo" and path == NOT_INDEXED):
            found.append(f"{name}: {score}")
    shift = report["audits"]["cumulative-layout-shift"]["numericValue"]
    return found + ([f"the layout shifts by {shift:.3f}"] if shift > SHIFT_MOST else [])


def failed(report: dict[str, Any]) -> list[str]:
    """The audits that cost a page something."""
    audits = report["audits"].values()
    return sorted(one["id"] for one in audits if one["score"] is not None and one["score"] < 0.9)


def rows(radio: Radio, lighthouse: Path) -> bool:
    """Print a line a page and screen; whether all are well."""
    good = True
    for path, headers in PAGES.items():
        for screen in ("phone", "desktop"):
            report = ask(lighthouse, radio.url + path, headers, desktop=screen == "desktop")
            scores = [round((report["categories"][name]["score"] or 0) * 100) for name in CATEGORIES]
            shift = report["audits"]["cumulative-layout-shift"]["numericValue"]
            figures = [*(f"{score:>4}" for score in scores), f"{shift:>6.3f}"]
            print(f"{path:17} {screen:8}", *figures, *failed(report), flush=True)
            faults = judge(path, report)
            good = good and not faults
            print(*(f"    {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
    return good


def main() -> int:
    """Two stations, and every page for a telephone and for a desk."""
    lighthouse = program()
    with tempfile.TemporaryDirectory() as home, on_air(*two_stations(Path(home))) as radio:
        print("page              screen   perf acce best  seo  shift  what costs something")
        return 0 if rows(radio, lighthouse) else 1


if __name__ == "__main__":
    sys.exit(main())
