"""The right name that is nearest to a folder's name which looks like a rule and is none. Pure.

What people write instead: `_every 30 minutes`, `_daily 8:30`, `_Monday 6-10`, `_22:00-6:00!`. All that can be read from
such a name is kept, the rest takes a value that is allowed.
"""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]+")
_DATES: Final = re.compile(r"([0-9]{1,2})[-./]([0-9]{1,2})\s*(?:\.{2,}|to|\u2013|-)\s*([0-9]{1,2})[-./]([0-9]{1,2})\b")
_TIME: Final = re.compile(r"([0-9]{1,2})(?:\s*[:.h]\s*([0-9]{2})|([0-9]{2}))?(?![0-9])\s*([ap]m)?")
_DAY: Final = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*(\s*-\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*)?")


def nearest(lower: str) -> str:
    """A name that is a rule, for one in lower case that is none."""
    said = lower[1:]
    mark = " !" if "!" in said else ""
    for word, form in (("every", _every), ("hourly", _hourly), ("daily", _daily)):
        if said.startswith(word):
            return f"_{word} {form(said.removeprefix(word))}{mark}"
    return f"_{_part(said)}{mark}"


def _first_number(text: str, default: int) -> int:
    found = _NUMBER.search(text)
    return int(found[0][:9]) if found else default


def _every(text: str) -> str:
    number = _first_number(text, 4)
    unit = _NUMBER.sub("", text).strip(" .!")
    if unit.startswith(("h", "std")):
        return f"{_within(number * 60, 1, 999)} min"
    return f"{_within(number, 1, 999)} {'min' if unit.startswith('m') else 'tracks'}"


def _hourly(text: str) -> str:
    number = _first_number(text, 0)
    return f"{number if number < 60 else 0:02}"


def _daily(text: str) -> str:
    times = _times(text)
    return _clock(times[0] if times and times[0] < 24 * 60 else 8 * 60)


def _part(text: str) -> str:
    words: list[str] = []
    if dates := _DATES.search(text):
        text = text[: dates.start()] + " " + text[dates.end() :]
        one, two, three, four = map(int, dates.groups())
        words.append(f"{_date(one, two)}..{_date(three, four)}")
    if "weekday" in text or "weekend" in text:
        words.append("weekdays" if "weekday" in text else "weekends")
    elif days := list(_DAY.finditer(text)):
        words.append(",".join(day[1] + (f"-{day[3]}" if day[3] else "") for day in days))
    return " ".join([*words, _span(_times(text))])


def _times(text: str) -> list[int]:
    """Every time of day in `text`, in minutes, at most 24 o'clock."""
    found = []
    for hour, minute, joined, half in _TIME.findall(text):
        clock = int(hour) % 12 + 12 * (half == "pm") if half else int(hour)
        found.append(_within(clock * 60 + min(int(minute or joined or 0), 59), 0, 24 * 60))
    return found


def _span(times: list[int]) -> str:
    if not times:
        return "00-24"
    begin = min(times[0], 24 * 60 - 1) if times[0] % 60 else min(times[0], 23 * 60)
    end = times[1] if len(times) > 1 else min(begin + 60, 24 * 60)
    if begin % 60 or end % 60:
        return f"{_clock(begin)}-{_clock(end)}"
    return f"{begin // 60:02}-{end // 60:02}"


def _date(month: int, day: int) -> str:
    month = _within(month, 1, 12)
    return f"{month:02}-{_within(day, 1, monthrange(2000, month)[1]):02}"


def _within(number: int, least: int, most: int) -> int:
    return max(least, min(number, most))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}{minute % 60:02}"
