"""The end, however early it comes: signals before the server listens, and in its first second under a crowd."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, until

ENDS = 15
CROWD = 100


def started(directory: Path) -> subprocess.Popen[str]:
    """A server that is only just starting."""
    command = [sys.executable, "-m", "radiostream", "--host", "127.0.0.1", "--port", "0", "--audio-dir", str(directory)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )


def log_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line of the log that matches."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"{pattern} did not come")


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and the rest of the log."""
    try:
        _, log = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, log


def crowd(port: int, count: int) -> list[socket.socket]:
    """So many players who have asked and read nothing yet."""
    players = []
    for _ in range(count):
        with suppress(OSError):
            player = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
            players.append(player)  # first: to be closed also where the server has gone by now
            player.sendall(b"GET / HTTP/1.0\r\n\r\n")
    return players


@pytest.mark.serial  # each end is timed, and 100 clients connect at once
def test_an_end_in_the_first_second_under_a_crowd(three_tones: Path) -> None:
    """No signal is lost between two looks, whatever the threads do: many times in a row, each in under 3 s."""
    for _ in range(ENDS):
        process = started(three_tones)
        port = int(log_until(process, r"listens on port (\d+)")[1])
        players: list[socket.socket] = []
        coming = threading.Thread(target=lambda port=port, players=players: players.extend(crowd(port, CROWD)))
        coming.start()
        log_until(process, r"listener \d+ from")
        process.send_signal(signal.SIGTERM)
        begun_s = time.monotonic()
        status, log = ended(process)
        assert status == 0, log
        assert time.monotonic() - begun_s < 3.0
        assert "Traceback" not in log
        coming.join(PATIENCE_S)
        for player in players:
            player.close()


def await_blocked(process: subprocess.Popen[str]) -> None:
    """Wait for the program's first lines, in which it holds its signals back: long before it listens. Just these: while
    the interpreter itself is started, all are held back for moments."""
    wanted = sum(1 << number - 1 for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))

    def held_back() -> bool:
        blocked = re.search(r"SigBlk:\s*([0-9a-f]+)", Path(f"/proc/{process.pid}/status").read_text())
        return blocked is not None and int(blocked[1], 16) == wanted

    until(held_back, "a program that holds its signals back")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts(three_tones: Path, number: signal.Signals) -> None:
    """One that comes before the server listens ends it as soon as it can be ended, as any other does."""
    process = started(three_tones)
    await_blocked(process)
    process.send_signal(number)
    status, log = ended(process)
    assert status == 0, log
    assert "Traceback" not in log
    assert "listens on" not in log


def test_sighup_while_it_starts_ends_nothing(three_tones: Path) -> None:
    """A rescan that is asked for before there is a library is done then."""
    process = started(three_tones)
    await_blocked(process)
    process.send_signal(signal.SIGHUP)
    log_until(process, r"listens on port (\d+)")
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


def test_a_second_signal_ends_at_once(three_tones: Path, tmp_path: Path) -> None:
    """Whoever cannot wait sends it again."""
    process = started(three_tones)
    log_until(process, r"listens on port (\d+)")
    process.send_signal(signal.SIGTERM)
    log_until(process, "stopping")
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] in (0, 1)
