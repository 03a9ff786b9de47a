"""Stations as JSON: what each field says while something plays, and while nothing does."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from radiostream.audio.frames import Params
from radiostream.config import StationConfig
from radiostream.http.auth import COOKIE
from radiostream.http.views import stations as views
from radiostream.playlist.history import Played
from radiostream.playlist.pictures import Picture
from radiostream.playlist.track import Tags, Track
from radiostream.radio.audience import Listener
from radiostream.radio.changes import Changes
from radiostream.radio.station import Station
from radiostream.radio.status import LeftOut, OnAir, Status
from tests.http.site_builder import PASSWORD, House
from tests.radio.studio import FakeClock, FakeTagger, Studio

START = 1795420800.25
ON_AIR = OnAir(
    track=Track("/music/sub/file.mp3", 1, 1, "mp3"),
    tags=Tags("Title", "Artist", "Album"),
    started_at=START,
    started_s=100.0,
    duration_s=60.00049,
    params=Params("mp3", 44100, 2),
    kbps=128,
    skipped_to=True,
)
SILENCE = replace(ON_AIR, track=None, tags=Tags(), duration_s=None, kbps=64, skipped_to=False)
STATUS = Status("/sub/humör", "Humor", "Comedy", "Jokes", "mp3", ON_AIR, tracks=3, shuffle=False)


def station(status: Status) -> Station:
    """A station that never runs and shows that."""
    one = Station(
        StationConfig(status.route, Path("/music"), status.name),
        clock=FakeClock(),
        rng=random.Random(1),
        tagger=FakeTagger(),  # type: ignore[arg-type] # a full implementation of what a station asks
        changes=Changes(),
        buffer_size=65536,
        burst_s=8.0,
    )
    one.status = status
    return one


def now_playing(**changes: Any) -> dict[str, Any]:
    return views.now_playing(station(replace(STATUS, **changes)), 112.3456, "/radio")


@pytest.mark.parametrize(
    ("unix_s", "text"),
    [(0, "1970-01-01T00:00:00.000+00:00"), (START, "2026-11-23T08:00:00.250+00:00")],
)
def test_times_have_a_zone(unix_s: float, text: str) -> None:
    """ISO 8601, which JavaScript and Python read back."""
    assert views.iso(unix_s) == text
    assert datetime.fromisoformat(text).timestamp() == unix_s


@pytest.mark.parametrize(("started_s", "elapsed"), [(112.4, 0.0), (100.0, 12.346), (10.0, 60.0)])
def test_elapsed_lies_in_the_track(started_s: float, elapsed: float) -> None:
    """A producer woken a little early or late shows no progress before the track's start or behind its end."""
    assert now_playing(on_air=replace(ON_AIR, started_s=started_s))["elapsed"] == elapsed


def test_now_playing_to_the_letter() -> None:
    """All that CONTRACT promises, and where the picture is below the proxy's sub-path."""
    picture = Picture(b"picture", "image/png", "0123")
    assert now_playing(on_air=replace(ON_AIR, picture=picture)) == {
        "route": "/sub/humör",
        "name": "Humor",
        "listeners": 0,
        "skip": True,
        "kind": "track",
        "live": False,
        "part": None,
        "track": "file.mp3",
        "title": "Title",
        "artist": "Artist",
        "album": "Album",
        "started_at": "2026-11-23T08:00:00.250+00:00",
        "elapsed": 12.346,
        "duration": 60.0,
        "cover": "/radio/cover/sub/hum%C3%B6r?v=0123",
    }


def test_a_track_without_a_picture_says_so() -> None:
    """No address that would answer 404."""
    assert now_playing(on_air=ON_AIR)["cover"] is None


def test_without_tags_the_name_of_the_file_is_the_title() -> None:
    """And nobody is the artist; a length that nobody knows is null."""
    now = now_playing(on_air=replace(ON_AIR, tags=Tags(), duration_s=None))
    assert (now["title"], now["artist"], now["album"], now["duration"]) == ("file", "", "", None)


@pytest.mark.parametrize(
    ("on_air", "started_at"), [(None, None), (SILENCE, "2026-11-23T08:00:00.250+00:00")], ids=["nothing", "silence"]
)
def test_nothing_plays(on_air: OnAir | None, started_at: str | None) -> None:
    """The same keys, their values null."""
    now = now_playing(on_air=on_air)
    assert now.keys() == now_playing().keys()
    assert {name for name, value in now.items() if value is None} >= {"track", "title", "artist", "duration", "cover"}
    assert (now["started_at"], now["elapsed"], now["skip"]) == (started_at, 0, False)


def test_listing_to_the_letter() -> None:
    """One element of /streams, with an absolute URL and a relative playlist."""
    one = station(STATUS)
    one.audience.enter(Listener(1, "192.0.2.1", "agent", 0.0))
    assert views.listing(one, "https://x.example/radio") == {
        "route": "/sub/humör",
        "name": "Humor",
        "description": "Jokes",
        "genre": "Comedy",
        "listeners": 1,
        "hls_listeners": 0,
        "current_track": "file.mp3",
        "content_type": "audio/mpeg",
        "bitrate": 128,
        "sample_rate": 44100,
        "channels": 2,
        "codec": "mp3",
        "on_air": True,
        "tracks": 3,
        "shuffle": False,
        "url": "https://x.example/radio/sub/hum%C3%B6r",
        "hls": "sub/hum%C3%B6r.m3u8",
    }


@pytest.mark.parametrize(("on_air", "bitrate", "codec"), [(None, 0, "ogg"), (SILENCE, 64, "mp3")])
def test_listing_of_silence(on_air: OnAir | None, bitrate: int, codec: str) -> None:
    """It is not on the air; Ogg has no HLS."""
    listing = views.listing(station(replace(STATUS, on_air=on_air, family="ogg")), "http://x")
    assert (listing["on_air"], listing["current_track"], listing["hls"]) == (False, None, None)
    assert (listing["bitrate"], listing["codec"], listing["content_type"]) == (bitrate, codec, "audio/ogg")


def test_history() -> None:
    """Newest first as it is given; without tags the name of the file is the title, as it was on the air."""
    entries = [
        Played("2.mp3", "", "", START, None, "playing"),
        Played("1.mp3", "One", "Artist", START - 60, START, "skipped"),
    ]
    assert views.history(entries) == [
        {
            "track": "2.mp3",
            "title": "2",
            "artist": "",
            "started_at": "2026-11-23T08:00:00.250+00:00",
            "ended_at": None,
            "ended": "playing",
            "kind": "track",
        },
        {
            "track": "1.mp3",
            "title": "One",
            "artist": "Artist",
            "started_at": "2026-11-23T07:59:00.250+00:00",
            "ended_at": "2026-11-23T08:00:00.250+00:00",
            "ended": "skipped",
            "kind": "track",
        },
    ]


def test_the_page_shows_what_was_on_the_air(studio: Studio, tmp_path: Path) -> None:
    """Without a script too: a track without tags is not a nameless row."""
    studio.show(studio.track(1, 3000))
    studio.run_until(5)
    house = House({"/": studio}, tmp_path)
    _, token = house.site.auth.login(PASSWORD, "192.0.2.7")
    page = house.ask("GET", "/status", {"cookie": f"{COOKIE}={token}"}).body
    assert b'<td><bdi class="clip">1</bdi>' in page


def test_what_the_operator_sees() -> None:
    """The public entries inside, and what only he may know."""
    played = Played("1.mp3", "One", "Artist", START, None, "playing")
    left_out, odd = LeftOut("a.flac", "is FLAC"), LeftOut("b.mp3", "48000 Hz")
    status = replace(
        STATUS, history=(played,), left_out=(left_out,), mismatched=(odd,), trouble="is missing", demo=True
    )
    one = station(status)
    one._playout.drift_s = 0.01234
    one.audience.enter(Listener(1, "192.0.2.1", "agent", 0.0))
    one.audience.sample(START)
    shown = views.operators(one, 112.3456, "")
    assert shown["now"] == views.now_playing(one, 112.3456, "")
    assert shown["history"] == views.history([played])
    assert shown["left_out"] == [{"name": "a.flac", "reason": "is FLAC"}]
    assert shown["mismatched"] == [{"name": "b.mp3", "reason": "48000 Hz"}]
    assert {name: shown[name] for name in ("route", "family", "listeners", "peak_listeners", "tracks")} == {
        "route": "/sub/humör", "family": "mp3", "listeners": 1, "peak_listeners": 1, "tracks": 3,
    }  # fmt: skip
    assert (shown["drift_ms"], shown["plot"]) == (12.3, [(1795420800, 1)])
    assert (shown["trouble"], shown["demo"], shown["shuffle"]) == ("is missing", True, False)
