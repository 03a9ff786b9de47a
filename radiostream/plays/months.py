"""The files of the log: one a station and month, their names, and how they are read. Any thread.

`<state>/log/humor-2026-11.csv`; the default station is `main`. A large file whose month is over is packed as
`humor-2026-09.csv.gz`, its lines sorted by what was played, which makes it half as large as by time. Both may be there
for one month, and are read one after the other.
"""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from radiostream.logs import quoted
from radiostream.playlist.state import file_name
from radiostream.plays import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiostream.playlist.zones import Zone

log = logging.getLogger(__name__)

FOLDER: Final = "log"
PACKED: Final = ".gz"
NAME: Final = re.compile(r".+-(\d{4}-(?:0[1-9]|1[0-2]))\.csv(\.gz)?", re.DOTALL)
_LATEST: Final = 253402214400.0
"""Unix seconds shortly before the end of the year 9999, behind which there are no months."""

Month = str
"""`2026-11`; months compare as text."""


def stem_of(route: str) -> str:
    """What a station's files are called: as its route, the default station `main`, and one at `/main` otherwise."""
    return {"/": "main", "/main": "%2Fmain"}.get(route) or file_name(route).removeprefix("-")


def path_of(directory: Path, route: str, month: Month) -> Path:
    """The file of a station's month, packed or not. `directory`: that of the state."""
    return directory / FOLDER / f"{stem_of(route)}-{month}.csv"


def month_of(unix_s: float, zone: Zone) -> Month:
    """The month that the zone's calendar shows."""
    return f"{datetime.fromtimestamp(zone.wall_s(min(unix_s, _LATEST)), UTC):%Y-%m}"


def month(number: int) -> Month:
    """The month of so many months since the year 0."""
    return f"{number // 12:04}-{number % 12 + 1:02}"


def number_of(month: Month) -> int:
    """Months since the year 0, so that months can be subtracted."""
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a month's file, in the order in which the plays began; none where there is no such file.

    A line that is too long to be one comes in pieces; where a file is damaged, what is behind is left out.
    """
    yield from sorted(packed_lines(path), key=lambda raw: record.started_at(raw) or 0.0)
    yield from _read(path)


def packed_lines(path: Path) -> Iterator[bytes]:
    """The lines of a month that have been packed, sorted by what was played."""
    return _read(path.with_name(path.name + PACKED))


def _read(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.name.endswith(PACKED) else open(path, "rb") as file:
            while raw := file.readline(record.LONGEST_LINE):
                yield raw
    except FileNotFoundError:
        return
    except (OSError, EOFError, zlib.error) as error:
        log.warning("%s cannot be read to its end: %s", quoted(path.name), error)
