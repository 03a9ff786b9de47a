"""The HTML of the operator's page: a pure function from what `/status.json` says to text. Any thread may call it.

Like the player it works without a script; `web/status.js` takes the same markup over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from html import escape
from typing import Any, TypeVar
from urllib.parse import quote

from radiostream.http.views.editions import ENGLISH, Edition
from radiostream.http.views.pages import BLANK, data_block, hidden, stream_url

_T = TypeVar("_T")

_REPORTS = (("csv", "CSV"), ("soundexchange", "SoundExchange"), ("json", "JSON"))
"""The forms of `/report`, and what they are called in every language."""


def status_page(state: Mapping[str, Any], edition: Edition = ENGLISH) -> str:
    """The operator's page (`/status` with a session), from what `/status.json` answers."""
    stations, server = state["stations"], state["server"]
    drift_ms = max((station["drift_ms"] for station in stations), key=abs, default=0.0)
    return edition.template("status.html").substitute(
        site=escape(edition.site),
        stations="".join(_row(station, edition) for station in stations),
        blank=_row(BLANK, edition),
        words=data_block(edition.section("status")),
        variable="<code>STATUS_PASSWORD</code>",
        banner=hidden(not server["default_password"]),
        listeners=escape(edition.word("status.of", n=server["listeners"], most=server["max_clients"])),
        uptime=escape(_span(server["uptime_s"], edition)),
        memory=f"{server['rss_mb']:.1f} MB",
        cpu=f"{server['cpu_percent']:.1f} %",
        drift=f"{drift_ms:.0f} ms",
        version=escape(server["version"]),
        past_hidden=hidden(not server["kept"]),
        past_routes="".join(_option(station["route"], station["name"]) for station in stations),
        past_formats="".join(_option(value, name) for value, name in _REPORTS),
    )


def _option(value: str, name: str) -> str:
    return f'<option value="{escape(value)}">{escape(name)}</option>'


def _row(station: Mapping[str, Any], edition: Edition) -> str:
    now = station["now"]
    return edition.template("status-station.html").substitute(
        _head(station, edition) | _progress(now, edition) | _lists(station, edition),
        title=escape(now["title"] or edition.word("status.silence")),
        artist=escape(now["artist"] or _explanation(station, edition)),
        key=escape(quote(station["route"].strip("/"))),
        route_query=escape(quote(station["route"], safe="")),
        shuffle_on="false" if station["shuffle"] else "true",
        shuffle_pressed="true" if station["shuffle"] else "false",
        level=escape(_level(now, station["levels"], edition)),
        level_hidden=hidden(not station["levels"]),
        programme=escape(station["programme"]["text"] if station["programme"] else ""),
        programme_hidden=hidden(not station["programme"]),
        **_live(station["live"], edition),
        trouble=escape(station["trouble"]),
        trouble_hidden=hidden(not station["trouble"]),
    )


def _head(station: Mapping[str, Any], edition: Edition) -> dict[str, object]:
    return {
        "route": escape(station["route"]),
        "href": escape(stream_url(station["route"])),
        "name": escape(station["name"]),
        "family": escape(station["family"].upper()),
        "listeners": station["listeners"],
        "listeners_word": escape(edition.count("status.listeners", station["listeners"])),
        "peak_text": escape(edition.word("status.peak", n=station["peak_listeners"])),
        "tracks_text": escape(edition.count("status.tracks", station["tracks"])),
    }


def _live(sources: Sequence[Mapping[str, Any]], edition: Edition) -> dict[str, str]:
    """The live sources, one line, and whether there is one to end or a relay to resume."""
    is_paused = any(source["state"] == "paused" for source in sources)
    return {
        "live": escape(" / ".join(_source(source, edition) for source in sources)),
        "live_hidden": hidden(not sources),
        "end_hidden": hidden(not sources or (is_paused and len(sources) == 1)),
        "resume_hidden": hidden(not is_paused),
    }


def _source(source: Mapping[str, Any], edition: Edition) -> str:
    """What a live source is, where it is from, how it does."""
    kind = edition.word("status.relay" if source["kind"] == "relay" else "status.broadcaster")
    who = ", ".join(filter(None, (source.get("name"), source.get("agent"))))
    rate: tuple[str, ...] = ()
    if "since" in source:
        since = edition.word("status.since", time=_clock(source["since"]))
        rate = (since, f"{source['kbps']} kbps", edition.word("status.buffered", n=f"{source['buffered_s']:.1f}"))
    return " · ".join(filter(None, (f"{kind} {source['state']}", source["from"], who, *rate, source["trouble"])))


def _level(now: Mapping[str, Any], levels: Mapping[str, int], edition: Edition) -> str:
    """How loud the track is, what is done about it, and of how many tracks that is known; empty where no level is
    asked for."""
    if not levels:
        return ""
    total = sum(levels.values())
    known = edition.word("status.known", known=levels["measured"] + levels["tagged"], total=total)
    if now.get("loudness_lufs") is None:
        return known
    return f"{now['loudness_lufs']:.1f} LUFS ({now['loudness_source']}), {now['gain_db']:.1f} dB · {known}"


def _progress(now: Mapping[str, Any], edition: Edition) -> dict[str, object]:
    duration_s = now["duration"] or 0.0
    return {
        "progress_hidden": hidden(not now["track"]),
        "since": escape(edition.word("status.since", time=_clock(now["started_at"]))) if now["track"] else "",
        "elapsed": _minutes(now["elapsed"]),
        "duration": _minutes(duration_s) if duration_s else "",
        "value": round(min(now["elapsed"], duration_s)),
        "maximum": round(duration_s) or 1,
    }


def _lists(station: Mapping[str, Any], edition: Edition) -> dict[str, object]:
    shown: dict[str, object] = {}
    history_row = partial(_history_row, edition=edition)
    for name, render in (("history", history_row), ("left_out", _file_row), ("mismatched", _file_row)):
        entries = station[name]
        shown |= {f"{name}_hidden": hidden(not entries), f"{name}_count": len(entries), name: _each(render, entries)}
    return shown


def _explanation(station: Mapping[str, Any], edition: Edition) -> str:
    """Why a station without a directory's trouble is silent all the same; empty while it is not."""
    is_explained = station["now"]["track"] or station["trouble"] or station["tracks"]
    return "" if is_explained else edition.word("status.empty")


def _history_row(entry: Mapping[str, str], edition: Edition) -> str:
    ended = escape(edition.section("status").get(entry["ended"], entry["ended"]))
    return (
        f"<tr><td>{_clock(entry['started_at'])}</td>"
        f'<td><bdi class="clip">{escape(entry["title"])}</bdi><bdi class="clip">{escape(entry["artist"])}</bdi></td>'
        f'<td data-ended="{escape(entry["ended"])}">{ended}</td></tr>'
    )


def _file_row(entry: Mapping[str, str]) -> str:
    return f'<li><bdi class="clip">{escape(entry["name"])}</bdi> <span>{escape(entry["reason"])}</span></li>'


def _each(render: Callable[[_T], str], values: Iterable[_T]) -> str:
    return "".join(render(value) for value in values)


def _clock(iso: str) -> str:
    """An ISO 8601 time by the server's wall clock, `14:03`. The script shows the reader's own zone."""
    return datetime.fromisoformat(iso).astimezone().strftime("%H:%M")


def _span(seconds: float, edition: Edition) -> str:
    """How long the server is up: `3 d 4 h`, `5 h 12 min`, `7 min`, `42 s`."""
    day, hour, minute, second = (edition.word(f"status.{unit}") for unit in ("day", "hour", "minute", "second"))
    minutes, hours, days = int(seconds) // 60, int(seconds) // 3600, int(seconds) // 86400
    if days:
        return f"{days} {day} {hours % 24} {hour}"
    if hours:
        return f"{hours} {hour} {minutes % 60} {minute}"
    return f"{minutes} {minute}" if minutes else f"{int(seconds)} {second}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
