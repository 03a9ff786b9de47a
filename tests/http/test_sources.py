"""Broadcasters at the listening socket's other side: who is taken, who is not, and what they may say."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from radiostream.http.auth import Auth
from radiostream.http.protocol.head import parse
from radiostream.http.protocol.message import Stream
from radiostream.http.protocol.proxies import Client
from radiostream.live.desk import Desk
from radiostream.live.said import Said
from tests.http.site_builder import BEARER, House
from tests.radio.studio import Studio, frame

SECRET = "hackme"


def basic(password: str = SECRET, user: str = "source") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


MP3 = {**basic(), "content-type": "audio/mpeg", "user-agent": "Test/1", "ice-name": "Ann's\nshow"}


@pytest.fixture
def house(studio: Studio, tmp_path: Path) -> House:
    """A site with one station that takes broadcasters."""
    studio.show(studio.track(1, 400))
    studio.run_until(1)
    house = House({"/": studio}, tmp_path)
    house.site.source_auth = Auth(SECRET, studio.clock.now_s)
    studio.do(studio.station.take_live(Desk("/", studio.station, studio.clock)))
    return house


def desk_of(house: House) -> Desk:
    desk = house.site.stations["/"].live
    assert isinstance(desk, Desk)
    return desk


@pytest.mark.parametrize("method", ["PUT", "SOURCE"])
@pytest.mark.parametrize("path", ["/", "/main", "/main.mp3"])
def test_a_broadcaster_is_taken(house: House, method: str, path: str) -> None:
    """The answer is a takeover of the connection; the operator sees who it is."""
    answer = house.answer(method, path, MP3)
    assert isinstance(answer, Stream)
    assert answer.status == 200
    (row,) = desk_of(house).rows()
    assert (row["kind"], row["from"], row["agent"], row["name"]) == ("broadcaster", "192.0.2.7", "Test/1", "Ann's show")
    assert row["state"] == "waiting"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {"content-type": "audio/mpeg"}, 401),
        ("/", {**basic("wrong")}, 401),
        ("/", BEARER, 401),
        ("/nowhere", {"content-type": "audio/mpeg"}, 401),
        ("/nowhere", MP3, 404),
        ("/status", MP3, 404),
        ("/", {**MP3, "content-type": "application/ogg"}, 415),
        ("/", {**MP3, "content-type": "text/html"}, 415),
        ("/main.ogg", {**basic()}, 415),
        ("/", {**MP3, "transfer-encoding": "gzip"}, 501),
        ("/", {**basic(user="ann")}, 200),
        ("/", {**basic(), "content-type": "application/octet-stream"}, 200),
        ("/", {**MP3, "transfer-encoding": "chunked", "expect": "100-continue"}, 200),
    ],
)
def test_who_is_taken(house: House, path: str, headers: dict[str, str], status: int) -> None:
    """The password first, then the station, then what is sent."""
    assert house.ask("PUT", path, headers).status == status


def test_a_second_source_is_refused(house: House) -> None:
    """403, as Icecast has it."""
    house.answer("PUT", "/", MP3)
    answer = house.ask("PUT", "/", MP3)
    assert answer.status == 403
    assert "already" in json.loads(answer.body)["error"]


def test_guessing_is_throttled_apart_from_the_operators(house: House) -> None:
    """After five wrong tries 429 for that address, and the operator's password is heard all the same."""
    for _ in range(5):
        assert house.ask("PUT", "/", basic("wrong")).status == 401
    answer = house.ask("PUT", "/", MP3)
    assert answer.status == 429
    assert dict(answer.headers)["Retry-After"]
    assert house.ask("GET", "/status.json", BEARER).status == 200
    assert house.ask("PUT", "/", MP3, client=Client("192.0.2.8")).status == 200


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("song=Ann%20-%20Song", Said("Ann - Song")),
        ("artist=Ann&title=Song", Said("Song", "Ann")),
        ("song=&title=Song", Said("Song")),
        ("song=%C4&charset=ISO-8859-1", Said("Ä")),
        ("song=%C3%84", Said("Ä")),
        ("song=%C4", Said("Ä")),
        ("song=%E4%BD%A0", Said("你")),
        ("song=你+好", Said("你 好")),
        ("song=a%0D%0Ab%00", Said("a b")),
    ],
)
def test_titles(house: House, query: str, title: Said) -> None:
    """`song`, or artist and title, in UTF-8 or what the source says."""
    house.answer("PUT", "/", MP3)
    raw = f"mount=/&mode=updinfo&{query}"
    answer = house.ask("GET", f"/admin/metadata?{raw}", basic(), raw_query=raw)
    assert answer.status == 200
    assert b"<return>1</return>" in answer.body
    assert desk_of(house).rows()[0]["title"] == title.title
    assert desk_of(house).rows()[0]["artist"] == title.artist


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        ("mount=/&mode=updinfo&song=x", {}, 401),
        ("mount=/&mode=updinfo&song=x", BEARER, 401),
        ("mount=/nowhere&mode=updinfo&song=x", basic(), 404),
        ("mount=/&mode=list&song=x", basic(), 400),
        ("mount=/&mode=updinfo&song=x", basic(), 404),
        ("mount=/&mode=updinfo" + 50 * "&song=x", basic(), 400),
    ],
    ids=["no password", "the operator's", "no station", "no such mode", "no source", "too many fields"],
)
def test_titles_that_are_refused(house: House, raw: str, headers: dict[str, str], status: int) -> None:
    """Only a broadcaster may say what a broadcaster sends, and only while there is one."""
    assert house.ask("GET", f"/admin/metadata?{raw}", headers, raw_query=raw).status == status


def test_the_operator_ends_a_broadcaster(house: House) -> None:
    """By script or by the page's form; the broadcaster is refused for a while."""
    assert house.ask("POST", "/end-live/", BEARER).status == 409
    assert house.ask("POST", "/end-live/").status == 401
    house.answer("PUT", "/", MP3)
    answer = house.ask("POST", "/end-live/main", BEARER)
    assert json.loads(answer.body) == {"route": "/", "ended": "broadcaster"}
    assert house.ask("POST", "/resume-relay/", BEARER).status == 409
    desk = desk_of(house)
    desk.release(desk.feeds[0], "ended")
    assert house.ask("PUT", "/", MP3).status == 403


def test_the_operator_pauses_and_resumes_a_relay(house: House) -> None:
    """A relay is paused until it is resumed."""
    desk_of(house).relay_url = "http://up.example/live"
    answer = house.ask("POST", "/end-live/", BEARER)
    assert json.loads(answer.body) == {"route": "/", "ended": "relay"}
    status = json.loads(house.ask("GET", "/status.json", BEARER).body)
    assert status["stations"][0]["live"][0]["state"] == "paused"
    assert json.loads(house.ask("POST", "/resume-relay/", BEARER).body) == {"route": "/", "resumed": "relay"}
    html = house.ask("POST", "/end-live/", {**BEARER, "accept": "text/html"})
    assert html.status == 303


@pytest.mark.parametrize("method", ["PUT", "SOURCE"])
def test_without_a_password_nobody_broadcasts(studio: Studio, tmp_path: Path, method: str) -> None:
    """The capability is off: a station is listened to, and there is nothing to say."""
    house = House({"/": studio}, tmp_path)
    assert house.ask(method, "/", MP3).status == 405
    assert house.ask("GET", "/admin/metadata?mode=updinfo", basic()).status == 404
    assert house.ask("POST", "/end-live/", BEARER).status == 409


def test_icecasts_own_version_is_understood() -> None:
    """`ICE/1.0` is HTTP/1.0: no Host, and the connection ends with it."""
    head: Any = parse(b"SOURCE /humor ICE/1.0\r\nContent-Type: audio/mpeg\r\n\r\n")
    assert (head.method, head.target, head.close) == ("SOURCE", "/humor", True)


def test_no_skip_ends_a_source(house: House) -> None:
    """While a source is on the air next and previous are refused, with what to do instead."""
    house.answer("PUT", "/", MP3)
    studio, (feed,) = house.studios["/"], desk_of(house).feeds
    for index in range(600):
        feed.write(frame(900, index))
        studio.clock.sleep(0.01)
    studio.do(studio.station.settled())
    assert feed.is_on_air
    for path in ("/next-track/", "/prev-track/"):
        answer = house.ask("POST", path, BEARER)
        assert answer.status == 409
        assert "live source" in json.loads(answer.body)["error"]
