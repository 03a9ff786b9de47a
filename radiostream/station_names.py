"""The names that a station's route may have. Pure; used when the configuration is read and for every request."""

from __future__ import annotations

from typing import Final

ENDINGS: Final = (".m3u", ".m3u8", ".pls", ".xspf", ".mp3", ".aac", ".ogg")
"""What a route answers to with one of these behind it: playlists and aliases."""
RESERVED: Final = frozenset(
    (
        *("admin", "cover", "embed", "end-live", "events", "healthz", "history", "hls", "login", "logout", "metrics"),
        *("next-track", "now-playing", "prev-track", "readyz", "reload-playlist", "report", "resume-relay"),
        *("schedule", "shuffle", "static", "statistics", "status", "status.json", "status-json.xsl", "streams"),
        *("web", ";", ";stream.mp3"),
        # what browsers and crawlers ask every host for
        *("apple-touch-icon.png", "favicon.ico", "favicon.svg", "manifest", "manifest.json", "manifest.webmanifest"),
        *("robots.txt", "service-worker.js", "sw.js"),
    )
)
"""First path segments that are the server's own; no route begins with one."""

_SIGNS: Final = " -._~!$&'()*+,;=:@"
"""The space, and what RFC 3986 lets a path hold as it is, beside letters and digits."""
_MOST_BYTES: Final = 200


def route_of(text: str) -> str:
    """The route that `text` names: `humor`, `/humor` and `humor/` are `/humor`; nothing and `/` the default's `/`.

    `text` is percent-decoded already. Never fails; what comes out is normalised, not validated.
    """
    route = "/" + text.strip("/")
    if not route.isascii():
        import unicodedata

        route = unicodedata.normalize("NFC", route)
    return route


def route_problem(route: str) -> str:
    """Why the normalised `route` cannot be a station's, in words for the operator; empty when it can."""
    if route == "/":
        return ""
    segments = route[1:].split("/")
    if not all(map(is_segment, segments)):
        return f"may hold letters, digits, spaces and{_SIGNS} only, and no part may be empty or begin with a dot"
    if segments[0] in RESERVED:
        return f"is taken: /{segments[0]} is a path of the server's own"
    return "" if len(route.encode()) <= _MOST_BYTES else f"is longer than {_MOST_BYTES} bytes"


def is_segment(segment: str) -> bool:
    """Whether `segment` may stand between two slashes of a route or of a base path."""
    if not segment or segment[0] == "." or segment != segment.strip():
        return False
    return all(
        char.isalnum() or char == " " or char in _SIGNS or (char > "\x7f" and _is_mark(char)) for char in segment
    )


def _is_mark(char: str) -> bool:
    """Vowel signs and accents: words of many scripts cannot be written without them."""
    import unicodedata

    return unicodedata.category(char) in ("Mn", "Mc")
