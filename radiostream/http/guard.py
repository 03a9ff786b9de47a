"""Whether a request comes from the operator. `routes.answer` asks once for every route that is the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from radiostream.http.auth import same_origin, token_of
from radiostream.http.protocol.message import Refusal

if TYPE_CHECKING:
    from radiostream.http.auth import Verdict
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site


def require_operator(site: Site, request: Request) -> None:
    """Return for the operator; raise the refusal for everybody else. A cookie counts for our own pages only."""
    header = request.headers.get("authorization")
    if header:
        insist(site, request, site.auth.check_header(header, request.client.address))
    elif not has_session(site, request):
        raise Refusal(401, "the operator's password is needed", ("WWW-Authenticate", 'Bearer realm="radiostream"'))
    elif request.method not in ("GET", "HEAD") and not is_own_page(site, request):
        raise Refusal(403, "cross-site request refused")


def require_source(site: Site, request: Request) -> None:
    """Return for a broadcaster; raise the refusal for everybody else. Wrong tries are counted apart from the
    operator's."""
    if site.source_auth is None:
        raise Refusal(404, "there is nothing here")
    verdict = site.source_auth.check_header(request.headers.get("authorization"), request.client.address)
    note(site, request, verdict)
    if verdict.retry_after_s:
        raise Refusal(429, "too many wrong passwords, wait", ("Retry-After", str(verdict.retry_after_s)))
    if not verdict.ok:
        raise Refusal(401, "the broadcasters' password is needed", ("WWW-Authenticate", 'Basic realm="radiostream"'))


def insist(site: Site, request: Request, verdict: Verdict) -> None:
    """Return for the right password; note and refuse every other verdict."""
    note(site, request, verdict)
    if verdict.retry_after_s:
        raise Refusal(429, "too many wrong passwords, wait", ("Retry-After", str(verdict.retry_after_s)))
    if not verdict.ok:
        raise Refusal(401, "wrong password", ("WWW-Authenticate", 'Bearer realm="radiostream"'))


def note(site: Site, request: Request, verdict: Verdict) -> None:
    """Count and tell a password that was wrong, or not looked at."""
    if verdict.retry_after_s:
        site.audit.throttled()
    elif not verdict.ok:
        site.audit.wrong_password(request, is_first=verdict.is_first)


def require_own_page(site: Site, request: Request) -> None:
    """Raise a refusal where another site's page sent this form. Programs say nothing of where they come from."""
    is_page = "sec-fetch-site" in request.headers or "origin" in request.headers
    if is_page and not is_own_page(site, request):
        raise Refusal(403, "cross-site request refused")


def has_session(site: Site, request: Request) -> bool:
    """Whether the request has the cookie of a session that goes on."""
    return site.auth.session(token_of(request.headers.get("cookie")))


def is_own_page(site: Site, request: Request) -> bool:
    """Whether one of our pages sent the request."""
    hosts = [request.headers.get("host", ""), request.client.host, urlsplit(site.config.public_url).netloc]
    headers = request.headers
    return same_origin(headers.get("sec-fetch-site"), headers.get("origin"), [host for host in hosts if host])
