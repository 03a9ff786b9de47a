"""`order.m3u`: the order that somebody has written down for a directory. Read by the library's thread, within bounds.

An `OrderFiles` belongs to one thread at a time, like the `Directory` it is part of, and raises nothing. A list is taken
once its size and time are the same in two scans.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES: Final = ("order.m3u", "order.m3u8")
"""The first that is there counts."""

_MOST_BYTES: Final = 4 << 20
_MOST_ENTRIES: Final = 50_000


@dataclass(frozen=True, slots=True)
class Order:
    """One list."""

    path: str
    """Of the list itself, absolute."""
    entries: tuple[str, ...]
    """Absolute paths, in the list's order."""


class OrderFiles:
    """The lists in a station's directory and in its parts."""

    def __init__(self) -> None:
        self._stamps: dict[str, tuple[int, int]] = {}
        self._settling: dict[str, tuple[int, int]] = {}
        self._orders: tuple[Order, ...] = ()

    def look(self, paths: Iterable[str], eager: bool) -> tuple[Order, ...]:
        """The lists at `paths` as they are now; the same object while nothing has changed. `eager` takes them at
        once."""
        stamps: dict[str, tuple[int, int]] = {}
        settling: dict[str, tuple[int, int]] = {}
        for path in paths:
            stamp = _stamp(path)
            if stamp is None:
                continue
            if eager or stamp in (self._stamps.get(path), self._settling.get(path)):
                stamps[path] = stamp
            else:
                settling[path] = stamp
                if path in self._stamps:
                    stamps[path] = self._stamps[path]
        if stamps != self._stamps:
            known = {order.path: order for order in self._orders if stamps.get(order.path) == self._stamps[order.path]}
            self._orders = tuple(known.get(path) or _read(path) for path in stamps)
        self._stamps, self._settling = stamps, settling
        return self._orders


def is_order(name: str) -> bool:
    """Whether a file of that name gives its directory's order."""
    return name.lower() in NAMES


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _read(path: str) -> Order:
    from radiostream.playlist.track import open_track

    try:
        with open_track(path) as file:
            data = file.read(_MOST_BYTES)
    except OSError:
        data = b""
    return Order(path, entries(data, os.path.dirname(path)))


def entries(data: bytes, directory: str) -> tuple[str, ...]:
    """The files that an M3U names, as absolute paths: UTF-8, else Windows-1252, as players of old wrote it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines = (line.strip() for line in text.splitlines())
    named = [line for line in lines if line and not line.startswith("#") and "\0" not in line]
    return tuple(os.path.normpath(os.path.join(directory, _slashes(line))) for line in named[:_MOST_ENTRIES])


def _slashes(line: str) -> str:
    r"""`Rock\song.mp3` is how Windows writes a path; a name that has both kinds is left alone."""
    return line.replace("\\", "/") if "\\" in line and "/" not in line else line
