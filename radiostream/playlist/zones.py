"""The local time of a station. Pure but for reading the host's zone data; any thread.

A `Zone` answers two questions: what the clock on the wall shows at an instant, and at which instant it comes to a time.
A time that a change of the clock leaves out comes when the clock has passed it; one that comes twice, the first time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

DAY_S: Final = 86400
_FARTHEST_S: Final = 253402214400.0
"""Unix seconds of the end of the year 9999 less a day: no clock is right beyond it."""


class Zone:
    """A time zone: its name, and the seconds by which its clocks are ahead of UTC at an instant."""

    def __init__(self, name: str, offset_s: Callable[[float], float]) -> None:
        self.name = name
        self._offset_s = offset_s
        self._instant = lru_cache(4096)(self._find)

    def offset_s(self, unix_s: float) -> float:
        """Seconds ahead of UTC at that instant."""
        return self._offset_s(min(max(unix_s, 0.0), _FARTHEST_S))

    def wall_s(self, unix_s: float) -> float:
        """What the clock shows: seconds since 1970-01-01 00:00 of the zone."""
        return unix_s + self.offset_s(unix_s)

    def instant(self, wall_s: int) -> float:
        """The first instant at which the clock shows `wall_s` or later, in Unix seconds."""
        return self._instant(wall_s)

    def iso(self, unix_s: float) -> str:
        """ISO 8601 with this zone's offset, to the second."""
        moment = datetime.fromtimestamp(self.wall_s(unix_s), UTC)
        minutes = round(self.offset_s(unix_s) / 60)
        sign = "-" if minutes < 0 else "+"
        return f"{moment:%Y-%m-%dT%H:%M:%S}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    def _find(self, wall_s: int) -> float:
        before, after = self.offset_s(wall_s - DAY_S), self.offset_s(wall_s + DAY_S)
        early, late = wall_s - max(before, after), wall_s - min(before, after)
        if self.wall_s(early) >= wall_s:
            return early
        if self.wall_s(late) <= wall_s:
            return late
        # The clock leaps over it: the instant of the leap, to the second.
        low, high = int(early), int(late)
        while high - low > 1:
            middle = (low + high) // 2
            if self.wall_s(middle) >= wall_s:
                high = middle
            else:
                low = middle
        return float(high)


def zone(name: str = "") -> Zone:
    """The zone of an IANA name (`Europe/Berlin`); with none, that of TZ or of the host.

    Raises ValueError for a name that is not known here.
    """
    if not name:
        return Zone(_host_name(), lambda unix_s: time.localtime(unix_s).tm_gmtoff)
    from zoneinfo import ZoneInfo

    try:
        info = ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is not a time zone that is known here, such as Europe/Berlin") from error

    def offset_s(unix_s: float) -> float:
        offset = datetime.fromtimestamp(unix_s, info).utcoffset()
        return offset.total_seconds() if offset is not None else 0.0

    return Zone(name, offset_s)


def _host_name() -> str:
    """What to call the host's zone: by TZ, by what /etc/localtime points to, else by its abbreviation."""
    if said := os.environ.get("TZ", "").removeprefix(":"):
        return said
    _, found, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    return name if found else time.tzname[0]
