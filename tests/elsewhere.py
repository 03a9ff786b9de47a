"""What tests need of others: a site at another origin, and packages from npm."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.server import ROOT
from tests.waiting import POLL_S


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def foreign_site(directory: Path) -> Iterator[str]:
    """Another origin, which serves what is in `directory`; its URL without a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def npm_package(name: str, version: str, home: Path = ROOT) -> Path:
    """The directory of an npm package, kept in `home`'s `node_modules` (which git ignores)."""
    package = home / "node_modules" / name
    manifest = package / "package.json"
    if not manifest.is_file() or json.loads(manifest.read_text(encoding="utf-8"))["version"] != version:
        home.mkdir(parents=True, exist_ok=True)
        npm = ("npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", str(home))
        subprocess.run((*npm, f"{name}@{version}"), check=True, capture_output=True)
    return package
