"""`/events` of the running server: what a page or a script is told, and when it ends."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import tee
from pathlib import Path

import pytest

from radiostream.http.protocol.limits import EVENTS_MAX, EVENTS_PER_ADDRESS
from tests.functional.conftest import Start
from tests.functional.raw import Event, Exchange, events
from tests.server import Radio
from tests.waiting import until

EVENTS = b"GET /events HTTP/1.1\r\nHost: radio.example\r\nAccept: text/event-stream\r\n\r\n"
LISTEN = b"GET /humor HTTP/1.0\r\n\r\n"


@pytest.fixture
def radio(start: Start, three_tones: Path, tmp_path: Path) -> Radio:
    """A server of its own with /humor, whose directory the test may change."""
    shutil.copytree(three_tones, tmp_path / "humor")
    routes = json.dumps({"humor": str(tmp_path / "humor")})
    return start("--audio-dir", three_tones, "--directory-routes", routes, "--poll-interval", "3600")


def of_humor(told: Iterator[Event], name: str) -> Event:
    """The next event of that name which is about /humor."""
    return next(one for one in told if one.name == name and one.data["route"] == "/humor")


def test_everything_that_happens_is_told(radio: Radio, tmp_path: Path) -> None:
    """State on connect, then a skip, a listener who comes and goes, a file that is new; ids rise by one."""
    with Exchange(radio.port, EVENTS) as answer:
        assert answer.status_line == "HTTP/1.0 200 OK"
        assert answer.field("Content-Type") == "text/event-stream"
        assert answer.field("Cache-Control") == "no-cache, no-store"
        assert answer.field("Access-Control-Allow-Origin") == "*"
        told, again = tee(events(answer))
        state = next(told)
        assert (state.id, state.name) == (0, "state")
        assert [one["route"] for one in state.data["streams"]] == ["/", "/humor"]
        assert state.data["now"]["/humor"]["track"] == "1.mp3"

        skipped = radio.post("/next-track/humor")
        track = of_humor(told, "track").data
        assert track["skip"] is True
        assert {name: track[name] for name in ("track", "title", "started_at")} == {
            name: skipped[name] for name in ("track", "title", "started_at")
        }
        assert track.keys() == radio.json("/now-playing?route=humor").keys()

        with Exchange(radio.port, LISTEN) as listener:
            listener.read(1000)
            assert of_humor(told, "listeners").data == {"route": "/humor", "listeners": 1}
        while of_humor(told, "listeners").data["listeners"]:
            pass

        shutil.copy(tmp_path / "humor/1.mp3", tmp_path / "humor/4.mp3")
        until(lambda: radio.post("/reload-playlist?route=humor")["tracks"] == 4)
        assert of_humor(told, "playlist").data == {"route": "/humor", "tracks": 4, "shuffle": False}
        radio.post("/shuffle/humor?on=true")
        assert of_humor(told, "playlist").data == {"route": "/humor", "tracks": 4, "shuffle": True}
        answer.socket.shutdown(socket.SHUT_RD)
        ids = [event.id for event in again]
    assert ids == list(range(len(ids)))


def test_a_track_that_comes_in_its_time_is_no_skip(radio: Radio) -> None:
    """The next one of six seconds' tones."""
    with Exchange(radio.port, EVENTS) as answer:
        event = of_humor(events(answer), "track")
        assert (event.data["track"], event.data["skip"]) == ("2.mp3", False)
        assert event.data["elapsed"] < 2


def test_who_does_not_read_holds_up_nobody(radio: Radio) -> None:
    """Twenty readers that never read, and a skip is told to the one that does."""
    with ExitStack() as idle:
        for _ in range(20):
            idle.enter_context(Exchange(radio.port, EVENTS))
        with Exchange(radio.port, EVENTS) as answer:
            told = events(answer)
            next(told)
            for _ in range(5):
                skipped = radio.post("/next-track/humor")
                assert of_humor(told, "track").data["started_at"] == skipped["started_at"]


def test_readers_have_a_cap_of_their_own(radio: Radio) -> None:
    """One too many is told to come back; a listener has a place, and no reader is counted as one."""
    with ExitStack() as readers:
        for number in range(EVENTS_MAX):
            source = f"127.0.0.{2 + number // EVENTS_PER_ADDRESS}"
            assert readers.enter_context(Exchange(radio.port, EVENTS, source)).status == 200
        with Exchange(radio.port, EVENTS) as answer:
            assert answer.status == 503
            assert answer.field("Retry-After") == "10"
            assert json.loads(answer.line()) == {"error": "too many event subscribers, try again soon"}
        with Exchange(radio.port, LISTEN) as listener:
            assert listener.status == 200
            listener.read(1000)
            until(lambda: [one["listeners"] for one in radio.json("/streams")["streams"]] == [0, 1])
        assert b'audio_refused_total{cause="events"} 1.0' in radio.get("/metrics")[2]


def test_the_end_of_the_server_ends_them(radio: Radio) -> None:
    """SIGTERM: each reader's stream ends properly, and none holds up the end."""
    with ExitStack() as held:
        answers = [held.enter_context(Exchange(radio.port, EVENTS)) for _ in range(10)]
        before = time.monotonic()
        radio.process.send_signal(signal.SIGTERM)
        for answer in answers:
            assert answer.rest().endswith(b"\n\n")
        assert radio.process.wait(10) == 0
        assert time.monotonic() - before < 3
    radio.stop()
