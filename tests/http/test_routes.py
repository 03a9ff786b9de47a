"""Every path and method without a socket: who may, what is answered, and how it is refused."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from radiostream.http.auth import COOKIE
from radiostream.http.handlers import control
from radiostream.http.protocol.message import Response, head_bytes
from radiostream.http.protocol.proxies import Client
from radiostream.http.routes import ROUTES
from radiostream.playlist.library import Listing
from radiostream.playlist.track import Tags
from radiostream.station_names import route_problem
from tests.http.site_builder import BEARER, PASSWORD, House
from tests.radio.studio import Studio


@pytest.fixture
def house(make_studio: Callable[..., Studio], tmp_path: Path) -> House:
    """The default station and /humor; each obeys commands in a thread of its own."""
    studios = {"/": make_studio(), "/humor": make_studio(route="/humor", name="Humor & <b>more</b>")}
    for studio in studios.values():
        studio.tagger.tags["1.mp3"] = Tags('A "title"; \' <img src=x>', "Artist\r\nX-Evil: 1", "Album")
        studio.show(studio.track(1, 3000), studio.track(2, 3000))
        studio.run_until(5)
    return House(studios, tmp_path)


@pytest.fixture
def obeying(house: House) -> Iterator[House]:
    """The same with producers that run."""
    threads = []
    for studio in house.studios.values():
        studio.patient = True
        threads.append(threading.Thread(target=studio.station.run))
        threads[-1].start()
    yield house
    for studio in house.studios.values():
        studio.station.stop()
    for thread in threads:
        thread.join(20)


def body(response: Response) -> Any:
    return json.loads(response.body)


def header(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


@pytest.mark.parametrize("path", [path for path, methods in ROUTES.items() if "POST" in methods and path != "/status"])
def test_get_on_a_control_path_is_405(house: House, path: str) -> None:
    """And says what is allowed."""
    response = house.ask("GET", path + ("humor" if path.endswith("/") else ""))
    assert response.status == 405
    assert header(response, "Allow") == "POST, OPTIONS"
    assert "error" in body(response)


@pytest.mark.parametrize("path", ["/", "/humor", "/streams", "/now-playing", "/history", "/healthz", "/metrics"])
def test_post_where_there_is_nothing_to_post_is_405(house: House, path: str) -> None:
    """Listening and reading are GET."""
    response = house.ask("POST", path)
    assert response.status == 405
    assert "GET" in (header(response, "Allow") or "")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/humor.m3u", "/streams", "/next-track/humor", "/status"])
def test_known_methods_that_are_for_nothing_here(house: House, method: str, path: str) -> None:
    """405, and what is allowed instead; 404 where there is nothing."""
    response = house.ask(method, path)
    assert response.status == 405
    assert (header(response, "Allow") or "").endswith("OPTIONS")
    assert house.ask(method, "/nothing").status == 404


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "GETT", "get"])
def test_other_methods_are_not_there(house: House, method: str) -> None:
    """501, on every path."""
    assert house.ask(method, "/").status == 501
    assert house.ask(method, "/next-track/humor").status == 501


@pytest.mark.parametrize("path", ["/", "/humor", "/humor.mp3", "/humor.m3u", "/streams", "/events", "/next-track/x"])
def test_options_is_204(house: House, path: str) -> None:
    """With CORS on what the public may read, and none on what the operator does."""
    response = house.ask("OPTIONS", path)
    assert (response.status, response.body) == (204, b"")
    allowed = header(response, "Access-Control-Allow-Headers")
    assert (allowed is None) == path.startswith("/next-track")
    assert allowed is None or "Icy-MetaData" in allowed


@pytest.mark.parametrize("path", ["/next-track/humor", "/prev-track/humor", "/reload-playlist", "/shuffle/humor?on=1"])
def test_control_wants_the_password(house: House, path: str) -> None:
    """Without it 401, with a wrong one 401, and nothing happens."""
    assert house.ask("POST", path).status == 401
    assert house.ask("POST", path, {"authorization": "Bearer wrong"}).status == 401
    assert house.rescans == 0


def test_five_wrong_passwords_lock_their_address_out(obeying: House) -> None:
    """429 with Retry-After then, for that address only."""
    for _ in range(5):
        assert obeying.ask("POST", "/next-track/humor", {"authorization": "Bearer wrong"}).status == 401
    response = obeying.ask("POST", "/next-track/humor", BEARER)
    assert response.status == 429
    assert 0 < int(header(response, "Retry-After") or 0) <= 30
    other = obeying.ask("POST", "/reload-playlist", BEARER, client=Client("192.0.2.8"))
    assert other.status == 200


def test_a_skip_names_the_new_track(obeying: House) -> None:
    """Forward and back, by any spelling of the route."""
    assert body(obeying.ask("POST", "/next-track/humor", BEARER))["track"] == "2.mp3"
    assert body(obeying.ask("POST", "/prev-track/humor", BEARER))["track"] == "1.mp3"
    assert body(obeying.ask("POST", "/next-track/", BEARER))["route"] == "/"
    assert body(obeying.ask("POST", "/next-track/main", BEARER))["route"] == "/"
    assert body(obeying.ask("POST", "/next-track", BEARER))["route"] == "/"
    assert obeying.ask("POST", "/next-track/nowhere", BEARER).status == 404


@pytest.mark.parametrize("path", ["next-track", "prev-track", "shuffle", "reload-playlist"])
def test_a_command_is_for_the_station_it_names(obeying: House, path: str) -> None:
    """In the path or in the query: never for the default one instead."""
    for way in (f"/{path}/humor?on=1", f"/{path}?route=humor&on=1", f"/{path}/?route=/humor&on=1"):
        assert body(obeying.ask("POST", way, BEARER))["route"] == "/humor"
    assert obeying.ask("POST", f"/{path}?route=nowhere&on=1", BEARER).status == 404


@pytest.mark.parametrize(("word", "on"), [("true", True), ("1", True), ("ON", True), ("no", False), ("false", False)])
def test_shuffle_takes_words(obeying: House, word: str, on: bool) -> None:
    """In the query."""
    response = obeying.ask("POST", f"/shuffle/humor?on={word}", BEARER)
    assert body(response)["shuffle"] is on


def test_shuffle_refuses_other_words(house: House) -> None:
    """400, in plain words."""
    assert house.ask("POST", "/shuffle/humor?on=perhaps", BEARER).status == 400
    assert house.ask("POST", "/shuffle/humor", BEARER).status == 400


def test_reload_looks_at_once(obeying: House) -> None:
    """For all, or answering for one."""
    assert [one["route"] for one in body(obeying.ask("POST", "/reload-playlist", BEARER))["stations"]] == [
        "/",
        "/humor",
    ]
    assert body(obeying.ask("POST", "/reload-playlist?route=humor", BEARER))["route"] == "/humor"
    assert obeying.rescans == 2
    assert obeying.ask("POST", "/reload-playlist?route=x", BEARER).status == 404


def test_reload_of_a_station_whose_disk_hangs(obeying: House) -> None:
    """Answered at once: that it does not answer, and for all stations, what the others hold."""
    studio = obeying.studios["/humor"]
    studio.do(studio.station.update(Listing(trouble="does not answer")))
    response = obeying.ask("POST", "/reload-playlist?route=humor", BEARER)
    assert (response.status, body(response)["error"]) == (503, "the station's directory does not answer")
    assert obeying.ask("POST", "/reload-playlist", BEARER).status == 200


def test_streams_are_listed_by_route(house: House) -> None:
    """All that CONTRACT promises, with absolute URLs."""
    streams = body(house.ask("GET", "/streams"))["streams"]
    assert [one["route"] for one in streams] == ["/", "/humor"]
    assert streams[1]["name"] == "Humor & <b>more</b>"
    assert streams[1]["url"] == "http://radio.example/humor"
    assert {"listeners", "current_track", "content_type", "bitrate", "on_air", "tracks"} <= set(streams[0])
    assert (streams[0]["current_track"], streams[0]["bitrate"], streams[0]["on_air"]) == ("1.mp3", 128, True)


def test_now_playing_of_one_and_of_all(house: House) -> None:
    """With a route its entry, without one all of them."""
    one = body(house.ask("GET", "/now-playing?route=humor"))
    assert one["title"] == 'A "title"; \' <img src=x>'
    assert one["elapsed"] >= 0
    assert one["duration"] == pytest.approx(3000 * 1152 / 44100, abs=0.1)
    assert set(body(house.ask("GET", "/now-playing"))) == {"/", "/humor"}
    assert house.ask("GET", "/now-playing?route=nowhere").status == 404


@pytest.mark.parametrize(
    ("limit", "status"), [("1", 200), ("100", 200), ("5000", 200), ("0", 400), ("-1", 400), ("x", 400)]
)
def test_history_has_a_limit(house: House, limit: str, status: int) -> None:
    """At most a hundred; what is no number is refused."""
    response = house.ask("GET", f"/history?route=humor&limit={limit}")
    assert response.status == status
    if status == 200:
        assert [entry["ended"] for entry in body(response)["history"]] == ["playing"]


@pytest.mark.parametrize(("hours", "status"), [("1", 200), ("9999", 200), ("0", 400), ("x", 400)])
def test_schedule_has_hours(house: House, hours: str, status: int) -> None:
    """The programme to come, of a station by its name; of at most eight days."""
    answer = house.ask("GET", f"/schedule?route=humor&hours={hours}")
    assert answer.status == status
    if status == 200:
        assert body(answer)["route"] == "/humor"


@pytest.mark.parametrize("ending", ["m3u", "pls", "xspf"])
def test_playlists_hold_the_absolute_url(house: House, ending: str) -> None:
    """And the name, escaped as the format wants it."""
    response = house.ask("GET", f"/humor.{ending}")
    assert response.status == 200
    assert b"http://radio.example/humor" in response.body
    assert (b"<b>" in response.body) == (ending != "xspf")
    assert house.ask("GET", f"/main.{ending}").body.count(b"http://radio.example/") == 1


def test_a_stream_says_what_it_is_also_of_a_station_without_a_word_of_its_own(house: House) -> None:
    """Every field that players look for, and the page as the station's home, where this client finds it."""
    response = house.ask("GET", "/humor", {"host": "radio.example:8000"})
    assert {name: value for name, value in response.headers if name.startswith(("icy-", "ice-"))} == {
        "icy-name": "Humor & <b>more</b>",
        "icy-genre": "various",
        "icy-description": "Humor & <b>more</b>",
        "icy-url": "http://radio.example:8000/web",
        "icy-pub": "0",
        "icy-br": "128",
        "icy-main-stream-url": "http://radio.example:8000/humor",
        "icy-sr": "44100",
        "ice-audio-info": "ice-samplerate=44100;ice-bitrate=128;ice-channels=2",
    }


def test_a_stream_says_what_its_operator_said_of_it(house: House) -> None:
    """Homepage, logo, languages and country are there for radio directories, where they were said."""
    station = house.site.stations["/humor"]
    station.config = replace(
        station.config, homepage="https://h.example/", logo="https://h.example/l.png", language="de,fr", country="CH"
    )
    headers = dict(house.ask("GET", "/humor").headers)
    assert headers["icy-url"] == "https://h.example/"
    assert headers["icy-logo"] == "https://h.example/l.png"
    assert (headers["icy-language-codes"], headers["icy-country-code"]) == ("de,fr", "CH")


def test_a_hidden_station_is_in_no_list(house: House) -> None:
    """Its own paths work as ever."""
    station = house.site.stations["/humor"]
    station.config = replace(station.config, hidden=True)
    for target in ("/streams", "/now-playing", "/status-json.xsl", "/web"):
        assert b"umor" not in house.ask("GET", target).body, target
    for target in ("/humor", "/humor.m3u", "/now-playing?route=humor", "/history?route=humor"):
        assert house.ask("GET", target).status == 200, target


def test_no_default_station(house: House) -> None:
    """Where nothing is at `/`, people see the stations there, and players hear the first one that is listed."""
    house.site.stations = {route: one for route, one in house.site.stations.items() if route != "/"}
    page = house.ask("GET", "/", {"accept": "text/html,*/*", "host": "radio.example"})
    assert page.content_type.startswith("text/html")
    assert b"umor" in page.body
    for target in ("/", "/main", "/main.mp3", "/main.m3u"):
        answer = house.ask("GET", target)
        assert answer.status == 200, target
        assert answer.content_type.startswith("audio/"), target
    assert b'"/humor"' in house.ask("GET", "/history").body
    house.site.stations = {}
    assert house.ask("GET", "/").status == 404
    assert house.ask("GET", "/main").status == 404


def test_what_a_tag_holds_ends_no_header(house: House) -> None:
    """The stream's head is as many lines as it has fields."""
    response = house.ask("HEAD", "/humor")
    lines = head_bytes(response, close=True).split(b"\r\n")
    assert not [line for line in lines if line.lower().startswith(b"x-evil")]
    assert b"icy-name: Humor & <b>more</b>" in lines


def test_the_page_is_for_the_operator(house: House) -> None:
    """The login, a wrong password, the right one, the page, the logout."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert b'name="password"' in house.ask("GET", "/status").body
    assert house.ask("POST", "/status", form, body=b"password=wrong").status == 401
    welcome = house.ask("POST", "/status", form, body=b"password=open+sesame")
    assert (welcome.status, header(welcome, "Location")) == (303, "status")
    cookie = (header(welcome, "Set-Cookie") or "").partition(";")[0]
    assert cookie.startswith(COOKIE + "=")
    assert "open" not in cookie
    page = house.ask("GET", "/status", {"cookie": cookie})
    assert b"&lt;img src=x&gt;" in page.body
    assert b"<img src=x" not in page.body
    assert house.ask("GET", "/status.json", {"cookie": cookie}).status == 200
    assert house.ask("POST", "/logout", {"cookie": cookie}).status == 303
    assert house.ask("GET", "/status.json", {"cookie": cookie}).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://radio.example", "host": "radio.example"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://evil.example", "host": "radio.example"}, 403),
        ({"host": "radio.example"}, 403),
    ],
)
def test_a_cookie_counts_for_our_own_pages_only(obeying: House, headers: dict[str, str], status: int) -> None:
    """Another site's form cannot use the operator's session."""
    _, token = obeying.site.auth.login("open sesame", "192.0.2.9")
    assert obeying.ask("POST", "/reload-playlist", {"cookie": f"{COOKIE}={token}", **headers}).status == status


def test_forms_lead_back_to_the_page(obeying: House) -> None:
    """By a relative way, which holds below a proxy's sub-path."""
    html = {**BEARER, "accept": "text/html"}
    for path, back in (
        ("/next-track/humor", "../status"),
        ("/next-track/", "../status"),
        ("/reload-playlist", "status"),
    ):
        response = obeying.ask("POST", path, html)
        assert (response.status, header(response, "Location")) == (303, back)


@pytest.mark.parametrize("path", ["/static/style.css", "/static/player.js", "/favicon.ico"])
def test_files_of_the_page(house: House, path: str) -> None:
    """With a tag, answered 304 when it is known, and never anything else of the file system."""
    response = house.ask("GET", path)
    assert response.status == 200
    tag = header(response, "ETag")
    assert tag is not None
    assert house.ask("GET", path, {"if-none-match": tag}).status == 304


@pytest.mark.parametrize(
    "path", ["/static/", "/static/player.html", "/static/../app.py", "/static/%2e%2e/x", "/static/a/b"]
)
def test_nothing_else_is_a_file(house: House, path: str) -> None:
    """Only the names of `web/` that are assets."""
    assert house.ask("GET", path).status == 404


def test_covers(house: House, tmp_path: Path) -> None:
    """A picture of the directory, typed by its bytes; 304 when it is known; 404 without one or for what is none.
    It is looked up when the track goes on the air, and kept as long as it is."""
    studio = house.studios["/humor"]
    assert house.ask("GET", "/cover/humor").status == 404
    (tmp_path / "cover.jpg").write_bytes(b"<html><script>alert(1)</script>")
    skip(studio)
    assert house.ask("GET", "/cover/humor").status == 404
    (tmp_path / "cover.jpg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert house.ask("GET", "/cover/humor").status == 404
    skip(studio)
    (tmp_path / "cover.jpg").unlink()
    response = house.ask("GET", "/cover/humor")
    assert (response.status, response.content_type) == (200, "image/png")
    tag = header(response, "ETag") or ""
    known = house.ask("GET", "/cover?route=humor", {"if-none-match": tag})
    assert known.status == 304
    assert b"Content-Length" not in head_bytes(known, close=False)


def skip(studio: Studio) -> None:
    """On to the next track, whose picture has been looked up then."""
    studio.do(studio.station.next_track())
    studio.do(studio.station.settled())


def test_a_station_called_main_has_its_own_addresses(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    """The default station is then named by nothing, and its picture and segments are not the other's."""
    (tmp_path / "cover.jpg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    studios = {"/": make_studio(), "/main": make_studio(route="/main")}
    studios["/"].station.config = replace(studios["/"].station.config, beside_main=True)
    for studio in studios.values():
        studio.show(studio.track(1, 3000))
        studio.run_until(5)
    house = House(studios, tmp_path)
    now = body(house.ask("GET", "/now-playing"))
    assert [now[route]["cover"].partition("?")[0] for route in studios] == ["/cover/", "/cover/main"]
    listed = body(house.ask("GET", "/streams"))["streams"]
    assert [one["hls"] for one in listed] == [".m3u8", "main.m3u8"]
    for path, route in (("/main.m3u", "/main.mp3"), ("/.m3u", "/.mp3")):
        assert house.ask("GET", path).body.endswith(f"http://radio.example{route}\n".encode())


def test_the_operator_sees_who_listens(house: House) -> None:
    """As Icecast lists clients; nobody else may."""
    assert house.ask("GET", "/admin/listclients?mount=/humor").status == 401
    response = house.ask("GET", "/admin/listclients?mount=/humor", BEARER)
    assert b"<icestats>" in response.body


@pytest.mark.parametrize("path", ROUTES)
def test_a_path_of_the_servers_own_is_no_stations(path: str) -> None:
    """No station can be given a route that something else answers to."""
    assert route_problem("/" + path.strip("/").partition("/")[0])


@pytest.mark.parametrize("path", [path for path in ROUTES if not path.endswith("/")])
@pytest.mark.parametrize(("behind", "up"), [("/", "../"), ("//", "../../"), ("%2F", ""), ("/%2f", "../")])
def test_an_exact_path_is_exact(house: House, path: str, behind: str, up: str) -> None:
    """A slash too many leads to the path without it, whatever the method, and answers nothing by itself."""
    sent = path + behind
    for method in ("GET", "HEAD", "POST"):
        answer = house.answer(method, unquote(sent) + "?route=/humor&limit=5", raw_path=sent)
        where = "../" * (path.count("/") - 1) + up + path[1:] + "?route=%2Fhumor&limit=5"
        assert (answer.status, dict(answer.headers)["Location"]) == (308, where)
        assert isinstance(answer, Response)
        assert answer.body == b""


def test_only_the_operator_may_what_only_the_operator_may(house: House) -> None:
    """The table says it, and one place asks: no route that says so answers anybody else."""
    for path, routes in ROUTES.items():
        for method, route in routes.items():
            asked = house.ask(method, path).status
            assert not route.operator or asked == 401
            assert route.operator or asked not in (401, 403) or (path, method) == ("/status", "POST")


@pytest.mark.parametrize("path", ["/;", "/;stream.mp3", "/main/;", "/main.mp3", "/.mp3"])
def test_other_names_of_the_default_stations_stream(house: House, path: str) -> None:
    """SHOUTcast's ways to name a stream, and those with a suffix."""
    assert house.ask("HEAD", path).content_type == "audio/mpeg"


@pytest.mark.parametrize("path", ["/humor/;", "/humor/;stream.mp3", "/humor.mp3", "/humor"])
def test_other_names_of_a_stations_stream(house: House, path: str) -> None:
    """The same for every station."""
    response = house.ask("HEAD", path)
    assert (response.status, header(response, "icy-name")) == (200, "Humor & <b>more</b>")
    assert house.ask("HEAD", path.replace("humor", "nowhere")).status == 404


@pytest.mark.parametrize(("ending", "kind"), [("m3u", "audio/x-mpegurl"), ("pls", "audio/x-scpls")])
def test_playlists_name_the_stream_with_its_suffix(house: House, ending: str, kind: str) -> None:
    """Devices go by it; and their type is what players compare with."""
    for route, url in (("humor", "http://radio.example/humor.mp3"), ("main", "http://radio.example/main.mp3")):
        response = house.ask("GET", f"/{route}.{ending}")
        assert response.content_type == kind
        assert url in response.body.decode().replace("File1=", "").split("\n")


@pytest.mark.parametrize(
    ("sent", "asks"),
    [
        ("1", True), ("2", True), ("1, 1", True), ("0, 1", True), (" 01 ", True),
        ("0", False), ("", False), ("00", False), ("yes", False), ("-1", False), ("1.0", False), ("\xb2", False),
    ],
)  # fmt: skip
def test_who_asks_for_titles(house: House, sent: str, asks: bool) -> None:
    """Any number from 1 on, once or twice."""
    response = house.ask("HEAD", "/humor", {"host": "x", "icy-metadata": sent})
    assert (header(response, "icy-metaint") == "16000") is asks


FOREIGN = [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
OWN = [{"origin": "http://radio.example"}, {"sec-fetch-site": "same-origin"}, {}]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_logs_nobody_in_or_out(house: House, headers: dict[str, str]) -> None:
    """Its forms count as no tries, so that they do not lock the operator out, and take no cookie away."""
    form = {"host": "radio.example", "content-type": "application/x-www-form-urlencoded"}
    for _ in range(10):
        assert house.ask("POST", "/status", form | headers, body=b"password=wrong").status == 403
    response = house.ask("POST", "/logout", form | headers)
    assert (response.status, header(response, "Set-Cookie")) == (403, None)
    assert house.ask("POST", "/status", form, body=f"password={PASSWORD}".encode()).status == 303


@pytest.mark.parametrize("headers", OWN)
def test_our_own_page_and_programs_log_in_and_out(house: House, headers: dict[str, str]) -> None:
    """A browser says where it comes from, a program says nothing."""
    form = {"host": "radio.example", "content-type": "application/x-www-form-urlencoded"}
    assert house.ask("POST", "/status", form | headers, body=f"password={PASSWORD}".encode()).status == 303
    assert house.ask("POST", "/logout", form | headers).status == 303


def test_the_cookie_is_secure_where_the_public_url_is(studio: Studio, tmp_path: Path) -> None:
    """A proxy that ends TLS need not be trusted for that."""
    house = House({"/": studio}, tmp_path, "--public-url", "https://radio.example")
    form = {"host": "127.0.0.1:8000", "content-type": "application/x-www-form-urlencoded"}
    response = house.ask("POST", "/status", form, body=f"password={PASSWORD}".encode())
    assert "; Secure" in (header(response, "Set-Cookie") or "")


def test_below_a_proxy_that_takes_its_prefix_off(house: House) -> None:
    """Links and the cookie's path are right without --base-path, where the proxy is trusted and tells the prefix."""
    client = Client("192.0.2.7", "https", "out.example", 8443, "/radio")
    playlist = house.ask("GET", "/humor.m3u", client=client)
    assert playlist.body.endswith(b"\nhttps://out.example:8443/radio/humor.mp3\n")
    form = {"host": "inner", "content-type": "application/x-www-form-urlencoded"}
    login = house.ask("POST", "/status", form, client=client, body=f"password={PASSWORD}".encode())
    assert "; Path=/radio;" in (header(login, "Set-Cookie") or "")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the operator."""
    return [one.message for one in caplog.records if one.name == "radiostream.http.audit"]


def test_who_did_what_is_told(obeying: House, caplog: pytest.LogCaptureFixture) -> None:
    """Each command with its station, address and way, and it is counted."""
    caplog.set_level("INFO")
    for path in ("/next-track/humor", "/prev-track/humor", "/shuffle/humor?on=1", "/reload-playlist"):
        assert obeying.ask("POST", path, BEARER).status == 200
    form = {"host": "radio.example", "content-type": "application/x-www-form-urlencoded"}
    login = obeying.ask("POST", "/status", form, body=f"password={PASSWORD}".encode())
    cookie = (header(login, "Set-Cookie") or "").partition(";")[0]
    own = {"host": "radio.example", "cookie": cookie, "sec-fetch-site": "same-origin"}
    assert obeying.ask("POST", "/next-track/", own).status == 200
    assert obeying.ask("POST", "/logout", own).status == 303
    assert obeying.ask("POST", "/logout", own).status == 303
    assert told(caplog) == [
        "/humor: next-track by 192.0.2.7 (bearer)",
        "/humor: prev-track by 192.0.2.7 (bearer)",
        "/humor: shuffle on by 192.0.2.7 (bearer)",
        "reload-playlist by 192.0.2.7 (bearer)",
        "login by 192.0.2.7 (login form)",
        "/: next-track by 192.0.2.7 (session)",
        "logout by 192.0.2.7 (session)",
    ]
    done, wrong, throttled = obeying.site.audit.counts()
    assert (done["next-track"], done["login"], done["logout"], wrong, throttled) == (2, 1, 1, 0, 0)


def test_wrong_passwords_are_told_once_a_window(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Each is counted; an address is named once while it goes on, and again when it comes back."""
    basic = {"authorization": "Basic " + b64encode(b"x:wrong").decode()}
    for _ in range(20):
        house.ask("POST", "/next-track/humor", basic)
    assert told(caplog) == ["wrong password from 192.0.2.7 (basic)"]
    assert house.site.audit.counts()[1:] == (5, 15)
    house.clock.now += 31
    form = {"host": "radio.example", "content-type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        assert house.ask("POST", "/status", form, body=b"password=wrong").status == 401
    house.ask("POST", "/next-track/humor", {"authorization": "Bearer wrong"}, client=Client("192.0.2.8"))
    assert told(caplog)[1:] == ["wrong password from 192.0.2.7 (login form)", "wrong password from 192.0.2.8 (bearer)"]
    assert house.site.audit.counts()[1:] == (9, 15)


def test_a_command_that_is_answered_503_is_not_obeyed_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The station did not begin with it in time, and never does."""
    monkeypatch.setattr(control, "COMMAND_S", 0.01)
    studio = house.studios["/humor"]
    before = studio.station.status.on_air
    assert house.ask("POST", "/next-track/humor", BEARER).status == 503
    assert house.site.audit.counts()[0]["next-track"] == 0
    studio.do(studio.station.settled())
    assert studio.station.status.on_air is before


def test_a_command_that_has_begun_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be taken back, so it is answered when it is done; one that hangs for good is a 503."""
    monkeypatch.setattr(control, "COMMAND_S", 0.01)
    begun: Future[None] = Future()
    assert begun.set_running_or_notify_cancel()
    monkeypatch.setattr(house.studios["/humor"].station, "next_track", lambda: begun)
    with monkeypatch.context() as patched:
        patched.setattr(control, "BEGUN_S", 0.01)
        assert b"has begun" in house.ask("POST", "/next-track/humor", BEARER).body
    threading.Timer(0.05, begun.set_result, [None]).start()
    assert house.ask("POST", "/next-track/humor", BEARER).status == 200


def test_reload_while_a_scan_hangs(house: House) -> None:
    """Is not waited for without end."""
    house.site.rescan = lambda: False
    assert house.ask("POST", "/reload-playlist", BEARER).status == 503


def test_a_command_to_a_station_that_ends(house: House) -> None:
    """Is refused at once: nobody obeys any more."""
    house.studios["/"].station.stop()
    assert house.ask("POST", "/next-track", BEARER).status == 503


def test_the_login_form_is_throttled(house: House) -> None:
    """The page says for how long, to people and to programs."""
    form = {"content-type": "application/x-www-form-urlencoded", "host": "radio.example"}
    statuses = [house.ask("POST", "/status", form, body=b"password=wrong").status for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert header(house.ask("POST", "/status", form, body=b"password=wrong"), "Retry-After")


def test_a_form_of_too_many_fields_is_none(house: House) -> None:
    """It is the same as a wrong password."""
    form = {"content-type": "application/x-www-form-urlencoded", "host": "radio.example"}
    body = b"&".join(b"password=" + PASSWORD.replace(" ", "+").encode() for _ in range(30))
    assert house.ask("POST", "/status", form, body=body).status == 401
