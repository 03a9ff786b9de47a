"""The HTML of the player, the login, "not found" and the message of a browser that is offline: pure functions from what
a station's JSON says to text.

The markup lives in `web/*.html` (read once, `string.Template`); here values are escaped and put in. Any thread may call
it. Every URL is relative to the page, so that the pages work below a proxy's sub-path; what other sites read of it
(OpenGraph, JSON-LD) is absolute. The player works without a script: `web/player.js` takes the same markup over and
keeps it up to date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import quote

from radiostream.http.views.editions import ENGLISH, WEB, Edition

__all__ = ["CSP", "PAGE_HEADERS", "WEB", "Edition"]

CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
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

_NOTHING: Final = {"title": None, "artist": None, "started_at": None, "elapsed": 0, "duration": None, "track": None}
BLANK: Final = {
    "route": "", "name": "", "family": "mp3", "stem": "main", "description": "", "genre": "", "listeners": 0,
    "peak_listeners": 0, "tracks": 0, "shuffle": False, "trouble": "", "levels": {}, "now": _NOTHING, "history": (),
    "left_out": (), "mismatched": (), "live": (), "programme": None,
}  # fmt: skip
"""A station that is none: the script fills in what is drawn of it."""
_MOST_LINKED: Final = 30
"""Stations that the page describes to search engines: its size is felt on every visit."""


def player_page(
    stations: Sequence[Mapping[str, Any]], edition: Edition = ENGLISH, base: str = "", route: str | None = None
) -> str:
    """The public player (`/web`); each station as `views.stations.public` tells it, in the order given.

    `base` is what absolute URLs begin with; `route` names the station whose panel is drawn, else it is the first one.
    """
    chosen = next((one for one in stations if one["route"] == route), stations[0] if stations else BLANK)
    return edition.template("player.html").substitute(
        _panel(chosen, edition),
        site=escape(edition.site),
        stations="".join(_card(station, edition) for station in stations),
        blank=_card(BLANK, edition),
        empty=hidden(bool(stations)),
        now_hidden=hidden(not stations),
        words=data_block(edition.section("player")),
        linked=data_block(_linked(stations[:_MOST_LINKED], base)),
        **_unfolded(chosen, edition, base, is_chosen=chosen["route"] == route),
    )


def _panel(station: Mapping[str, Any], edition: Edition) -> dict[str, str]:
    now = station["now"]
    return {
        "name": escape(station["name"]),
        "now_name": escape(station["name"]),
        "now_route": escape(station["route"]),
        "now_stem": escape(quote(station["stem"])),
        "now_about": escape(station["description"] or station["genre"]),
        "now_title": escape(now["title"] or edition.word("player.nothing")),
        "now_artist": escape(now["artist"] or ""),
        "now_listeners": escape(_listeners(station, edition)),
    }


def _unfolded(station: Mapping[str, Any], edition: Edition, base: str, *, is_chosen: bool) -> dict[str, str]:
    """What a chat shows of a link to the page (ogp.me)."""
    now = station["now"]
    playing = " \N{EN DASH} ".join(filter(None, (now["artist"], now["title"])))
    query = f"?route={quote(station['route'], safe='')}" if is_chosen else ""
    cover = now.get("cover")
    about = edition.word("page.listen_to", name=station["name"]) if is_chosen else edition.word("page.description")
    return {
        "og_title": escape(station["name"] if is_chosen else edition.site),
        "og_description": escape(playing or station["description"] or about),
        "og_url": escape(f"{base}/web{query}"),
        "og_image": escape(f"{base}/cover/{cover.partition('/cover/')[2]}" if cover else f"{base}/static/icon-512.png"),
    }


def _linked(stations: Sequence[Mapping[str, Any]], base: str) -> dict[str, Any]:
    """The stations as schema.org describes them."""
    return {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "RadioStation",
                "name": one["name"],
                "url": f"{base}/web?route={quote(one['route'], safe='')}",
                **({"description": one["description"]} if one["description"] else {}),
                "potentialAction": {"@type": "ListenAction", "target": base + quote(one["route"])},
            }
            for one in stations
        ],
    }


def data_block(value: Any) -> str:
    """JSON as it may stand inside of a `script` element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def login_page(message: str = "", edition: Edition = ENGLISH, *, default_password: bool) -> str:
    """The login (`/status` without a session); `message` says what went wrong, empty on the first visit."""
    return edition.template("login.html").substitute(
        site=escape(edition.site),
        message=escape(message),
        silent=hidden(not message),
        banner=hidden(not default_password),
        variable="<code>STATUS_PASSWORD</code>",
    )


def not_found_page(path: str, edition: Edition = ENGLISH) -> str:
    """The page for a path that nothing answers to; its links climb from that path up to the root."""
    text = edition.word("page.not_found_text", path=_cut(path, 200))
    return _message(path, edition, edition.word("page.not_found"), text, "web", edition.word("page.to_stations"))


def log_in_first_page(path: str, edition: Edition = ENGLISH) -> str:
    """The page for a browser without a session, at a `path` of the operator's; most often a form sent after its end."""
    heading, text = edition.word("page.log_in_first"), edition.word("page.log_in_first_text")
    return _message(path, edition, heading, text, "status", edition.word("page.to_login"))


def offline_page(edition: Edition = ENGLISH) -> str:
    """What the service worker shows in place of the player while the server cannot be reached."""
    heading, text = edition.word("page.offline"), edition.word("page.offline_text")
    return _message("/web", edition, heading, text, "web", edition.word("page.retry"))


def _message(path: str, edition: Edition, heading: str, text: str, target: str, label: str) -> str:
    base = "../" * (path.count("/") - 1) or "./"
    return edition.template("message.html").substitute(
        site=escape(edition.site),
        heading=escape(heading),
        text=escape(text),
        base=base,
        target=target,
        label=escape(label),
    )


def stream_url(route: str) -> str:
    """A station's stream, relative to a page at the root: `./` for the default station, `./humor` for `/humor`."""
    return "./" + quote(route.lstrip("/"))


def _card(station: Mapping[str, Any], edition: Edition) -> str:
    now = station["now"]
    return edition.template("player-station.html").substitute(
        route=escape(station["route"]),
        href=escape(stream_url(station["route"])),
        name=escape(station["name"]),
        title=escape(now["title"] or edition.word("player.off")),
        artist=escape(now["artist"] or ""),
        genre=escape(station["genre"]),
        listeners_text=escape(_listeners(station, edition)),
        off="" if now["track"] else "disabled",
        description=escape(station["description"]),
        src=escape(f"{stream_url(station['route'])}?{BROWSER_QUERY}"),
        stem=escape(quote(station["stem"])),
    )


def _listeners(station: Mapping[str, Any], edition: Edition) -> str:
    """How many listen; nothing where nobody does."""
    return edition.count("player.listeners", station["listeners"]) if station["listeners"] else ""


def hidden(hide: bool) -> str:
    """The attribute of an element that is not shown."""
    return "hidden" if hide else ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
