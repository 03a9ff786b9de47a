"""The programme found out by brute force: a clock on the wall that is watched minute by minute.

Written from CONTRACT §7 alone, with nothing of `schedule` or `rules`: what it cannot be told by a folder's name and a
zone's clock, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MINUTE = timedelta(minutes=1)


class Span:
    """A part, by its folder's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at_once = name.endswith(" !")
        words = name[1:].removesuffix(" !").lower().split(" ")
        begin, end = words.pop().split("-")
        self.begin = self.minutes(begin)
        self.length = (self.minutes(end) - self.begin) % 1440 or 1440
        self.dates = words.pop(0).split("..") if words and ".." in words[0] else []
        self.days = self.weekdays(words.pop()) if words else []
        self.open: set[datetime] = set()

    def minutes(self, text: str) -> int:
        return int(text[:2]) * 60 + int(text[2:] or "0")

    def weekdays(self, text: str) -> list[int]:
        text = text.replace("weekdays", "mon-fri").replace("weekends", "sat-sun")
        found = []
        for item in text.split(","):
            names = item.split("-")
            day = WEEK.index(names[0])
            found.append(day)
            while day != WEEK.index(names[-1]):
                day = (day + 1) % 7
                found.append(day)
        return found

    def shown(self, wall: datetime) -> None:
        """The clock shows `wall` for the first time, or has just leapt over it."""
        self.open = {begin for begin in self.open if wall < begin + timedelta(minutes=self.length)}
        if wall.hour * 60 + wall.minute != self.begin:
            return
        if self.days and wall.weekday() not in self.days:
            return
        today = wall.strftime("%m-%d")
        if self.dates:
            first, last = self.dates
            inside = first <= today <= last if first <= last else not last < today < first
            if not inside:
                return
        self.open.add(wall)

    @property
    def order(self) -> tuple[int, int, int, str]:
        return (0 if self.dates else 1, 0 if self.days else 1, self.length, self.name)


class Spot:
    """A folder of jingles, by its path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.at_once = path.endswith(" !")
        self.part, _, name = path.rpartition("/")
        self.word, number, *unit = name[1:].removesuffix(" !").lower().split(" ")
        self.unit = unit[0] if unit else ""
        self.number = int(number)
        self.minute = self.number % 100 if self.word != "every" else -1
        self.hour = self.number // 100 if self.word == "daily" else -1
        self.since = 0.0
        self.due: float | None = None

    def shows(self, wall: datetime) -> bool:
        return self.word != "every" and wall.minute == self.minute and self.hour in (-1, wall.hour)


class Oracle:
    """One station's programme from `begin_s` on; `choose` is asked at each track end, in order of time."""

    def __init__(self, paths: list[str], zone: ZoneInfo, begin_s: int, end_s: int) -> None:
        words = ("every", "hourly", "daily")
        self.spans = [Span(path) for path in paths if not path.rpartition("/")[2].lower()[1:].startswith(words)]
        self.spots = [Spot(path) for path in paths if path.rpartition("/")[2].lower()[1:].startswith(words)]
        self.holding: dict[int, Span | None] = {}
        self.open: dict[int, list[Span]] = {}
        self.struck: dict[int, list[Spot]] = {}
        self.watch(zone, begin_s // 60 - 3 * 1440, end_s // 60 + 1)
        self.now_s = float(begin_s)
        self.playing: Span | None = None
        self.had: set[str] = set()

    def watch(self, zone: ZoneInfo, first: int, last: int) -> None:
        highest = datetime.fromtimestamp(first * 60, zone).replace(tzinfo=None) - MINUTE
        for minute in range(first, last):
            wall = datetime.fromtimestamp(minute * 60, zone).replace(tzinfo=None)
            shown = []
            while highest < wall:
                highest += MINUTE
                shown.append(highest)
                for span in self.spans:
                    span.shown(highest)
            holding = sorted((span for span in self.spans if span.open), key=lambda span: span.order)
            self.holding[minute] = holding[0] if holding else None
            self.open[minute] = holding
            name = holding[0].name if holding else ""
            self.struck[minute] = [spot for spot in self.spots if spot.part == name and any(map(spot.shows, shown))]

    def minutes(self, until_s: float) -> Iterator[int]:
        """The whole minutes later than now and not later than `until_s`."""
        return iter(range(int(self.now_s // 60) + 1, int(until_s // 60) + 1))

    def cut_s(self, until_s: float) -> float | None:
        """When what plays is cut, before `until_s`."""
        found = [float(minute * 60) for minute in self.minutes(until_s - 0.001) if self.cuts(minute)]
        name = self.playing.name if self.playing else ""
        for spot in self.spots:
            if (
                spot.at_once
                and spot.unit == "min"
                and spot.part == name
                and spot.due is None
                and spot.path not in self.had
            ):
                at_s = self.now_s + spot.number * 60 - spot.since
                after = self.holding[int(at_s // 60)] if at_s < until_s else None
                if self.now_s < at_s < until_s and (after.name if after else "") == name:
                    found.append(at_s)
        return min(found, default=None)

    def cuts(self, minute: int) -> bool:
        before, now = self.playing, self.holding[minute]
        if now is not before and now is not self.holding[minute - 1] and now is not None and now.at_once:
            return True
        if now is not before and before is not None and before.at_once and self.ended(before, minute):
            return True
        return any(spot.at_once and spot.due is None and spot.path not in self.had for spot in self.struck[minute])

    def ended(self, span: Span, minute: int) -> bool:
        return span in self.open[minute - 1] and span not in self.open[minute]

    def choose(self, at_s: float) -> str:
        """The folder of what comes next at `at_s`."""
        for spot in self.spots:
            if spot.unit == "min" and spot.part == (self.playing.name if self.playing else ""):
                spot.since += at_s - self.now_s
        for minute in self.minutes(at_s):
            for spot in self.struck[minute]:
                if spot.due is None:
                    spot.due = minute * 60.0
        self.now_s = at_s
        now = self.holding[int(at_s // 60)]
        name = now.name if now else ""
        for spot in self.spots:
            if spot.part != name:
                spot.due = None
            elif spot.due is None and spot.word == "every":
                over = spot.since - spot.number * (60 if spot.unit == "min" else 1)
                if over >= 0:
                    spot.due = at_s - over if spot.unit == "min" else at_s
        ready = [spot for spot in self.spots if spot.due is not None and spot.path not in self.had]
        if ready:
            first = min(ready, key=lambda spot: (spot.due or 0.0, spot.path))
            first.due, first.since = None, 0.0
            self.playing = now
            self.had.add(first.path)
            return first.path
        self.playing, self.had = now, set()
        for spot in self.spots:
            if spot.unit == "tracks" and spot.part == name:
                spot.since += 1
        return name
