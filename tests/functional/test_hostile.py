"""A hostile world: clients that flood, lie and vanish, disks that fill and hang, bugs, and clocks that jump."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from radiostream.http.protocol.limits import SHORT_MAX
from tests.bench.frames import frames
from tests.bench.servers import raise_descriptor_limit
from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.server import PASSWORD, Radio
from tests.waiting import PATIENCE_S

LISTEN = b"GET / HTTP/1.0\r\n\r\n"
HOST = b"Host: x\r\n"
BEARER = f"Authorization: Bearer {PASSWORD}\r\n".encode()
BURST_BYTES = 8 * 16_000
"""What every listener of a 128 kbps station gets at once."""


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """One server that outlives everything its clients do to it, a listener included."""
    running = Radio(["--port", "0", "--audio-dir", str(three_tones)], {}, tmp_path_factory.mktemp("cwd"))
    with Exchange(running.port, LISTEN) as listener:
        yield running
        assert len(listener.read(BURST_BYTES)) == BURST_BYTES
    assert running.stop() == 0
    assert not [line for line in running.log if "Traceback" in line]


# -- requests ----------------------------------------------------------------------------------------------------------

POST = b"POST /next-track/ HTTP/1.1\r\n" + HOST
SMUGGLED = b"0\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"

MALICE = {
    "both lengths": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED, 400),
    "both lengths, the other way": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + SMUGGLED, 400),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + SMUGGLED, 501),
    "chunks in disguise": (POST + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED, 501),
    "chunks behind a space": (POST + b"Transfer-Encoding : chunked\r\n\r\n" + SMUGGLED, 400),
    "chunks on a folded line": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + SMUGGLED, 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\n" + SMUGGLED, 400),
    "two lengths in one": (POST + b"Content-Length: 5, 5\r\n\r\n" + SMUGGLED, 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a signed length": (POST + b"Content-Length: +5\r\n\r\nabcde", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x5\r\n\r\nabcde", 400),
    "an empty length": (POST + b"Content-Length:\r\n\r\n", 400),
    "an absurd length": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc", 413),
    "a body too long": (POST + b"Content-Length: 65537\r\n\r\n" + bytes(65537), 413),
    "version 0.9": (b"GET /\r\n\r\n", 400),
    "version 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "version of another protocol": (b"DESCRIBE / RTSP/1.0\r\n\r\n", 400),
    "no such method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a proxy's method": (b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "TLS": (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(range(1, 190)), 400),
    "NUL": (bytes(100), 400),
    "NUL in a path": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "100,000 fields": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 100_000 + b"\r\n", 431),
    "101 fields": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 101 + b"\r\n", 431),
    "a megabyte of path": (b"GET /" + b"a" * 1_000_000, 414),
    "a megabyte of method": (b"A" * 1_000_000, 414),
}


@pytest.mark.parametrize(("sent", "status"), MALICE.values(), ids=MALICE)
def test_malice_is_refused_and_closed(radio: Radio, sent: bytes, status: int) -> None:
    """One answer, nothing behind it: what is smuggled along is never a request."""
    with Exchange(radio.port, sent) as answer:
        assert answer.status == status
        assert answer.field("Connection") == "close"
        assert json.loads(answer.rest()).keys() == {"error"}
    assert radio.get("/healthz")[0] == 200


def test_requests_follow_one_another(radio: Radio) -> None:
    """Several in one packet are answered in their order, a body between them is nobody's; the last one may listen."""
    sent = (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nabcde"
        b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n\r\n"
        b"HEAD /streams HTTP/1.1\r\n" + HOST + b"\r\n" + LISTEN
    )
    with Exchange(radio.port, sent) as answer:
        assert answer.status == 200
        assert answer.read(int(answer.field("Content-Length") or 0)) == b"OK\n"
        answer.next()
        assert answer.status == 404
        answer.read(int(answer.field("Content-Length") or 0))
        answer.next()
        assert (answer.status, answer.field("Content-Type")) == (200, "application/json; charset=utf-8")
        answer.next()
        assert (answer.status_line, answer.field("Content-Type")) == ("HTTP/1.0 200 OK", "audio/mpeg")
        assert len(answer.read(1000)) == 1000


def test_a_body_comes_when_it_is_asked_for(radio: Radio) -> None:
    """As curl sends a longer form: it waits for `100 Continue`; the body may then come in pieces."""
    form = b"password=nonsense"
    fields = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(form)
    sent = b"POST /status HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n" + fields + b"\r\n"
    with Exchange(radio.port, sent, source="127.0.0.77") as answer:
        assert answer.status_line == "HTTP/1.1 100 Continue"
        for byte in form:
            answer.socket.sendall(bytes([byte]))
        answer.next()
        assert answer.status == 401


# -- crowds ------------------------------------------------------------------------------------------------------------


def held(radio: Radio) -> tuple[int, int]:
    """Threads and descriptors of the server."""
    return len(os.listdir(f"/proc/{radio.process.pid}/task")), len(os.listdir(f"/proc/{radio.process.pid}/fd"))


OWN = 3
"""Files and threads of which a server has more or less from moment to moment: a track that is opened, one that is
looked ahead at, the thread that reads tags."""


def freed(radio: Radio, before: tuple[int, int]) -> None:
    """Wait until the server holds no more than `before`, but for its own work."""
    radio.until(
        lambda: all(now <= then + OWN for now, then in zip(held(radio), before, strict=True)), f"{before} again"
    )


def asked(radio: Radio, request: bytes) -> int:
    """The status of the answer to a request of another client."""
    with Exchange(radio.port, request, source="127.0.0.99") as answer:
        return answer.status


def test_a_flood_of_half_requests(start: Start, three_tones: Path) -> None:
    """More of them than there are places: pages, control and listeners are served, the oldest make room, and all that
    they took is given back. There are descriptors for everybody."""
    raise_descriptor_limit()
    radio = start("--audio-dir", three_tones)
    allowed, most = resource.prlimit(radio.process.pid, resource.RLIMIT_NOFILE)
    assert allowed >= min(most, 500 + 256 + SHORT_MAX)
    before = held(radio)
    with ExitStack() as flood:
        for _ in range(SHORT_MAX + 50):
            client = flood.enter_context(socket.create_connection(("127.0.0.1", radio.port), PATIENCE_S))
            client.sendall(b"GET / HTTP/1.1\r\nHost:")
        for path in (b"/healthz", b"/metrics", b"/readyz", b"/status", b"/web", b"/"):
            assert asked(radio, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n") == 200
        assert asked(radio, POST + BEARER + b"\r\n") == 200
        assert b'audio_refused_total{cause="connections"} 0.0' not in radio.get("/metrics")[2]
    freed(radio, before)


def test_every_share_has_its_cap(start: Start, three_tones: Path) -> None:
    """So many listeners, so many of one address; whoever only asks or operates is answered all the same."""
    radio = start("--audio-dir", three_tones, "--max-clients", "3", "--max-clients-per-address", "2")
    with ExitStack() as listeners:
        for source, status in (("1", 200), ("1", 200), ("1", 503), ("2", 200), ("3", 503)):
            answer = listeners.enter_context(Exchange(radio.port, LISTEN, source=f"127.0.0.{source}"))
            assert answer.status == status
            assert (answer.field("Retry-After") is not None) is (status == 503)
        for path in (b"/healthz", b"/metrics", b"/readyz", b"/status", b"/streams", b"/events"):
            assert asked(radio, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n") == 200
        assert asked(radio, POST + BEARER + b"\r\n") == 200
        figures = radio.get("/metrics")[2]
    assert b'audio_refused_total{cause="listeners"} 1.0' in figures
    assert b'audio_refused_total{cause="address"} 1.0' in figures


def test_nothing_is_left_of_a_thousand_visits(start: Start, three_tones: Path) -> None:
    """Clients that vanish at any moment, half of them with a reset: no thread, no descriptor, no listener remains."""
    radio = start("--audio-dir", three_tones)
    visits = (
        b"",
        b"GET / HT",
        LISTEN,
        b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n",
        POST + b"Content-Length: 9\r\n\r\n",
    )
    radio.get("/healthz")
    before = held(radio)
    for number in range(1000):
        with socket.create_connection(("127.0.0.1", radio.port), PATIENCE_S) as client:
            client.sendall(visits[number % len(visits)])
            if number % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    freed(radio, before)
    assert radio.json("/streams")["streams"][0]["listeners"] == 0


def test_the_end_comes_in_time_for_a_crowd(start: Start, three_tones: Path) -> None:
    """SIGTERM with listeners who read and who do not, readers of events and half requests: under 3 s, status 0."""
    radio = start("--audio-dir", three_tones)
    with ExitStack() as crowd:
        for number in range(300):
            client = crowd.enter_context(socket.create_connection(("127.0.0.1", radio.port), PATIENCE_S))
            client.sendall((LISTEN, b"GET /events HTTP/1.0\r\n\r\n", b"GET / HT")[number % 3])
            if number % 6 == 0:
                assert client.recv(100)
        begun_s = time.monotonic()
        assert radio.stop() == 0
        assert time.monotonic() - begun_s < 3


# -- faults ------------------------------------------------------------------------------------------------------------


class Saboteur:
    """Python that a server runs before its own, and a switch which that code reads."""

    def __init__(self, directory: Path) -> None:
        self.switch = directory / "switch"
        self._directory = directory

    def environ(self, code: str) -> dict[str, str]:
        """The environment of a server that begins with `code`, in which `is_on()` tells the switch's state."""
        head = f"import os\ndef is_on(): return os.path.exists({str(self.switch)!r})\n"
        (self._directory / "sitecustomize.py").write_text(head + code)
        return {"PYTHONPATH": f"{self._directory}:{Path.cwd()}"}


@pytest.fixture
def saboteur(tmp_path: Path) -> Saboteur:
    (tmp_path / "sabotage").mkdir()
    return Saboteur(tmp_path / "sabotage")


@pytest.fixture
def stricken(tmp_path: Path) -> Iterator[Callable[..., Radio]]:
    """Start a server like `start` does, whose log may hold tracebacks."""
    with ExitStack() as running:

        def begin(*arguments: str | Path, **environ: str) -> Radio:
            radio = Radio(["--port", "0", *map(str, arguments)], environ, tmp_path)
            running.callback(radio.stop)
            return radio

        yield begin


PRODUCER = """
from radiostream.radio.deck import Deck
fill = Deck.fill
def broken(self, *arguments):
    if is_on():
        os.unlink({switch!r})
        raise ZeroDivisionError("a bug")
    return fill(self, *arguments)
Deck.fill = broken
"""


def test_a_producer_that_dies_begins_anew(
    stricken: Callable[..., Radio], saboteur: Saboteur, three_tones: Path
) -> None:
    """A bug is reported once with its traceback; whoever listens stays, and hears what comes after it."""
    code = PRODUCER.format(switch=str(saboteur.switch))
    radio = stricken("--audio-dir", three_tones, **saboteur.environ(code))
    with Exchange(radio.port, LISTEN) as listener:
        listener.read(1000)
        saboteur.switch.touch()
        radio.logged("ZeroDivisionError: a bug")
        assert len(listener.read(2 * BURST_BYTES)) == 2 * BURST_BYTES
    assert radio.post("/next-track/")["track"].endswith(".mp3")
    assert b'audio_producer_restarts_total{stream="/"} 1.0' in radio.get("/metrics")[2]
    assert sum("the producer failed" in line for line in radio.log) == 1
    assert radio.stop() == 0


POLLING = """
from radiostream.playlist.scan import Directory
look = Directory.look
def broken(self, *arguments):
    if is_on():
        raise ZeroDivisionError("a bug")
    return look(self, *arguments)
Directory.look = broken
"""


def test_a_bug_while_looking_costs_that_look(
    stricken: Callable[..., Radio], saboteur: Saboteur, three_tones: Path, tmp_path: Path
) -> None:
    """It is reported once however often it comes; afterwards a new file is found as ever."""
    directory = Path(shutil.copytree(three_tones, tmp_path / "audio"))
    radio = stricken("--audio-dir", directory, "--poll-interval", "0.1", **saboteur.environ(POLLING))
    saboteur.switch.touch()
    radio.logged("ZeroDivisionError: a bug")
    assert radio.post("/reload-playlist?route=main")["tracks"] == 3
    saboteur.switch.unlink()
    shutil.copy(directory / "1.mp3", directory / "4.mp3")
    radio.until(lambda: radio.json("/streams")["streams"][0]["tracks"] == 4, "the fourth track")
    assert sum("scanning the directory" in line for line in radio.log) == 1


SLOW_DISK = """
import time
from radiostream.radio.deck import Deck
fill = Deck.fill
def slow(self, *arguments):
    while is_on() and "/asleep/" in self.track.path:
        time.sleep(0.01)
    return fill(self, *arguments)
Deck.fill = slow
"""


def test_a_disk_that_hangs_holds_up_its_own_station_only(
    start: Start, saboteur: Saboteur, three_tones: Path, tmp_path: Path
) -> None:
    """Another station is operated as ever, health answers; when the disk wakes up, so does the station."""
    asleep = shutil.copytree(three_tones, tmp_path / "asleep" / "audio")
    routes = json.dumps({"humor": str(three_tones)})
    radio = start("--audio-dir", asleep, "--directory-routes", routes, **saboteur.environ(SLOW_DISK))
    address = ("127.0.0.1", radio.port)
    with Exchange(radio.port, LISTEN) as listener, socket.create_connection(address, PATIENCE_S) as command:
        listener.read(1000)
        saboteur.switch.touch()
        command.sendall(POST + BEARER + b"\r\n")
        for _ in range(5):
            assert radio.post("/next-track/humor")["route"] == "/humor"
            assert radio.get("/healthz")[0] == 200
        assert not select.select([command], [], [], 0)[0], "the disk does not hang"
        saboteur.switch.unlink()
        assert command.recv(100).startswith(b"HTTP/1.1 200")
        assert len(listener.read(BURST_BYTES)) == BURST_BYTES


CLOCK = """
import time
real = time.time
time.time = lambda: real() + (86_400 if is_on() else 0)
"""


def test_a_clock_that_jumps_a_day_is_not_heard(start: Start, saboteur: Saboteur, three_tones: Path) -> None:
    """Forth and back: the stream flows on, and what is shown as elapsed stays true."""
    radio = start("--audio-dir", three_tones, **saboteur.environ(CLOCK))
    with Exchange(radio.port, LISTEN) as listener:
        listener.read(BURST_BYTES)
        saboteur.switch.touch()
        assert radio.json("/now-playing?route=/")["elapsed"] < 10
        later = radio.post("/next-track/")["started_at"]
        assert 0 <= radio.json("/now-playing?route=/")["elapsed"] < 10
        saboteur.switch.unlink()
        sooner = radio.post("/next-track/")["started_at"]
        assert sooner < later
        assert 0 <= radio.json("/now-playing?route=/")["elapsed"] < 10
        assert len(listener.read(BURST_BYTES)) == BURST_BYTES
    assert [one["started_at"] for one in radio.json("/history?route=/&limit=2")["history"]] == [sooner, later]
    assert not [line for line in radio.log if "clock reset" in line]


def test_a_directory_becomes_a_file_and_back(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """It is told, the track plays on, nobody is disconnected; music follows when the directory is back."""
    directory, away = tmp_path / "audio", tmp_path / "away"
    shutil.copytree(three_tones, directory)
    radio = start("--audio-dir", directory, "--poll-interval", "0.1")
    with Exchange(radio.port, LISTEN) as listener:
        listener.read(1000)
        directory.rename(away)
        directory.write_text("no directory")
        radio.logged("is not a directory")
        assert not radio.json("/readyz")["ok"]
        directory.unlink()
        away.rename(directory)
        radio.until(lambda: radio.json("/readyz")["ok"], "mended")
        assert radio.post("/next-track/")["tracks"] == 3
        assert len(listener.read(BURST_BYTES)) == BURST_BYTES


def test_a_full_disk_costs_the_state_only(
    start: Start, three_tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was saved before stays whole, the fault is told, the end comes as ever."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)  # what is measured could not be written to that disk either
    state = tmp_path / "state"
    radio = start("--audio-dir", three_tones, "--state-dir", state)
    assert radio.stop() == 0
    saved = {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()}
    assert saved
    radio = start("--audio-dir", three_tones, "--state-dir", state)
    _, most = resource.prlimit(radio.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(radio.process.pid, resource.RLIMIT_FSIZE, (0, most))
    radio.post("/next-track/")
    assert radio.stop() == 0
    assert [line for line in radio.log if "cannot be saved: " in line]
    assert {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()} == saved


def damaged(whole: bytes) -> dict[str, bytes]:
    """Files that are broken in so many ways, by name."""
    noise = random.Random(8).randbytes
    return {
        "cut short": whole[: len(whole) // 3],
        "one byte": b"\xff",
        "text": b"<html>404 Not Found</html>\n" * 50,
        "noise": noise(200_000),
        "noise that looks like frames": b"".join(b"\xff\xfb\x90" + noise(60) for _ in range(2000)),
        "zeros": bytes(300_000),
        "tag without end": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + whole[:5000],
        "tag with a wrong length": b"ID3\x04\0\0\xff\xff\xff\xff" + whole[:5000],
        "tag and nothing else": b"ID3\x04\0\0\0\0\x07\x76" + bytes(1014),
        "tags in tags": b"ID3\x03\0\0\0\0\0\0" * 5000,
        "holes": whole[:30_000] + bytes(10_000) + whole[40_000:60_000] + noise(5000) + whole[65_000:],
        "another format": b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0" + noise(50_000),
    }


def test_a_damaged_file_costs_at_most_itself(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Twelve kinds among three good files: each is told at most once, the good ones come on the air around and around,
    and the listener's stream holds whole frames only."""
    directory = Path(shutil.copytree(three_tones, tmp_path / "audio"))
    for name, data in damaged((three_tones / "1.mp3").read_bytes()).items():
        (directory / f"2 {name}.mp3").write_bytes(data)
    radio = start("--audio-dir", directory)
    with Exchange(radio.port, LISTEN) as listener:
        recording = listener.read(BURST_BYTES)
        heard = [radio.post("/next-track/")["track"] for _ in range(20)]
        recording += listener.read(BURST_BYTES)
    assert {"1.mp3", "2.mp3", "3.mp3"} <= set(heard)
    assert not {"2 text.mp3", "2 zeros.mp3", "2 one byte.mp3", "2 tag and nothing else.mp3"} & set(heard)
    told = [line for line in radio.log if "left out" in line]
    assert len(told) == len(set(told))
    assert len(list(frames(recording))) > 400


# -- starting and ending -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_port_that_is_taken(radio: Radio, three_tones: Path, host: str) -> None:
    """One line that says so, status 1, no traceback."""
    command = [sys.executable, "-m", "radiostream", "--host", host, "--port", str(radio.port)]
    done = subprocess.run(
        [*command, "--audio-dir", three_tones], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"cannot listen on {host} port {radio.port}: Address already in use")


def test_both_families(start: Start, three_tones: Path) -> None:
    """`::` takes IPv4 and IPv6; an IPv4 address is told in its own form."""
    radio = start("--host", "::", "--audio-dir", three_tones)
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, radio.port), PATIENCE_S) as client:
            client.sendall(LISTEN)
            assert client.recv(15) == b"HTTP/1.0 200 OK"
        radio.logged(f"listener [0-9]+ from {address}:")


ENDLESS_END = """
import threading
from radiostream import app
app.Radio.stop = lambda *_: threading.Event().wait()
"""


def test_a_second_signal_ends_it_at_once(stricken: Callable[..., Radio], saboteur: Saboteur, three_tones: Path) -> None:
    """Even where the orderly end hangs."""
    radio = stricken("--audio-dir", three_tones, **saboteur.environ(ENDLESS_END))
    radio.process.send_signal(signal.SIGTERM)
    radio.logged("stopping")
    radio.process.send_signal(signal.SIGTERM)
    assert radio.process.wait(PATIENCE_S) == 1
