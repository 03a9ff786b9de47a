"""What only the operator may do: skip, go back, shuffle, rescan; and the status page, its JSON, login and logout."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from radiostream.http.auth import Verdict, same_origin, session_cookie, token_of
from radiostream.http.protocol.message import HTML, NO_STORE, Headers, Refusal, Request, Response, json_response
from radiostream.http.views import exports, pages
from radiostream.http.views import stations as views

if TYPE_CHECKING:
    from concurrent.futures import Future

    from radiostream.http.site import Site
    from radiostream.radio.station import Station

ANSWER_S = 10.0
"""How long a command may take; a station's disk may be asleep."""

SESSION_ENDED = "Your session has ended: the server has started anew, or it has been long. Please log in again."
PAGE_HEADERS: Headers = (
    ("Content-Security-Policy", pages.CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
)
ON = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def require_operator(site: Site, request: Request) -> None:
    """Return for the operator; raise the refusal for everybody else. A cookie counts for our own pages only."""
    header = request.headers.get("authorization")
    if header:
        _insist(site.auth.check_header(header, request.client.address))
    elif not _has_session(site, request):
        raise Refusal(401, "the operator's password is needed", ("WWW-Authenticate", 'Bearer realm="radiostream"'))
    elif request.method not in ("GET", "HEAD") and not _is_own_page(site, request):
        raise Refusal(403, "this came from another site's page")


def _insist(verdict: Verdict) -> None:
    if verdict.retry_after_s:
        raise Refusal(429, "too many wrong passwords, wait", ("Retry-After", str(verdict.retry_after_s)))
    if not verdict.ok:
        raise Refusal(401, "wrong password", ("WWW-Authenticate", 'Bearer realm="radiostream"'))


def _has_session(site: Site, request: Request) -> bool:
    return site.auth.session(token_of(request.headers.get("cookie")))


def _is_own_page(site: Site, request: Request) -> bool:
    hosts = [request.headers.get("host", ""), request.client.host, urlsplit(site.config.public_url).netloc]
    headers = request.headers
    return same_origin(headers.get("sec-fetch-site"), headers.get("origin"), [host for host in hosts if host])


# -- commands --------------------------------------------------------------------------------------------------


def next_track(site: Site, request: Request, rest: str) -> Response:
    """`POST /next-track/<route>` (or `?route=`): answers when the next track is on the air, and names it."""
    require_operator(site, request)
    station = site.asked(request, rest)
    _await(station.next_track())
    return _done(request, station)


def previous_track(site: Site, request: Request, rest: str) -> Response:
    """`POST /prev-track/<route>`: back to what played before."""
    require_operator(site, request)
    station = site.asked(request, rest)
    _await(station.previous_track())
    return _done(request, station)


def shuffle(site: Site, request: Request, rest: str) -> Response:
    """`POST /shuffle/<route>?on=true|false`."""
    require_operator(site, request)
    station = site.asked(request, rest)
    word = request.query.get("on", request.form().get("on", "")).lower()
    if word not in ON:
        raise Refusal(400, "on is true or false")
    _await(station.set_shuffle(ON[word]))
    return _done(request, station)


def reload_playlist(site: Site, request: Request, rest: str) -> Response:
    """`POST /reload-playlist[?route=]`: look at the directories now; answers when that is done."""
    require_operator(site, request)
    one = site.asked(request, rest) if rest or "route" in request.query else None
    if not site.rescan():
        raise Refusal(503, "the look at the directories takes long and goes on")
    for station in [one] if one else site.stations.values():
        _await(station.settled())
    if one is not None:
        return _done(request, one)
    if request.wants_html:
        return _back(request)
    return json_response({"stations": [_outcome(station) for station in site.stations.values()]})


def _await(future: Future[Any]) -> Any:
    try:
        return future.result(ANSWER_S)
    except CancelledError:
        raise Refusal(503, "the server is stopping") from None
    except TimeoutError:
        raise Refusal(503, "the station does not answer, its disk may be slow") from None


def _done(request: Request, station: Station) -> Response:
    return _back(request) if request.wants_html else json_response(_outcome(station))


def _outcome(station: Station) -> dict[str, Any]:
    now = views.now_playing(station, time.monotonic(), "")
    keys = ("route", "track", "title", "artist", "album", "started_at", "duration")
    status = station.status
    return {**{key: now[key] for key in keys}, "shuffle": status.shuffle, "tracks": status.tracks}


def _back(request: Request) -> Response:
    """A form was posted by hand: back to the page, by a relative way that holds below a proxy's sub-path too."""
    return Response(303, b"", HTML, (("Location", "../" * (request.path.count("/") - 1) + "status"), NO_STORE))


# -- the page --------------------------------------------------------------------------------------------------


def status(site: Site, request: Request, _: str) -> Response:
    """`GET /status`: the stations for the operator, the login for others."""
    if not _has_session(site, request):
        return _login(site, SESSION_ENDED if token_of(request.headers.get("cookie")) else "")
    now_s = time.monotonic()
    rows = [_row(station, now_s) for station in site.stations.values()]
    page = pages.status_page(rows, _facts(site), default_password=site.config.default_password)
    return Response(200, page.encode(), HTML, (NO_STORE, *PAGE_HEADERS))


def _facts(site: Site) -> pages.ServerFacts:
    facts = site.server_facts()
    return pages.ServerFacts(
        version=facts["version"],
        uptime_s=facts["uptime_s"],
        rss_mb=facts["rss_mb"],
        cpu_percent=facts["cpu_percent"],
        listeners=site.listeners(),
        max_clients=site.config.max_clients,
        drift_s=max((station.drift_s for station in site.stations.values()), key=abs, default=0.0),
    )


def _row(station: Station, now_s: float) -> pages.StationRow:
    shown = station.status
    on_air = shown.on_air if shown.on_air and shown.on_air.track else None
    return pages.StationRow(
        route=shown.route,
        name=shown.name,
        title=(on_air.tags.title or on_air.track.stem) if on_air and on_air.track else "",
        artist=on_air.tags.artist if on_air else "",
        listeners=len(station.audience),
        family=shown.family,
        peak_listeners=station.audience.peak,
        started_at=on_air.started_at if on_air else 0.0,
        elapsed_s=now_s - on_air.started_s if on_air else 0.0,
        duration_s=on_air.duration_s if on_air else None,
        tracks=shown.tracks,
        shuffle=shown.shuffle,
        trouble=shown.trouble,
        history=[pages.HistoryRow(views.title_of(one), one.artist, one.started_at, one.ended) for one in shown.history],
        left_out=[(one.name, one.reason) for one in shown.left_out],
        mismatched=[(one.name, one.reason) for one in shown.mismatched],
    )


def _login(site: Site, message: str, status: int = 200, *headers: tuple[str, str]) -> Response:
    page = pages.login_page(message, default_password=site.config.default_password)
    return Response(status, page.encode(), HTML, (NO_STORE, *PAGE_HEADERS, *headers))


def login(site: Site, request: Request, _: str) -> Response:
    """`POST /status`: the login form."""
    verdict, token = site.auth.login(request.form().get("password", ""), request.client.address)
    if verdict.retry_after_s:
        wait = f"Too many wrong passwords. Try again in {verdict.retry_after_s} seconds."
        return _login(site, wait, 429, ("Retry-After", str(verdict.retry_after_s)))
    if not verdict.ok:
        return _login(site, "Wrong password.", 401)
    cookie = session_cookie(token, site.config.base_path, request.client.scheme == "https")
    return Response(303, b"", HTML, (("Location", "status"), ("Set-Cookie", cookie), NO_STORE))


def logout(site: Site, request: Request, _: str) -> Response:
    """`POST /logout`: the session ends at once."""
    site.auth.end(token_of(request.headers.get("cookie")))
    cookie = session_cookie("", site.config.base_path, request.client.scheme == "https")
    return Response(303, b"", HTML, (("Location", "status"), ("Set-Cookie", cookie), NO_STORE))


def status_json(site: Site, request: Request, _: str) -> Response:
    """`GET /status.json`: what the status page shows."""
    require_operator(site, request)
    now_s, config = time.monotonic(), site.config
    server = {
        **site.server_facts(),
        "listeners": site.listeners(),
        "max_clients": config.max_clients,
        "default_password": config.default_password,
    }
    stations = [views.operator_listing(one, now_s, config.base_path) for one in site.stations.values()]
    return json_response({"stations": stations, "server": server})


def list_clients(site: Site, request: Request, _: str) -> Response:
    """`GET /admin/listclients?mount=/humor`: who listens, as Icecast shows it."""
    require_operator(site, request)
    station = site.station(request.query.get("mount", request.query.get("route", "")))
    now_s = time.monotonic()
    rows = [(one.id, one.address, one.agent, now_s - one.since_s) for one in station.audience.present()]
    body = exports.list_clients(station.config.route, rows)
    return Response(200, body.encode(), "text/xml; charset=utf-8", (NO_STORE,))
