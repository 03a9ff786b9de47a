"""What the server promises, asked from outside: the start's lines, names of stations, JSON, commands, formats.

One server for the whole module where nothing is changed, one of its own where something is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.functional.conftest import Start, tone
from tests.functional.raw import Exchange
from tests.server import PASSWORD, Radio

BLUES = "/Ünï x"
BEARER = {"Authorization": f"Bearer {PASSWORD}"}


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """A default station of one track, one with a name that a URL has to quote, one below another, one without files."""
    one = tmp_path_factory.mktemp("one")
    shutil.copy(three_tones / "1.mp3", one)
    routes = {BLUES[1:]: str(three_tones), "sub/way": str(three_tones), "gone": str(one / "gone")}
    arguments = ["--port", "0", "--audio-dir", str(one), "--directory-routes", json.dumps(routes)]
    with Radio(arguments) as running:
        yield running
    assert not [line for line in running.log if "Traceback" in line], running.output()


def test_the_start_shows_urls_that_can_be_clicked(radio: Radio) -> None:
    """One line a station, its URL quoted as a URL is, and how many tracks in words that fit the number."""
    lines = {line.partition("station: ")[2] for line in radio.log if "station: " in line}
    root = f"http://localhost:{radio.port}"
    assert lines == {
        f'{root}/ "Main": 1 track',
        f'{root}{quote(BLUES)} "Ünï x": 3 tracks',
        f'{root}/sub/way "Way": 3 tracks',
        f'{root}/gone "Gone": is missing',
    }
    for line in lines - {f'{root}/gone "Gone": is missing'}:
        path = line.split(" ")[0].removeprefix(root)
        assert radio.ask("HEAD", path)[0] == 200


@pytest.mark.parametrize("written", [f"/{quote(BLUES[1:])}", quote(BLUES[1:], safe=""), f"/{quote(BLUES[1:])}/"])
def test_one_station_by_all_its_names(radio: Radio, written: str) -> None:
    """With and without the slash, in a path and in a query."""
    path = written.strip("/")
    assert radio.json(f"/now-playing?route={written}")["route"] == BLUES
    assert radio.json(f"/history?route={written}")["route"] == BLUES
    assert radio.post(f"/next-track/{path}")["route"] == BLUES
    for behind in ("", ".mp3", "/;", "/;stream.mp3"):
        with Exchange(radio.port, f"GET /{path}{behind} HTTP/1.0\r\n\r\n".encode()) as stream:
            assert stream.status_line == "HTTP/1.0 200 OK"
            assert stream.read(1) == b"\xff"


FIELDS: dict[str, dict[str, Any]] = {
    "/streams": {
        "route": str, "name": str, "listeners": int, "current_track": str | None, "content_type": str, "bitrate": int,
        "on_air": bool, "tracks": int, "url": str,
    },
    "/now-playing": {
        "route": str, "track": str | None, "title": str | None, "artist": str | None, "album": str | None,
        "started_at": str, "elapsed": int | float, "duration": int | float | None, "listeners": int,
        "cover": str | None, "kind": str, "live": bool, "part": str | None,
    },
    "/history": {
        "track": str, "title": str, "artist": str, "started_at": str, "ended_at": str | None, "ended": str,
        "kind": str,
    },
}  # fmt: skip


@pytest.mark.parametrize("path", FIELDS)
def test_fields_and_their_types(radio: Radio, path: str) -> None:
    """Every field that is promised is there, of its type, for each station, the silent one among them."""
    answer = radio.json(path)
    if path == "/history":
        objects = answer["history"]
    else:
        objects = answer["streams"] if path == "/streams" else list(answer.values())
        assert [one["route"] for one in objects] == ["/", "/gone", "/sub/way", BLUES]
    assert objects
    for one in objects:
        wrong = {name: one.get(name, "missing") for name, kind in FIELDS[path].items() if name not in one}
        wrong |= {name: one[name] for name, kind in FIELDS[path].items() if not isinstance(one.get(name), kind)}
        assert not wrong


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/next-track/nowhere", 404),
        ("/prev-track/nowhere", 404),
        ("/shuffle/sub/way", 400),
        ("/shuffle/sub/way?on=perhaps", 400),
        ("/shuffle/sub/way?on=false", 200),
        ("/reload-playlist?route=nowhere", 404),
        ("/reload-playlist?route=sub/way", 200),
        ("/reload-playlist", 200),
        ("/next-track", 200),
        ("/next-track/gone", 200),
    ],
)
def test_commands(radio: Radio, path: str, status: int) -> None:
    """The operator's POST is answered by what it did, or why not; a GET never does it, nor a POST by somebody else."""
    answered, _, body = radio.ask("POST", path, b"", **BEARER)
    assert answered == status
    assert ("error" in json.loads(body)) is (status >= 400)
    assert radio.ask("POST", path, b"")[0] == 401
    refused, headers, _ = radio.get(path, **BEARER)
    assert (refused, "POST" in headers["allow"]) == (405, True)


def test_all_files_are_exchanged_for_another_format(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """A station without a format of its own follows its directory; one that names a format for a while comes back."""
    directory = tmp_path / "station"
    directory.mkdir()
    shutil.copy(three_tones / "1.mp3", directory)
    radio = start("--audio-dir", directory, "--poll-interval", "0.2")

    def sends(content_type: str) -> bool:
        stream = radio.json("/streams")["streams"][0]
        return (stream["content_type"], stream["on_air"]) == (content_type, True)

    assert sends("audio/mpeg")
    (directory / "station.toml").write_text('format = "aac"\n')
    radio.until(lambda: not radio.json("/streams")["streams"][0]["tracks"], "silence in AAC")
    (directory / "station.toml").unlink()
    radio.until(lambda: sends("audio/mpeg"), "MP3 again")
    tone(directory / "2.ogg", 5)
    (directory / "1.mp3").unlink()
    radio.until(lambda: sends("audio/ogg"), "what is there now")


def test_a_malformed_host_is_not_believed(radio: Radio) -> None:
    """A playlist asked for with a Host that is none has the address that was asked."""
    with Exchange(radio.port, b'GET /sub/way.m3u HTTP/1.1\r\nHost: a"b/../c\r\nConnection: close\r\n\r\n') as answer:
        assert answer.rest().splitlines()[-1] == f"http://127.0.0.1:{radio.port}/sub/way.mp3".encode()


def test_shuffle_that_is_set_later(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Over a restart a command's word stays, but the settings' new one is heard, a second change beside it or not."""
    directory = tmp_path / "station"
    shutil.copytree(three_tones, directory)
    arguments = ("--audio-dir", directory, "--poll-interval", "0.2", "--state-dir", tmp_path / "state")

    def shuffles(radio: Radio) -> bool:
        return bool(radio.json("/streams")["streams"][0]["shuffle"])

    first = start(*arguments)
    assert first.post("/shuffle/?on=true")["shuffle"]
    first.stop()
    second = start(*arguments)
    assert shuffles(second)
    assert not second.post("/shuffle/?on=false")["shuffle"]
    second.stop()
    third = start(*arguments, "--shuffle")
    assert shuffles(third)
    (directory / "station.toml").write_text('format = "aac"\nshuffle = false\n')
    third.until(lambda: third.json("/streams")["streams"][0]["content_type"] == "audio/aac", "the other format")
    assert not shuffles(third)
