"""The container's own check: the right address for every port, host and base path, and the right exit status."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from radiostream import app, selfcheck
from tests.waiting import POLL_S


class Answers(http.server.BaseHTTPRequestHandler):
    """Alive below the base path `/radio`, broken elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/radio/healthz" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[str]:
    """Where such a server listens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
        yield str(server.server_port)
        server.shutdown()


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """No process 1 to be read."""
    return tmp_path / "missing"


def test_alive(port: str, nobody: Path) -> None:
    """Port and base path come from the environment; every address is reached by loopback."""
    assert selfcheck.main([], {"PORT": port, "BASE_PATH": "/radio"}, nobody) == 0


def test_not_alive(port: str, nobody: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any other answer is told in one line."""
    assert selfcheck.main([], {"PORT": port}, nobody) == 1
    assert capsys.readouterr().err == f"127.0.0.1 port {port} answered 500\n"


def test_nobody_there(nobody: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a port where nothing listens alive."""
    assert selfcheck.main(["--port", "1", "--host", "127.0.0.1"], {}, nobody) == 1
    assert "no answer from 127.0.0.1 port 1" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "what"), [(["--port", "0"], "--port"), (["--port", "x"], "--port")])
def test_settings_without_an_address(flags: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What names no address is the operator's mistake."""
    assert app.main(["health", *flags]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["python3", "-m", "radiostream", "--port", "9000"], ["--port", "9000"]),
        (["/usr/bin/python3", "/opt/bin/radiostream", "--base-path", "/a b"], ["--base-path", "/a b"]),
        (["radiostream"], []),
        (["/sbin/init", "splash"], []),
        (["sh", "-c", "sleep 1; exec x", "y", "radiostream", "--port"], []),
    ],
)
def test_flags_of_process_1(words: list[str], flags: list[str], tmp_path: Path) -> None:
    """What stood behind the image's name counts for the check too."""
    (tmp_path / "cmdline").write_bytes("".join(f"{word}\0" for word in words).encode())
    assert selfcheck.flags_of(tmp_path / "cmdline") == flags


def test_flags_beat_process_1(port: str, tmp_path: Path) -> None:
    """Flags of its own are the whole truth."""
    (tmp_path / "cmdline").write_bytes(b"python3\0-m\0radiostream\0--port\0" + b"1\0")
    assert selfcheck.main(["--port", port, "--base-path", "/radio"], {}, tmp_path / "cmdline") == 0
    assert selfcheck.main([], {}, tmp_path / "cmdline") == 1
