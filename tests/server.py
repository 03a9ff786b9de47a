"""A server in a process of its own, for tests and the bench: it is started, asked, and ended.

`Server` is any child process that prints where it listens; `Radio` is this project's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Self, TypeVar

from tests.waiting import PATIENCE_S, until

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[1]
PASSWORD: Final = "open sesame"
MODULE: Final = (sys.executable, "-m", "radiostream")
_URL: Final = re.compile(r"https?://[^\s/:]+:(\d+)")


def port_in(banner: str) -> int | None:
    """The port that a server says it took: that of the first URL in what it printed."""
    found = _URL.search(banner)
    return int(found[1]) if found and int(found[1]) else None


def free_port() -> int:
    """A port that was free a moment ago, for a server that cannot choose one."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Whether somebody listens there; a socket that happened to get that very port would connect to itself."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0 and trial.getsockname() != trial.getpeername()


class Server:
    """A child process that prints a URL with its port once it listens. All that it prints is kept."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
        self._command, self._cwd = list(command), cwd
        self._environ = {**os.environ, **(environ or {})}
        self._printed = bytearray()
        self.port = 0
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and return when it listens; after an end, start it again."""
        begin = len(self._printed)
        self.started_s = time.monotonic()
        # A pipe, not a file: a test may forbid the server to write to files.
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
            cwd=self._cwd, env=self._environ,
        )  # fmt: skip
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        try:
            until(lambda: self._find_port(self.output(begin)) or not self._reader.is_alive(), "the port")
            port = self._find_port(self.output(begin))
            assert port, "the server did not start"
        except BaseException as error:
            self.stop()
            raise AssertionError(f"{error}:\n{self.output()}") from error
        self.port = port

    def command(self) -> list[str]:
        """The words that start it."""
        return self._command

    def _find_port(self, printed: str) -> int | None:
        return port_in(printed)

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while data := pipe.read(1 << 16):
                self._printed += data

    def output(self, begin: int = 0) -> str:
        """What it has printed since its first start, from byte `begin` on."""
        return bytes(self._printed[begin:]).decode("utf-8", "replace")

    @property
    def log(self) -> list[str]:
        """The whole lines of what it has printed."""
        return self.output().split("\n")[:-1]

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and SIGKILL where that does not help; the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: as when the power goes."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(PATIENCE_S)


class Radio(Server):
    """`python -m radiostream`, and short ways to ask it. Started again it takes the same port."""

    _LISTENS: ClassVar = re.compile(r"listens on port (\d+)")

    def __init__(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        command: Sequence[str] = MODULE,
    ) -> None:
        always = {"STATUS_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
        super().__init__([*command, "--host", "127.0.0.1", *arguments], {**always, **(environ or {})}, cwd)

    def command(self) -> list[str]:
        return [*self._command, *(["--port", str(self.port)] if self.port else [])]

    def _find_port(self, printed: str) -> int | None:
        found = self._LISTENS.search(printed)
        return int(found[1]) if found else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body."""
        return self.ask("GET", path, None, **headers)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Any request; underscores in header names stand for hyphens. Redirects are not followed."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, names, method=method)
        try:
            with _OPENER.open(request, timeout=PATIENCE_S) as answer:
                return answer.status, _lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lower(error.headers), error.read()

    def json(self, path: str, **headers: str) -> Any:
        """The JSON that `path` answers."""
        return json.loads(self.get(path, **headers)[2])

    def post(self, path: str) -> Any:
        """The operator's POST; its JSON."""
        return json.loads(self.ask("POST", path, b"", Authorization=f"Bearer {PASSWORD}")[2])

    def until(self, look: Callable[[], T], what: str) -> T:
        """What `look` returns, once that is true; where it never is, the log is shown."""
        try:
            return until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.output()}") from error

    def logged(self, pattern: str) -> str:
        """The first line of the log that holds `pattern`, once it is there."""
        return self.until(lambda: next((line for line in self.log if re.search(pattern, line)), ""), pattern)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
