"""Local time."""

from __future__ import annotations

import time

import pytest

from radiostream.playlist.zones import zone


def test_a_zone_that_is_not_known() -> None:
    """It is refused, in words for the operator; so is what is no name at all."""
    for name in ("Europe/Nowhere", "../etc/passwd", "Europe", "a\0b"):
        with pytest.raises(ValueError, match="time zone"):
            zone(name)


@pytest.mark.parametrize("setting", ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"])
def test_the_hosts_zone(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name it is that of TZ, also where TZ is a rule rather than a name."""
    monkeypatch.setenv("TZ", setting)
    time.tzset()
    try:
        host, named = zone(), zone("Europe/Berlin")
        assert host.name == setting
        for unix_s in range(1774742400, 1774839600, 600):  # the night of 2026-03-29
            assert host.wall_s(unix_s) == named.wall_s(unix_s)
            assert host.instant(unix_s) == named.instant(unix_s)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_iso() -> None:
    """With the offset of the moment, also where it is negative and not in hours."""
    assert zone("America/St_Johns").iso(1774742400) == "2026-03-28T21:30:00-02:30"


def test_no_year_is_too_far() -> None:
    """A wall clock that is far off raises nothing."""
    for unix_s in (-1e12, 0.0, 1e12):
        zone("Europe/Berlin").wall_s(unix_s)
