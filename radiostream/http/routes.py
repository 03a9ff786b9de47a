"""Every path that the server answers to, on one screen, and how a request finds its handler.

Whether a route is the operator's is said here, and asked here: no handler asks for the password by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from radiostream.http.guard import require_operator, require_own_page, require_source
from radiostream.http.handlers import api, control, embed, events, hls, operator, plays, sources, static, streams
from radiostream.http.protocol.message import CORS, NO_STORE, SOURCES, Answer, Refusal, Request, Response
from radiostream.http.site import Site
from radiostream.http.views import exports

Handler = Callable[[Site, Request, str], Answer]
"""Gets the rest of the path behind its own, without the slash between."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one method of one path."""

    handler: Handler
    operator: bool = False
    """Whether only the operator may ask."""
    own_page: bool = False
    """Whether it is refused to forms on other sites' pages."""
    source: bool = False
    """Whether only broadcasters may ask."""


def _public(handler: Handler) -> dict[str, Route]:
    return {"GET": Route(handler)}


def _command(handler: Handler) -> dict[str, Route]:
    return {"POST": Route(handler, operator=True)}


def _operators(handler: Handler) -> dict[str, Route]:
    return {"GET": Route(handler, operator=True)}


ROUTES: Final[dict[str, dict[str, Route]]] = {
    # for listeners
    "/web": _public(static.player),
    "/embed/": _public(embed.player),
    "/static/": _public(static.file),
    "/sw.js": _public(static.worker),
    "/favicon.ico": _public(static.favicon),
    "/robots.txt": _public(static.robots),
    "/cover/": _public(api.cover),
    "/hls/": _public(hls.segment),
    # for scripts
    "/streams": _public(api.streams),
    "/now-playing": _public(api.now_playing),
    "/history": _public(api.history),
    "/schedule": _public(api.schedule),
    "/events": _public(events.events),
    "/status-json.xsl": _public(api.icecast),
    # for monitors
    "/healthz": _public(api.healthz),
    "/readyz": _public(api.readyz),
    "/metrics": _public(api.metrics),
    # for the operator
    "/status": {"GET": Route(operator.status), "POST": Route(operator.login, own_page=True)},
    "/logout": {"POST": Route(operator.logout, own_page=True)},
    "/status.json": _operators(operator.status_json),
    "/report": _operators(plays.report),
    "/statistics": _operators(plays.statistics),
    "/admin/listclients": _operators(operator.list_clients),
    "/admin/metadata": {"GET": Route(sources.metadata, source=True)},
    "/end-live/": _command(sources.end_live),
    "/resume-relay/": _command(sources.resume_relay),
    "/next-track/": _command(control.next_track),
    "/prev-track/": _command(control.previous_track),
    "/shuffle/": _command(control.shuffle),
    "/reload-playlist/": _command(control.reload_playlist),
}
"""Path to routes by method; a path with a slash at its end takes everything below it, and is there without the slash
too. What is not here may be a station's stream (`/humor`, `/humor.mp3`), its playlist (`/humor.m3u`) or its HLS
(`/humor.m3u8`)."""

METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS", *SOURCES, "DELETE", "PATCH")
"""What is known; the last two are for no path."""


def answer(site: Site, request: Request) -> Answer:
    """The answer to `request`; raises Refusal."""
    if request.method not in METHODS:
        raise Refusal(501, "no such method")
    if request.method in SOURCES and site.source_auth is not None:
        require_source(site, request)
        return sources.source(site, request)
    routes, rest = _find(request.path)
    if routes is None:
        exact = request.path.rstrip("/")
        return _moved(request, exact) if exact in ROUTES else _station(site, request)
    if request.method == "OPTIONS":
        return _options(routes)
    route = routes.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        raise Refusal(405, f"{request.method} is not for this path", ("Allow", _allowed(routes)))
    if route.operator:
        require_operator(site, request)
    if route.own_page:
        require_own_page(site, request)
    if route.source:
        require_source(site, request)
    return route.handler(site, request, rest)


def _find(path: str) -> tuple[dict[str, Route] | None, str]:
    if path in ROUTES:
        return ROUTES[path], ""
    first, _, rest = path[1:].partition("/")
    return ROUTES.get(f"/{first}/"), rest


def _moved(request: Request, exact: str) -> Response:
    """A slash too many behind an exact path: answered there alone, so that a proxy's rule for `/metrics` is a rule for
    all of it, and so that a page's relative links hold. The way back is relative, for a proxy's sub-path."""
    target = "../" * (request.depth - 1) + quote(exact[1:]) + ("?" + urlencode(request.query) if request.query else "")
    return Response(308, headers=(("Location", target), NO_STORE))


def _allowed(routes: dict[str, Route]) -> str:
    return ", ".join([*routes, *(["HEAD"] if "GET" in routes else []), "OPTIONS"])


def _options(routes: dict[str, Route]) -> Response:
    is_public = any(not (route.operator or route.source) for method, route in routes.items() if method == "GET")
    return Response(204, headers=(("Allow", _allowed(routes)), *(CORS if is_public else ())))


def _station(site: Site, request: Request) -> Answer:
    """A path that is not the server's own: a station's stream or one of its playlists."""
    if request.path == "/" and request.wants_html and "/" not in site.stations and request.method in ("GET", "HEAD"):
        return static.player(site, request, "")
    station, ending = site.streamed(request.path), ""
    if station is None:
        stem, dot, ending = request.path.rpartition(".")
        station = site.streamed(stem) if dot and (ending in exports.PLAYLISTS or ending == "m3u8") else None
    if station is None:
        raise Refusal(404, "there is nothing here")
    if request.method == "OPTIONS":
        return Response(204, headers=(("Allow", "GET, HEAD, OPTIONS"), *CORS))
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, "use GET to listen", ("Allow", "GET, HEAD, OPTIONS"))
    if ending == "m3u8":
        return hls.playlist(request, station)
    return api.playlist(site, request, station, ending) if ending else streams.stream(site, request, station)
