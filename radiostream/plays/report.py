"""Reports of what a station played: as JSON, CSV, or SoundExchange's report of use. Pure; any thread.

Each format is a function from the plays of a period to pieces of the answer, made as they are sent: a year of plays
takes no more memory than an hour (SoundExchange's form adds up by recording, and holds one entry for each).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from radiostream.playlist.history import JINGLE
from radiostream.plays.record import COLUMNS, HEADER, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from radiostream.plays.reading import Period
    from radiostream.plays.record import Row

HOUR_S: Final = 3600
_CATEGORY: Final = "A"
"""SoundExchange's transmission category of an eligible nonsubscription service (37 CFR 370.4)."""
_SOUNDEXCHANGE: Final = (
    *("NAME_OF_SERVICE", "TRANSMISSION_CATEGORY", "FEATURED_ARTIST", "SOUND_RECORDING_TITLE", "ISRC", "ALBUM_TITLE"),
    *("MARKETING_LABEL", "ACTUAL_TOTAL_PERFORMANCES"),
)
_MOST_RECORDINGS: Final = 50_000
"""Added up at once; with more, a recording may have several lines, whose sum is right."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula (OWASP, CSV injection)."""


class Subject(NamedTuple):
    """What a report is about."""

    route: str
    name: str
    """The station's."""
    timezone: str
    period: Period


class Format(NamedTuple):
    """One form of report."""

    content_type: str
    ending: str
    """Of the file that a browser saves it as; empty: it is shown."""
    write: Callable[[Subject, Iterable[Row]], Iterator[bytes]]


def as_json(subject: Subject, rows: Iterable[Row]) -> Iterator[bytes]:
    """`{"route", "timezone", "from", "to", "plays": […], "months": […], "totals": {…}}`."""
    period = subject.period
    about = {"route": subject.route, "timezone": subject.timezone, "from": period.first, "to": period.last}
    yield _json(about)[:-1] + b',"plays":['
    sums: dict[str, Counter[str]] = {}
    separator = b""
    for row in rows:
        play = entry(row)
        yield separator + _json(play)
        separator = b",\n"
        _add(sums.setdefault(play["start"][:7], Counter()), play)
    totals: Counter[str] = Counter()
    for one in sums.values():
        totals.update(one)
    months = [{"month": month, **_sums(one)} for month, one in sums.items()]
    yield b'],"months":' + _json(months) + b',"totals":' + _json(_sums(totals)) + b"}\n"


def entry(row: Row) -> dict[str, Any]:
    """A play, ready for JSON."""
    play: dict[str, Any] = dict(zip(COLUMNS, row.cells, strict=True))
    return play | {name: int(play[name]) for name in NUMBERS}


def _add(sums: Counter[str], play: Mapping[str, Any]) -> None:
    sums["plays"] += 1
    sums[play["kind"]] += 1
    sums["performances"] += play["distinct_listeners"]
    sums["listener_seconds"] += play["listener_seconds"]


def _sums(sums: Mapping[str, int]) -> dict[str, Any]:
    return {
        "plays": sums.get("plays", 0),
        "tracks": sums.get("track", 0),
        "jingles": sums.get("jingle", 0),
        "live": sums.get("live", 0),
        "performances": sums.get("performances", 0),
        "listener_seconds": sums.get("listener_seconds", 0),
        "listener_hours": round(sums.get("listener_seconds", 0) / HOUR_S, 2),
    }


def as_csv(_: Subject, rows: Iterable[Row]) -> Iterator[bytes]:
    """The lines of the log, with a header. A text that a spreadsheet would take for a formula begins with `'`."""
    yield HEADER
    for row in rows:
        yield (",".join(map(_cell, row.cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    if text.startswith(_FORMULA):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text or text != text.strip() else text


def as_soundexchange(subject: Subject, rows: Iterable[Row]) -> Iterator[bytes]:
    """A line a recording: text between carets, fields parted by pipes (37 CFR 370.4, files without headers but for
    the line of names). Performances are the listeners who received any of each play; jingles are none."""
    yield _delimited(_SOUNDEXCHANGE)
    sums: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        play = entry(row)
        if play["kind"] == JINGLE:
            continue
        title = play["title"] or play["file"].rpartition("/")[2].rpartition(".")[0] or play["file"]
        sums[play["artist"], title, play["isrc"], play["album"], play["label"]] += play["distinct_listeners"]
        if len(sums) >= _MOST_RECORDINGS:
            yield from _recordings(subject.name, sums)
            sums.clear()
    yield from _recordings(subject.name, sums)


def _recordings(service: str, sums: Mapping[tuple[str, ...], int]) -> Iterator[bytes]:
    for recording, performances in sorted(sums.items()):
        yield _delimited((service, _CATEGORY, *recording), str(performances))


def _delimited(texts: Iterable[str], *numbers: str) -> bytes:
    quoted = (f"^{text.replace('^', ' ').replace('|', ' ')}^" for text in texts)
    return ("|".join((*quoted, *numbers)) + "\r\n").encode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


FORMATS: Final[Mapping[str, Format]] = {
    "json": Format("application/json; charset=utf-8", "", as_json),
    "csv": Format("text/csv; charset=utf-8; header=present", "csv", as_csv),
    "soundexchange": Format("text/plain; charset=utf-8", "txt", as_soundexchange),
}
