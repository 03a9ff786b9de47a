"""What Sentry gets: events in a sink that parses their envelopes, and what must never be in one."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.scope import Scope

from radiostream import __version__, reporting
from radiostream.config import Config
from radiostream.reporting import Gate, Scrub
from tests.waiting import POLL_S

PASSWORD = "open sesame"
SECRETS = [PASSWORD, b64encode(f":{PASSWORD}".encode()).decode(), "t0ken", "s3ssion", "192.0.2.9", "2001:db8::9"]
WORDS = "{} Basic {} at 192.0.2.9 Authorization: Bearer {}\n{{'cookie': 'radio={}'}}\n{} {}".format(*SECRETS)
WAIT_S = 20.0

log = logging.getLogger("radiostream.test")


class Sink:
    """A Sentry that keeps what it is sent."""

    def __init__(self) -> None:
        self.raw: list[str] = []
        self._events: Queue[dict[str, Any]] = Queue()
        taken = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://public@127.0.0.1:{self._server.server_port}/1"
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)
        self._thread.start()

    def _take(self, envelope: bytes) -> None:
        """An envelope: a header's line, then for each item a line of its own and its payload (Sentry's SDK docs)."""
        self.raw.append(envelope.decode())
        _, _, rest = envelope.partition(b"\n")
        while rest.strip():
            line, _, rest = rest.partition(b"\n")
            header = json.loads(line)
            payload, rest = rest[: header["length"]], rest[header["length"] + 1 :]
            if header["type"] == "event":
                self._events.put(json.loads(payload))

    def event(self) -> dict[str, Any]:
        """The next event; fails where none comes."""
        return self._events.get(timeout=WAIT_S)

    def is_empty(self) -> bool:
        """Whether nothing has come that was not asked for."""
        try:
            self._events.get_nowait()
        except Empty:
            return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_S)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A Sentry of our own."""
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def reported(sink: Sink) -> Iterator[Sink]:
    """The sink, with `reporting` at work in this process until the end of the test."""
    ours = logging.getLogger("radiostream")
    before = ours.handlers[:]
    environ = {"SENTRY_DSN": sink.dsn, "SENTRY_ENVIRONMENT": "attic", "STATUS_PASSWORD": PASSWORD}
    reporting.start(Config.load([], environ))
    yield sink
    ours.handlers[:] = before
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    sentry_sdk.get_client().close(timeout=1.0)
    Scope.get_global_scope().set_client(None)


def fail(secret: str) -> None:
    """Raise with a secret in the message and in a local variable."""
    listener = secret  # noqa: F841 - a local variable is what must not be sent
    raise ValueError(f"no way with {secret}")


def test_error(reported: Sink) -> None:
    """An error is an event that says which release, where, on which machine, and what."""
    log.error("%s: the disk is %s", "/humor", "full", extra={"station": "/humor"})
    event = reported.event()
    assert event["release"] == f"radiostream@{__version__}"
    assert event["environment"] == "attic"
    assert event["server_name"] == socket.gethostname()
    assert event["level"] == "error"
    assert event["logger"] == "radiostream.test"
    assert event["logentry"] == {"message": "%s: the disk is %s", "formatted": "/humor: the disk is full"}
    assert event["tags"] == {"station": "/humor"}


def test_exception(reported: Sink) -> None:
    """A traceback is in it, without local variables."""
    try:
        fail("192.0.2.7")
    except ValueError:
        log.exception("that failed")
    event = reported.event()
    (exception,) = event["exception"]["values"]
    assert exception["type"] == "ValueError"
    assert exception["value"] == "no way with [address]"
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]] == ["test_exception", "fail"]
    assert not any("vars" in frame for frame in exception["stacktrace"]["frames"])
    assert "tags" not in event or event["tags"] == {}


def test_broken_track(reported: Sink) -> None:
    """A warning about a track is one event, with station and track as tags and a group of its own."""
    for _ in range(3):
        log.warning("%s left out", "a\nb", extra={"station": "/humor", "track": "a\nb.mp3"})
    log.warning("%s left out", "c", extra={"station": "/humor", "track": "c.mp3"})
    first, second = reported.event(), reported.event()
    assert first["level"] == "warning"
    assert first["tags"] == {"station": "/humor", "track": "a\\nb.mp3"}
    assert second["tags"] == {"station": "/humor", "track": "c.mp3"}
    assert first["fingerprint"] != second["fingerprint"]
    reporting.flush()
    assert reported.is_empty()


def test_what_is_expected_is_not_sent(reported: Sink) -> None:
    """Neither listeners, nor warnings, nor other people's errors; nor do they come along with an event."""
    log.info("listener 1 from %s", "192.0.2.8", extra={"station": "/", "address": "192.0.2.8"})
    log.warning("the operator's password is one that everybody knows")
    logging.getLogger("urllib3.connectionpool").error("not ours")
    log.error("ours")
    assert reported.event()["logentry"]["message"] == "ours"
    reporting.flush()
    assert reported.is_empty()
    assert "192.0.2.8" not in "".join(reported.raw)


def test_nothing_secret(reported: Sink) -> None:
    """What went wrong while handling a request holds nothing of the client's or the operator's."""
    try:
        fail(WORDS)
    except ValueError:
        log.exception("request %s failed", WORDS, extra={"station": PASSWORD, "address": SECRETS[4]})
    event = reported.event()
    assert event["logentry"]["message"] == "request %s failed"
    assert [secret for secret in SECRETS if secret in "".join(reported.raw)] == []


def test_only_known_fields(reported: Sink) -> None:
    """Whatever a later SDK adds to an event, only the fields of the list are sent."""
    log.error("see", extra={"station": "/", "seconds": 3, "why": "left"})
    assert set(reported.event()) <= reporting.FIELDS


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("from 10.0.0.1:4711", "from [address]:4711"),
        ("from [::1]:80 and fe80::1%eth0", "from [[address]]:80 and [address]%eth0"),
        ("at 2001:db8:0:0:0:0:0:1.", "at [address]."),
        ("::ffff:192.0.2.1", "[address]"),
        ("at 12:34:56, version 1.2.3, 1.2.3.4.5, 300.1.1.1", "at 12:34:56, version 1.2.3, 1.2.3.4.5, 300.1.1.1"),
        ("a: b :: c", "a: b [address] c"),
        ("Cookie: radio=1; other=2", "[secret]"),
        ("Bearer abc def", "[secret] def"),
        ("it is sesame", "it is [secret]"),
        ("Café 旅", "Café 旅"),
    ],
)
def test_scrub(text: str, scrubbed: str) -> None:
    """Addresses and credentials go, everything else stays as it was."""
    assert Scrub("sesame")(text) == scrubbed


def record(level: int, line: int = 1, **extra: object) -> logging.LogRecord:
    """A record made at a line of this file."""
    made = logging.LogRecord("radiostream.test", level, __file__, line, "it failed", None, None)
    vars(made).update(extra)
    return made


def test_the_same_error_again() -> None:
    """Sent at most every ten minutes; another one is another one."""
    now_s = [0.0]
    gate = Gate(lambda: now_s[0])
    assert [gate.filter(record(logging.ERROR, line)) for line in (1, 1, 2)] == [True, False, True]
    now_s[0] = 599.0
    assert not gate.filter(record(logging.ERROR))
    now_s[0] = 600.0
    assert gate.filter(record(logging.ERROR))


def test_another_exception_at_the_same_place() -> None:
    """One place that logs may have many that raise: each is sent."""
    gate = Gate()
    found = []
    for kind in (KeyError, ValueError, KeyError):
        made = record(logging.ERROR)
        made.exc_info = (kind, kind(), None)
        found.append(gate.filter(made))
    assert found == [True, True, False]


def test_a_directory_full_of_broken_files() -> None:
    """So many tracks are enough; errors still come through."""
    gate = Gate()
    sent = [gate.filter(record(logging.WARNING, track=str(number))) for number in range(reporting.MOST_TRACKS + 5)]
    assert sent.count(True) == reporting.MOST_TRACKS
    assert not any(sent[-5:])
    assert gate.filter(record(logging.ERROR))


def test_flush_without_an_answer() -> None:
    """A Sentry that does not answer holds the end up for a second at most: the SDK is told so."""
    waits: list[float] = []
    client = sentry_sdk.Client(dsn=None)
    client.flush = lambda timeout, **_: waits.append(timeout)  # type: ignore[method-assign] # to see what it is asked
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        reporting.flush()
    assert waits == [1.0]


def server(*arguments: str, **environ: str) -> tuple[subprocess.Popen[str], str]:
    """A real server in a process of its own, and its log up to the line that names its port."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "radiostream", "--host", "127.0.0.1", "--port", "0", *arguments],
        env={**os.environ, **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.search(r"listens on port \d+", line):
            break
    return process, "".join(lines)


def end(process: subprocess.Popen[str]) -> str:
    """SIGTERM; the rest of the log."""
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    return rest


def test_delivered_at_the_end(sink: Sink, tmp_path: Path) -> None:
    """An error on the way down is delivered before the process ends."""
    (tmp_path / "file").touch()
    state = str(tmp_path / "file" / "state")
    process, _ = server("--state-dir", state, SENTRY_DSN=sink.dsn, STATUS_PASSWORD=PASSWORD)
    assert "cannot be read" in sink.event()["logentry"]["formatted"]
    end(process)
    while "cannot be saved" not in sink.event()["logentry"]["formatted"]:
        pass  # what else could not be written
    assert PASSWORD not in "".join(sink.raw)


@pytest.mark.parametrize("dsn", ["", "  "])
def test_never_imported_without_a_dsn(dsn: str) -> None:
    """Start, run and end know nothing of Sentry."""
    process, before = server(SENTRY_DSN=dsn)
    imported = before + end(process)
    assert "radiostream.app" in imported
    assert "sentry_sdk" not in imported
    assert "urllib3" not in imported


def test_a_sentry_that_is_down_is_not_the_logs_matter(tmp_path: Path) -> None:
    """Nobody answers at the address: the log says of the broken file what it says without Sentry."""
    (tmp_path / "broken.mp3").write_bytes(b"no audio at all" * 1000)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dsn = f"http://public@127.0.0.1:{closed.getsockname()[1]}/1"
        process, before = server("--audio-dir", str(tmp_path), SENTRY_DSN=dsn)
        log_text = before + end(process)
    assert "broken.mp3" in log_text
    assert "Retrying" not in log_text


def test_a_broken_file_of_a_real_station(sink: Sink, tmp_path: Path) -> None:
    """It is one event with the station and the file as tags."""
    (tmp_path / "broken.mp3").write_bytes(b"no audio at all" * 1000)
    process, _ = server("--audio-dir", str(tmp_path), SENTRY_DSN=sink.dsn)
    event = sink.event()
    end(process)
    assert event["level"] == "warning"
    assert event["tags"] == {"station": "/", "track": "broken.mp3"}
    assert sink.is_empty()
