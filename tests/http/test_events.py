"""Server-sent events: what a reader is told, when, and what it costs when the reader does not read."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.http.handlers import events
from radiostream.http.handlers.events import HEARTBEAT, Subscriber, Told, event
from radiostream.http.protocol import limits
from radiostream.http.protocol.message import Stream, head_bytes
from radiostream.http.protocol.proxies import Client
from radiostream.playlist.track import Tags
from radiostream.radio.audience import Listener
from tests.http.site_builder import House
from tests.radio.studio import Studio
from tests.waiting import PATIENCE_S


@pytest.fixture
def studio(make_studio: Callable[..., Studio]) -> Studio:
    """A station on the air with three tracks, stepped by hand."""
    studio = make_studio(route="/humor", name="Humor")
    studio.show(*(studio.track(number, 3000) for number in (1, 2, 3)))
    studio.run_until(5)
    return studio


@pytest.fixture
def house(studio: Studio, tmp_path: Path) -> House:
    return House({"/humor": studio}, tmp_path)


def news(told: Told, studio: Studio) -> list[tuple[str, dict[str, Any]]]:
    return list(told.news(studio.station, studio.clock.now_s(), ""))


def listener(number: int) -> Listener:
    return Listener(number, "192.0.2.1", "agent", 0.0)


def told_by(subscriber: Subscriber) -> list[tuple[str, Any]]:
    """Name and value of each event that `news` answers with."""
    lines = subscriber.news().decode().split("\n\n")[:-1]
    return [(one.split("event: ")[1].split("\n")[0], json.loads(one.split("data: ")[1])) for one in lines]


def test_stations_that_come_and_go_are_told_as_a_whole(house: House, make_studio: Callable[..., Studio]) -> None:
    """A reader learns of a new table by the whole state; one that came back is a station it does not know."""
    subscriber = Subscriber(house.site, "http://radio.example", "")
    assert [name for name, _ in told_by(subscriber)] == ["state"]
    assert told_by(subscriber) == []
    humor = house.site.stations["/humor"]
    other = make_studio(route="/other", name="Other").station
    house.site.stations = {"/humor": humor, "/other": other}
    ((name, state),) = told_by(subscriber)
    assert (name, [one["route"] for one in state["streams"]]) == ("state", ["/humor", "/other"])
    house.site.stations = {"/other": other}
    ((name, state),) = told_by(subscriber)
    assert (name, list(state["now"])) == ("state", ["/other"])
    house.site.stations = {"/other": make_studio(route="/other", name="Other").station}
    assert [name for name, _ in told_by(subscriber)] == ["state"]
    assert told_by(subscriber) == []


# -- what there is to tell -------------------------------------------------------------------------------------


def test_nothing_new_is_nothing_told(studio: Studio) -> None:
    """Time that passes is no news."""
    told = Told(studio.station)
    studio.run_until(10)
    assert news(told, studio) == []


def test_a_skip_is_told_as_one(studio: Studio) -> None:
    """The new track, as /now-playing has it, once."""
    told = Told(studio.station)
    studio.do(studio.station.next_track())
    ((name, value),) = news(told, studio)
    assert (name, value["route"], value["track"], value["skip"]) == ("track", "/humor", "2.mp3", True)
    assert news(told, studio) == []


def test_the_next_track_is_no_skip(studio: Studio) -> None:
    """It came in its time."""
    told = Told(studio.station)
    studio.run_until(3000 * 1152 / 44100 + 1)
    ((name, value),) = news(told, studio)
    assert (name, value["track"], value["skip"]) == ("track", "2.mp3", False)


def test_tags_that_come_late_are_no_second_skip(studio: Studio) -> None:
    """The track is told again with its title, and whoever cuts his buffer at a skip does not cut it twice."""
    told = Told(studio.station)
    studio.do(studio.station.next_track())
    assert news(told, studio)[0][1]["skip"]
    on_air = studio.station.status.on_air
    assert on_air is not None
    assert on_air.track is not None
    studio.tagger.tags["2.mp3"] = Tags("The title", "The artist")
    studio.station.tags_read(on_air.track)
    studio.do(studio.station.settled())
    ((name, value),) = news(told, studio)
    assert (name, value["title"], value["skip"]) == ("track", "The title", False)


def test_many_skips_are_told_as_the_last(studio: Studio) -> None:
    """What a reader missed is not told later."""
    told = Told(studio.station)
    for _ in range(4):
        studio.do(studio.station.next_track())
    assert [value["track"] for _, value in news(told, studio)] == ["2.mp3"]


def test_listeners_are_told_as_a_number(studio: Studio) -> None:
    """One who comes, one who goes; one who comes and goes between two looks is nobody."""
    told, audience = Told(studio.station), studio.station.audience
    one, other = listener(1), listener(2)
    audience.enter(one)
    assert news(told, studio) == [("listeners", {"route": "/humor", "listeners": 1})]
    audience.leave(one)
    assert news(told, studio) == [("listeners", {"route": "/humor", "listeners": 0})]
    audience.enter(other)
    audience.leave(other)
    assert news(told, studio) == []


def test_the_playlist_is_told_when_it_changes(studio: Studio) -> None:
    """Its length, and whether it is shuffled."""
    told = Told(studio.station)
    studio.show(*(studio.track(number, 3000) for number in (1, 2, 3, 4)))
    assert news(told, studio) == [("playlist", {"route": "/humor", "tracks": 4, "shuffle": False})]
    studio.do(studio.station.set_shuffle(True))
    assert news(told, studio) == [("playlist", {"route": "/humor", "tracks": 4, "shuffle": True})]


# -- on the wire -----------------------------------------------------------------------------------------------


def test_an_event_to_the_letter() -> None:
    """Three lines and an empty one."""
    assert (
        event("track", {"title": "Ж", "n": None}, 7) == 'id: 7\nevent: track\ndata: {"title":"Ж","n":null}\n\n'.encode()
    )


@given(st.text(st.characters(codec=None)))
def test_no_text_ends_an_event(text: str) -> None:
    """Whatever a tag holds: one event, one line of data, valid UTF-8."""
    data = event("track", {"title": text}, 1)
    first, second, third, *end = data.replace(b"\r", b"\n").split(b"\n")
    assert (first, second, end) == (b"id: 1", b"event: track", [b"", b""])
    assert set(json.loads(third.removeprefix(b"data: ").decode())) == {"title"}


@contextmanager
def reading(house: House, send_buffer: int = 0) -> Iterator[tuple[BufferedReader, threading.Thread]]:
    """A reader of /events: what it can read, and the thread that tells it."""
    response = house.answer("GET", "/events")
    assert isinstance(response, Stream)
    takeover = response.takeover
    assert takeover is not None
    near, far = socket.socketpair()
    if send_buffer:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    far.settimeout(PATIENCE_S)

    def tell() -> None:
        with near:
            takeover(near, bytearray(head_bytes(response, close=True)))

    thread = threading.Thread(target=tell)
    thread.start()
    with far, far.makefile("rb") as file:
        yield file, thread
    house.site.changes.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def read_event(file: BufferedReader) -> dict[str, str]:
    """The next lines up to an empty one, by their names."""
    lines = iter(file.readline, b"\n")
    return {name: value for name, _, value in (line.decode().rstrip("\n").partition(": ") for line in lines)}


def read_head(file: BufferedReader) -> list[bytes]:
    return list(iter(file.readline, b"\r\n"))


def test_the_whole_state_comes_first(house: House, studio: Studio) -> None:
    """Head, time to retry, state, then news with ids that rise."""
    with reading(house) as (file, _):
        head = read_head(file)
        assert head[0] == b"HTTP/1.0 200 OK\r\n"
        assert b"Content-Type: text/event-stream\r\n" in head
        assert b"X-Accel-Buffering: no\r\n" in head
        assert read_event(file) == {"retry": "2000"}
        state = read_event(file)
        data = json.loads(state["data"])
        assert (state["id"], state["event"]) == ("0", "state")
        assert data["streams"] == json.loads(house.ask("GET", "/streams").body)["streams"]
        assert set(data["now"]) == {"/humor"}
        assert data["now"]["/humor"]["track"] == "1.mp3"
        studio.do(studio.station.next_track())
        first = read_event(file)
        studio.station.audience.enter(listener(1))
        second = read_event(file)
    assert [(one["id"], one["event"]) for one in (first, second)] == [("1", "track"), ("2", "listeners")]


def test_silence_is_broken_now_and_then(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that pages see too; it keeps proxies from hanging up and tells us who has left."""
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    with reading(house) as (file, _):
        read_head(file)
        read_event(file)
        read_event(file)
        assert read_event(file) == {"event": "heartbeat", "data": "{}"}
        assert read_event(file) == {"event": "heartbeat", "data": "{}"}


def test_who_does_not_read_costs_nothing_and_gets_the_newest(house: House, studio: Studio) -> None:
    """While one reader stands still others are told at once; nothing waits for it but one event, then the newest."""
    studio.tagger.tags["2.mp3"] = Tags("x" * 500_000, "")
    with reading(house, send_buffer=4096) as (slow, _), reading(house) as (quick, _):
        for file in (slow, quick):
            read_head(file)
            read_event(file)
            read_event(file)
        told = []
        for _ in range(7):
            studio.do(studio.station.next_track())
            told.append(json.loads(read_event(quick)["data"])["track"])
            assert slow.peek(1)  # the first event has begun to be sent, and fills all there is room for
        assert told == ["2.mp3", "3.mp3", "1.mp3"] * 2 + ["2.mp3"]
        late = [json.loads(read_event(slow)["data"]) for _ in range(2)]
        assert late[0]["track"] == "2.mp3"
        studio.station.audience.enter(listener(1))
        assert late[1]["started_at"] == json.loads(house.ask("GET", "/now-playing?route=humor").body)["started_at"]
        assert read_event(slow)["event"] == "listeners"


def test_who_leaves_gives_its_place_back(house: House, studio: Studio) -> None:
    """Noticed with the next event that cannot be delivered."""
    with reading(house) as (file, thread):
        read_head(file)
        assert house.site.limits.events.taken == 1
    thread.join(PATIENCE_S)
    assert house.site.limits.events.taken == 0


def test_the_end_ends_it(house: House) -> None:
    """When the server stops, the reader's stream does, at the end of an event."""
    with reading(house) as (file, _):
        read_head(file)
        read_event(file)
        read_event(file)
        house.site.changes.close()
        assert file.read() in (b"", HEARTBEAT)


def test_readers_have_places_of_their_own(
    make_studio: Callable[..., Studio], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all of them taken: 503 with Retry-After, counted as such; listening goes on, and HEAD takes no place."""
    monkeypatch.setattr(limits, "EVENTS_MAX", 2)
    house = House({"/": make_studio()}, tmp_path)
    answer = house.answer("HEAD", "/events")
    assert isinstance(answer, Stream)
    assert answer.takeover is None
    responses = [house.ask("GET", "/events", client=Client("192.0.2.1")) for _ in range(3)]
    assert [response.status for response in responses] == [200, 200, 503]
    assert dict(responses[2].headers)["Retry-After"] == "10"
    assert house.site.limits.refused[limits.EVENTS] == 1
    assert house.ask("GET", "/").status == 200
    assert house.site.limits.listeners.taken == 1


def test_caddy_does_not_swallow_it(house: House) -> None:
    """Its `encode` compresses, and so holds back, what has no encoding of its own."""
    assert ("Content-Encoding", "identity") in house.ask("GET", "/events").headers


def test_one_address_does_not_take_all_places(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    """Nor one IPv6 network, which is what one customer has."""
    house = House({"/": make_studio()}, tmp_path)
    for number in range(limits.EVENTS_PER_ADDRESS):
        assert house.ask("GET", "/events", client=Client(f"2001:db8::{number:x}")).status == 200
    assert house.ask("GET", "/events", client=Client("2001:db8::ffff")).status == 503
    assert house.ask("GET", "/events", client=Client("2001:db8:0:1::1")).status == 200
    assert house.site.limits.refused["address"] == 1
