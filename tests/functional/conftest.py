"""The real server in a process of its own, and audio to play on it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "open sesame"
START_S = 30.0
MODULE = (sys.executable, "-m", "radiostream")


class Radio:
    """A running server: its port, its log, and short ways to ask it."""

    def __init__(
        self, arguments: list[str], environ: dict[str, str], cwd: Path, command: Sequence[str] = MODULE
    ) -> None:
        self._ready = threading.Event()
        self.log: list[str] = []
        self.port = 0
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", *arguments],
            env={**os.environ, "STATUS_PASSWORD": PASSWORD, "PYTHONPATH": str(Path.cwd()), **environ},
            cwd=cwd,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_S):
            self.stop()
            raise AssertionError("the server did not start:\n" + "\n".join(self.log))

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := re.search(r"listens on port (\d+)", line):
                self.port = int(found[1])
                self._ready.set()
        self._ready.set()

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
            with OPENER.open(request, timeout=20) as answer:
                return answer.status, lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, lower(error.headers), error.read()

    def json(self, path: str, **headers: str) -> Any:
        """The JSON that `path` answers."""
        return json.loads(self.get(path, **headers)[2])

    def post(self, path: str) -> Any:
        """The operator's POST; its JSON."""
        return json.loads(self.ask("POST", path, b"", Authorization=f"Bearer {PASSWORD}")[2])

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self._reader.join(5)
            assert self.process.stderr is not None
            self.process.stderr.close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


Start = Callable[..., Radio]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with `start("--audio-dir", path, PORT="0")`; it is stopped at the end, and no bug was logged."""
    running: list[Radio] = []

    def begin(*arguments: str | Path, cwd: Path = tmp_path, **environ: str) -> Radio:
        radio = Radio([*(["--port", "0"] if "--port" not in arguments else []), *map(str, arguments)], environ, cwd)
        running.append(radio)
        return radio

    yield begin
    for radio in running:
        if radio.process.poll() is None:
            radio.stop()
        assert not [line for line in radio.log if "Traceback" in line], "\n".join(radio.log)


def tone(path: Path, seconds: float, *, hz: float = 440, options: str = "-b:a 128k", **tags: str) -> Path:
    """A tone with a little noise, encoded by ffmpeg in the format of the file's suffix; 44.1 kHz stereo by default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"sine=frequency={hz}:duration={seconds},volume=0.25"
    metadata = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    layout = [] if "-ac" in options.split() else ["-ac", "2"]
    rate = [] if "-ar" in options.split() else ["-ar", "44100"]
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *layout, *rate, *options.split(), *metadata, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def three_tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of three tagged MP3 files of 6, 7 and 8 seconds."""
    directory = tmp_path_factory.mktemp("tones")
    for number, hz in enumerate((440, 660, 880), 1):
        tone(directory / f"{number}.mp3", 5 + number, hz=hz, title=f"Tone {number}", artist="Test")
    return directory
