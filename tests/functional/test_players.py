"""Requests as real players send them, and names that no player should suffer from; on raw sockets, byte by byte."""

from __future__ import annotations

import configparser
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mutagen.id3 import COMM, ID3, TALB, TIT2, TPE1

from tests.functional.conftest import tone
from tests.functional.raw import Exchange, blocks, events
from tests.server import PASSWORD, Radio

MPEG = b"\xff\xfb"
HOST = b"Host: radio.example:8000\r\n"
BROWSER = HOST + b"Connection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n"


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """One server; its station /tones has a name, a genre and a description."""
    about = {"dir": str(three_tones), "name": "Töne", "genre": "Test", "description": "Three of them"}
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", json.dumps({"tones": about})]
    running = Radio(arguments, {}, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0


@dataclass(frozen=True)
class Player:
    """What it sends, and whether it gets titles."""

    request: bytes
    titles: bool = False


PLAYERS = {
    "VLC 3, first": Player(
        b"GET /tones HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nAccept-Language: en_US\r\n"
        b"User-Agent: VLC/3.0.18 LibVLC/3.0.18\r\nRange: bytes=0-\r\n\r\n"
    ),
    "VLC 3, once it has seen icy-name": Player(
        b"GET /tones HTTP/1.0\r\n" + HOST + b"User-Agent: VLC/3.0.18 LibVLC/3.0.18\r\nIcy-MetaData: 1\r\n\r\n", True
    ),
    "ffmpeg and mpv": Player(
        b"GET /tones HTTP/1.1\r\nUser-Agent: Lavf/59.27.100\r\nAccept: */*\r\nRange: bytes=0-\r\nConnection: close\r\n"
        + HOST + b"Icy-MetaData: 1\r\n\r\n", True,
    ),
    "mpg123": Player(
        b"GET /tones HTTP/1.0\r\nUser-Agent: mpg123/1.31.2\r\n" + HOST + b"Icy-MetaData: 1\r\n"
        b"Accept: audio/mpeg, audio/x-mpeg, audio/mp3, audio/mpegurl, audio/x-scpls, */*\r\n\r\n", True,
    ),
    "GStreamer": Player(
        b"GET /tones HTTP/1.1\r\n" + HOST + b"icy-metadata: 1\r\nUser-Agent: GStreamer souphttpsrc 1.22.0\r\n"
        b"Accept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n", True,
    ),
    "curl": Player(b"GET /tones HTTP/1.1\r\n" + HOST + b"User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"),
    "Chromium": Player(
        b"GET /tones HTTP/1.1\r\n" + BROWSER + b"Accept-Encoding: identity;q=1, *;q=0\r\n"
        b"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: audio\r\nRange: bytes=0-\r\n\r\n"
    ),
    "Firefox": Player(
        b"GET /tones HTTP/1.1\r\n" + HOST + b"User-Agent: Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
        b"Accept: audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,*/*;q=0.5\r\nRange: bytes=0-\r\n"
        b"Sec-Fetch-Dest: audio\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n"
    ),
    "Safari, probing": Player(
        b"GET /tones HTTP/1.1\r\n" + HOST + b"X-Playback-Session-Id: 6C2F2F8D\r\nRange: bytes=0-1\r\nAccept: */*\r\n"
        b"User-Agent: AppleCoreMedia/1.0.0.20F66 (Macintosh; U; Intel Mac OS X 13_4; en_us)\r\n"
        b"Accept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n"
    ),
    "Safari, then": Player(
        b"GET /tones HTTP/1.1\r\n" + HOST + b"X-Playback-Session-Id: 6C2F2F8D\r\nIcy-Metadata: 1\r\nAccept: */*\r\n"
        b"User-Agent: AppleCoreMedia/1.0.0.20F66 (Macintosh; U; Intel Mac OS X 13_4; en_us)\r\n\r\n", True,
    ),
    "a page that reads titles": Player(
        b"GET /tones HTTP/1.1\r\n" + BROWSER + b"Origin: https://page.example\r\nIcy-MetaData: 1\r\n"
        b"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\r\n", True,
    ),
    "hardware of 2005": Player(b"GET /tones HTTP/1.0\nicy-metadata:1\n\n", True),
}  # fmt: skip


@pytest.mark.parametrize("player", PLAYERS.values(), ids=PLAYERS)
def test_a_player_gets_what_it_takes(radio: Radio, player: Player) -> None:
    """200 without length, range or chunks; the station's name; frames from the first byte; titles if asked for."""
    with Exchange(radio.port, player.request) as answer:
        assert answer.status_line == "HTTP/1.0 200 OK"
        assert answer.field("Content-Type") == "audio/mpeg"
        assert answer.field("Connection") == "close"
        assert answer.field("Accept-Ranges") == "none"
        assert [answer.field(f"icy-{name}") for name in ("name", "genre", "description", "pub", "br", "sr")] == [
            "Töne", "Test", "Three of them", "0", "128", "44100",
        ]  # fmt: skip
        assert answer.field("Access-Control-Allow-Origin") == "*"
        assert "icy-metaint" in (answer.field("Access-Control-Expose-Headers") or "")
        for name in ("Content-Length", "Content-Range", "Transfer-Encoding"):
            assert answer.field(name) is None
        assert answer.field("icy-metaint") == ("16000" if player.titles else None)
        if not player.titles:
            data = answer.read(40000)
            assert data[:2] == MPEG
            assert b"StreamTitle" not in data
            return
        stream = blocks(answer)
        first, second, third = next(stream), next(stream), next(stream)
        assert first.audio[:2] == MPEG
        assert re.fullmatch(rb"StreamTitle='Test - Tone \d';\0*", second.text or b"")
        assert third.text is None or re.fullmatch(rb"StreamTitle='Test - Tone \d';\0*", third.text)


def test_a_page_asks_first_whether_it_may_ask_for_titles(radio: Radio) -> None:
    """The preflight: 204, the header allowed, the connection kept for the request itself."""
    preflight = (
        b"OPTIONS /tones HTTP/1.1\r\n" + BROWSER + b"Access-Control-Request-Method: GET\r\n"
        b"Access-Control-Request-Headers: icy-metadata\r\nOrigin: https://page.example\r\nSec-Fetch-Mode: cors\r\n\r\n"
    )
    with Exchange(radio.port, preflight + b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") as answer:
        assert answer.status_line == "HTTP/1.1 204 No Content"
        assert answer.field("Access-Control-Allow-Origin") == "*"
        assert "GET" in (answer.field("Access-Control-Allow-Methods") or "").split(", ")
        assert {"icy-metadata", "range"} <= set(
            (answer.field("Access-Control-Allow-Headers") or "").lower().split(", ")
        )
        assert answer.field("Content-Length") is None
        assert answer.line() == b"HTTP/1.1 200 OK\r\n"


def test_head_is_the_same_head_and_nobody(radio: Radio) -> None:
    """Field by field that of the stream; no body, and no listener."""
    with Exchange(radio.port, b"GET /tones HTTP/1.1\r\n" + HOST + b"\r\n") as stream:
        listening = stream.fields
    with Exchange(radio.port, b"HEAD /tones HTTP/1.1\r\n" + HOST + b"\r\n") as answer:
        assert answer.fields == listening
        assert answer.rest() == b""


def test_what_a_relay_and_a_widget_read(radio: Radio) -> None:
    """`/status-json.xsl`: the fields of Icecast 2.4 with their types, `source` a list, one entry a station."""
    status, headers, body = radio.get("/status-json.xsl", Host="radio.example:8000")
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert headers["access-control-allow-origin"] == "*"
    stats = json.loads(body)["icestats"]
    sources = stats.pop("source")
    assert {name: type(value) for name, value in stats.items()} == dict.fromkeys(
        ("admin", "host", "location", "server_id", "server_start", "server_start_iso8601"), str
    )
    assert stats["host"] == "radio.example"
    time = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000"
    assert re.fullmatch(time, stats["server_start"])
    assert [source["listenurl"] for source in sources] == [f"http://radio.example:8000{end}" for end in ("/", "/tones")]
    for source in sources:
        assert {name: type(value) for name, value in source.items()} == {
            **dict.fromkeys(("bitrate", "channels", "samplerate", "listener_peak", "listeners"), int),
            **dict.fromkeys(("audio_info", "genre", "listenurl", "server_description", "server_name"), str),
            **dict.fromkeys(("server_type", "server_url", "stream_start", "stream_start_iso8601", "title"), str),
            "dummy": type(None),
        }
        assert re.fullmatch(time, source["stream_start"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", source["stream_start_iso8601"])
    assert sources[1]["server_name"] == "Töne"
    assert re.fullmatch(r"Test - Tone \d", sources[1]["title"])


# -- names that no player should suffer from -------------------------------------------------------------------

EVIL = {
    "line ends": "a\r\nX-Evil: 1\r\n\r\nevil\ndata: evil\n\nid: 999\nevent: evil\x85\u2028\u2029z",
    "the end of a title": "a';StreamUrl='http://evil.example/';StreamTitle='b",
    "quotes": 'a"\'`<b>&amp;]]>--></title><script>\\" ${x} %s {0}',
    "controls": "a\x01\x1b]0;evil\x07\x7f\x9b31m\ufeff\u202e\ufffe\u200bz",
    "10 000 characters": "Жé" * 5000,
    "nothing but spaces": " \u3000\xa0 ",
}
NAMES = [
    b"7 caf\xe9 \xff\xfe.mp3",
    b"8 a\r\nX-Evil: 1\r\n\ndata: evil.mp3",
    b"9 ';StreamUrl='x';\"<b>&\x1b[31m.mp3",
]
"""Names of files without a tag: they are the title."""


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """A station whose name, genre and description are hostile, and its tracks' tags and names too."""
    directory = tmp_path_factory.mktemp("evil")
    plain = tone(directory / "plain.mp3", 30)
    for number, text in enumerate(EVIL.values()):
        target = directory / f"{number}.mp3"
        target.write_bytes(plain.read_bytes())
        tags = ID3()
        for frame in (TIT2, TPE1, TALB, COMM):
            tags.add(frame(encoding=3, text=text))
        tags.save(target)
    for name in NAMES:
        (directory / os.fsdecode(name)).write_bytes(plain.read_bytes())
    plain.unlink()
    everything = "".join(EVIL.values())
    about = {"dir": str(directory), "name": everything, "genre": everything, "description": everything}
    quiet = {"dir": str(directory), "name": "Plain", "genre": "Plain", "description": "Plain"}
    routes = json.dumps({"evil": about, "plain": quiet}, ensure_ascii=False)
    arguments = ["--port", "0", "--audio-dir", str(directory), "--directory-routes", routes]
    running = Radio(arguments, {}, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0
    assert not [line for line in running.log if " ERROR " in line[:40] or not line.isprintable()]


def shape(value: Any) -> Any:
    """A JSON value with every text, number and length left out."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else type(value)


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def head_names(radio: Radio, path: str) -> list[str]:
    with Exchange(radio.port, f"HEAD {path} HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n".encode()) as answer:
        return [name for name, _ in answer.fields]


def test_a_name_adds_no_header(evil: Radio) -> None:
    """The head has the same fields in the same order, none longer than any player takes."""
    assert head_names(evil, "/evil") == head_names(evil, "/plain")
    with Exchange(evil.port, b"HEAD /evil HTTP/1.0\r\n\r\n") as answer:
        assert (answer.field("icy-name") or "").startswith("a X-Evil: 1")
        assert all(len(value) <= 1000 for _, value in answer.fields)


@pytest.mark.parametrize("station", ["evil", "plain"])
def test_a_name_adds_nothing_to_a_playlist(evil: Radio, station: str) -> None:
    """One entry in each format, with the station's own URL, by whose suffix some devices tell what it is."""
    url = f"http://127.0.0.1:{evil.port}/{station}.mp3"
    m3u = evil.get(f"/{station}.m3u")[2].decode()
    assert re.fullmatch(rf"#EXTM3U\n#EXTINF:-1,[^\n]+\n{url}\n", m3u)
    pls = configparser.ConfigParser(interpolation=None)
    pls.read_string(evil.get(f"/{station}.pls")[2].decode())
    assert list(pls["playlist"]) == ["numberofentries", "file1", "title1", "length1", "version"]
    assert pls["playlist"]["file1"] == url
    xspf = ET.fromstring(evil.get(f"/{station}.xspf")[2])
    assert [one.text for one in xspf.iter("{http://xspf.org/ns/0/}location")] == [url]
    hls = evil.get(f"/{station}.m3u8")[2].decode()
    assert not [line for line in hls.splitlines() if not re.fullmatch(r"#EXT[A-Z0-9-]*(:[^\x00-\x1f]*)?|hls/\S+", line)]


def title_of(radio: Radio) -> bytes:
    """The first title that a player of /evil is sent; every other block is looked at too."""
    with Exchange(radio.port, b"GET /evil HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n") as answer:
        stream = blocks(answer)
        assert next(stream).audio[:2] == MPEG
        second, third = next(stream), next(stream)
        assert third.text is None
    assert second.text is not None
    return second.text


def test_a_tag_changes_nothing_but_its_own_text(evil: Radio) -> None:
    """Track after track: the ICY block has one end, JSON its form, every event its three lines."""
    plain = evil.json("/now-playing?route=plain")
    seen: set[str] = set()
    with Exchange(evil.port, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as reader:
        told = events(reader)
        assert next(told).name == "state"
        for _ in range(len(EVIL) + len(NAMES)):
            assert "error" not in evil.post("/next-track/evil")
            now = evil.json("/now-playing?route=evil")
            seen.add(now["track"])
            assert shape(now) == shape(plain)
            block = title_of(evil)
            assert re.fullmatch(rb"StreamTitle='(?s:.*)';\0{0,15}", block)
            assert block.count(b"';") == 1
            assert len(block) <= 4080
            assert not [char for char in block.rstrip(b"\0").decode() if char < " " or "\x7f" <= char < "\xa0"]
            event = next(one for one in told if one.name == "track" and one.data["route"] == "/evil")
            assert (event.data["track"], event.data["title"]) == (now["track"], now["title"])
    assert len(seen) == len(EVIL) + len(NAMES)


def test_json_stays_json(evil: Radio) -> None:
    """Whatever has been played: the same form as ever, and UTF-8 that everybody can decode."""
    for path in ("/streams", "/status-json.xsl", "/history?route=evil", "/now-playing", "/reload-playlist"):
        body = evil.ask(
            "POST" if path.startswith("/reload") else "GET", path, None, Authorization=f"Bearer {PASSWORD}"
        )[2]
        assert body.endswith(b"}\n")
        assert body.count(b"\n") == 1
        assert all(text == text.encode().decode() for text in texts(json.loads(body)))
    evil_, plain = (evil.json(f"/history?route={name}")["history"] for name in ("evil", "plain"))
    assert all(shape(entry) == shape({**plain[0], "ended_at": entry["ended_at"]}) for entry in evil_)
    streams = {one["route"]: shape(one) for one in evil.json("/streams")["streams"]}
    assert streams["/evil"] == streams["/plain"]


def test_who_listens_is_text_too(evil: Radio) -> None:
    """A user agent with markup and bytes that are no text stays inside its element."""
    request = b'GET /plain HTTP/1.0\r\nUser-Agent: </UserAgent><ID>9</ID>\x1b[31m\xff\xfe & "\r\n\r\n'
    with Exchange(evil.port, request) as listener:
        listener.read(50000)
        body = evil.get("/admin/listclients?mount=/plain", Authorization=f"Bearer {PASSWORD}")[2]
    (found,) = ET.fromstring(body).iter("listener")
    assert [child.tag for child in found] == ["IP", "UserAgent", "Connected", "ID"]
    assert (found.findtext("UserAgent") or "").startswith("</UserAgent><ID>9</ID>")
