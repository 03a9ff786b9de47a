"""Names of folders: rules, names that look like rules, and music."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.playlist.rules import Jingle, Part, Wrong, parse

RULES = {
    "_every 4 tracks": ("tracks", 4),
    "_every 999 min": ("min", 999),
    "_HOURLY 05": ("hourly", 5),
    "_daily 2359": ("daily", 1439),
    "_22-06": (1320, 480, None, None),
    "_00-24": (0, 1440, None, None),
    "_06-06": (360, 1440, None, None),
    "_2230-2400": (1350, 90, None, None),
    "_Mon-Fri 0600-1000": (360, 240, {0, 1, 2, 3, 4}, None),
    "_sat-mon,wed 10-12": (600, 120, {5, 6, 0, 2}, None),
    "_weekends 10-14": (600, 240, {5, 6}, None),
    "_weekdays 10-14": (600, 240, {0, 1, 2, 3, 4}, None),
    "_12-24..01-06 00-24": (0, 1440, None, ((12, 24), (1, 6))),
    "_02-29..02-29 sun 10-11": (600, 60, {6}, ((2, 29), (2, 29))),
}


@pytest.mark.parametrize("mark", ["", " !"])
@pytest.mark.parametrize("name", RULES)
def test_rules(name: str, mark: str) -> None:
    """What the grammar allows, in any case, is read as what it says."""
    rule = parse(name + mark)
    assert isinstance(rule, Jingle | Part)
    assert (rule.folder, rule.at_once, rule.text) == (name + mark, bool(mark), name.lower()[1:] + mark)
    if isinstance(rule, Jingle):
        assert (rule.kind, rule.number) == RULES[name]
    else:
        days = None if rule.days is None else set(rule.days)
        assert (rule.begin_min, rule.length_min, days, rule.dates) == RULES[name]


@pytest.mark.parametrize(
    "name", ["rock", "every 4 tracks", "_rock", "_everything", "_sunset", "_moni", "_", "22-06", ""]
)
def test_music(name: str) -> None:
    """Every other folder is music."""
    assert parse(name) is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("_every 4", "_every 4 tracks"),
        ("_every 0 tracks", "_every 1 tracks"),
        ("_every 1000 min", "_every 999 min"),
        ("_Every 30 Minutes", "_every 30 min"),
        ("_every 2 hours!", "_every 120 min !"),
        ("_every  4 tracks", "_every 4 tracks"),
        ("_hourly", "_hourly 00"),
        ("_hourly 5", "_hourly 05"),
        ("_hourly 60", "_hourly 00"),
        ("_daily 8:30", "_daily 0830"),
        ("_daily 8 pm", "_daily 2000"),
        ("_daily 2400", "_daily 0800"),
        ("_6-10", "_06-10"),
        ("_22:00-06:00", "_22-06"),
        ("_22-0630", "_2200-0630"),
        ("_22-06!", "_22-06 !"),
        ("_25-06", "_23-06"),
        ("_Monday 6-10", "_mon 06-10"),
        ("_mon - fri 6-10", "_mon-fri 06-10"),
        ("_weekend 10-14", "_weekends 10-14"),
        ("_sun", "_sun 00-24"),
        ("_12-24 .. 12-26", "_12-24..12-26 00-24"),
        ("_02-30..03-01 00-24", "_02-29..03-01 00-24"),
    ],
)
def test_looks_like_a_rule(name: str, nearest: str) -> None:
    """It is told why, and what the right name would be."""
    wrong = parse(name)
    assert isinstance(wrong, Wrong)
    assert wrong.nearest == nearest
    assert "looks like a rule" in wrong.reason


@given(
    st.from_regex(r"_(every|hourly|daily|mon|weekends|[0-9]{1,4})[ 0-9a-z:,.!-]{0,20}", fullmatch=True)
    | st.text("_0123456789 -.,:!apmonsuevrydilth", max_size=24)
    | st.text()
)
def test_any_name(name: str) -> None:
    """Whatever a folder is called, it is one of the three, and what is proposed is a rule."""
    found = parse(name)
    if isinstance(found, Wrong):
        assert isinstance(parse(found.nearest), Jingle | Part)


@pytest.mark.parametrize(("name", "scope"), [("_hourly 00", ""), ("_22-06/_hourly 00", "_22-06")])
def test_scope(name: str, scope: str) -> None:
    """A jingle belongs to the part it lies in."""
    rule = parse("_hourly 00", name)
    assert isinstance(rule, Jingle)
    assert rule.scope == scope
