"""Stations that come and go while others are heard: directories, settings beside the music, settings read again."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.server import PASSWORD, Radio
from tests.waiting import PATIENCE_S

LOOK = ("--poll-interval", "0.2")


def routes(radio: Radio) -> list[str]:
    return [one["route"] for one in radio.json("/streams")["streams"]]


def on_air(radio: Radio, route: str) -> bool:
    return any(one["route"] == route and one["on_air"] for one in radio.json("/streams")["streams"])


@pytest.fixture
def shelf(three_tones: Path, tmp_path: Path) -> Path:
    """A directory of stations with one in it, called `Stays On`."""
    shelf = tmp_path / "shelf"
    shutil.copytree(three_tones, shelf / "Stays On")
    return shelf


class Recording:
    """Everything that a listener gets, in a thread of its own."""

    def __init__(self, radio: Radio, path: str) -> None:
        self.data = bytearray()
        self.ended = threading.Event()
        self._exchange = Exchange(radio.port, f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert self._exchange.status == 200
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while data := self._exchange.socket.recv(1 << 16):
                self.data += data
        except OSError:
            pass
        self.ended.set()

    def close(self) -> None:
        with suppress(OSError):  # the server has ended it already
            self._exchange.socket.shutdown(socket.SHUT_RDWR)
        assert self.ended.wait(PATIENCE_S)
        self._exchange.__exit__()


@contextmanager
def recorded(radio: Radio, path: str) -> Iterator[Recording]:
    recording = Recording(radio, path)
    try:
        yield recording
    finally:
        recording.close()


def frame_bytes(header: bytes) -> int:
    """The length of a frame of MPEG-1 Layer III at 44.1 kHz: of music at 128 kbps, of silence at 32."""
    kbps = {9: 128, 1: 32}[header[2] >> 4]
    return 144_000 * kbps // 44_100 + (header[2] >> 1 & 1)


def frames_of(directory: Path) -> bytes:
    """What is sent of a directory of ffmpeg's MP3 files: all frames but each file's Xing frame."""
    data = b""
    for path in sorted(directory.glob("*.mp3")):
        content = path.read_bytes()
        first = content.index(b"\xff\xfb", 10 + int.from_bytes(bytes(content[6:10]), "big") % (1 << 20))
        xing = content.index(b"Info") if b"Info" in content[:2000] else content.index(b"Xing")
        data += content[content.index(b"\xff\xfb", max(first, xing)) :]
    return data


def test_stations_come_and_go_under_a_listener(start: Start, shelf: Path, three_tones: Path) -> None:
    """One appears, is renamed and goes; who listens elsewhere gets every byte, who listens there a whole last frame."""
    radio = start("--stations", shelf, *LOOK)
    assert routes(radio) == ["/stays-on"]
    with recorded(radio, "/stays-on") as stays:
        shutil.copytree(three_tones, shelf / "New One")
        radio.until(lambda: on_air(radio, "/new-one"), "the new station on the air")
        with recorded(radio, "/new-one") as leaves:
            radio.until(lambda: len(leaves.data) > 10_000, "sound of the new station")
            (shelf / "New One").rename(shelf / "Renamed")
            radio.until(lambda: on_air(radio, "/renamed"), "the renamed station on the air")
            assert leaves.ended.wait(PATIENCE_S)
            assert routes(radio) == ["/renamed", "/stays-on"]
            assert radio.get("/new-one")[0] == 404
            tail = bytes(leaves.data[leaves.data.rindex(b"\xff\xfb") :])
            assert len(tail) == frame_bytes(tail)
        metrics = radio.get("/metrics")[2].decode()
        assert 'stream="/renamed"' in metrics
        assert "/new-one" not in metrics
        assert "directory:/new-one" not in radio.json("/readyz")["checks"]
        assert not stays.ended.is_set()
    played = frames_of(three_tones)
    start_at = played.index(bytes(stays.data[:1000]))
    assert (played * 20)[start_at:].startswith(bytes(stays.data))


def test_a_station_goes_on_where_it_was(start: Start, shelf: Path, tmp_path: Path, three_tones: Path) -> None:
    """Its history is there again when its directory is."""
    shutil.copytree(three_tones, shelf / "Guest")
    radio = start("--stations", shelf, "--state-dir", tmp_path / "state", *LOOK)
    radio.post("/next-track/guest")
    (shelf / "Guest").rename(tmp_path / "away")
    radio.until(lambda: routes(radio) == ["/stays-on"], "the station's end")
    (tmp_path / "away").rename(shelf / "Guest")
    radio.until(lambda: on_air(radio, "/guest"), "the station's return")
    history = radio.json("/history?route=guest")["history"]
    assert [one["track"] for one in history][-2:] == ["2.mp3", "1.mp3"]


def test_settings_beside_the_music(start: Start, shelf: Path) -> None:
    """What changes is seen without a restart; a broken file changes nothing and is told; nobody is disconnected."""
    radio = start("--stations", shelf, *LOOK)
    file = shelf / "Stays On" / "station.toml"
    with recorded(radio, "/stays-on") as listener:
        file.write_text('name = "Night"\ngenre = "Ambient"\nhomepage = "https://n.example/"\n')
        radio.until(lambda: radio.json("/streams")["streams"][0]["name"] == "Night", "the new name")
        headers = radio.ask("HEAD", "/stays-on")[1]
        assert (headers["icy-genre"], headers["icy-url"]) == ("Ambient", "https://n.example/")
        file.write_text('name = "Day"\nlevel = "loud"\n')
        bearer = {"Authorization": f"Bearer {PASSWORD}"}
        radio.until(lambda: b"station.toml" in radio.get("/status.json", **bearer)[2], "the mistake on the status page")
        assert radio.json("/streams")["streams"][0]["name"] == "Night"
        assert sum("line 2: level" in line for line in radio.log) == 1
        file.write_text('name = "Day"\nhidden = true\n')
        radio.until(lambda: routes(radio) == [], "the hidden station to leave the lists")
        assert radio.ask("HEAD", "/stays-on")[0] == 200
        assert not listener.ended.is_set()


def test_the_root_without_a_default_station(start: Start, shelf: Path) -> None:
    """People see the stations, players hear the first one."""
    radio = start("--stations", shelf)
    assert radio.get("/", Accept="text/html")[1]["content-type"].startswith("text/html")
    for path in ("/", "/main", "/main.mp3"):
        status, headers, _ = radio.ask("HEAD", path, Accept="*/*")
        assert (status, headers["content-type"], headers["icy-name"]) == (200, "audio/mpeg", "Stays On"), path


def test_settings_are_read_again(start: Start, shelf: Path, three_tones: Path, tmp_path: Path) -> None:
    """SIGHUP: what can change does, what cannot is named, a broken file changes nothing."""
    file = tmp_path / "radiostream.toml"
    file.write_text(f'port = 0\naudio-dir = "{three_tones}"\nsite-name = "One"\n')
    radio = start("--config", file, *LOOK)
    with recorded(radio, "/") as listener:
        file.write_text(
            f'port = 0\naudio-dir = "{three_tones}"\nburst = 3\nmax-clients = 1\n'
            f'[directory-routes]\nhumor = "{shelf / "Stays On"}"\n'
        )
        radio.process.send_signal(signal.SIGHUP)
        radio.until(lambda: "/humor" in routes(radio), "the new route")
        assert any("--burst (BURST) cannot change" in line for line in radio.log)
        radio.until(lambda: radio.get("/humor")[0] == 503, "the new limit")
        file.write_text("port = ")
        radio.process.send_signal(signal.SIGHUP)
        radio.until(lambda: any("settings stay as they were" in line for line in radio.log), "the mistake in the log")
        assert routes(radio) == ["/", "/humor"]
        assert not listener.ended.is_set()


def test_events_tell_of_stations(start: Start, shelf: Path) -> None:
    """A page that is open learns of a new station by a state of its own."""
    radio = start("--stations", shelf, *LOOK)
    with Exchange(radio.port, b"GET /events HTTP/1.0\r\n\r\n") as events:
        (shelf / "empty").mkdir()
        states: list[dict[str, list[dict[str, str]]]] = []
        while len(states) < 2:
            if events.line() == b"event: state\n":
                states.append(json.loads(events.line().removeprefix(b"data: ")))
        assert [[one["route"] for one in state["streams"]] for state in states] == [
            ["/stays-on"],
            ["/empty", "/stays-on"],
        ]
