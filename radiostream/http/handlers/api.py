"""What scripts, widgets and monitors read: JSON, playlists for players, Icecast's face, covers, health and metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from radiostream.http.protocol.conditional import if_none_match
from radiostream.http.protocol.message import ANY_ORIGIN, NO_STORE, Refusal, Response, json_response
from radiostream.http.views import exports
from radiostream.http.views import schedule as schedules
from radiostream.http.views import stations as views
from radiostream.playlist.history import LIMIT

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site
    from radiostream.radio.station import Station


def streams(site: Site, request: Request, _: str) -> Response:
    """`GET /streams`: every station."""
    base = site.base_url(request)
    return json_response({"streams": [views.listing(one, base) for one in site.listed.values()]}, 200, ANY_ORIGIN)


def now_playing(site: Site, request: Request, _: str) -> Response:
    """`GET /now-playing[?route=]`: what is on the air at one station, or at each."""
    now_s, base_path = site.now_s(), site.base_path(request)
    if "route" in request.query:
        station = site.asked(request)
        return json_response(views.now_playing(station, now_s, base_path), 200, ANY_ORIGIN)
    everywhere = {route: views.now_playing(one, now_s, base_path) for route, one in site.listed.items()}
    return json_response(everywhere, 200, ANY_ORIGIN)


def history(site: Site, request: Request, _: str) -> Response:
    """`GET /history?route=&limit=&before=`: the latest tracks of a station (the default one), newest first; with
    `before`, those that began before that moment, from the log of plays where one is kept.

    `next` is the `before` of the page that follows; null where there is none.
    """
    station = site.asked(request)
    limit = _whole(request.query.get("limit", str(LIMIT)), "limit", LIMIT)
    keeper = site.plays.keeper if site.plays is not None else None
    entries = station.status.history
    moment = _moment(request.query["before"]) if "before" in request.query else None
    if moment is not None:
        entries = tuple(one for one in entries if one.started_at < moment)
    page = views.history(entries[:limit])
    if moment is not None and len(page) < limit and keeper is not None:
        since = _moment(page[-1]["started_at"]) if page else moment
        page += keeper.history(station.config, since, limit - len(page))
    is_last = not page or (len(page) < limit and (moment is not None or keeper is None))
    body = {"route": station.config.route, "history": page, "next": None if is_last else page[-1]["started_at"]}
    return json_response(body, 200, ANY_ORIGIN)


def _moment(text: str) -> float:
    """An ISO 8601 moment of the query, with a zone or in UTC, as Unix seconds."""
    try:
        said = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in a query is a space
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refusal(400, "before must be a moment such as 2026-11-26T14:00:00Z") from None


def _whole(text: str, name: str, most: int) -> int:
    """A number of the query, from 1 on; more than `most` is `most`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise Refusal(400, f"{name} must be 1 or more")
    return min(int(text), most)


def schedule(site: Site, request: Request, _: str) -> Response:
    """`GET /schedule?route=&hours=24`: which part of the programme plays, until when, and what comes."""
    station = site.asked(request)
    hours = _whole(request.query.get("hours", "24"), "hours", schedules.MOST_HOURS)
    return json_response(schedules.coming(station.status, station.clock.unix_s(), hours), 200, ANY_ORIGIN)


def cover(site: Site, request: Request, rest: str) -> Response:
    """`GET /cover/<route>`: the current track's own picture, else the directory's, as looked up when it went on the
    air: the disk is not touched."""
    station = site.asked(request, rest)
    on_air = station.status.on_air
    picture = on_air.picture if on_air else None
    if picture is None:
        raise Refusal(404, "there is no cover")
    tag = f'"{picture.version}"'
    headers = (("ETag", tag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"), ANY_ORIGIN)
    if if_none_match(request.headers.get("if-none-match"), tag):
        return Response(304, b"", picture.kind, headers)
    return Response(200, picture.data, picture.kind, headers)


def playlist(site: Site, request: Request, station: Station, ending: str) -> Response:
    """`/<route>.m3u`, `.pls`, `.xspf`: one entry, the stream's absolute URL."""
    write, content_type = exports.PLAYLISTS[ending]
    # with the format's suffix, by which many devices decide what to do
    url = site.base_url(request) + quote(f"/{station.config.stem}.{station.status.family}")
    return Response(200, write(station.status.name, url).encode(), content_type, (NO_STORE, ANY_ORIGIN))


def icecast(site: Site, request: Request, _: str) -> Response:
    """`GET /status-json.xsl`: the stations as Icecast shows its mounts."""
    base = site.base_url(request)
    rows = [
        (one.status, len(one.audience), one.audience.peak, base + quote(one.config.route))
        for one in site.listed.values()
    ]
    return json_response(exports.icecast_status(rows, base, site.started_at), 200, ANY_ORIGIN)


def healthz(_site: Site, _request: Request, _: str) -> Response:
    """`GET /healthz`: we answer."""
    return Response(200, b"OK\n", headers=(NO_STORE,))


def readyz(site: Site, _request: Request, _: str) -> Response:
    """`GET /readyz`: each check and its value; 503 where no station can be heard."""
    ready, checks = site.readiness()
    return json_response(checks, 200 if ready else 503)


def metrics(site: Site, request: Request, _: str) -> Response:
    """`GET /metrics`: for Prometheus, in the form it asks for."""
    content_type, body = site.metrics(request.headers.get("accept", ""))
    return Response(200, body, content_type, (NO_STORE,))
