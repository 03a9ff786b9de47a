"""`GET /<route>`: the answer to a player, from its request's headers to the hand-over of its socket to a `Feed`."""

from __future__ import annotations

import logging
import socket
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from radiostream.audio.frames import CONTENT_TYPES, OGG
from radiostream.http.handlers import listener
from radiostream.http.handlers.icy import METAINT, Framer
from radiostream.http.protocol.message import CORS, Headers, Refusal, Request, Stream
from radiostream.http.site import SHOUTCAST
from radiostream.logs import quoted
from radiostream.radio.audience import Listener
from radiostream.radio.live_input import WAY_FIELD

if TYPE_CHECKING:
    from radiostream.http.site import Site
    from radiostream.radio.station import Station

log = logging.getLogger(__name__)

ENDLESS: Final = 1 << 40
RETRY_AFTER_S: Final = 10


def stream(site: Site, request: Request, station: Station) -> Stream:
    """A listener's answer; HEAD gets the same head and is nobody."""
    is_bare = request.path in site.stations or request.path.rpartition("/")[2] in SHOUTCAST
    suffix = "" if is_bare else request.path.rpartition(".")[2]
    if suffix in CONTENT_TYPES and suffix != station.status.family:
        raise Refusal(404, f"this station sends {station.status.family}")
    wants_titles = _asks_for_titles(request) and station.status.family != OGG
    start = _resumes_at(request)
    headers = (*_headers(site, request, station), *((("icy-metaint", str(METAINT)),) if wants_titles else ()))
    if start:
        headers = (*headers, ("Content-Range", f"bytes {start}-{ENDLESS}/*"))
    status, content_type = 206 if start else 200, CONTENT_TYPES[station.status.family]
    if request.method == "HEAD":
        return Stream(status, content_type, headers)
    one = Listener(
        id=next(site.listener_ids),
        address=request.client.address,
        agent=request.headers.get("user-agent", "")[:120],
        since_s=site.now_s(),
    )
    framer = Framer() if wants_titles else None
    if not site.limits.listeners.enter(one.address):
        raise Refusal(503, "all places are taken, try again soon", ("Retry-After", str(RETRY_AFTER_S)))
    serve = partial(_serve, site, station, one, framer, _is_browser(request))
    return Stream(status, content_type, headers, serve)


def _asks_for_titles(request: Request) -> bool:
    """Any number from 1 on, also where the field is sent twice; players send 1, 2 and "1, 1"."""
    words = [word.strip() for word in request.headers.get("icy-metadata", "").split(",")]
    return any(word.isascii() and word.isdigit() and word.strip("0") for word in words)


def _is_browser(request: Request) -> bool:
    return request.headers.get("sec-fetch-dest") in ("audio", "video") or request.query.get("player") == "web"


def _serve(
    site: Site,
    station: Station,
    one: Listener,
    framer: Framer | None,
    is_browser: bool,
    connection: socket.socket,
    head: bytearray,
) -> None:
    """Feed one listener until it leaves or is left; runs in its thread, with nothing else alive on its stack."""
    route = station.config.route
    why = "left"
    try:
        about = {"station": route, "address": one.address, "agent": one.agent}
        log.info("%s: listener %d from %s: %s", route, one.id, one.address, quoted(one.agent), extra=about)
        del about
        connection.sendall(head)
        head.clear()
        listener.tune(connection)
        why = listener.Feed(connection, station, one, framer, is_browser, site.limits.paused).run()
    except OSError:
        pass  # it left, which is how listening ends
    finally:
        _log_end(route, one, site.now_s() - one.since_s, why)
        site.limits.listeners.leave(one.address)


def _log_end(route: str, one: Listener, seconds: float, why: str) -> None:
    facts = {
        "station": route,
        "address": one.address,
        "seconds": round(seconds, 1),
        "bytes": one.bytes_sent,
        "why": why,
    }
    log.info(
        "%s: listener %d gone after %.0f s, %d bytes: %s", route, one.id, seconds, one.bytes_sent, why, extra=facts
    )


def _resumes_at(request: Request) -> int:
    """N of `Range: bytes=N-`: Chromium coming back after a broken connection; 0 for every other range."""
    unit, _, span = request.headers.get("range", "").partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() == "bytes" and dash and not last and first.isascii() and first.isdigit() and len(first) < 13:
        return int(first)
    return 0


def _headers(site: Site, request: Request, station: Station) -> Headers:
    status, config = station.status, station.config
    on_air = status.on_air
    kbps = on_air.kbps if on_air and on_air.track else site.config.kbps
    base = site.base_url(request)
    headers = [
        ("Cache-Control", "no-cache, no-store"),
        ("Accept-Ranges", "none"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Accel-Buffering", "no"),
        ("icy-name", status.name),
        ("icy-genre", status.genre or "various"),  # Icecast's own word for it
        ("icy-description", status.description or status.name),
        ("icy-url", config.homepage or base + "/web"),
        ("icy-pub", "0"),
        ("icy-br", str(kbps)),
        ("icy-main-stream-url", base + quote(config.route)),
    ]
    said = (
        ("icy-logo", config.logo),
        ("icy-language-codes", config.language),
        ("icy-country-code", config.country),
        (WAY_FIELD, station.live.way if station.live else ""),
    )
    headers += [(name, value) for name, value in said if value]
    if on_air:
        rate_hz, channels = on_air.params.heard_hz, on_air.params.channels
        audio_info = f"ice-samplerate={rate_hz};ice-bitrate={kbps};ice-channels={channels}"
        headers += [("icy-sr", str(rate_hz)), ("ice-audio-info", audio_info)]
    return (*headers, *CORS)
