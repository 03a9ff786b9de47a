"""Reports: JSON, CSV, SoundExchange's report of use."""

from __future__ import annotations

import csv
import io
import json

import pytest

from radiostream.playlist.track import Tags
from radiostream.playlist.zones import zone
from radiostream.plays import record, report
from radiostream.plays.reading import period
from tests.plays.makers import at, play

BERLIN = zone("Europe/Berlin")
SUBJECT = report.Subject(
    "/jazz", "Jazz | ^1^", "Europe/Berlin", period("2026-10", "2026-11", BERLIN, at("2026-11-26T12:00+01:00"))
)
PLAYS = (
    play("2026-10-01T10:00:00+02:00"),
    play("2026-10-01T10:04:00+02:00", kind="jingle", tags=Tags("Ident"), listener_s=50.0, distinct_listeners=2),
    play("2026-11-01T10:00:00+01:00", distinct_listeners=7, listener_s=3000.0),
    play("2026-11-01T11:00:00+01:00", kind="live", file="live", tags=Tags("", "")),
    play("2026-11-01T12:00:00+01:00", tags=Tags("=1+1", '@"x", y')),
)
ROWS = [row for one in PLAYS if (row := record.parse(record.line(one, BERLIN)))]


def written(name: str, rows: list[record.Row] = ROWS) -> str:
    """The report in one format."""
    return b"".join(report.FORMATS[name].write(SUBJECT, rows)).decode()


def test_json_holds_plays_and_what_they_add_up_to() -> None:
    """Totals for each month of the station's calendar, and for all."""
    said = json.loads(written("json"))
    assert [said[key] for key in ("route", "timezone", "from", "to")] == [
        "/jazz", "Europe/Berlin", "2026-10-01", "2026-11-30",
    ]  # fmt: skip
    assert [one["start"] for one in said["plays"]] == [row.cells[0] for row in ROWS]
    assert said["plays"][0]["listener_seconds"] == 600
    assert [(one["month"], one["plays"], one["listener_seconds"]) for one in said["months"]] == [
        ("2026-10", 2, 650),
        ("2026-11", 3, 4200),
    ]
    assert said["totals"] == {
        "plays": 5, "tracks": 3, "jingles": 1, "live": 1, "performances": 24, "listener_seconds": 4850,
        "listener_hours": 1.35,
    }  # fmt: skip


def test_csv_is_the_log_and_starts_no_formula() -> None:
    """A spreadsheet shows what a tag says, and computes nothing."""
    header, *rows = csv.reader(io.StringIO(written("csv"), newline=""))
    assert tuple(header) == record.COLUMNS
    assert rows[0] == list(ROWS[0].cells)
    assert rows[4][5:7] == ['\'@"x", y', "'=1+1"]


def test_soundexchange_adds_up_by_recording() -> None:
    """Text between carets, pipes between fields, neither of them in a text; jingles are no performances."""
    lines = written("soundexchange").split("\r\n")
    assert lines[0].startswith("^NAME_OF_SERVICE^|^TRANSMISSION_CATEGORY^|^FEATURED_ARTIST^")
    assert lines[1:] == [
        "^Jazz    1 ^|^A^|^^|^live^|^^|^^|^^|5",
        '^Jazz    1 ^|^A^|^@"x", y^|^=1+1^|^^|^^|^^|5',
        "^Jazz    1 ^|^A^|^Miles Davis^|^So What^|^USSM15900113^|^Kind of Blue^|^Columbia^|12",
        "",
    ]


@pytest.mark.parametrize("name", report.FORMATS)
def test_nothing_played_is_a_report_too(name: str) -> None:
    """A file with its head, and JSON that is whole."""
    text = written(name, [])
    assert json.loads(text)["plays"] == [] if name == "json" else text.count("\r\n") == 1
