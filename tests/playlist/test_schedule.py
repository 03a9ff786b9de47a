"""The programme against a clock that is watched minute by minute, and the leaps that no calendar has."""

from __future__ import annotations

import random
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from radiostream.playlist import schedule
from radiostream.playlist.rules import Jingle, Part, parse
from radiostream.playlist.schedule import Choice, Rules, State
from radiostream.playlist.zones import Zone, zone
from tests.playlist.schedule_oracle import Oracle

BERLIN = "Europe/Berlin"


def rules(*paths: str) -> Rules:
    """The rules of folders; each must be one."""
    parsed = [parse(path.rpartition("/")[2], path) for path in paths]
    parts = tuple(rule for rule in parsed if isinstance(rule, Part))
    jingles = tuple(rule for rule in parsed if isinstance(rule, Jingle))
    assert len(parts) + len(jingles) == len(paths)
    return Rules(parts, jingles)


def at(text: str, name: str = BERLIN) -> float:
    """Unix seconds of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name)).timestamp()


class Simulated:
    """A station that asks the planner at each track end, and lets what is at once cut."""

    def __init__(self, made: Rules, where: Zone, begin_s: float) -> None:
        self.rules, self.zone, self.now_s = made, where, begin_s
        self.air_s = 500.0
        self.state = State(begin_s, self.air_s)

    def choose(self) -> Choice:
        self.state = schedule.arrive(self.rules, self.zone, self.state, self.now_s, self.air_s)
        choice = schedule.choose(self.rules, self.zone, self.state, self.now_s)
        self.state = schedule.taken(self.rules, self.state, choice)
        return choice

    def play(self) -> str:
        """What comes now, by its folder."""
        choice = self.choose()
        return choice.jingle.folder if choice.jingle else choice.scope

    def pass_time(self, seconds: float, leap_s: float = 0.0) -> None:
        self.now_s += seconds + leap_s
        self.air_s += seconds

    def cut_s(self, end_s: float) -> float | None:
        """When what plays is cut, before `end_s`."""
        at_s = self.now_s
        while True:
            air_s = self.air_s + at_s - self.now_s
            at_s = schedule.next_look_s(self.rules, self.zone, self.state, at_s, air_s)
            if at_s >= end_s:
                return None
            if schedule.interrupts(self.rules, self.zone, self.state, at_s, self.air_s + at_s - self.now_s):
                return at_s


class Programme(NamedTuple):
    name: str
    zone: str
    begin: str
    folders: list[str]


FIXED = [
    Programme("forward", BERLIN, "2026-03-28T20:00", ["_02-04", "_0230-0245", "_hourly 30", "_22-06", "_daily 0215"]),
    Programme(
        "back", BERLIN, "2026-10-24T20:00", ["_02-03", "_0230-0245 !", "_hourly 30", "_2200-0230 !", "_daily 0215"]
    ),
    Programme("half an hour", "Australia/Lord_Howe", "2026-04-04T20:00", ["_0130-0200", "_hourly 45", "_daily 0145"]),
    Programme("half an hour on", "Australia/Lord_Howe", "2026-10-03T20:00", ["_02-03 !", "_hourly 10", "_daily 0210"]),
    Programme("midnight leaps", "America/Santiago", "2026-09-05T18:00", ["_sun 00-01 !", "_sat 23-01", "_hourly 00 !"]),
    Programme("midnight twice", "America/Santiago", "2026-04-04T18:00", ["_sat 23-24 !", "_sun 00-02", "_daily 2330"]),
    Programme(
        "two hours",
        "Antarctica/Troll",
        "2026-03-28T20:00",
        ["_01-03", "_0230-0400 !", "_hourly 15"],
    ),
    Programme("new year", BERLIN, "2026-12-30T12:00", ["_12-31..01-01 22-02", "_fri 00-24", "_12-24..01-06 12-15 !"]),
    Programme(
        "leap day", "America/New_York", "2028-02-28T10:00", ["_02-29..02-29 00-24", "_tue 00-24", "_03-01..03-31 06-05"]
    ),
    Programme(
        "overlap",
        "Asia/Kolkata",
        "2026-05-30T00:00",
        ["_00-24", "_sat,sun 00-24", "_06-12", "_08-10 !", "_0800-1000", "_05-31..06-01 09-10"],
    ),
]
"""What is hard: nights of the clock change, in zones where it leaps by two hours, by half an hour, or at midnight."""


def made_up(seed: int) -> Programme:
    """A programme of random rules in a random zone, around a night on which its clock may be changed."""
    rng = random.Random(seed)
    where, begin = rng.choice(
        [
            (BERLIN, "2026-03-28T12:00"),
            (BERLIN, "2026-10-24T12:00"),
            ("America/New_York", "2026-03-07T12:00"),
            ("America/New_York", "2026-10-31T12:00"),
            ("UTC", "2026-12-30T12:00"),
            ("Asia/Kathmandu", "2028-02-28T12:00"),
        ]
    )

    def mark() -> str:
        return rng.choice(["", "", " !"])

    folders = [""]
    for _ in range(rng.randrange(1, 6)):
        begin_min = rng.randrange(0, 1440, 15)
        end_min = (begin_min + rng.randrange(30, 1441, 15)) % 1440
        span = f"{begin_min // 60:02}{begin_min % 60:02}-{end_min // 60:02}{end_min % 60:02}"
        days = rng.choice(["", "", "sat-mon ", "sat,tue ", "weekends ", "weekdays ", "mon "])
        dates = rng.choice(["", "", "", "03-29..03-29 ", "10-25..11-01 ", "12-31..01-01 ", "02-29..02-29 "])
        folders.append(f"_{dates}{days}{span}{mark()}")
    spots = []
    for folder in folders:
        for _ in range(rng.randrange(0, 3)):
            rule = rng.choice(
                [
                    f"_every {rng.randrange(1, 9)} tracks",
                    f"_every {rng.randrange(5, 90)} min{mark()}",
                    f"_hourly {rng.randrange(60):02}{mark()}",
                    f"_daily {rng.randrange(24):02}{rng.randrange(60):02}{mark()}",
                ]
            )
            spots.append(f"{folder}/{rule}" if folder else rule)
    return Programme(f"seed {seed}", where, begin, sorted({*folders[1:], *spots}))


@pytest.mark.parametrize("made", [*FIXED, *map(made_up, range(24))], ids=lambda made: made.name)
def test_against_the_oracle(made: Programme) -> None:
    """At 300 track ends and more, and at each cut between them, planner and oracle choose the same folder."""
    rng = random.Random(made.name)
    begin_s = int(at(made.begin, made.zone))
    oracle = Oracle(made.folders, ZoneInfo(made.zone), begin_s, begin_s + 4 * 86400)
    station = Simulated(rules(*made.folders), zone(made.zone), begin_s)
    for _ in range(340):
        expected = oracle.choose(station.now_s)
        assert station.play() == expected, (made.folders, station.zone.iso(station.now_s))
        is_jingle = expected.rpartition("/")[2][1:].startswith(("every", "hourly", "daily"))
        end_s = station.now_s + (rng.randrange(2, 60) if is_jingle else rng.randrange(30, 1200))
        cut_s = oracle.cut_s(end_s)
        assert station.cut_s(end_s) == cut_s, (made.folders, expected, station.zone.iso(station.now_s))
        station.pass_time((cut_s or end_s) - station.now_s)


def test_parts_of_the_contract() -> None:
    """Dates win over days, days over the shorter span, that over the name; the day is that on which a span began."""
    made = rules("_00-24", "_mon-fri 22-06", "_0500-0700", "_12-24..12-26 00-24", "_weekends 00-24")
    found = [
        schedule.holding(made.parts, zone(BERLIN), at(moment))
        for moment in (
            "2026-12-25T05:30",  # a Friday
            "2026-12-28T05:30",  # a Monday: Sunday's night is not one of mon-fri
            "2026-12-29T05:30",
            "2026-12-29T06:30",
            "2026-12-29T07:30",
            "2027-01-02T23:00",  # a Saturday
        )
    ]
    assert [part.folder if part else "" for part in found] == [
        "_12-24..12-26 00-24",
        "_0500-0700",
        "_mon-fri 22-06",
        "_0500-0700",
        "_00-24",
        "_weekends 00-24",
    ]


def test_an_hour_that_is_left_out_and_one_that_comes_twice() -> None:
    """What falls into the gap happens when the clock has passed it; what comes twice, the first time."""
    daily = parse("_daily 0230")
    assert isinstance(daily, Jingle)
    where = zone(BERLIN)
    spring = schedule.occurrences(daily, where, at("2026-03-28T12:00"), at("2026-03-29T12:00"))
    autumn = schedule.occurrences(daily, where, at("2026-10-24T12:00"), at("2026-10-25T12:00"))
    assert [where.iso(at_s) for at_s in spring] == ["2026-03-29T03:00:00+02:00"]
    assert [where.iso(at_s) for at_s in autumn] == ["2026-10-25T02:30:00+02:00"]


@pytest.mark.parametrize(
    ("leap_s", "expected"),
    [
        (0, ["_hourly 00"]),
        (-300, ["_hourly 00"]),  # put back before it was due: it is due then
        (3000, ["_hourly 00"]),
        (86400 * 365 * 10 + 900, []),  # a clock that was never right: nothing is made up for
    ],
)
def test_a_leap_of_the_wall_clock(leap_s: int, expected: list[str]) -> None:
    """A small one makes nothing play twice or never; a large one is like the time when the server was off."""
    station = Simulated(rules("_hourly 00"), zone("UTC"), at("2026-05-05T10:50", "UTC"))
    assert station.play() == ""
    station.pass_time(300, leap_s)
    heard = [station.play()]
    for _ in range(4):
        station.pass_time(200)
        heard.append(station.play())
    assert [folder for folder in heard if folder] == expected


def test_put_back_over_a_jingle() -> None:
    """What has just been put in is not put in again; after a clock that was wrong by days it is."""
    station = Simulated(rules("_daily 1100"), zone("UTC"), at("2026-05-05T10:59", "UTC"))
    station.play()
    station.pass_time(120)
    assert (station.play(), station.play()) == ("_daily 1100", "")
    station.pass_time(60, -600)
    assert station.play() == ""
    station.pass_time(600)
    assert station.play() == ""
    station.pass_time(60, -3 * 86400)
    assert station.play() == ""
    station.pass_time(86400)
    assert station.play() == "_daily 1100"


def test_one_of_each_rule_at_one_track_end() -> None:
    """The rule that is due longest first; a rule that is due again while they play waits for the next track end."""
    station = Simulated(
        rules("_every 1 tracks", "_every 1 min", "_hourly 00"), zone("UTC"), at("2026-05-05T10:58", "UTC")
    )
    assert station.play() == ""
    station.pass_time(150)
    heard = []
    for _ in range(4):
        heard.append(station.play())
        station.pass_time(70)
    assert heard == ["_every 1 min", "_hourly 00", "_every 1 tracks", ""]


def test_schedule_to_come() -> None:
    """Parts, their ends and what is due in each, in order of time."""
    made = rules("_22-06", "_hourly 30", "_22-06/_daily 2300", "_every 40 min", "_every 3 tracks")
    where, now_s = zone("UTC"), at("2026-05-05T20:00", "UTC")
    events = schedule.preview(made, where, State(now_s, 0.0), now_s, 11)
    assert [(where.iso(event.at_s)[11:16], event.rule.text if event.rule else "") for event in events] == [
        ("20:30", "hourly 30"),
        ("20:40", "every 40 min"),
        ("21:20", "every 40 min"),
        ("21:30", "hourly 30"),
        ("22:00", "22-06"),
        ("23:00", "daily 2300"),
        ("06:00", ""),
        ("06:00", "every 40 min"),
        ("06:30", "hourly 30"),
        ("06:40", "every 40 min"),
    ]
    assert schedule.until(made, where, now_s) == at("2026-05-05T22:00", "UTC")
    assert schedule.until(rules("_00-24"), where, now_s) is None


def test_what_was_due_before_its_part_began_was_not() -> None:
    """A station that slept over both counts from where the part begins."""
    made = rules("_06-10", "_06-10/_hourly 15")
    (jingle,) = made.jingles
    due_s = schedule._first_due(jingle, made, zone(BERLIN), at("2026-05-05T04:00"), at("2026-05-05T08:00"))
    assert due_s == at("2026-05-05T06:15")


def test_minutes_of_a_part_that_is_still_to_come() -> None:
    """They count from its begin."""
    made = rules("_06-10", "_06-10/_every 90 min")
    now_s = at("2026-05-05T05:00")
    events = schedule.preview(made, zone(BERLIN), State(now_s, 0.0), now_s, 6)
    assert [event.at_s for event in events] == [
        at(f"2026-05-05T{time}") for time in ("06:00", "07:30", "09:00", "10:00")
    ]
