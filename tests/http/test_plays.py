"""`/report` and `/statistics`: for the operator, from what was kept."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from radiostream.http.handlers import plays as handler
from radiostream.http.protocol.message import Stream
from radiostream.plays.plays import Keeper, Plays
from radiostream.radio.audience import Listener
from tests.http.site_builder import BEARER, House
from tests.radio.studio import FRAME_S, Studio


class Kept:
    """A site of one station whose plays are kept, worked by hand."""

    def __init__(self, directory: Path, make_studio: Callable[..., Studio]) -> None:
        self.plays = Plays(None)
        self.studio = make_studio(route="/jazz", told=self.plays)
        self.house = House({"/jazz": self.studio}, directory)
        self.house.site.plays = self.plays
        self.keeper = Keeper(directory / "state", 24, lambda: self.house.site.stations, self.studio.clock)
        self.plays.keeper = self.keeper
        self.studio.show(self.studio.track(1, 2000), self.studio.track(2, 2000))

    def report(self, query: str) -> tuple[Stream, str]:
        """The answer's head, and its body as it is sent."""
        answer = self.house.answer("GET", f"/report?{query}", BEARER)
        assert isinstance(answer, Stream)
        assert answer.takeover is not None
        ours, theirs = socket.socketpair()
        with ours, theirs:
            answer.takeover(ours, bytearray(b"head|"))
            ours.shutdown(socket.SHUT_WR)
            text = b"".join(iter(lambda: theirs.recv(65536), b"")).decode()
        assert text.startswith("head|")
        return answer, text.removeprefix("head|")

    def statistics(self, query: str = "") -> Any:
        """What `/statistics` says."""
        return json.loads(self.house.ask("GET", f"/statistics?route=jazz{query}", BEARER).body)


@pytest.fixture
def kept(tmp_path: Path, make_studio: Callable[..., Studio]) -> Kept:
    """See `Kept`."""
    return Kept(tmp_path, make_studio)


def test_what_was_played_is_reported(kept: Kept) -> None:
    """From the air to the operator, with who listened, in each format."""
    one = Listener(1, "192.0.2.1", "player", 0.0)
    kept.studio.station.audience.enter(one)
    kept.studio.run_until(3 * 2000 * FRAME_S + 1)
    kept.keeper.step()
    _, text = kept.report("route=jazz&from=2023-11-14&to=2023-11-15")
    said = json.loads(text)
    assert [play["file"] for play in said["plays"]] == ["1.mp3", "2.mp3", "1.mp3"]
    assert said["totals"]["listener_seconds"] == 3 * round(2000 * FRAME_S)
    assert said["plays"][1]["listeners_at_start"] == said["plays"][1]["distinct_listeners"] == 1
    answer, text = kept.report("route=/jazz&from=2023-11&format=csv")
    assert text.count("\r\n") == 4
    assert ("Content-Disposition", 'attachment; filename="jazz-2023-11-01-2023-11-14.csv"') in answer.headers
    assert "192.0.2.1" not in text
    assert kept.report("route=jazz&format=soundexchange")[1].count("\r\n") == 3
    assert (kept.keeper.written, kept.keeper.lost) == (3, 0)


def test_a_station_that_has_gone_is_still_reported(kept: Kept) -> None:
    """Its log is there: what it played, and how many listened, has to be told after its end, too."""
    kept.studio.run_until(3 * 2000 * FRAME_S + 1)
    kept.keeper.step()
    kept.house.site.stations = {}
    said = json.loads(kept.report("route=jazz&from=2023-11")[1])
    assert (said["route"], len(said["plays"])) == ("/jazz", 3)
    assert kept.statistics()["peak"] == 0
    assert kept.house.ask("GET", "/report?route=jaz", BEARER).status == 404


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/report?from=yesterday", 400),
        ("/report?to=2023-13-01", 400),
        ("/report?from=2023-11-14&to=2023-11-13", 400),
        ("/report?format=xlsx", 400),
        ("/report?route=other", 404),
        ("/statistics?route=other", 404),
        ("/statistics?range=decade", 400),
    ],
)
def test_what_cannot_be_reported_is_refused(kept: Kept, target: str, status: int) -> None:
    """A date that is none, a format that is not known, a station that is not there."""
    assert kept.house.ask("GET", target, BEARER).status == status


@pytest.mark.parametrize("path", ["/report", "/statistics"])
def test_the_past_is_the_operators(kept: Kept, path: str) -> None:
    """Nobody else reads it; where nothing is kept, that is said."""
    assert kept.house.ask("GET", path).status == 401
    assert kept.house.ask("POST", path, BEARER).status == 405
    assert kept.house.answer("HEAD", path, BEARER).status == 200
    kept.house.site.plays = None
    refused = kept.house.ask("GET", path, BEARER)
    assert refused.status == 404
    assert b"--state-dir" in refused.body


def test_listeners_are_counted_over_time(kept: Kept) -> None:
    """A sample a minute; the peak and the hours hold what is not written yet, too."""
    audience = kept.studio.station.audience
    for number in range(3):
        audience.enter(Listener(number, "192.0.2.1", "player", 0.0))
    for _ in range(120):
        pause_s = kept.keeper.step()
        kept.studio.clock.sleep(pause_s)
    audience.enter(Listener(9, "192.0.2.1", "player", 0.0))
    kept.studio.clock.sleep(30)
    day, year = kept.statistics(), kept.statistics("&range=year")
    assert day["peak"] == year["peak"] == 4
    assert day["listener_hours"] == year["listener_hours"]
    reading = audience.reading()
    assert round(day["listener_hours"] * 3600) == pytest.approx(reading.listener_s, abs=2)
    assert len(day["samples"]) in (120, 121, 122)
    assert day["samples"][-1]["listeners"] == 4
    assert {one["listeners"] for one in day["samples"][2:-1]} == {3.0}
    assert day["step_s"] == 60


def test_the_history_goes_back_as_far_as_the_log(kept: Kept) -> None:
    """Page after page from what is on the air to the first play, each once, over the seam of memory and log."""
    kept.studio.run_until(150 * 2000 * FRAME_S - 20)
    kept.keeper.step()
    seen, query = [], ""
    while True:
        said = json.loads(kept.house.ask("GET", f"/history?route=jazz&limit=40{query}").body)
        seen += said["history"]
        if said["next"] is None:
            break
        query = f"&before={said['next']}"
    starts = [one["started_at"] for one in seen]
    assert len(starts) == 150
    assert starts == sorted(set(starts), reverse=True)
    assert {frozenset(one) for one in seen} == {frozenset(seen[0])}
    assert [one["track"] for one in seen] == ["2.mp3", "1.mp3"] * 75


def test_without_a_log_the_history_ends(kept: Kept) -> None:
    """With what is in memory; and a moment that is none is refused."""
    kept.house.site.plays = None
    kept.studio.run_until(5)
    said = json.loads(kept.house.ask("GET", "/history?route=jazz").body)
    assert (len(said["history"]), said["next"]) == (1, None)
    said = json.loads(kept.house.ask("GET", "/history?route=jazz&before=2000-01-01T00:00:00Z").body)
    assert (said["history"], said["next"]) == ([], None)
    for wrong in ("yesterday", "", "2026-13-01", "99999"):
        assert kept.house.ask("GET", f"/history?route=jazz&before={wrong}").status == 400


def test_a_report_goes_out_in_pieces() -> None:
    """What is long is sent while it is made."""
    large = b"x" * handler.PIECE_BYTES
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handler.send_report(iter([large, b"y"]), ours, bytearray(b"head|"))
        ours.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: theirs.recv(65536), b"")) == b"head|" + large + b"y"


def test_who_leaves_ends_the_report() -> None:
    """Nothing more is made of it."""
    ours, theirs = socket.socketpair()
    theirs.close()
    rest = iter([b"x" * handler.PIECE_BYTES, b"y"])
    with ours:
        handler.send_report(rest, ours, bytearray(b"head|"))
    assert next(rest) == b"y"


def test_statistics_that_cannot_be_read(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator is told why, and that it may pass."""

    def fail(*_: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(handler, "_statistics", fail)
    answer = kept.house.ask("GET", "/statistics?route=jazz", BEARER)
    assert (answer.status, b"Input/output error" in answer.body) == (503, True)
