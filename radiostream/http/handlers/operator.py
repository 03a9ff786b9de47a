"""What the operator sees: the status page, its JSON, the login and logout, and Icecast's list of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radiostream.http import audit, guard
from radiostream.http.auth import session_cookie, token_of
from radiostream.http.protocol.message import HTML, NO_STORE, Headers, Response, json_response
from radiostream.http.views import exports, pages
from radiostream.http.views import stations as views
from radiostream.http.views.status_page import status_page

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site


def status(site: Site, request: Request, _: str) -> Response:
    """`GET /status`: the stations for the operator, the login for others."""
    if not guard.has_session(site, request):
        return _login(site, request, "session_ended" if token_of(request.headers.get("cookie")) else "")
    page = status_page(_state(site, request), site.edition(request))
    return Response(200, page.encode("utf-8", "replace"), HTML, (NO_STORE, *pages.PAGE_HEADERS))


def status_json(site: Site, request: Request, _: str) -> Response:
    """`GET /status.json`: what the status page shows."""
    return json_response(_state(site, request))


def _state(site: Site, request: Request) -> dict[str, Any]:
    now_s, config = site.now_s(), site.config
    server = {
        **site.server_facts(),
        "listeners": site.listeners(),
        "max_clients": config.max_clients,
        "default_password": config.default_password,
        "kept": site.plays is not None and site.plays.keeper is not None,
    }
    stations = [views.operators(one, now_s, site.base_path(request)) for one in site.stations.values()]
    return {"stations": stations, "server": server}


def _login(
    site: Site, request: Request, why: str, status: int = 200, headers: Headers = (), **values: object
) -> Response:
    """The login; `why` is the word of what went wrong, `values` what stands in it."""
    own = site.edition(request)
    message = own.word(f"page.{why}", **values) if why else ""
    page = pages.login_page(message, own, default_password=site.config.default_password)
    return Response(status, page.encode("utf-8", "replace"), HTML, (NO_STORE, *pages.PAGE_HEADERS, *headers))


def login(site: Site, request: Request, _: str) -> Response:
    """`POST /status`: the login form."""
    verdict, token = site.auth.login(request.form().get("password", ""), request.client.address)
    guard.note(site, request, verdict)
    if verdict.retry_after_s:
        wait_s = verdict.retry_after_s
        return _login(site, request, "throttled", 429, (("Retry-After", str(wait_s)),), n=wait_s)
    if not verdict.ok:
        return _login(site, request, "wrong_password", 401)
    site.audit.done(audit.LOGIN, request)
    cookie = session_cookie(token, site.base_path(request), site.is_https(request))
    return Response(303, b"", HTML, (("Location", "status"), ("Set-Cookie", cookie), NO_STORE))


def logout(site: Site, request: Request, _: str) -> Response:
    """`POST /logout`: the session ends at once."""
    token = token_of(request.headers.get("cookie"))
    if site.auth.session(token):
        site.audit.done(audit.LOGOUT, request)
    site.auth.end(token)
    cookie = session_cookie("", site.base_path(request), site.is_https(request))
    return Response(303, b"", HTML, (("Location", "status"), ("Set-Cookie", cookie), NO_STORE))


def list_clients(site: Site, request: Request, _: str) -> Response:
    """`GET /admin/listclients?mount=/humor`: who listens, as Icecast shows it."""
    station = site.station(request.query.get("mount", request.query.get("route", "")))
    now_s = site.now_s()
    rows = [(one.id, one.address, one.agent, now_s - one.since_s) for one in station.audience.present()]
    body = exports.list_clients(station.config.route, rows)
    return Response(200, body.encode(), "text/xml; charset=utf-8", (NO_STORE,))
