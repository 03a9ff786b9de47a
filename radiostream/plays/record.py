"""One play as a line of the log, and back. Pure.

CSV as RFC 4180 has it: fields parted by commas, quoted where they hold a comma or a quote, lines ended by CR LF. No
field holds a line end, so each line of the file is a play, and a damaged one costs itself only.
"""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.playlist.track import plain

if TYPE_CHECKING:
    from radiostream.playlist.zones import Zone
    from radiostream.radio.plays import Play

COLUMNS: Final = (
    *("start", "end", "ended", "kind", "file", "artist", "title", "album", "isrc", "label"),
    *("listeners_at_start", "distinct_listeners", "listener_seconds"),
)
NUMBERS: Final = COLUMNS[-3:]
HEADER: Final = ",".join(COLUMNS).encode() + b"\r\n"
LONGEST_TEXT: Final = 1000
LONGEST_LINE: Final = 32 << 10
"""Bytes; longer than any that `line` makes."""


class Row(NamedTuple):
    """One line of the log."""

    started_at: float
    """Unix seconds."""
    cells: tuple[str, ...]
    """As `COLUMNS` names them."""


def line(play: Play, zone: Zone) -> bytes:
    """The line of `play`, its line end included; times by the clock of `zone`."""
    tags = play.tags
    texts = (play.ended, play.kind, play.file, tags.artist, tags.title, tags.album, tags.isrc, tags.label)
    numbers = (play.listeners_at_start, play.distinct_listeners, round(play.listener_s))
    times = stamp(play.started_at, zone), stamp(play.ended_at, zone)
    return (",".join((*times, *map(_quoted, texts), *map(str, numbers))) + "\r\n").encode("utf-8", "replace")


def stamp(unix_s: float, zone: Zone) -> str:
    """ISO 8601 with milliseconds and the zone's offset."""
    millis = round(unix_s * 1000)
    text = zone.iso(millis // 1000)
    return f"{text[:19]}.{millis % 1000:03}{text[19:]}"


def _quoted(text: str) -> str:
    text = plain(text[:LONGEST_TEXT])
    if "," in text or '"' in text or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def started_at(raw: bytes) -> float | None:
    """When the play of a line began, in Unix seconds; None where it is no play, the header among them."""
    try:
        return datetime.fromisoformat(raw[:40].partition(b",")[0].decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return None


def parse(raw: bytes) -> Row | None:
    """The play of a line; None where it is none, or damaged."""
    began = started_at(raw)
    if began is None or b"\0" in raw or not raw.endswith(b"\n"):
        return None
    try:
        cells = next(csv.reader([raw.decode().rstrip("\r\n")], strict=True))
    except (ValueError, csv.Error, StopIteration):
        return None
    is_whole = len(cells) == len(COLUMNS) and all(one.isascii() and one.isdigit() for one in cells[-len(NUMBERS) :])
    return Row(began, tuple(cells)) if is_whole else None
