"""The log of plays: a line appended for each, a file a station and month, old months packed and deleted.

Used by the thread "plays" alone, which may wait for the disk. A line is on the disk before the next one is looked at,
so a crash costs the play on the air at most; what a crash left of a line is cut off before the next one is written. A
disk that is full costs lines, which is told once, and once more that it is over.
"""

from __future__ import annotations

import errno
import gzip
import logging
import os
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from radiostream.logs import quoted
from radiostream.playlist import zones
from radiostream.plays import months, record

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from radiostream.radio.plays import Play

log = logging.getLogger(__name__)

PACK_AFTER_S: Final = 10 * 86400.0
"""So long a month that is over lies as it was, for whoever takes it from there."""
PACK_BYTES: Final = 256 << 10
"""A smaller file is left as it is."""
TAIL_BYTES: Final = 64 << 10


@lru_cache(64)
def zone_of(name: str) -> zones.Zone:
    """The zone of a station's configuration; the host's where its data has gone meanwhile. Any thread."""
    try:
        return zones.zone(name)
    except ValueError:
        return zones.zone()


class PlayLog:
    """The play log of all stations, written by one thread; others add to it without waiting."""

    def __init__(self, directory: Path, keep_months: int) -> None:
        """`directory`: that of the state; need not exist. `keep_months`: so many are kept besides the current one."""
        self._directory = directory
        self._keep_months = keep_months
        self.written = 0
        self.lost = 0
        """Lines so far (ints, read by any thread)."""
        self._in_trouble = False

    def append(self, play: Play) -> None:
        """Write the line of `play`; where that fails it is lost."""
        zone = zone_of(play.timezone)
        path = months.path_of(self._directory, play.route, months.month_of(play.started_at, zone))
        try:
            _append(path, record.line(play, zone))
        except OSError as error:
            self.lost += 1
            if not self._in_trouble:
                log.error("plays cannot be logged, their lines are lost: %s", error)
            self._in_trouble = True
            return
        self.written += 1
        if self._in_trouble:
            self._in_trouble = False
            log.info("plays are logged again, %d lines are lost so far", self.lost)

    def tidy(self, unix_s: float) -> None:
        """Delete months that are older than asked for, and pack those that nobody takes as they are any more."""
        zone = zone_of("")
        this = months.number_of(months.month_of(unix_s, zone))
        packable = months.number_of(months.month_of(unix_s - PACK_AFTER_S, zone))
        try:
            found = list((self._directory / months.FOLDER).iterdir())
        except OSError:
            return  # there is none yet; a disk in trouble is told of where a line is lost
        for path in found:
            named = months.NAME.fullmatch(path.name)
            if named is None:
                continue
            number = months.number_of(named[1])
            with suppress(OSError):
                if this - number > self._keep_months:
                    path.unlink()
                    log.info("%s is deleted: it is older than %d months", quoted(path.name), self._keep_months)
                elif number < packable and not named[2] and path.stat().st_size >= PACK_BYTES:
                    pack(path)


def _append(path: Path, line: bytes) -> None:
    """Append `line` whole or not at all, to a file that is begun where there is none. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b", buffering=0) as file:
        size = mended_size(file, path.name)
        data = line if size else record.HEADER + line
        try:
            _write_whole(file, data)
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(size)
            raise


def _write_whole(file: FileIO, data: bytes) -> None:
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def mended_size(file: FileIO, name: str) -> int:
    """The size of `file` once what is no whole line is cut off its end: what a crash left, or a power failure, which
    may leave zeros."""
    end = size = file.seek(0, os.SEEK_END)
    while size:
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        tail = file.read(size - start)
        zero = tail.find(b"\0")
        if zero < 0 and tail.endswith(b"\n"):
            break
        size = start + tail.rfind(b"\n", 0, zero if zero >= 0 else len(tail)) + 1
    if size != end:
        file.truncate(size)
        log.warning("%s: a damaged end of %d bytes is cut off", quoted(name), end - size)
    return size


def pack(path: Path) -> None:
    """Put the lines of `path` to those of its month that are packed. Raises `OSError`; then nothing has changed.

    A crash before the end leaves lines in both files; the next time they are one again.
    """
    rows = sorted({*months.lines(path)} - {record.HEADER}, key=lambda raw: (raw.split(b",", 2)[-1], raw))
    draft = path.with_name(path.name + ".tmp")
    try:
        with open(draft, "wb") as target:
            with gzip.GzipFile("", "wb", 9, target) as packed:
                packed.write(record.HEADER)
                packed.writelines(rows)
            target.flush()
            os.fsync(target.fileno())
        os.replace(draft, path.with_name(path.name + months.PACKED))
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    path.unlink()
