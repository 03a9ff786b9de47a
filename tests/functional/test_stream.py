"""A station on the air, listened to with the real programs that people use."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ffmpeg import decode
from tests.functional.conftest import Start, tone
from tests.server import Radio
from tests.waiting import until


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """One server for the tests that only ask."""
    routes = f'{{"tones": "{three_tones}", "sub/way": "{three_tones}"}}'
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", routes]
    running = Radio(arguments, {}, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0


def listen(radio: Radio, path: str, seconds: float, target: Path, *headers: str) -> bytes:
    """What curl receives in so many seconds; it prints no error but that time is up."""
    options = [word for header in headers for word in ("-H", header)]
    done = subprocess.run(
        ["curl", "-sS", "--max-time", str(seconds), "-o", str(target), *options, radio.url + path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 28, done.stderr
    return target.read_bytes()


def test_players_play_it_over_track_ends(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """curl receives, ffmpeg decodes without a word, mpg123 plays: 15 s over several ends of short tracks."""
    radio = start("--audio-dir", three_tones)
    data = listen(radio, "/", 15, tmp_path / "got.mp3")
    decode(tmp_path / "got.mp3")
    assert data[:2] in (b"\xff\xfb", b"\xff\xfa")
    assert b"Xing" not in data
    assert b"Info" not in data
    assert b"ID3" not in data
    seconds = len(data) * 8 / 128000
    assert 15 + 7 < seconds < 15 + 8 + 6
    played = subprocess.run(
        ["mpg123", "-t", "-n", "500", radio.url + "/main.mp3"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "error" not in played.stderr.lower()


def test_titles_reach_real_players(start: Start, three_tones: Path) -> None:
    """ffprobe shows name and title, mpg123 prints the titles as they change."""
    radio = start("--directory-routes", f'{{"tones": {{"dir": "{three_tones}", "name": "Töne & \\"Klang\\""}}}}')
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format_tags", radio.url + "/tones"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert 'TAG:icy-name=Töne & "Klang"' in probed.stdout
    assert re.search(r"TAG:StreamTitle=Test - Tone \d", probed.stdout)
    played = subprocess.run(
        ["mpg123", "-t", "-v", "-n", "900", radio.url + "/tones"],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    assert len(set(re.findall(r"Test - Tone \d", played.stderr))) >= 2


def test_the_head_is_what_players_take(radio: Radio) -> None:
    """HTTP/1.0, no length, no chunks; the headers of the contract; nothing of ICY unless it is asked for."""
    with socket.create_connection(("127.0.0.1", radio.port), 10) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\nIcy-MetaData: 1\r\n\r\n")
        head = b""
        while part := connection.recv(4096):
            head += part
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.0 200 OK"
    for line in (
        "Content-Type: audio/mpeg",
        "Cache-Control: no-cache, no-store",
        "Accept-Ranges: none",
        "X-Content-Type-Options: nosniff",
        "X-Accel-Buffering: no",
        "icy-name: Main",
        "icy-pub: 0",
        "icy-br: 128",
        "icy-sr: 44100",
        "icy-metaint: 16000",
        "Access-Control-Allow-Origin: *",
        "Connection: close",
    ):
        assert line in lines
    assert not [line for line in lines if line.lower().startswith(("content-length", "transfer-encoding"))]
    assert radio.json("/streams")["streams"][0]["listeners"] == 0


@pytest.mark.parametrize(
    ("requested", "status", "content_range"),
    [
        (None, 200, None),
        ("bytes=0-", 200, None),
        ("bytes=0-1", 200, None),
        ("bytes=1000000-", 206, "bytes 1000000-1099511627776/*"),
        ("bytes=-5", 200, None),
        ("bytes=5-9", 200, None),
        ("bytes=nonsense-", 200, None),
    ],
)
def test_ranges(start: Start, three_tones: Path, requested: str | None, status: int, content_range: str | None) -> None:
    """A live stream has no ranges; only Chromium coming back from N on is told what it wants to hear."""
    radio = start("--audio-dir", three_tones)
    with socket.create_connection(("127.0.0.1", radio.port), 10) as connection:
        field = f"Range: {requested}\r\n" if requested else ""
        connection.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1024)
    text = head.decode("latin-1")
    assert f" {status} " in text.splitlines()[0]
    found = re.search(r"Content-Range: (.*)\r", text)
    assert (found and found[1]) == content_range


def test_the_limit_is_a_limit_for_listeners_only(start: Start, three_tones: Path) -> None:
    """With every place taken: 503 with Retry-After for one more listener, an answer for everything else."""
    radio = start("--audio-dir", three_tones, "--max-clients", "2")
    held = [socket.create_connection(("127.0.0.1", radio.port), 10) for _ in range(2)]
    for connection in held:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 200")
    status, headers, body = radio.get("/")
    assert (status, headers["retry-after"]) == (503, "10")
    assert b"places are taken" in body
    for path in ("/healthz", "/readyz", "/metrics", "/streams", "/status", "/web"):
        assert radio.get(path)[0] == 200
    for connection in held:
        connection.close()


@pytest.mark.parametrize("path", ["/nowhere", "/main.aac", "/1.mp3.mp3", "/../etc/passwd", "/static/../app.py"])
def test_what_is_not_there(radio: Radio, path: str) -> None:
    """404: JSON for scripts, a page for people."""
    status, headers, body = radio.get(path)
    assert (status, headers["content-type"]) == (404, "application/json; charset=utf-8")
    assert body.startswith(b'{"error":')
    status, headers, body = radio.get(path, Accept="text/html")
    assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/main", "/main.mp3", "/.mp3", "/tones", "/tones.mp3", "/tones/", "/sub/way"])
def test_a_station_has_several_names(radio: Radio, path: str) -> None:
    """Its route, with the suffix of its format; the default one is called main as well."""
    with socket.create_connection(("127.0.0.1", radio.port), 10) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert connection.recv(15) == b"HTTP/1.0 200 OK"


def test_it_ends_in_time_with_listeners_on(start: Start, three_tones: Path) -> None:
    """SIGTERM: the streams end, the status is 0, in under three seconds."""
    radio = start("--audio-dir", three_tones)
    held = [socket.create_connection(("127.0.0.1", radio.port), 10) for _ in range(20)]
    for connection in held:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.recv(100)
    before = time.monotonic()
    assert radio.stop() == 0
    assert time.monotonic() - before < 3
    for connection in held:
        while connection.recv(1 << 20):
            pass
        connection.close()


def test_without_audio_the_demo_plays(start: Start, tmp_path: Path) -> None:
    """The first run makes sound, and says that it is the demo."""
    empty = tmp_path / "empty"
    empty.mkdir()
    radio = start(cwd=empty)
    listen(radio, "/", 3, tmp_path / "demo.mp3")
    decode(tmp_path / "demo.mp3")
    volume = subprocess.run(
        ["ffmpeg", "-i", str(tmp_path / "demo.mp3"), "-af", "volumedetect", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"mean_volume: (-?[\d.]+) dB", volume.stderr)
    assert found
    assert float(found[1]) > -40
    assert radio.json("/now-playing?route=/")["artist"] == "radiostream"
    until(lambda: any("the demo" in line for line in radio.log))


def test_files_come_and_go_while_somebody_listens(start: Start, tmp_path: Path, three_tones: Path) -> None:
    """Half a file, its rest, a deletion, an emptied directory, music again: one connection, one clean stream."""
    directory = tmp_path / "station"
    directory.mkdir()
    radio = start("--audio-dir", directory, "--poll-interval", "0.2")
    whole = tone(tmp_path / "new.mp3", 4, hz=990, title="New").read_bytes()
    target = tmp_path / "got.mp3"
    player = subprocess.Popen(["curl", "-sS", "--max-time", "16", "-o", str(target), radio.url + "/"])
    until(lambda: radio.json("/streams")["streams"][0]["listeners"] == 1)
    assert radio.json("/streams")["streams"][0]["on_air"] is False
    with open(directory / "new.mp3", "wb") as file:
        file.write(whole[: len(whole) // 2])
        file.flush()
        file.write(whole[len(whole) // 2 :])
    until(lambda: radio.json("/now-playing?route=/")["title"] == "New")
    (directory / "second.mp3").write_bytes((three_tones / "1.mp3").read_bytes())
    until(lambda: radio.json("/streams")["streams"][0]["tracks"] == 2)
    radio.post("/next-track/")
    assert radio.json("/now-playing?route=/")["title"] == "Tone 1"
    for file_ in list(directory.iterdir()):
        file_.unlink()
    directory.rmdir()
    until(lambda: radio.json("/streams")["streams"][0]["tracks"] == 0)
    assert radio.json("/now-playing?route=/")["title"] == "Tone 1"
    directory.mkdir()
    (directory / "back.mp3").write_bytes(whole)
    until(lambda: radio.json("/streams")["streams"][0]["tracks"] == 1)
    assert player.wait(30) == 28
    decode(target)
    assert radio.get("/readyz")[0] == 200
