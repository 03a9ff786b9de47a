"""The playlist and its segments over HTTP: what caches, ranges and slow clients are owed, and not a byte more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.audio.frames import OGG
from radiostream.http.handlers import hls
from radiostream.http.handlers.hls import cut, id3
from radiostream.http.protocol.conditional import byte_range
from radiostream.http.protocol.message import Answer, Gone, Refusal, Sent, head_bytes
from radiostream.http.protocol.proxies import Client
from radiostream.playlist.track import Tags
from radiostream.radio.hls import Segment
from tests.functional.hls_validator import Judge, parse, read
from tests.http.site_builder import House
from tests.radio.studio import Studio
from tests.waiting import PATIENCE_S


@pytest.fixture
def house(studio: Studio, tmp_path: Path) -> House:
    """The default station, 20 s on the air."""
    studio.show(studio.track(1, 500), studio.track(2, 300))
    house = House({"/": studio}, tmp_path)
    house.ask("GET", "/main.m3u8")
    studio.run_until(20)
    return house


def segment_path(house: House, playlist: str = "/main.m3u8") -> str:
    """The newest segment's path."""
    return "/" + parse(house.ask("GET", playlist).body.decode()).entries[-1].uri


def test_segments_are_the_stations_own_beside_one_at_main(studio: Studio, tmp_path: Path) -> None:
    """The default station has no name then, and its segments are found all the same."""
    studio.station.config = replace(studio.station.config, beside_main=True)
    studio.show(studio.track(1, 500), studio.track(2, 300))
    house = House({"/": studio}, tmp_path)
    house.ask("GET", "/.m3u8")
    studio.run_until(20)
    path = segment_path(house, "/.m3u8")
    assert path.count("/") == 3
    assert house.ask("GET", path).status == 200


def sent(house: House) -> Sent:
    """The answer to a request for the newest segment."""
    answer = house.answer("GET", segment_path(house))
    assert isinstance(answer, Sent)
    return answer


def test_a_playlist_is_made_once_for_all_who_ask(house: House, studio: Studio) -> None:
    """The same answer until something is listed that was not, or the station's settings change."""
    first, again = house.answer("GET", "/main.m3u8"), house.answer("GET", "/main.m3u8")
    assert again is first
    studio.run_until(30)
    later = house.answer("GET", "/main.m3u8")
    assert later != first
    studio.station.config = replace(studio.station.config)
    other = house.answer("GET", "/main.m3u8")
    assert other == later
    assert other is not later


def test_a_playlist_since_a_moment(house: House, studio: Studio) -> None:
    """Who wants to hear a skip at once asks for what began with it; the numbers stay, so that the list can go on."""
    whole = parse(house.ask("GET", "/main.m3u8").body.decode())
    entry = whole.entries[-2]
    since = round(entry.at.timestamp() * 1000)
    part = parse(house.ask("GET", f"/main.m3u8?since={since}").body.decode())
    assert [one.uri for one in part.entries] == [one.uri for one in whole.entries[-2:]]
    assert part.entries[0].number == entry.number
    assert house.ask("GET", f"/main.m3u8?since={since + 3_600_000}").status == 503
    assert len(parse(house.ask("GET", "/main.m3u8?since=yesterday").body.decode()).entries) == len(whole.entries)


def body(response: Answer) -> bytes:
    """What a client gets behind the head."""
    assert isinstance(response, Sent)
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(PATIENCE_S)
        sender = threading.Thread(target=response.send, args=(near, b"head;"))
        sender.start()
        data = b""
        while len(data) < response.length + 5:
            data += far.recv(1 << 20)
        sender.join()
    assert data[:5] == b"head;"
    return data[5:]


def headers(response: Answer) -> dict[str, str]:
    """By lower-case name."""
    return {name.lower(): value for name, value in response.headers}


def test_it_keeps_the_rules(studio: Studio, tmp_path: Path) -> None:
    """Two minutes with skips, each playlist and each segment held against RFC 8216."""
    studio.show(studio.track(1, 500), studio.track(2, 170), studio.track(3, 300))
    house, judge = House({"/": studio}, tmp_path), Judge()
    for second in range(1, 121):
        studio.run_until(second)
        if second % 37 == 0:
            studio.do(studio.station.next_track())
        for entry in judge.see(house.ask("GET", "/main.m3u8").body.decode()):
            judge.take(entry, body(house.answer("GET", "/" + entry.uri)))
    assert len(judge.known) > 25
    assert len({entry.era for entry in judge.known.values()}) == 4


def test_the_playlist(house: House) -> None:
    """Kept by caches for a second, readable from any page, and asked for again with its tag."""
    response = house.ask("GET", "/main.m3u8")
    assert response.status == 200
    assert response.content_type == "application/vnd.apple.mpegurl"
    given = headers(response)
    assert given["cache-control"] == "public, max-age=1"
    assert given["access-control-allow-origin"] == "*"
    again = house.ask("GET", "/main.m3u8", {"if-none-match": given["etag"]})
    assert (again.status, again.body) == (304, b"")
    house.studios["/"].run_until(26)
    assert house.ask("GET", "/main.m3u8", {"if-none-match": given["etag"]}).status == 200
    assert house.ask("OPTIONS", "/main.m3u8").status == 204
    assert house.ask("POST", "/main.m3u8").status == 405


def test_urls_are_relative(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    """Below any base path, from a route of any depth."""
    studio = make_studio(route="/a/b c")
    studio.show(studio.track(1, 500))
    studio.run_until(6)
    house = House({"/a/b c": studio}, tmp_path)
    uri = parse(house.ask("GET", "/a/b c.m3u8").body.decode()).entries[0].uri
    assert uri.startswith("../hls/a/b%20c/")
    assert house.ask("GET", uri.removeprefix("..").replace("%20", " ")).status == 200


def test_titles(studio: Studio, tmp_path: Path) -> None:
    """The track's, behind the station's name; a tag can add no line and no frame."""
    first, second = studio.track(1, 500), studio.track(2, 300)
    studio.tagger.tags["1.mp3"] = Tags(title="Nine\n#EXT-X-ENDLIST\n", artist="\r\nBöse" * 200)
    studio.show(first, second)
    studio.run_until(4)
    house = House({"/": studio}, tmp_path)
    entry = parse(house.ask("GET", "/main.m3u8").body.decode()).entries[0]
    assert entry.title.startswith("Böse  Böse")
    name, title = read(body(house.answer("GET", "/" + entry.uri))).titles
    assert name == "Main"
    assert title.startswith("Böse  Böse")
    assert 390 < len(title.encode()) <= 400


def test_silence_has_no_title(studio: Studio, tmp_path: Path) -> None:
    """A station with nothing to play is a station: its name is all there is to tell."""
    studio.show()
    studio.run_until(6)
    house = House({"/": studio}, tmp_path)
    entry = parse(house.ask("GET", "/main.m3u8").body.decode()).entries[0]
    assert entry.title == ""
    assert read(body(house.answer("GET", "/" + entry.uri))).titles == ("Main",)


def test_a_segment(house: House) -> None:
    """Finite, kept by caches as long as they like, and whole."""
    response = sent(house)
    given = headers(response)
    assert response.status == 200
    assert response.content_type == "audio/mpeg"
    assert given["cache-control"] == "public, max-age=3600, immutable"
    assert given["accept-ranges"] == "bytes"
    assert given["access-control-allow-origin"] == "*"
    data = body(response)
    assert len(data) == response.length
    assert f"Content-Length: {len(data)}\r\n".encode() in head_bytes(response, close=False)
    assert read(data).seconds > 4
    same = house.ask("GET", segment_path(house), {"if-none-match": given["etag"]})
    assert same.status == 304


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-", (0, 1000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        (" Bytes = 5 - 6 ", (5, 7)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=1-2,4-5", None),
        ("bytes=\u0661-", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("lines=1-2", None),
    ],
)
def test_ranges(header: str, span: tuple[int, int] | None) -> None:
    """One range is taken; what is none may be ignored."""
    assert byte_range(header, 1000) == span


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_ranges_with_nothing_in_them(header: str) -> None:
    """416 says how much there is."""
    with pytest.raises(Refusal) as refusal:
        byte_range(header, 1000)
    assert refusal.value.status == 416
    assert dict(refusal.value.headers)["Content-Range"] == "bytes */1000"


def test_a_part_of_a_segment(house: House) -> None:
    """206 with the bytes that the whole has there; of another segment's tag, everything."""
    path = segment_path(house)
    whole = body(house.answer("GET", path))
    part = house.answer("GET", path, {"range": "bytes=50-40049"})
    assert part.status == 206
    assert headers(part)["content-range"] == f"bytes 50-40049/{len(whole)}"
    assert body(part) == whole[50:40050]
    etag = headers(part)["etag"]
    assert house.ask("GET", path, {"range": "bytes=0-1", "if-range": etag}).status == 206
    assert house.ask("GET", path, {"range": "bytes=0-1", "if-range": '"another"'}).status == 200
    assert house.ask("GET", path, {"range": f"bytes={len(whole)}-"}).status == 416


def test_a_segment_that_is_gone(house: House) -> None:
    """404, which no cache keeps; so is what never was."""
    path = segment_path(house)
    folder, _, name = path.rpartition("/")
    for wrong in (path.replace(".mp3", ".aac"), f"{folder}/999.mp3", f"{folder}/x.mp3", folder, "/hls/", "/hls/a"):
        assert house.ask("GET", wrong).status == 404
    assert house.ask("GET", path.replace("/hls/main/", "/hls/humor/")).status == 404
    assert house.ask("GET", f"/hls/main/another/{name}").status == 404
    house.studios["/"].run_until(120)
    gone = house.ask("GET", path)
    assert gone.status == 404
    assert headers(gone)["cache-control"] == "no-store"


def test_players_are_counted(house: House) -> None:
    """Apart from those who listen to the stream; who asks for the head is nobody."""
    station = house.studios["/"].station
    house.ask("HEAD", "/main.m3u8", {"user-agent": "curl"}, client=Client("192.0.2.9"))
    house.studios["/"].clock.sleep(60)
    assert station.hls_listeners() == 0
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        house.ask("GET", "/main.m3u8", {"user-agent": "hls.js"}, client=Client(address))
    assert station.hls_listeners() == 2
    assert len(station.audience) == 0


def test_before_the_first_chunk(studio: Studio, tmp_path: Path) -> None:
    """The station is there, its audio not yet: try again."""
    response = House({"/": studio}, tmp_path).ask("GET", "/main.m3u8")
    assert response.status == 503
    assert headers(response)["retry-after"] == "1"


def test_ogg_has_no_hls(studio: Studio, tmp_path: Path) -> None:
    """404, and why."""
    ogg = studio.directory / "1.ogg"
    ogg.write_bytes(b"OggS")
    studio.show(studio.listed(ogg, OGG))
    assert studio.station.status.family == OGG
    response = House({"/": studio}, tmp_path).ask("GET", "/main.m3u8")
    assert response.status == 404
    assert b"Ogg" in response.body


def test_a_client_that_takes_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes come in order however small the pieces are in which they are taken."""
    whole = body(sent(house))
    response = sent(house)
    near, far = socket.socketpair()
    with near, far:
        monkeypatch.setattr(hls, "SEND_BUFFER_BYTES", 4096)
        far.settimeout(PATIENCE_S)
        sender = threading.Thread(target=response.send, args=(near, b""))
        sender.start()
        data = b""
        while len(data) < len(whole):
            data += far.recv(1000)
        sender.join()
    assert data == whole


def test_a_client_that_is_overtaken(house: House) -> None:
    """Where the ring takes the audio back the connection ends; not a byte of anything else is sent."""
    whole = body(sent(house))
    response = sent(house)
    house.studios["/"].run_until(200)
    near, far = socket.socketpair()
    with far:
        with near, pytest.raises(Gone):
            response.send(near, b"")
        assert far.recv(1 << 20) == b""
    assert len(whole) > 60000


def test_a_client_that_is_overtaken_half_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it got before is right."""
    whole = body(sent(house))
    response = sent(house)
    near, far = socket.socketpair()
    ended: list[type[BaseException]] = []

    def send() -> None:
        try:
            response.send(near, b"")
        except Gone as gone:
            ended.append(type(gone))
        near.close()

    monkeypatch.setattr(hls, "SEND_BUFFER_BYTES", 4096)
    far.settimeout(PATIENCE_S)
    with far:
        sender = threading.Thread(target=send)
        sender.start()
        data = far.recv(1000)
        house.studios["/"].run_until(200)
        while part := far.recv(1 << 20):
            data += part
        sender.join()
    assert ended == [Gone]
    assert len(data) < len(whole)
    assert whole.startswith(data)


def test_a_client_that_takes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left."""
    monkeypatch.setattr(hls, "SEGMENT_STALL_S", 0.01)
    response = sent(house)
    near, far = socket.socketpair()
    with near, far:
        monkeypatch.setattr(hls, "SEND_BUFFER_BYTES", 4096)
        with pytest.raises(Gone):
            response.send(near, b"")


@given(st.lists(st.binary(max_size=30)), st.integers(0, 200), st.integers(0, 200))
def test_cutting(pieces: list[bytes], first: int, end: int) -> None:
    """As if the pieces were one."""
    parts = cut([memoryview(piece) for piece in pieces], first, end)
    assert b"".join(parts) == b"".join(pieces)[first:end]
    assert all(parts)


@given(st.integers(0, (1 << 33) - 1), st.text(max_size=2000), st.text(max_size=2000))
def test_tags(pts: int, name: str, title: str) -> None:
    """Any names: the tag is bounded, and its time is where players look for it."""
    names = [text.encode("utf-8", "ignore").decode() for text in (name, title)]
    tag = id3(pts, *names)
    assert len(tag) < 1000
    assert tag[:3] == b"ID3"
    assert tag.index(b"com.apple.streaming.transportStreamTimestamp\0") == 20
    assert int.from_bytes(tag[65:73], "big") == pts


class Held:
    """A segment that the ring holds at so many looks, and at no more."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    @property
    def is_held(self) -> bool:
        self._looks -= 1
        return self._looks >= 0


@pytest.mark.parametrize("looks", [0, 1])
def test_a_segment_that_is_gone_before_it_is_sent(looks: int) -> None:
    """And one that goes meanwhile: the client is told by the end of the connection."""
    near, far = socket.socketpair()
    with near, far, pytest.raises(Gone):
        hls._send(cast("Segment", Held(looks)), [memoryview(b"audio")], near, b"head;")


def test_a_client_who_still_has_to_take_what_came_before() -> None:
    """Its segment waits for room, and comes whole."""
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor(1) as pool:
        near.setblocking(False)
        before = 0
        with suppress(BlockingIOError):
            while True:
                before += near.send(bytes(1 << 14))
        sending = pool.submit(hls._send, cast("Segment", Held(1000)), [memoryview(b"audio")], near, b"head;")
        data = b""
        while len(data) < before + 10:
            data += far.recv(1 << 14)
        sending.result(PATIENCE_S)
    assert data[before:] == b"head;audio"
