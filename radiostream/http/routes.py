"""Every path that the server answers to, on one screen, and how a request finds its handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from radiostream.http.handlers import api, control, events, hls, static, streams
from radiostream.http.protocol.message import Refusal, Request, Response
from radiostream.http.site import Site
from radiostream.http.views import exports

Handler = Callable[[Site, Request, str], Response]
"""Gets the rest of the path behind its own, without the slash between."""

ROUTES: Final[dict[str, dict[str, Handler]]] = {
    # for listeners
    "/web": {"GET": static.player},
    "/static/": {"GET": static.file},
    "/favicon.ico": {"GET": static.favicon},
    "/robots.txt": {"GET": static.robots},
    "/cover/": {"GET": api.cover},
    "/hls/": {"GET": hls.segment},
    # for scripts
    "/streams": {"GET": api.streams},
    "/now-playing": {"GET": api.now_playing},
    "/history": {"GET": api.history},
    "/events": {"GET": events.events},
    "/status-json.xsl": {"GET": api.icecast},
    # for monitors
    "/healthz": {"GET": api.healthz},
    "/readyz": {"GET": api.readyz},
    "/metrics": {"GET": api.metrics},
    # for the operator
    "/status": {"GET": control.status, "POST": control.login},
    "/logout": {"POST": control.logout},
    "/status.json": {"GET": control.status_json},
    "/admin/listclients": {"GET": control.list_clients},
    "/next-track/": {"POST": control.next_track},
    "/prev-track/": {"POST": control.previous_track},
    "/shuffle/": {"POST": control.shuffle},
    "/reload-playlist/": {"POST": control.reload_playlist},
}
"""Path to handlers by method; a path with a slash at its end takes everything below it. What is not here may be a
station's stream (`/humor`, `/humor.mp3`), its playlist (`/humor.m3u`) or its HLS (`/humor.m3u8`)."""

METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH")
"""What is known; the last three are for no path."""


def answer(site: Site, request: Request) -> Response:
    """The response to `request`; raises Refusal."""
    if request.method not in METHODS:
        raise Refusal(501, "no such method")
    handlers, rest = _find(request.path)
    if handlers is None:
        return _station(site, request)
    if request.method == "OPTIONS":
        return _options(handlers)
    handler = handlers.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        raise Refusal(405, f"{request.method} is not for this path", ("Allow", _allowed(handlers)))
    return handler(site, request, rest)


def _find(path: str) -> tuple[dict[str, Handler] | None, str]:
    if path in ROUTES:
        return ROUTES[path], ""
    first, slash, rest = path[1:].partition("/")
    if first != "static" and path.rstrip("/") in ROUTES:
        return ROUTES[path.rstrip("/")], ""
    return ROUTES.get(f"/{first}/"), rest if slash else ""


def _allowed(handlers: dict[str, Handler]) -> str:
    return ", ".join([*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"])


def _options(handlers: dict[str, Handler]) -> Response:
    cors = streams.CORS if "GET" in handlers else ()
    return Response(204, headers=(("Allow", _allowed(handlers)), *cors))


def _station(site: Site, request: Request) -> Response:
    """A path that is not the server's own: a station's stream or one of its playlists."""
    station, ending = streams.find(site, request.path), ""
    if station is None:
        stem, dot, ending = request.path.rpartition(".")
        station = streams.find(site, stem) if dot and (ending in exports.PLAYLISTS or ending == "m3u8") else None
    if station is None:
        raise Refusal(404, "there is nothing here")
    if request.method == "OPTIONS":
        return Response(204, headers=(("Allow", "GET, HEAD, OPTIONS"), *streams.CORS))
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, "a station is listened to with GET", ("Allow", "GET, HEAD, OPTIONS"))
    if ending == "m3u8":
        return hls.playlist(request, station)
    return api.playlist(site, request, station, ending) if ending else streams.stream(site, request, station)
