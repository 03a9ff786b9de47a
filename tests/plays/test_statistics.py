"""Listeners over a year in a small file."""

from __future__ import annotations

from pathlib import Path

from radiostream.playlist.zones import zone
from radiostream.plays import statistics
from radiostream.plays.statistics import Sample
from tests.plays.makers import at

BERLIN = zone("Europe/Berlin")


def test_minutes_hours_and_days_add_up(tmp_path: Path) -> None:
    """Three days of minutes: each range holds the peak and the sum of what was counted in it."""
    path = statistics.path_of(tmp_path, "/jazz")
    begin = at("2026-11-24T00:00:00+01:00")
    for minute in range(1, 3 * 1440 + 1):
        listeners = minute % 97
        statistics.add(path, Sample(1, listeners, 2, 60.0, listeners * 60.0), begin + 60 * minute, BERLIN)
    now = begin + 3 * 86400 - 1
    week = list(statistics.records(path, "week", now, BERLIN))
    year = list(statistics.records(path, "year", now, BERLIN))
    day = list(statistics.records(path, "day", now, BERLIN))
    total = sum(60.0 * (minute % 97) for minute in range(1, 3 * 1440 + 1))
    assert [len(day), len(week), len(year)] == [1440, 72, 3]
    assert sum(one.listener_s for _, one in week) == total == sum(one.listener_s for _, one in year)
    assert {one.covered_s for _, one in year} == {86400}
    assert max(one.peak for _, one in year) == 96
    assert [began for began, _ in year] == [begin, begin + 86400, begin + 2 * 86400]
    assert path.stat().st_size == statistics.SIZE < 80_000


def test_what_is_old_is_not_shown_as_new(tmp_path: Path) -> None:
    """A record that a ring has come round to is another minute's."""
    path = statistics.path_of(tmp_path, "/")
    statistics.add(path, Sample(5, 5, 0, 60.0, 300.0), at("2025-01-01T10:00:00+00:00"), BERLIN)
    now = at("2026-11-24T00:00:00+00:00")
    assert [list(statistics.records(path, name, now, BERLIN)) for name in statistics.RANGES] == [[], [], [], []]
    assert list(statistics.records(tmp_path / "none", "day", now, BERLIN)) == []


def test_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    """What is no file of ours is none, and is written over."""
    path = statistics.path_of(tmp_path, "/")
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    now = at("2026-11-24T00:00:00+00:00")
    assert list(statistics.records(path, "day", now, BERLIN)) == []
    statistics.add(path, Sample(5, 5, 0, 60.0, 300.0), now, BERLIN)
    assert len(list(statistics.records(path, "day", now, BERLIN))) == 1
