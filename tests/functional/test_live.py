"""Broadcasters that take a station over: ffmpeg and curl in each format, and sources that break."""

from __future__ import annotations

import base64
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.functional.broadcasts import (
    ENCODERS,
    FAMILY,
    SECRET,
    decoded,
    encoded,
    ffmpeg,
    hear,
    is_live,
    listener,
    make_folders,
    now,
    routes,
    running,
    sources,
)
from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.waiting import until


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("folders"))


@pytest.mark.parametrize("name", ENCODERS)
def test_ffmpeg_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    """It goes on the air, is heard, and the folder goes on when it is killed; one listener hears all of it."""
    radio = start("--directory-routes", routes(folders, {"show": name}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    recording = tmp_path / "recording"
    with running(*listener(radio, "/show", recording)) as listening:
        with running(*ffmpeg(radio, "/show", name, "-metadata", "title=News", "-metadata", "artist=Ann")):
            until(is_live(radio, "/show"), "it does not go on the air", 30)
            if FAMILY[name] == "ogg":
                assert (now(radio, "/show")["title"], now(radio, "/show")["artist"]) == ("News", "Ann")
            hear(recording, 48_000)
        until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
        hear(recording, 1)
        assert listening.poll() is None
        kinds = [entry["kind"] for entry in radio.json("/history?route=show")["history"]]
        assert kinds == ["track", "live", "track"]
        radio.stop()  # ends the stream at a frame
        listening.wait(10)
    assert not decoded(recording)


def test_curl_broadcasts_in_chunks(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """`curl -T -` sends a chunked body behind `Expect: 100-continue`; a file that comes faster than it plays is held
    back, and what the broadcaster says by `/admin/metadata` reaches players."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = encoded(tmp_path / "talk.mp3", "mp3", 60)
    upload = ["curl", "-sS", "-u", f"ann:{SECRET}", "-H", "Expect: 100-continue", "-H", "Content-Type: audio/mpeg"]
    with (
        open(talk, "rb") as stream,
        subprocess.Popen([*upload, "-T", "-", radio.url + "/show"], stdin=stream) as program,
    ):
        until(is_live(radio, "/show"), "it does not go on the air")
        basic = {"Authorization": "Basic " + base64.b64encode(f"x:{SECRET}".encode()).decode()}
        assert radio.get("/admin/metadata?mount=/show&mode=updinfo&song=T%F6ne&charset=latin1", **basic)[0] == 200
        until(lambda: sources(radio, "/show")[0]["buffered_s"] > 7.5, "it is not held back")
        assert program.poll() is None
        until(lambda: now(radio, "/show")["title"] == "Töne", "the title does not come", 30)
        assert radio.post("/end-live/show") == {"route": "/show", "ended": "broadcaster"}
        assert program.wait(10) is not None
    until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
    assert radio.ask("PUT", "/show", b"x", Content_Type="audio/mpeg", **basic)[0] == 403


@pytest.mark.parametrize("way", ["killed", "reset", "stalled"])
def test_a_source_that_breaks_under_listeners(start: Start, folders: dict[str, Path], way: str) -> None:
    """Under twenty: nobody is disconnected, and sound comes at every time. `make live` does it a hundred times."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = (folders["mp3"] / "1.mp3").read_bytes()
    head = base64.b64encode(f"source:{SECRET}".encode())
    request = b"SOURCE /show ICE/1.0\r\nContent-Type: audio/mpeg\r\nAuthorization: Basic " + head + b"\r\n\r\n"
    listeners = [Exchange(radio.port, b"GET /show HTTP/1.0\r\n\r\n") for _ in range(20)]
    gaps = [0.0] * len(listeners)
    ended, never = threading.Event(), threading.Event()

    def listen(number: int) -> None:
        last_s = time.monotonic()
        while not ended.is_set() and listeners[number].read(4096):
            gaps[number] = max(gaps[number], time.monotonic() - last_s)
            last_s = time.monotonic()

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(len(listeners))]
    for thread in threads:
        thread.start()
    with Exchange(radio.port, request) as source:
        assert source.status == 200
        for at in range(0, 16 * 12, 2):  # 12 s in 0.125 s of sound at a time, twice as fast as it plays
            source.socket.sendall(talk[at * 1000 : at * 1000 + 2000])
            never.wait(0.06)
        until(is_live(radio, "/show"), "it does not go on the air")
        if way == "stalled":
            until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
        if way == "reset":
            source.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of 0 s: a reset instead of an end
    until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
    assert now(radio, "/show")["listeners"] == len(listeners)
    ended.set()
    for thread in threads:
        thread.join(15)
    for one in listeners:
        one.socket.close()
    assert max(gaps) < 8  # a chunk, and what two seconds of silence would add
