"""The programme as JSON."""

from __future__ import annotations

from collections.abc import Callable

from radiostream.http.views import schedule as views
from radiostream.http.views import stations
from radiostream.playlist.scan import Directory
from tests.radio.studio import Studio, frame


def put(studio: Studio, *paths: str) -> None:
    """Tracks of a minute each, and a look at them."""
    for number, path in enumerate(paths):
        file = studio.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(frame(number, index) for index in range(2300)))
    studio.do(studio.station.update(Directory(str(studio.directory)).look(eager=True)))


def test_schedule_to_the_letter(studio: Studio) -> None:
    """Local times with their offset; the part whose turn it is, until when, and what comes. It is 22:13:20."""
    put(studio, "a.mp3", "_22-06/b.mp3", "_22-06/_daily 2300/c.mp3", "_hourly 30/d.mp3", "_every 3 tracks/e.mp3")
    studio.run_until(5)
    assert views.coming(studio.station.status, studio.clock.unix_s(), 10) == {
        "route": "/",
        "timezone": "UTC",
        "now": {"part": "_22-06", "until": "2023-11-15T06:00:00+00:00"},
        "next": [
            {"at": "2023-11-14T23:00:00+00:00", "rule": "daily 2300", "folder": "_22-06/_daily 2300"},
            {"at": "2023-11-15T06:00:00+00:00", "rule": "music", "folder": ""},
            {"at": "2023-11-15T06:30:00+00:00", "rule": "hourly 30", "folder": "_hourly 30"},
            {"at": "2023-11-15T07:30:00+00:00", "rule": "hourly 30", "folder": "_hourly 30"},
        ],
    }
    now = stations.now_playing(studio.station, studio.clock.now_s(), "")
    assert (now["part"], now["kind"], now["track"]) == ("_22-06", "track", "b.mp3")


def test_a_station_without_rules(make_studio: Callable[..., Studio]) -> None:
    """Nothing comes, and the operator's page has nothing to draw."""
    studio = make_studio()
    put(studio, "a.mp3")
    status, unix_s = studio.station.status, studio.clock.unix_s()
    assert views.summary(status, unix_s) is None
    assert views.coming(status, unix_s, 24)["now"] == {"part": None, "until": None}
    assert views.coming(status, unix_s, 24)["next"] == []


def test_what_the_operators_page_shows(studio: Studio) -> None:
    """The next thing to come, whatever it is."""
    put(studio, "a.mp3", "_hourly 30/d.mp3")
    studio.run_until(5)
    assert views.summary(studio.station.status, studio.clock.unix_s()) == {
        "part": None,
        "until": None,
        "next": {"at": "2023-11-14T22:30:00+00:00", "rule": "hourly 30", "folder": "_hourly 30"},
        "text": "own music · next Tue 22:30 _hourly 30",
    }
    put(studio, "a.mp3", "_2200-2245/d.mp3")
    studio.do(studio.station.next_track())
    shown = views.summary(studio.station.status, studio.clock.unix_s())
    assert shown is not None
    assert shown["text"] == "_2200-2245 until Tue 22:45 · next Tue 22:45 own music"


def test_rules_without_a_time(studio: Studio) -> None:
    """Jingles that go by tracks have no time of day to tell."""
    put(studio, "a.mp3", "_every 3 tracks/e.mp3")
    shown = views.summary(studio.station.status, studio.clock.unix_s())
    assert shown == {"part": None, "until": None, "next": None, "text": "own music"}
