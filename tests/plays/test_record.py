"""A play as a line of the log, and back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.playlist.track import Tags
from radiostream.playlist.zones import zone
from radiostream.plays import record
from tests.plays.makers import play

BERLIN = zone("Europe/Berlin")


def test_a_line_is_what_is_promised() -> None:
    """Columns and their order, times by the station's clock, whole seconds of listening."""
    line = record.line(play("2026-07-01T10:00:00.250+00:00"), BERLIN).decode()
    assert record.HEADER.decode() + line == (
        "start,end,ended,kind,file,artist,title,album,isrc,label,listeners_at_start,distinct_listeners,"
        "listener_seconds\r\n"
        "2026-07-01T12:00:00.250+02:00,2026-07-01T12:04:00.250+02:00,played,track,blue/so what.mp3,Miles Davis,So What,"
        "Kind of Blue,USSM15900113,Columbia,3,5,600\r\n"
    )


@given(st.text(), st.text(), st.text(), st.floats(0, 4e9, allow_nan=False))
def test_any_text_makes_one_line_that_is_read_back(file: str, title: str, artist: str, at: float) -> None:
    """Whatever tags and names hold, a line is one line, and RFC 4180's readers take it as it was."""
    one = play("2026-07-01T10:00:00+00:00", file=file, tags=Tags(title, artist))
    raw = record.line(one, BERLIN)
    row = record.parse(raw)
    assert raw.count(b"\n") == 1
    assert row is not None
    assert list(row.cells) == next(csv.reader(io.StringIO(raw.decode(), newline="")))
    assert record.stamp(at, BERLIN)


@pytest.mark.parametrize(
    "raw",
    [
        record.HEADER,
        b"",
        b"\r\n",
        b"\0" * 100 + b"\n",
        b"2026-07-01T12:00:00.250+02:00,2026-07-01T12:04\r\n",
        b"2026-07-01T12:00:00+02:00,,played,track,a,b,c,d,e,f,1,2,x\r\n",
        b"2026-07-01T12:00:00+02:00,,played,track,a,b,c,d,e,f,1,2,3",
        b'2026-07-01T12:00:00+02:00,"x"y,played,track,a,b,c,d,e,f,1,2,3\r\n',
        b"2026-07-01T12:00:00+02:00,\xff,played,track,a,b,c,d,e,f,1,2,3\r\n",
    ],
)
def test_what_is_no_play_is_none(raw: bytes) -> None:
    """A header, and what a crash or a hand has damaged, costs itself only."""
    assert record.parse(raw) is None


@given(st.binary())
def test_no_line_does_harm(raw: bytes) -> None:
    """Any bytes are a play or none."""
    record.parse(raw)
    record.started_at(raw)
