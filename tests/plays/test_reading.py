"""What is read of the log: periods, and pages of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radiostream.playlist.zones import zone
from radiostream.plays import months, reading, record
from radiostream.plays.log import PlayLog
from tests.plays.makers import at, play

BERLIN = zone("Europe/Berlin")
NOW = at("2026-11-26T12:00:00+01:00")


@pytest.mark.parametrize(
    ("said_from", "said_to", "since", "until"),
    [
        ("", "", "2026-11-01T00:00:00+01:00", "2026-11-27T00:00:00+01:00"),
        ("2026-10", "2026-10", "2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00"),
        ("2026-12", "2026-12", "2026-12-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("2026-10-25", "2026-10-25", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
        ("2026-10-25T06:00", "2026-10-25T07:00", "2026-10-25T06:00+01:00", "2026-10-25T07:00+01:00"),
        ("2026-10-25 06:00", "2026-10-26", "2026-10-25T06:00+01:00", "2026-10-27T00:00+01:00"),
        ("2026-10-25T06:00:00 02:00", "2026-10-25T06:00:00Z", "2026-10-25T04:00Z", "2026-10-25T06:00Z"),
        ("20261025", "20261025", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
    ],
)
def test_dates_are_the_stations(said_from: str, said_to: str, since: str, until: str) -> None:
    """A day is that of the station's clock, also where it has 25 hours; both ends are included."""
    period = reading.period(said_from, said_to, BERLIN, NOW)
    assert (period.since, period.until) == (at(since), at(until))


def test_a_period_names_its_days() -> None:
    """The last day is the last that has a moment in it."""
    assert reading.period("2026-10", "2026-10", BERLIN, NOW)[2:] == ("2026-10-01", "2026-10-31")
    assert reading.period("2026-10-25T06:00", "2026-10-26T00:00", BERLIN, NOW)[2:] == ("2026-10-25", "2026-10-25")


@pytest.mark.parametrize(
    "said",
    [
        *(("x", ""), ("", "x"), ("2026-13", ""), ("2026-02-30", ""), ("2026-11-26", "2026-11-25"), ("0000-01", "")),
        *(("9999-12-31", "9999-12"), ("2026-1-1", ""), ("1e9", ""), ("\u0662026-11-01", "")),
        ("9999-12-31", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_what_is_no_date_is_refused(said: tuple[str, str]) -> None:
    """In words that name the one that is wrong."""
    with pytest.raises(ValueError, match=r"^(from|to) must be (a date|after)"):
        reading.period(*said, BERLIN, NOW)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A play each 12 hours from September to November."""
    log = PlayLog(tmp_path, 24)
    begin = datetime(2026, 9, 1, tzinfo=UTC)
    for number in range(170):
        log.append(play((begin + timedelta(hours=12 * number)).isoformat(), file=f"{number}.mp3"))
    return tmp_path


def names(rows: list[record.Row]) -> list[int]:
    """The numbers of the files that were played."""
    return [int(row.cells[4].removesuffix(".mp3")) for row in rows]


def test_a_period_is_read_over_months(kept: Path) -> None:
    """From the first moment on, up to the last one without it."""
    since, until = at("2026-09-30T12:00:00+00:00"), at("2026-11-02T00:00:00+00:00")
    assert names(list(reading.rows(kept, "/jazz", since, until, BERLIN, NOW))) == list(range(59, 124))
    assert list(reading.rows(kept, "/other", since, until, BERLIN, NOW)) == []
    assert len(list(reading.rows(kept, "/jazz", 0.0, 250e9, BERLIN, NOW))) == 170


def test_the_history_is_paged_back(kept: Path) -> None:
    """Page after page, newest first, without a gap, to the very first play."""
    moment, seen = 253402214400.0, []
    while page := reading.before(kept, "/jazz", moment, 33, BERLIN):
        seen += names(page)
        moment = page[-1].started_at
    assert seen == list(range(169, -1, -1))


def test_a_damaged_line_costs_itself(kept: Path) -> None:
    """The plays around it are there."""
    path = months.path_of(kept, "/jazz", "2026-10")
    data = path.read_bytes().splitlines(True)
    data[5] = b'2026-10-03T12:00:00+02:00,"broken\r\n'
    data[7] = b"\0" * 70000
    path.write_bytes(b"".join(data))
    october = at("2026-10-01T00:00:00+02:00"), at("2026-11-01T00:00:00+01:00")
    assert len(list(reading.rows(kept, "/jazz", *october, BERLIN, NOW))) == len(data) - 4
