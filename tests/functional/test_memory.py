"""Crowds that ask and do not read, against the server's memory."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from radiostream.health import MB
from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.waiting import PATIENCE_S

PAGES = 250
COVERS = 60
LISTENERS = 300
PROMISED_MB = 80
"""Of the 256 MB that our deployment files give it."""


def rss_mb(pid: int) -> float:
    """Resident memory of another process."""
    return float(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB


def asks(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: radio\r\n\r\n".encode()


@pytest.mark.serial  # a skip under a crowd is timed, 610 clients connect
def test_a_crowd_that_does_not_read_and_a_track_change(start: Start, three_tones: Path) -> None:
    """Open pages, readers of a large picture and listeners, all of whom stop reading; a skip is answered at once."""
    (three_tones / "cover.jpg").write_bytes(b"\xff\xd8\xff" + os.urandom(1_900_000))
    radio = start("--audio-dir", three_tones)
    give_up_s = time.monotonic() + PATIENCE_S
    while radio.get("/cover/main")[0] != 200:
        assert time.monotonic() < give_up_s
    with ExitStack() as crowd:
        for path, count in (("/events", PAGES), ("/cover/main", COVERS), ("/", LISTENERS)):
            for number in range(count):
                source = f"127.0.0.{2 + number // 50}"  # an address may have so many pages open, and more
                crowd.enter_context(Exchange(radio.port, asks(path), source))
        for _ in range(3):
            began_s = time.monotonic()
            radio.post("/next-track/")
            assert time.monotonic() - began_s < 1
        assert radio.get("/healthz")[0] == 200
        assert rss_mb(radio.process.pid) < PROMISED_MB
