"""How many listened, over a year: a file a station, of one size, with a record each minute, hour and day.

Each kind is a ring: the record of a minute takes the place of that of some days before. A record holds its number,
so that an old one, or what a crash left, is not taken for a new one. Written by the thread "plays" alone; read by any.
"""

from __future__ import annotations

import logging
import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.plays.months import stem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiostream.playlist.zones import Zone

log = logging.getLogger(__name__)

FOLDER: Final = "statistics"
MAGIC: Final = b"radiostream statistics 1\n".ljust(32, b"\0")
RECORD: Final = struct.Struct("<IIIIId")
MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86400
_COUNT_MOST: Final = (1 << 32) - 1


class Record(NamedTuple):
    """A minute, an hour, or a day."""

    number: int
    """Since 1970: minutes, hours of UTC, or days of the station's calendar."""
    listeners: int
    """At its end."""
    peak: int
    hls: int
    """The most players that followed the HLS playlist."""
    covered_s: int
    """How much of it was counted."""
    listener_s: float


class Ring(NamedTuple):
    """The records of one kind in a file."""

    offset: int
    slots: int
    step_s: int


def _rings() -> tuple[Ring, Ring, Ring]:
    offset, rings = len(MAGIC), []
    for slots, step_s in ((1500, MINUTE_S), (780, HOUR_S), (400, DAY_S)):
        rings.append(Ring(offset, slots, step_s))
        offset += slots * RECORD.size
    return rings[0], rings[1], rings[2]


MINUTES, HOURS, DAYS = _rings()
SIZE: Final = DAYS.offset + DAYS.slots * RECORD.size
RANGES: Final = {"day": (MINUTES, 1440), "week": (HOURS, 168), "month": (HOURS, 744), "year": (DAYS, 366)}
"""What is asked for, as so many records of one kind."""


class Sample(NamedTuple):
    """What was counted since the sample before."""

    listeners: int
    peak: int
    hls: int
    covered_s: float
    listener_s: float


def path_of(directory: Path, route: str) -> Path:
    """The file of a station. `directory`: that of the state."""
    return directory / FOLDER / f"{stem_of(route)}.bin"


def add(path: Path, sample: Sample, unix_s: float, zone: Zone) -> None:
    """Add what was counted up to `unix_s` to its minute, hour and day. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "r+b" if path.exists() else "w+b", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != SIZE or os.pread(file.fileno(), len(MAGIC), 0) != MAGIC:
            file.truncate(0)
            file.truncate(SIZE)
            os.pwrite(file.fileno(), MAGIC, 0)
        at_s = unix_s - 0.5  # what is counted at the full minute was heard before it
        for ring in (MINUTES, HOURS, DAYS):
            _add_to(file.fileno(), ring, _number(ring, at_s, zone), sample)


def _number(ring: Ring, unix_s: float, zone: Zone) -> int:
    return int(max(0.0, zone.wall_s(unix_s) if ring is DAYS else unix_s)) // ring.step_s


def _add_to(fd: int, ring: Ring, number: int, sample: Sample) -> None:
    offset = ring.offset + number % ring.slots * RECORD.size
    before = Record._make(RECORD.unpack(os.pread(fd, RECORD.size, offset)))
    if before.number != number:
        before = Record(number, 0, 0, 0, 0, 0.0)
    after = Record(
        number,
        min(_COUNT_MOST, sample.listeners),
        min(_COUNT_MOST, max(before.peak, sample.peak)),
        min(_COUNT_MOST, max(before.hls, sample.hls)),
        min(ring.step_s, before.covered_s + round(sample.covered_s)),
        before.listener_s + sample.listener_s,
    )
    os.pwrite(fd, RECORD.pack(*after), offset)


def records(path: Path, name: str, unix_s: float, zone: Zone) -> Iterator[tuple[float, Record]]:
    """The records of a range up to now, oldest first, each with when it began (Unix seconds); none where there is no
    file. Raises `OSError` where it cannot be read."""
    ring, count = RANGES[name]
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE)
    except FileNotFoundError:
        return
    if len(data) != SIZE or not data.startswith(MAGIC):
        return
    newest = _number(ring, unix_s, zone)
    for number in range(newest - count + 1, newest + 1):
        one = Record._make(RECORD.unpack_from(data, ring.offset + number % ring.slots * RECORD.size))
        if one.number == number and one.covered_s + one.peak + one.hls:
            began = zone.instant(number * DAY_S) if ring is DAYS else float(number * ring.step_s)
            yield began, one
