"""Live as promised: what a broadcaster's first line is answered, and what its sound becomes, byte by byte."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.functional.conftest import tone
from tests.functional.raw import Exchange
from tests.loudness.makers import frames_of
from tests.server import PASSWORD, Radio
from tests.waiting import PATIENCE_S, until

SECRET: Final = "hackme"
BASIC: Final = "Authorization: Basic "
LOCAL: Final = "127.0.0.1"


def login(password: str = SECRET, user: str = "any body") -> str:
    return BASIC + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long tones for the stations, and a broadcast with tags before and behind its sound."""
    root = tmp_path_factory.mktemp("live")
    tone(root / "mp3/1.mp3", 60)
    tone(root / "mp3/2.mp3", 60, hz=500)
    tone(root / "ogg/1.ogg", 60, options="-c:a libvorbis")
    tone(root / "cast.mp3", 30, hz=700, options="-b:a 128k -write_id3v1 1", title="In the tag", artist="Nobody")
    return root


@pytest.fixture(scope="module")
def radio(folders: Path) -> Iterator[Radio]:
    """Four stations that may be taken over."""
    mp3, ogg = str(folders / "mp3"), str(folders / "ogg")
    stations = {"heads": mp3, "whole": mp3, "ended": mp3, "ogg": {"dir": ogg, "format": "ogg"}}
    options = ["--directory-routes", json.dumps(stations), "--burst", "4", "--port", "0"]
    with Radio(options, {"SOURCE_PASSWORD": SECRET}) as server:
        yield server
    assert "Traceback" not in server.output()


@contextmanager
def source(radio: Radio, first: str, *fields: str, end: str = "\r\n") -> Iterator[Exchange]:
    """A broadcaster that has sent its head and read its answer's."""
    head = end.join([first, *fields, "", ""]).encode()
    with Exchange(radio.port, head) as exchange:
        yield exchange


def await_place(radio: Radio, route: str) -> None:
    """Return when no broadcaster is there."""
    taken = f'audio_live_connected{{stream="/{route}"}} 1'
    until(lambda: taken not in radio.get("/metrics")[2].decode(), "a free place")


def now(radio: Radio, route: str) -> Any:
    return radio.json(f"/now-playing?route={route}")


MP3: Final = "Content-Type: audio/mpeg"
HEADS: Final = [
    (("PUT /heads HTTP/1.1", "Host: x", login(), MP3), 200),
    (("SOURCE /heads HTTP/1.0", login(), MP3), 200),
    (("SOURCE /heads ICE/1.0", login(user="source"), "content-type: audio/mpeg"), 200),
    (("SOURCE /heads ICE/1.0", login()), 200),
    (("SOURCE heads ICE/1.0", login()), 400),
    (("PUT /heads HTTP/1.1", "Host: x", MP3), 401),
    (("PUT /nowhere HTTP/1.1", "Host: x", login(), MP3), 404),
    (("PUT /status HTTP/1.1", "Host: x", login(), MP3), 404),
    (("PUT /heads HTTP/1.1", "Host: x", login(), "Content-Type: application/ogg"), 415),
    (("SOURCE /ogg ICE/1.0", login(), "Content-Type: audio/aacp"), 415),
    (("PUT /ogg HTTP/1.1", "Host: x", login(), "Content-Type: audio/ogg; codecs=opus"), 200),
]


@pytest.mark.parametrize(("head", "status"), HEADS)
def test_a_head_is_answered_at_once(radio: Radio, head: tuple[str, ...], status: int) -> None:
    """Before any sound has come."""
    route = head[0].split()[1].strip("/")
    await_place(radio, route)
    with source(radio, *head) as answer:
        assert answer.status == status


def test_lines_may_end_in_line_feeds_alone(radio: Radio) -> None:
    """As some encoders of old end them."""
    await_place(radio, "heads")
    with source(radio, "SOURCE /heads ICE/1.0", login(), MP3, end="\n") as answer:
        assert answer.status == 200


def test_one_source_a_station(radio: Radio) -> None:
    """The second one is refused, also one that waits for `100 Continue`, and the first one goes on."""
    await_place(radio, "ogg")
    with source(radio, "SOURCE /ogg ICE/1.0", login()) as first:
        assert first.status == 200
        for head in (
            ("SOURCE /ogg ICE/1.0", login()),
            ("PUT /ogg HTTP/1.1", "Expect: 100-continue", "Host: x", login()),
        ):
            with source(radio, *head) as second:
                assert second.status == 403


def test_all_of_it_is_heard_without_its_tags(radio: Radio, folders: Path, tmp_path: Path) -> None:
    """Chunked after `100 Continue`: from the first frame to the last one, each byte once and in order."""
    frames = frames_of(folders / "cast.mp3")
    recorded = bytearray()
    listener = socket.create_connection((LOCAL, radio.port), PATIENCE_S)
    listener.sendall(b"GET /whole HTTP/1.0\r\n\r\n")

    def listen() -> None:
        while data := listener.recv(65536):
            recorded.extend(data)

    thread = threading.Thread(target=listen)
    thread.start()
    data = (folders / "cast.mp3").read_bytes()
    expect = ("Expect: 100-continue", "Transfer-Encoding: chunked", "Host: x", "Ice-Name: A name")
    with source(radio, "PUT /whole HTTP/1.1", *expect, login(), MP3) as broadcast:
        assert broadcast.status == 100
        broadcast.next()
        assert broadcast.status == 200
        for at in range(0, len(data), 5000):
            piece = data[at : at + 5000]
            broadcast.socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        broadcast.socket.sendall(b"0\r\n\r\n")
        until(lambda: now(radio, "/whole")["live"], "the broadcast")
        assert (now(radio, "/whole")["title"], now(radio, "/whole")["kind"]) == ("A name", "live")
        until(lambda: not now(radio, "/whole")["live"], "its end", 60)
    until(lambda: frames[-1] in recorded, "the last frame")
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()
    begin = recorded.find(frames[1])
    sound = b"".join(frames[1:])
    assert begin > 0
    assert recorded[begin : begin + len(sound)] == sound
    assert b"In the tag" not in recorded
    kinds = [entry["kind"] for entry in radio.json("/history?route=whole")["history"]]
    assert kinds == ["track", "live", "track"]


def metadata(radio: Radio, query: str, password: str = SECRET) -> int:
    path = f"/admin/metadata?mode=updinfo&{query}"
    return radio.ask("GET", path, None, Authorization=login(password).removeprefix("Authorization: "))[0]


def test_titles_and_the_operators_end(radio: Radio, folders: Path) -> None:
    """UTF-8 unless it says otherwise; an end is at once, for a minute, and only once."""
    data = (folders / "cast.mp3").read_bytes()
    with source(radio, "SOURCE /ended ICE/1.0", login(), MP3) as broadcast:
        assert metadata(radio, "mount=/ended&song=x", "wrong") == 401
        assert metadata(radio, "mount=/heads&song=x") == 404
        assert metadata(radio, "mount=/ended&song=Caf%C3%A9") == 200
        broadcast.socket.sendall(data[: 128_000 // 8 * 14])
        until(lambda: now(radio, "/ended")["live"], "the broadcast")
        assert now(radio, "/ended")["title"] == "Café"
        assert metadata(radio, "mount=/ended&song=Caf%E9+Noir&charset=ISO-8859-1") == 200
        broadcast.socket.sendall(data[128_000 // 8 * 14 :])
        until(lambda: now(radio, "/ended")["title"] == "Café Noir", "the title")
        assert radio.ask("POST", "/next-track/ended", b"", Authorization=f"Bearer {PASSWORD}")[0] == 409
        assert radio.post("/end-live/ended") == {"route": "/ended", "ended": "broadcaster"}
        until(lambda: not now(radio, "/ended")["live"], "the folder")
        assert radio.ask("POST", "/end-live/ended", b"", Authorization=f"Bearer {PASSWORD}")[0] == 409
        assert broadcast.rest() == b"", "the connection is closed"
    with source(radio, "SOURCE /ended ICE/1.0", login(), MP3) as again:
        assert again.status == 403
