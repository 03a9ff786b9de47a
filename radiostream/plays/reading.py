"""What the log of plays says of a time: its lines one by one, never a month of them in memory. Any thread."""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.plays import months, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiostream.playlist.zones import Zone
    from radiostream.plays.record import Row

DAY_S: Final = 86400
_MONTH: Final = re.compile(r"\d{4}-\d\d")
_OLDEST_MONTHS: Final = 1200
"""So far back is looked for plays: --keep-log keeps no more."""


class Period(NamedTuple):
    """The plays that began at `since` or later, and before `until` (Unix seconds)."""

    since: float
    until: float
    first: str
    last: str
    """As dates for people, both included."""


def period(said_from: str, said_to: str, zone: Zone, now: float) -> Period:
    """The time from one date to another, both included: `2026-11-26`, `2026-11` (all of the month), or a moment as
    `2026-11-26T14:00`, which as an end is not included. Empty: from the month's begin, to today.

    Raises ValueError, with words for the user.
    """
    today = _date(now, zone)
    since, _ = _span("from", said_from or today[:7], zone)
    _, until = _span("to", said_to or today, zone)
    if until <= since:
        raise ValueError("to must be after from")
    return Period(since, until, _date(since, zone), _date(max(since, until - 0.001), zone))


def _date(unix_s: float, zone: Zone) -> str:
    return f"{datetime.fromtimestamp(zone.wall_s(unix_s), UTC):%Y-%m-%d}"


def _span(name: str, text: str, zone: Zone) -> tuple[float, float]:
    """When what `text` names begins and is over; a moment is over at once."""
    try:
        if _MONTH.fullmatch(text):
            begin = datetime.fromisoformat(f"{text}-01")
            end = (begin + timedelta(days=31)).replace(day=1)
        else:
            is_moment = len(text) > 10
            text = text.replace(" ", "T", 1) if text[10:11] == " " else text
            begin = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in a query is a space
            end = begin if is_moment else begin + timedelta(days=1)
        if begin.tzinfo is not None:
            return begin.timestamp(), end.timestamp()
        walls = (round(one.replace(tzinfo=UTC).timestamp()) for one in (begin, end))
        since, until = map(zone.instant, walls)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} must be a date such as 2026-11-26") from None
    else:
        return since, until


def rows(directory: Path, route: str, since: float, until: float, zone: Zone, now: float) -> Iterator[Row]:
    """The plays that began in the time, oldest first. `directory`: that of the state."""
    newest = months.number_of(months.month_of(now + DAY_S, zone))
    # a day to either side: the station may have had another zone then
    first = max(months.number_of(months.month_of(since - DAY_S, zone)), newest - _OLDEST_MONTHS)
    last = min(months.number_of(months.month_of(until + DAY_S, zone)), newest)
    for number in range(first, last + 1):
        for raw in months.lines(months.path_of(directory, route, months.month(number))):
            began = record.started_at(raw)
            if began is not None and since <= began < until and (row := record.parse(raw)):
                yield row


def before(directory: Path, route: str, moment: float, limit: int, zone: Zone) -> list[Row]:
    """The latest plays that began before `moment` (Unix seconds), newest first, at most `limit`."""
    found: list[Row] = []
    kept = [months.number_of(month) for month in _kept(directory, route)]
    newest = min(max(kept, default=0), months.number_of(months.month_of(moment + DAY_S, zone)))
    for number in range(newest, min(kept, default=1) - 1, -1):
        path = months.path_of(directory, route, months.month(number))
        latest = deque((raw for raw in months.lines(path) if _is_before(raw, moment)), limit)
        found += [row for raw in reversed(latest) if (row := record.parse(raw))]
        if len(found) >= limit:
            break
    return found[:limit]


def is_kept(directory: Path, route: str) -> bool:
    """Whether there is a log of the station. Reads the disk."""
    return any(_kept(directory, route))


def _is_before(raw: bytes, moment: float) -> bool:
    began = record.started_at(raw)
    return began is not None and began < moment


def _kept(directory: Path, route: str) -> Iterator[str]:
    """The months that there are files of."""
    begin = f"{months.stem_of(route)}-"
    try:
        names = [path.name for path in (directory / months.FOLDER).iterdir()]
    except OSError:
        return
    for name in names:
        named = months.NAME.fullmatch(name)
        if named and name.startswith(begin) and name[len(begin) :].startswith(f"{named[1]}.csv"):
            yield named[1]
