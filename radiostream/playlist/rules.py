"""What the name of a folder says of the programme (CONTRACT §7). Pure.

`parse` reads one name: a rule, a name that looks like one and is none, or just music.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.playlist.rules_nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN: Final = 24 * 60

TRACKS: Final = "tracks"
MINUTES: Final = "min"
HOURLY: Final = "hourly"
DAILY: Final = "daily"

MonthDay = tuple[int, int]

_EVERY: Final = re.compile(r"every ([1-9][0-9]{0,2}) (tracks|min)")
_HOURLY: Final = re.compile(r"hourly ([0-5][0-9])")
_DAILY: Final = re.compile(r"daily ([01][0-9]|2[0-3])([0-5][0-9])")
_PART: Final = re.compile(
    r"(?:(?P<dates>[0-9]{2}-[0-9]{2}\.\.[0-9]{2}-[0-9]{2}) )?"
    r"(?:(?P<days>[a-z][a-z,-]*) )?"
    r"(?P<span>[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{4})"
)
_AT_ONCE: Final = " !"
_FIRST_WORD: Final = re.compile(
    r"_(?:[0-9]|(?:every|hourly|daily|weekdays?|weekends?"
    r"|mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)(?![a-z]))"
)


@dataclass(frozen=True, slots=True)
class Jingle:
    """A folder of which one track at a time is put between the music."""

    folder: str
    """Its path below the station's directory: `_hourly 00`, or `_22-06/_hourly 00` for one that belongs to a part."""
    kind: str
    """`TRACKS`, `MINUTES`, `HOURLY` or `DAILY`."""
    number: int
    """So many tracks or minutes; the minute of the hour; the minute of the day."""
    at_once: bool = False

    @property
    def scope(self) -> str:
        """The folder of the part it belongs to; empty for the station's own music."""
        return self.folder.rpartition("/")[0]

    @property
    def text(self) -> str:
        """The rule as the grammar writes it, without the underscore."""
        if self.kind == HOURLY:
            said = f"hourly {self.number:02}"
        elif self.kind == DAILY:
            said = f"daily {_clock(self.number)}"
        else:
            said = f"every {self.number} {self.kind}"
        return said + _AT_ONCE * self.at_once


@dataclass(frozen=True, slots=True)
class Part:
    """A folder that is the programme while its span holds."""

    folder: str
    begin_min: int
    """Minute of the day, 0 to 1439."""
    length_min: int
    """1 to 1440: how long its span is on a day without a change of the clock."""
    days: frozenset[int] | None = None
    """Weekdays (Monday is 0) on which the span may begin; None: the name has none, any day."""
    dates: tuple[MonthDay, MonthDay] | None = None
    """First and last (month, day) on which it may begin; may go over the new year."""
    at_once: bool = False
    text: str = ""
    """The rule as its name has it, without the underscore, in lower case."""

    @property
    def rank(self) -> tuple[bool, bool, int, str]:
        """Of several that hold, the lowest is the programme: dates, then days, then the shorter span, then the name."""
        return self.dates is None, self.days is None, self.length_min, self.folder

    def begins_on(self, month_day: MonthDay, weekday: int) -> bool:
        """Whether the span of that day counts."""
        if self.days is not None and weekday not in self.days:
            return False
        if self.dates is None:
            return True
        first, last = self.dates
        return first <= month_day <= last if first <= last else month_day >= first or month_day <= last


@dataclass(frozen=True, slots=True)
class Wrong:
    """A name that looks like a rule and is none."""

    reason: str
    nearest: str
    """The nearest name that is a rule."""


def parse(name: str, folder: str = "") -> Jingle | Part | Wrong | None:
    """What a folder called `name` is; None for music. `folder` is its path below the station's directory."""
    folder = folder or name
    lower = name.lower()
    if not _FIRST_WORD.match(lower):
        return None
    at_once = lower.endswith(_AT_ONCE)
    said = lower[1:].removesuffix(_AT_ONCE)
    return _jingle(said, folder, at_once) or _part(said, folder, at_once) or _wrong(lower)


def _jingle(said: str, folder: str, at_once: bool) -> Jingle | None:
    if every := _EVERY.fullmatch(said):
        return Jingle(folder, every[2], int(every[1]), at_once)
    if hourly := _HOURLY.fullmatch(said):
        return Jingle(folder, HOURLY, int(hourly[1]), at_once)
    if daily := _DAILY.fullmatch(said):
        return Jingle(folder, DAILY, int(daily[1]) * 60 + int(daily[2]), at_once)
    return None


def _part(said: str, folder: str, at_once: bool) -> Part | None:
    found = _PART.fullmatch(said)
    if found is None:
        return None
    dates, days, span = found["dates"], found["days"], _span(found["span"])
    known_dates = _dates(dates) if dates else None
    known_days = _days(days) if days else None
    if span is None or (dates and known_dates is None) or (days and known_days is None):
        return None
    return Part(folder, *span, known_days, known_dates, at_once, said + _AT_ONCE * at_once)


def _span(text: str) -> tuple[int, int] | None:
    """Begin and length in minutes of `22-06` or `0600-1000`."""
    begin, end = map(_minute, text.split("-"))
    if begin is None or end is None or begin == DAY_MIN:
        return None
    return begin, end - begin if end > begin else end - begin + DAY_MIN


def _minute(text: str) -> int | None:
    """The minute of the day of `22` or `2230`, up to 24 o'clock."""
    hour, minute = int(text[:2]), int(text[2:] or 0)
    return hour * 60 + minute if minute < 60 and hour * 60 + minute <= DAY_MIN else None


def _days(text: str) -> frozenset[int] | None:
    if text in _GROUPS:
        return _GROUPS[text]
    found: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            return None
        begin = DAYS.index(first)
        count = (DAYS.index(last) - begin) % 7 + 1 if dash else 1
        found.update((begin + step) % 7 for step in range(count))
    return frozenset(found)


_GROUPS: Final = {"weekdays": frozenset(range(5)), "weekends": frozenset((5, 6))}


def _dates(text: str) -> tuple[MonthDay, MonthDay] | None:
    first, last = ((int(date[:2]), int(date[3:])) for date in text.split(".."))
    return (first, last) if _is_date(first) and _is_date(last) else None


def _is_date(date: MonthDay) -> bool:
    """A day that some year has."""
    month, day = date
    return 1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}{minute % 60:02}"


_FORMS: Final = {
    "every": "`_every N tracks` or `_every N min`, N from 1 to 999",
    "hourly": "`_hourly MM`, MM from 00 to 59",
    "daily": "`_daily HHMM`, 0000 to 2359",
}
_PART_FORM: Final = "`_HH-HH` or `_HHMM-HHMM`, before it days (`mon-fri`, `sat,sun`) or dates (`12-24..12-26`)"


def _wrong(lower: str) -> Wrong:
    form = next((form for word, form in _FORMS.items() if lower[1:].startswith(word)), _PART_FORM)
    return Wrong(f"looks like a rule of the programme and is none; a rule is {form}", nearest(lower))


def first_by_rank(parts: Iterable[Part]) -> Part | None:
    """The part that is the programme, of those that hold."""
    return min(parts, key=lambda part: part.rank, default=None)
