"""The HTML of the player, the status page, the login and "not found": pure functions from what a
station's JSON says to text.

The markup lives in `web/*.html` (read once, `string.Template`); here values are escaped and put in. Any thread may call
it. Every URL is relative to the page, so that the pages work below a proxy's sub-path. Both pages work without a
script: `web/player.js` and `web/status.js` take the same markup over and keep it up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final, TypeVar
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

_WORDS: Final = {
    "playing": "On the air",
    "played": "Played",
    "skipped": "Skipped",
    "failed": "Failed",
    "silence": "Silence",
    "empty": "There is no audio in the directory yet.",
}
"""What the pages say of a station; the script has them from the page, as `data-` attributes of its template."""


_NOTHING: Final = {"title": None, "artist": None, "started_at": None, "elapsed": 0, "duration": None, "track": None}
_BLANK: Final = {
    "route": "", "name": "", "family": "mp3", "stem": "main", "description": "", "listeners": 0, "peak_listeners": 0,
    "tracks": 0, "shuffle": False, "trouble": "", "levels": {}, "now": _NOTHING, "history": (), "left_out": (),
    "mismatched": (), "live": (), "programme": None,
}  # fmt: skip
"""A station that is none: the script fills in what is drawn of it."""


def player_page(stations: Sequence[Mapping[str, Any]]) -> str:
    """The public player (`/web`); each station as `views.stations.public` tells it, in the order given."""
    cards = "".join(_card(station) for station in stations)
    return _template("player.html").substitute(stations=cards, blank=_card(_BLANK), empty=_hidden(bool(stations)))


def status_page(state: Mapping[str, Any]) -> str:
    """The operator's page (`/status` with a session), from what `/status.json` answers."""
    stations, server = state["stations"], state["server"]
    drift_ms = max((station["drift_ms"] for station in stations), key=abs, default=0.0)
    return _template("status.html").substitute(
        stations="".join(_row(station) for station in stations),
        blank=_row(_BLANK),
        words=" ".join(f'data-{name}="{escape(text)}"' for name, text in _WORDS.items()),
        banner=_hidden(not server["default_password"]),
        listeners=f"{server['listeners']} of {server['max_clients']}",
        uptime=_span(server["uptime_s"]),
        memory=f"{server['rss_mb']:.1f} MB",
        cpu=f"{server['cpu_percent']:.1f} %",
        drift=f"{drift_ms:.0f} ms",
        version=escape(server["version"]),
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


def _card(station: Mapping[str, Any]) -> str:
    return _template("player-station.html").substitute(
        _station(station),
        description=escape(station["description"]),
        src=escape(f"{stream_url(station['route'])}?{BROWSER_QUERY}"),
        stem=escape(quote(station["stem"])),
    )


def _row(station: Mapping[str, Any]) -> str:
    now = station["now"]
    return _template("status-station.html").substitute(
        _station(station) | _progress(now) | _lists(station),
        artist=escape(now["artist"] or _explanation(station)),
        key=escape(quote(station["route"].strip("/"))),
        route_query=escape(quote(station["route"], safe="")),
        peak=station["peak_listeners"],
        tracks=station["tracks"],
        shuffle_on="false" if station["shuffle"] else "true",
        shuffle_pressed="true" if station["shuffle"] else "false",
        level=escape(_level(now, station["levels"])),
        level_hidden=_hidden(not station["levels"]),
        programme=escape(station["programme"]["text"] if station["programme"] else ""),
        programme_hidden=_hidden(not station["programme"]),
        **_live(station["live"]),
        trouble=escape(station["trouble"]),
        trouble_hidden=_hidden(not station["trouble"]),
    )


def _live(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The live sources, one line, and whether there is one to end or a relay to resume."""
    is_paused = any(source["state"] == "paused" for source in sources)
    return {
        "live": escape(" / ".join(map(_source, sources))),
        "live_hidden": _hidden(not sources),
        "end_hidden": _hidden(not sources or (is_paused and len(sources) == 1)),
        "resume_hidden": _hidden(not is_paused),
    }


def _source(source: Mapping[str, Any]) -> str:
    """What a live source is, where it is from, how it does."""
    kind = "Relay" if source["kind"] == "relay" else "Broadcaster"
    who = ", ".join(filter(None, (source.get("name"), source.get("agent"))))
    rate: tuple[str, ...] = ()
    if "since" in source:
        rate = (f"since {_clock(source['since'])}", f"{source['kbps']} kbps", f"{source['buffered_s']:.1f} s buffered")
    return " · ".join(filter(None, (f"{kind} {source['state']}", source["from"], who, *rate, source["trouble"])))


def _level(now: Mapping[str, Any], levels: Mapping[str, int]) -> str:
    """How loud the track is, what is done about it, and of how many tracks that is known; empty where no level is
    asked for."""
    if not levels:
        return ""
    total = sum(levels.values())
    known = f"loudness of {total - levels['unknown']} of {total} tracks known"
    if now.get("loudness_lufs") is None:
        return known
    return f"{now['loudness_lufs']:.1f} LUFS ({now['loudness_source']}), {now['gain_db']:.1f} dB · {known}"


def _station(station: Mapping[str, Any]) -> dict[str, object]:
    return {
        "route": escape(station["route"]),
        "href": escape(stream_url(station["route"])),
        "name": escape(station["name"]),
        "title": escape(station["now"]["title"] or _WORDS["silence"]),
        "artist": escape(station["now"]["artist"] or ""),
        "listeners": station["listeners"],
        "listeners_word": "listener" if station["listeners"] == 1 else "listeners",
        "family": escape(station["family"].upper()),
    }


def _progress(now: Mapping[str, Any]) -> dict[str, object]:
    duration_s = now["duration"] or 0.0
    return {
        "progress_hidden": _hidden(not now["track"]),
        "since": _clock(now["started_at"]) if now["track"] else "",
        "elapsed": _minutes(now["elapsed"]),
        "duration": _minutes(duration_s) if duration_s else "",
        "value": round(min(now["elapsed"], duration_s)),
        "maximum": round(duration_s) or 1,
    }


def _lists(station: Mapping[str, Any]) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name, render in (("history", _history_row), ("left_out", _file_row), ("mismatched", _file_row)):
        entries = station[name]
        shown |= {f"{name}_hidden": _hidden(not entries), f"{name}_count": len(entries), name: _each(render, entries)}
    return shown


def _explanation(station: Mapping[str, Any]) -> str:
    """Why a station without a directory's trouble is silent all the same; empty while it is not."""
    is_explained = station["now"]["track"] or station["trouble"] or station["tracks"]
    return "" if is_explained else _WORDS["empty"]


def _history_row(entry: Mapping[str, str]) -> str:
    ended = escape(_WORDS.get(entry["ended"], entry["ended"]))
    return (
        f"<tr><td>{_clock(entry['started_at'])}</td>"
        f'<td><bdi class="clip">{escape(entry["title"])}</bdi><bdi class="clip">{escape(entry["artist"])}</bdi></td>'
        f'<td data-ended="{escape(entry["ended"])}">{ended}</td></tr>'
    )


def _file_row(entry: Mapping[str, str]) -> str:
    return f'<li><bdi class="clip">{escape(entry["name"])}</bdi> <span>{escape(entry["reason"])}</span></li>'


def _each(render: Callable[[_T], str], values: Iterable[_T]) -> str:
    return "".join(render(value) for value in values)


def _hidden(hide: bool) -> str:
    return "hidden" if hide else ""


def _clock(iso: str) -> str:
    """An ISO 8601 time by the server's wall clock, `14:03`. The script shows the reader's own zone."""
    return datetime.fromisoformat(iso).astimezone().strftime("%H:%M")


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
