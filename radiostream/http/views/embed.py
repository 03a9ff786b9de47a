"""The embedded player's HTML and headers: pure functions; any thread may call them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote

from radiostream.http.views.editions import ENGLISH, Edition
from radiostream.http.views.pages import BROWSER_QUERY, CSP, PAGE_HEADERS, data_block, hidden

_THEMES: Final = ("auto", "light", "dark")
_COLOUR: Final = re.compile(r"#?((?:[0-9a-fA-F]{3}){1,2})")
_WORDS: Final = ("press", "connecting", "live", "waiting", "off", "listeners", "play", "pause")
"""What the script needs of the player's table."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the site that embeds the player wants it to look like."""

    theme: str = "auto"
    accent: str = ""
    """`#rgb` or `#rrggbb`; empty for our own colour."""
    has_cover: bool = True


def look(query: Mapping[str, str]) -> Look:
    """The look that a query asks for; what it says wrong is as if it had not been said. The colour's `#`, which begins
    a URL's fragment, may be left out."""
    theme, colour = query.get("theme", ""), _COLOUR.fullmatch(query.get("accent", "").strip())
    accent = f"#{colour[1].lower()}" if colour else ""
    return Look(theme if theme in _THEMES else _THEMES[0], accent, query.get("cover") != "0")


def headers(origins: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What the page is sent with: the pages' own headers, but that `origins` may frame it; none: nobody may."""
    ancestors = " ".join(origins) or "'none'"
    policy = CSP.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    left = [(name, value) for name, value in PAGE_HEADERS if name not in ("Content-Security-Policy", "X-Frame-Options")]
    return (("Content-Security-Policy", policy), *left)


def embed_page(station: Mapping[str, Any], base: str, root: str, look: Look, edition: Edition = ENGLISH) -> str:
    """One station, as `views.stations.public` tells it; `base` climbs from the page to the root (`../`), `root` is the
    root as others see it."""
    now, words = station["now"], edition.section("player")
    cover = (now.get("cover") or "") if look.has_cover else ""
    n = station["listeners"]
    return edition.template("embed.html").substitute(
        theme=look.theme,
        accent=look.accent,
        base=base,
        route=escape(station["route"]),
        root=escape(root),
        route_query=escape(quote(station["route"], safe="")),
        name=escape(station["name"]),
        src=escape(f"{base}{quote(station['route'].lstrip('/'))}?{BROWSER_QUERY}"),
        hls=escape(f"{base}{station['hls']}" if station.get("hls") else ""),
        off="" if now["track"] else "disabled",
        cover_src=f'src="{escape(cover)}"' if cover else "",
        cover_hidden=hidden(not cover) + ("" if look.has_cover else " data-off=1"),
        title=escape(" \N{EN DASH} ".join(filter(None, (now["artist"], now["title"]))) or edition.word("player.off")),
        listeners=escape(edition.count("player.listeners", n) if n else ""),
        words=data_block({key: words[key] for key in _WORDS}),
    )
