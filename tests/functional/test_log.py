"""A log that nobody reads: a full pipe, as of a blocked container driver or a stopped terminal."""

from __future__ import annotations

import fcntl
import http.client
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that plays the demo, whose stderr is a full pipe since it has told its port; and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "radiostream", "--host", "127.0.0.1", "--port", "0", "--log-level", "debug"],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    fcntl.fcntl(process.stderr.fileno(), fcntl.F_SETPIPE_SZ, 4096)
    port = b""
    for line in process.stderr:
        if found := re.search(rb"listens on port (\d+)", line):
            port = found[1]
        if b"status:" in line:
            break
    yield process, f"http://127.0.0.1:{port.decode()}"
    process.kill()
    process.wait(PATIENCE_S)
    process.stderr.close()


def test_a_log_that_nobody_reads_silences_nobody(unread: tuple[subprocess.Popen[bytes], str]) -> None:
    """Sound, health and commands go on, what is lost is counted, and SIGTERM is obeyed in time."""
    process, url = unread
    with urllib.request.urlopen(url + "/", timeout=PATIENCE_S) as stream:
        asking = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
        for _ in range(1500):  # a line of 250 characters each
            asking.request("GET", "/healthz/" + "x" * 190)
            assert asking.getresponse().read()
        asking.request("GET", "/healthz")
        assert asking.getresponse().status == 200
        asking.close()
        request = urllib.request.Request(url + "/next-track/", method="POST")
        request.add_header("Authorization", "Bearer 1234554321")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(url + "/metrics", timeout=PATIENCE_S) as answer:
            lost = re.search(rb"^audio_log_lines_dropped_total (\S+)$", answer.read(), re.MULTILINE)
        assert lost is not None
        assert float(lost[1]) > 0
        assert len(stream.read(200_000)) == 200_000  # more than the burst: it is still produced
    began_s = time.monotonic()
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert time.monotonic() - began_s < 3
