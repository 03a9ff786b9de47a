"""What the operator sees: the status page, its JSON, the login and logout, and Icecast's list of clients."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from radiostream.http import guard
from radiostream.http.auth import session_cookie, token_of
from radiostream.http.protocol.message import HTML, NO_STORE, Response, json_response
from radiostream.http.views import exports, pages
from radiostream.http.views import stations as views

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site
    from radiostream.radio.station import Station

SESSION_ENDED: Final = "Your session has ended: the server restarted or you were away too long. Please log in again."


def status(site: Site, request: Request, _: str) -> Response:
    """`GET /status`: the stations for the operator, the login for others."""
    if not guard.has_session(site, request):
        return _login(site, SESSION_ENDED if token_of(request.headers.get("cookie")) else "")
    now_s = time.monotonic()
    rows = [_row(station, now_s) for station in site.stations.values()]
    page = pages.status_page(rows, _facts(site), default_password=site.config.default_password)
    return Response(200, page.encode(), HTML, (NO_STORE, *pages.PAGE_HEADERS))


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
    return Response(status, page.encode(), HTML, (NO_STORE, *pages.PAGE_HEADERS, *headers))


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


def status_json(site: Site, _request: Request, _: str) -> Response:
    """`GET /status.json`: what the status page shows."""
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
    station = site.station(request.query.get("mount", request.query.get("route", "")))
    now_s = time.monotonic()
    rows = [(one.id, one.address, one.agent, now_s - one.since_s) for one in station.audience.present()]
    body = exports.list_clients(station.config.route, rows)
    return Response(200, body.encode(), "text/xml; charset=utf-8", (NO_STORE,))
