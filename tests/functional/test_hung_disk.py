"""A mount that hangs: a real FUSE file system whose server is stopped, as when a NAS goes away without a word.

`RADIOSTREAM_HANG_S` makes it hang longer than the seconds that tell one way from the other.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bench.frames import frames
from tests.functional.conftest import Start, tone
from tests.functional.raw import Exchange
from tests.server import Radio
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.serial

HANG_S = float(os.environ.get("RADIOSTREAM_HANG_S", "12"))
TOLD_S = 5.0
ANSWER_S = 2.0
"""What stands in the way of an answer is at most the second that a request waits for a disk."""
END_S = 3.0
COVER_READERS = 80
STALLED = 20
BYTES_A_S = 16_000
CHUNK_S = 5
ASKED = ("/healthz", "/readyz", "/metrics", "/streams", "/now-playing", "/history?route=hung", "/web", "/hung.m3u")


class Mount:
    """A directory seen through a file system of its own, which can be made to hang."""

    def __init__(self, source: Path, at: Path) -> None:
        at.mkdir()
        self.path = at
        # nothing is kept by the kernel: every look and every read asks the file system
        options = "attr_timeout=0,entry_timeout=0,negative_timeout=0,direct_io"
        self._server = subprocess.Popen(["bindfs", "-f", "-o", options, str(source), str(at)])
        until(lambda: os.path.ismount(at), "the mount")

    def hang(self) -> None:
        self._server.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.answer()
        self._server.terminate()  # it unmounts, unless somebody is still inside
        self._server.wait(PATIENCE_S)
        subprocess.run(["umount", "--lazy", str(self.path)], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Two tracks of a minute and a picture, through FUSE."""
    source = tmp_path / "behind"
    for number in (1, 2):
        tone(source / f"{number}.mp3", 60, hz=300 * number, title=f"Far {number}")
    (source / "cover.jpg").write_bytes(b"\xff\xd8\xff" + os.urandom(100_000))
    mounted = Mount(source, tmp_path / "mount")
    yield mounted
    mounted.close()


def asks(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: radio\r\n\r\n".encode()


def taken(stream: Exchange) -> bytes:
    """What has come so far, without waiting for more."""
    stream.socket.setblocking(False)
    data = bytearray()
    try:
        while more := stream.socket.recv(1 << 16):
            data += more
    except BlockingIOError:
        pass
    stream.socket.settimeout(PATIENCE_S)
    return bytes(data)


def promptly(radio: Radio, path: str) -> bytes:
    """The body of an answer that came in time."""
    began_s = time.monotonic()
    status, _, body = radio.get(path)
    assert status == 200, path
    assert time.monotonic() - began_s < ANSWER_S, path
    return body


def trouble(radio: Radio) -> object:
    """What `/readyz` says of the directory that hangs."""
    return json.loads(promptly(radio, "/readyz"))["checks"]["directory:/hung"]["value"]


def is_on_air(radio: Radio, route: str) -> bool:
    return bool({one["route"]: one["on_air"] for one in radio.json("/streams")["streams"]}[route])


def one_round(radio: Radio) -> None:
    """What others do meanwhile: look, command, join."""
    for path in ASKED:
        promptly(radio, path)
    began_s = time.monotonic()
    radio.post("/next-track/main")
    with Exchange(radio.port, asks("/")) as newcomer:
        assert len(newcomer.read(10_000)) == 10_000
    with Exchange(radio.port, asks("/events")) as page:
        assert page.line()
    assert time.monotonic() - began_s < ANSWER_S


def test_a_mount_that_hangs_is_one_stations_trouble(start: Start, mount: Mount, three_tones: Path) -> None:
    """Others, health, metrics, control and newcomers as if nothing were; the station is told in 5 s, and comes back."""
    radio = start("--audio-dir", three_tones, "--directory-routes", json.dumps({"hung": str(mount.path)}))
    until(lambda: radio.get("/cover/hung")[0] == 200, "the picture")
    with ExitStack() as crowd:
        local, far = (crowd.enter_context(Exchange(radio.port, asks(path))) for path in ("/", "/hung"))
        until(lambda: taken(far), "the station's sound")
        mount.hang()
        began_s = time.monotonic()
        for number in range(COVER_READERS):  # who asks for what hangs, and goes
            source = (f"127.0.0.{2 + number // 20}", 0)
            with socket.create_connection(("127.0.0.1", radio.port), PATIENCE_S, source) as one:
                one.sendall(asks("/cover/hung"))
        until(lambda: trouble(radio) == "does not answer", "the trouble", TOLD_S - (time.monotonic() - began_s))
        heard, heard_from_s = len(taken(local)), time.monotonic()
        while time.monotonic() - began_s < HANG_S:
            one_round(radio)
            heard += len(taken(local))
        heard_s = heard / BYTES_A_S
        assert heard_s > time.monotonic() - heard_from_s - CHUNK_S
        assert is_on_air(radio, "/")
        assert not is_on_air(radio, "/hung")
        assert len([line for line in radio.log if "does not answer" in line]) <= 2
        mount.answer()
        until(lambda: trouble(radio) == "readable" and is_on_air(radio, "/hung"), "the station")
        taken(far)
        assert len(far.read(50_000)) == 50_000


def test_the_whole_end_with_everything_stalled(mount: Mount, three_tones: Path, tmp_path: Path) -> None:
    """Audio and state on a mount that hangs, listeners who take nothing: it ends in 3 s, at a frame."""
    arguments = ["--audio-dir", str(three_tones), "--directory-routes", json.dumps({"hung": str(mount.path)})]
    radio = Radio([*arguments, "--port", "0", "--state-dir", str(mount.path / "state")])
    try:
        with ExitStack() as crowd:
            for number in range(STALLED):
                crowd.enter_context(Exchange(radio.port, asks("/hung" if number % 2 else "/")))
            reader = crowd.enter_context(Exchange(radio.port, asks("/")))
            until(lambda: (tmp_path / "behind/state").is_dir(), "the state directory")
            mount.hang()
            until(lambda: trouble(radio) == "does not answer", "the trouble")
            began_s = time.monotonic()
            radio.process.terminate()
            data = reader.rest()
            assert radio.process.wait(PATIENCE_S) == 0
            assert time.monotonic() - began_s < END_S
            assert sum(len(frame.data) for frame in frames(data)) == len(data)
    finally:
        mount.answer()
        radio.kill()
