"""What an operator has of the running server: its health, its figures, its log, and its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.functional.conftest import Start, tone
from tests.server import PASSWORD, Radio
from tests.waiting import PATIENCE_S

T = TypeVar("T")

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
HOSTILE_NAMES = [
    b"0 a\n2026-11-23 08:00:00 ERROR   forged.mp3",
    b'1 "}\r\n{"level": "error", "message": "forged"}.mp3',
    b"2 \x1b]0;owned\x07\x1b[31mred.mp3",
    b"3 \xe2\x80\xa8\xc2\x85\xe2\x80\xaegnp.mp3",
    b"4 caf\xe9 %s %d {0} $(id).mp3",
]


def listen(radio: Radio, path: str = "/", **headers: str) -> tuple[HTTPConnection, HTTPResponse]:
    """A listener that has got its answer's head."""
    connection = HTTPConnection("127.0.0.1", radio.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection, connection.getresponse()


def scraped(radio: Radio, accept: str = OPENMETRICS) -> dict[tuple[str, str], float]:
    """All samples by name and the value of their only label."""
    status, headers, body = radio.get("/metrics", Accept=accept)
    assert status == 200
    is_openmetrics = headers["content-type"].startswith("application/openmetrics-text")
    assert is_openmetrics is (accept == OPENMETRICS)
    parse: Any = parse_openmetrics if is_openmetrics else parse_text
    samples = [sample for family in parse(body.decode()) for sample in family.samples]
    return {(sample.name, "".join(sample.labels.values())): sample.value for sample in samples}


def failed(radio: Radio) -> tuple[int, list[str]]:
    """The status of `/readyz`, and the names of the checks that have failed."""
    status, headers, body = radio.get("/readyz")
    assert headers["content-type"].startswith("application/json")
    answer = json.loads(body)
    assert answer["ready"] is (status == 200)
    return status, [name for name, check in answer["checks"].items() if not check["ok"]]


def test_ready(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """A station on the air and a disk with room: 200, each check with its value."""
    radio = start("--audio-dir", three_tones, "--state-dir", tmp_path / "state")
    assert failed(radio) == (200, [])
    checks = radio.json("/readyz")["checks"]
    assert set(checks) == {"memory", "library", "disk:state", "directory:/", "producer:/"}
    assert checks["directory:/"]["tracks"] == 3
    assert 10 < checks["memory"]["value"] < 100
    assert checks["disk:state"]["value"] > checks["disk:state"]["limit"] == 50


def test_a_missing_directory_is_told(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """It takes no other station out of service: 200, with the check that fails, until it mends itself."""
    coming = tmp_path / "coming"
    radio = start("--audio-dir", three_tones, "--directory-routes", json.dumps({"humor": str(coming)}))
    assert failed(radio) == (200, ["directory:/humor"])
    assert radio.json("/readyz")["checks"]["directory:/humor"]["value"] == "is missing"
    assert scraped(radio)["audio_check_ok", "directory:/humor"] == 0
    assert radio.get("/healthz")[::2] == (200, b"OK\n")
    coming.symlink_to(three_tones)
    radio.post("/reload-playlist")
    radio.until(lambda: failed(radio) == (200, []), "readiness")


def test_the_demo_is_ready(start: Start, tmp_path: Path) -> None:
    """The first run of somebody who has no audio: it plays, so it is ready, and says what is missing."""
    radio = start(cwd=tmp_path)
    assert failed(radio) == (200, [])
    assert radio.json("/readyz")["checks"]["directory:/"]["value"] == "is missing"


def test_a_default_directory_that_nobody_made(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Whoever names routes only has no `./audio`, and is ready all the same."""
    radio = start("--directory-routes", json.dumps({"humor": str(three_tones)}), cwd=tmp_path)
    assert failed(radio) == (200, [])
    assert radio.json("/readyz")["checks"]["directory:/"]["value"] == "is missing"


def test_full_disk(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Less room for the state than the operator wants is told."""
    state = tmp_path / "state"
    radio = start("--audio-dir", three_tones, "--state-dir", state, MIN_FREE_DISK_MB=str(10**9))
    assert failed(radio) == (200, ["disk:state"])


def test_listeners_are_counted(start: Start, three_tones: Path) -> None:
    """Who listens shows at the next scrape, in either form, and so does what was taken."""
    radio = start("--audio-dir", three_tones)
    before = scraped(radio)
    connection, response = listen(radio)
    with closing(connection), closing(response):
        assert len(response.read(20000)) == 20000
        radio.until(lambda: scraped(radio)["audio_bytes_sent_total", "/"] >= 20000, "the bytes that were read")
        now, plain = scraped(radio), scraped(radio, "")
    assert before["audio_stream_listeners", "/"] == 0
    assert now["audio_stream_listeners", "/"] == plain["audio_stream_listeners", "/"] == 1
    assert now["audio_track_seconds_total", "/"] >= 8
    assert now["audio_stream_on_air", "/"] == 1
    assert now["audio_listeners_limit", ""] == 500


def test_prometheus_own_judgement(start: Start, three_tones: Path) -> None:
    """promtool has nothing to object to names, types and words."""
    radio = start("--audio-dir", three_tones)
    body = radio.get("/metrics")[2]
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_prometheus_client(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """A host without the package has a radio without figures, whose place is kept all the same."""
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not here')")
    state = tmp_path / "state"
    radio = start("--audio-dir", three_tones, "--state-dir", state, PYTHONPATH=f"{tmp_path}:{Path.cwd()}")
    assert failed(radio) == (200, [])
    assert radio.stop() == 0
    assert list(state.iterdir())
    assert not [line for line in radio.log if "failed" in line]


def test_full(start: Start, three_tones: Path) -> None:
    """At the limit the next listener is refused and counted; health and metrics answer all the same."""
    radio = start("--audio-dir", three_tones, "--max-clients", "1")
    connection, response = listen(radio)
    with closing(connection), closing(response):
        response.read(1000)
        status, headers, _ = radio.get("/")
        assert (status, headers["retry-after"]) == (503, "10")
        assert failed(radio) == (200, [])
        assert scraped(radio)["audio_refused_total", "listeners"] == 1


def test_broken_files_are_counted(start: Start, tmp_path: Path) -> None:
    """A file that is no audio is one failure, whatever else plays."""
    tone(tmp_path / "2.mp3", 3)
    (tmp_path / "1.mp3").write_bytes(b"no audio at all" * 1000)
    radio = start("--audio-dir", tmp_path)
    assert '"1.mp3"' in radio.logged("left out")
    assert scraped(radio)["audio_tracks_failed_total", "/"] == 1


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of names that no log and no terminal should take literally; the last one is a track."""
    directory = tmp_path_factory.mktemp("hostile")
    good = tone(directory / "good.mp3", 3)
    for name in HOSTILE_NAMES[:-1]:
        (directory / os.fsdecode(name)).write_bytes(b"no audio at all" * 100)
    good.rename(directory / os.fsdecode(HOSTILE_NAMES[-1]))
    return directory


def test_json_lines(start: Start, hostile: Path) -> None:
    """Every line is an object with the same keys, whatever a file or a client is called."""
    radio = start("--audio-dir", hostile, "--log-format", "json")
    connection, response = listen(radio, User_Agent='"}\x1b[31m\\\x85')
    with closing(connection), closing(response):
        response.read(1000)
        line = radio.logged("listener 1 from")
    radio.stop()
    events = [json.loads(line) for line in radio.log]
    assert all(list(event)[:4] == ["time", "level", "logger", "message"] for event in events)
    assert {event["level"] for event in events} <= {"info", "warning"}
    assert len([event for event in events if "left out" in event["message"]]) == len(HOSTILE_NAMES) - 1
    assert json.loads(line)["station"] == "/"
    assert all(line.isascii() and line.isprintable() for line in radio.log)


def test_text_lines(start: Start, hostile: Path) -> None:
    """Every line is an event of ours, and nothing in it reaches the terminal as more than text."""
    radio = start("--audio-dir", hostile)
    radio.logged(r"on the air: .*caf")
    radio.stop()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (INFO|WARNING) ", line) for line in radio.log)
    assert all(line.isprintable() for line in radio.log)
    assert not [line for line in radio.log if " ERROR " in line[:40]]


def test_access_lines(start: Start, three_tones: Path) -> None:
    """A stream's start says who, its end how long, how much and why; nothing else is in the log at info."""
    radio = start("--audio-dir", three_tones, "--log-format", "json")
    connection, response = listen(radio, User_Agent="a test")
    response.read(1000)
    begun = json.loads(radio.logged("listener 1 from"))
    response.close()
    connection.close()
    ended = json.loads(radio.logged("listener 1 gone"))
    assert begun["level"] == ended["level"] == "info"
    assert begun["station"] == ended["station"] == "/"
    assert "127.0.0.1" in begun["message"]
    assert "a test" in begun["message"]
    assert ended["address"] == "127.0.0.1"
    assert ended["bytes"] >= 1000
    assert 0 <= ended["seconds"] < PATIENCE_S
    assert ended["why"] == "left"
    assert not [line for line in radio.log if "/healthz" in line]


def test_requests_at_debug(start: Start, three_tones: Path) -> None:
    """Short requests are logged for who asks for it; the operator's password never is."""
    radio = start("--audio-dir", three_tones, "--log-level", "debug")
    radio.post("/next-track/")
    assert "200" in radio.logged("POST.*next-track")
    radio.get("/status", Authorization=f"Bearer {PASSWORD}")
    radio.ask("POST", "/status", f"password={PASSWORD.replace(' ', '+')}".encode())
    assert radio.stop() == 0
    assert not [line for line in radio.log if PASSWORD in line or PASSWORD.replace(" ", "+") in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end(start: Start, three_tones: Path, number: signal.Signals) -> None:
    """Either signal ends streams and process: status 0, in under 3 s, with a listener connected."""
    radio = start("--audio-dir", three_tones)
    connection, response = listen(radio)
    with closing(connection), closing(response):
        response.read(1000)
        begun_s = time.monotonic()
        radio.process.send_signal(number)
        while response.read(65536):
            pass
        radio.process.wait(PATIENCE_S)
        took_s = time.monotonic() - begun_s
    assert radio.stop() == 0
    assert took_s < 3
