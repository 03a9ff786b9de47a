"""The HTML of the player, the status page, the login and "not found": pure functions from frozen values to text.

The markup lives in `web/*.html` (read once, `string.Template`); here values are escaped and put in. Any thread may call
it. Every URL is relative to the page, so that the pages work below a proxy's sub-path. Both pages work without a
script: `web/player.js` and `web/status.js` take the same markup over and keep it up to date.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final, TypeVar
from urllib.parse import quote

_PACKAGE: Final = Path(__file__).parents[2]
WEB: Final = _PACKAGE / "web" if (_PACKAGE / "web").is_dir() else _PACKAGE.parent / "web"
"""Where the files of `web/` are: inside an installed package, beside it in a checkout."""

CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy that every page is written for."""
PAGE_HEADERS: Final = (
    ("Content-Security-Policy", CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
)
"""What every page is sent with."""

BROWSER_QUERY: Final = "player=web"
"""How the page says that a browser listens: `Sec-Fetch-Dest` is sent over HTTPS and on loopback only."""

_T = TypeVar("_T")

_ENDINGS: Final = {"playing": "On the air", "played": "Played", "skipped": "Skipped", "failed": "Failed"}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The figures above the stations of the status page."""

    version: str = ""
    uptime_s: float = 0.0
    rss_mb: float = 0.0
    cpu_percent: float = 0.0
    listeners: int = 0
    max_clients: int = 0
    drift_s: float = 0.0
    """Of the station that is furthest from its clock."""


@dataclass(frozen=True, slots=True)
class StationCard:
    """One station on the player."""

    route: str
    """`/` or `/humor`."""
    name: str
    title: str = ""
    artist: str = ""
    listeners: int = 0
    family: str = "mp3"
    description: str = ""
    stem: str = "main"
    """What its playlists are called: `humor.m3u`."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One track of a station's history."""

    title: str
    artist: str
    started_at: float
    """Unix seconds."""
    ended: str
    """`playing`, `played`, `skipped` or `failed`."""


@dataclass(frozen=True, slots=True)
class StationRow:
    """One station on the status page."""

    route: str
    name: str
    title: str = ""
    artist: str = ""
    listeners: int = 0
    family: str = "mp3"
    peak_listeners: int = 0
    started_at: float = 0.0
    """Unix seconds; 0 while nothing plays."""
    elapsed_s: float = 0.0
    duration_s: float | None = None
    tracks: int = 0
    shuffle: bool = False
    trouble: str = ""
    history: Sequence[HistoryRow] = ()
    left_out: Sequence[tuple[str, str]] = ()
    """Names of files that are not played, and why."""
    mismatched: Sequence[tuple[str, str]] = ()
    """Names of files whose sample rate or channels differ from the rest's, and how."""


def player_page(stations: Sequence[StationCard]) -> str:
    """The public player (`/web`), the stations in the order given."""
    cards = "".join(_card(station) for station in stations)
    blank = _card(StationCard(route="", name=""))
    return _template("player.html").substitute(stations=cards, blank=blank, empty=_hidden(bool(stations)))


def status_page(stations: Sequence[StationRow], facts: ServerFacts, *, default_password: bool) -> str:
    """The operator's page (`/status` with a session)."""
    return _template("status.html").substitute(
        stations="".join(_row(station) for station in stations),
        blank=_row(StationRow(route="", name="")),
        banner=_hidden(not default_password),
        listeners=f"{facts.listeners} of {facts.max_clients}",
        uptime=_span(facts.uptime_s),
        memory=f"{facts.rss_mb:.1f} MB",
        cpu=f"{facts.cpu_percent:.1f} %",
        drift=f"{facts.drift_s * 1000:.0f} ms",
        version=escape(facts.version),
    )


def login_page(message: str = "", *, default_password: bool) -> str:
    """The login (`/status` without a session); `message` says what went wrong, empty on the first visit."""
    return _template("login.html").substitute(
        message=escape(message), silent=_hidden(not message), banner=_hidden(not default_password)
    )


def not_found_page(path: str) -> str:
    """The page for a path that nothing answers to; its links climb from that path up to the root."""
    text = f"No station and no page is at {_cut(path, 200)}."
    return _message(path, "Nothing here", text, "web", "To the stations")


def log_in_first_page(path: str) -> str:
    """The page for a browser without a session, at a `path` of the operator's; most often a form sent after its end."""
    text = "This is for the operator, and your session has ended. Nothing was changed."
    return _message(path, "Please log in", text, "status", "To the login")


def _message(path: str, heading: str, text: str, target: str, label: str) -> str:
    base = "../" * (path.count("/") - 1) or "./"
    return _template("message.html").substitute(
        heading=heading, text=escape(text), base=base, target=target, label=label
    )


def stream_url(route: str) -> str:
    """A station's stream, relative to a page at the root: `./` for the default station, `./humor` for `/humor`."""
    return "./" + quote(route.lstrip("/"))


def _card(station: StationCard) -> str:
    return _template("player-station.html").substitute(
        _station(station),
        description=escape(station.description),
        src=escape(f"{stream_url(station.route)}?{BROWSER_QUERY}"),
        stem=escape(quote(station.stem)),
    )


def _row(station: StationRow) -> str:
    duration_s = station.duration_s or 0.0
    return _template("status-station.html").substitute(
        _station(station) | {"artist": escape(station.artist or _explanation(station))},
        key=escape(quote(station.route.strip("/"))),
        route_query=escape(quote(station.route, safe="")),
        peak=station.peak_listeners,
        progress_hidden=_hidden(not station.started_at),
        since=_clock(station.started_at),
        elapsed=_minutes(station.elapsed_s),
        duration=_minutes(duration_s) if duration_s else "",
        value=round(min(station.elapsed_s, duration_s)),
        maximum=round(duration_s) or 1,
        tracks=station.tracks,
        shuffle_on="false" if station.shuffle else "true",
        shuffle_pressed="true" if station.shuffle else "false",
        trouble=escape(station.trouble),
        trouble_hidden=_hidden(not station.trouble),
        history_hidden=_hidden(not station.history),
        history_count=len(station.history),
        history=_each(_history_row, station.history),
        left_out_count=len(station.left_out),
        left_out_hidden=_hidden(not station.left_out),
        left_out=_each(_file_row, station.left_out),
        mismatched_count=len(station.mismatched),
        mismatched_hidden=_hidden(not station.mismatched),
        mismatched=_each(_file_row, station.mismatched),
    )


def _station(station: StationCard | StationRow) -> dict[str, object]:
    return {
        "route": escape(station.route),
        "href": escape(stream_url(station.route)),
        "name": escape(station.name),
        "title": escape(station.title or "Silence"),
        "artist": escape(station.artist),
        "listeners": station.listeners,
        "listeners_word": "listener" if station.listeners == 1 else "listeners",
        "family": escape(station.family.upper()),
    }


def _explanation(station: StationRow) -> str:
    """Why a station without a directory's trouble is silent all the same; empty while it is not."""
    return "" if station.title or station.trouble or station.tracks else "There is no audio in the directory yet."


def _history_row(entry: HistoryRow) -> str:
    ended = escape(_ENDINGS.get(entry.ended, entry.ended))
    return (
        f"<tr><td>{_clock(entry.started_at)}</td>"
        f'<td><bdi class="clip">{escape(entry.title)}</bdi><bdi class="clip">{escape(entry.artist)}</bdi></td>'
        f'<td data-ended="{escape(entry.ended)}">{ended}</td></tr>'
    )


def _file_row(entry: tuple[str, str]) -> str:
    name, reason = entry
    return f'<li><bdi class="clip">{escape(name)}</bdi> <span>{escape(reason)}</span></li>'


def _each(render: Callable[[_T], str], values: Iterable[_T]) -> str:
    return "".join(render(value) for value in values)


def _hidden(hide: bool) -> str:
    return "hidden" if hide else ""


def _clock(unix_s: float) -> str:
    """The server's wall clock, `14:03`; empty for 0. The script shows the reader's own zone."""
    return time.strftime("%H:%M", time.localtime(unix_s)) if unix_s else ""


def _span(seconds: float) -> str:
    """How long the server is up: `3 d 4 h`, `5 h 12 min`, `7 min`, `42 s`."""
    minutes, hours, days = int(seconds) // 60, int(seconds) // 3600, int(seconds) // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


@cache
def _template(name: str) -> Template:
    return Template((WEB / name).read_text(encoding="utf-8"))
