"""Live sources: `PUT /<route>` and `SOURCE /<route>`, `/admin/metadata`, `/end-live/` and `/resume-relay/`.

`radiostream.live` is imported by those only that need it, and a station has a desk only where sources may come.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qsl

from radiostream.http import audit
from radiostream.http.protocol.message import HTML, NO_STORE, Refusal, Response, Stream, json_response

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site
    from radiostream.live.desk import Desk
    from radiostream.radio.station import Station

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
UPDATED: Final = (
    b'<?xml version="1.0"?>\n'
    b"<iceresponse><message>Metadata update successful</message><return>1</return></iceresponse>\n"
)


def source(site: Site, request: Request) -> Stream:
    """A broadcaster's answer: its connection is taken over, and read until it ends."""
    from radiostream.live import source as sources
    from radiostream.live.desk import Refused
    from radiostream.live.feed import BROADCASTER, About
    from radiostream.live.said import said

    station = site.streamed(request.path)
    desk = _desk(station)
    if station is None or desk is None:
        raise Refusal(404, "no such station")
    headers = dict(request.headers)
    _insist_on_family(request, station)
    name = said(headers.get("ice-name", headers.get("icy-name", ""))).title
    about = About(BROADCASTER, request.client.address, headers.get("user-agent", "")[:120], name)
    try:
        body = sources.body_of(headers)
        feed = desk.admit(about, station.family)
    except Refused as refused:
        raise Refusal(refused.status, refused.text) from None
    begin = CONTINUE if headers.get("expect", "").lower() == "100-continue" else b""
    serve = partial(sources.serve, desk, feed, body, request.body)
    return Stream(200, "text/plain", (), lambda connection, head: serve(connection, begin + head))


def _insist_on_family(request: Request, station: Station) -> None:
    from radiostream.live.upstream import family_of

    content_type = request.headers.get("content-type", "")
    suffix = request.path.rpartition(".")[2] if request.path != station.config.route else ""
    families = {family_of(content_type), suffix if suffix in ("mp3", "aac", "ogg") else ""} - {""}
    if families - {station.family}:
        raise Refusal(415, f"this station sends {station.family}")


def metadata(site: Site, request: Request, _: str) -> Response:
    """`GET /admin/metadata?mount=&mode=updinfo&song=`: the broadcaster calls what it sends by another title."""
    from radiostream.live.icy import text_of
    from radiostream.live.said import said

    fields = _fields(request.raw_query)
    charset = fields.get("charset", b"").decode("ascii", "replace")
    texts = {name: text_of(value, charset) for name, value in fields.items()}
    if texts.get("mode") != "updinfo":
        raise Refusal(400, "mode must be updinfo")
    desk = _desk(site.streamed(texts.get("mount", "/")))
    if desk is None:
        raise Refusal(404, "no such station")
    song = texts.get("song", "")
    title = said(song) if song.strip() else said(texts.get("title", ""), texts.get("artist", ""))
    if not desk.retitle(title):
        raise Refusal(404, "no source is there")
    return Response(200, UPDATED, "text/xml; charset=utf-8", (NO_STORE,))


def _fields(raw_query: str) -> dict[str, bytes]:
    """The query's parameters as bytes: only then is it known which characters they are."""
    try:
        pairs = parse_qsl(raw_query, keep_blank_values=True, encoding="iso-8859-1", max_num_fields=50)
    except ValueError:
        raise Refusal(400, "the query is malformed") from None
    return {name: _bytes(value) for name, value in pairs}


def _bytes(value: str) -> bytes:
    try:
        return value.encode("iso-8859-1")
    except UnicodeEncodeError:  # typed as it is, without escapes
        return value.encode("utf-8", "replace")


def end_live(site: Site, request: Request, rest: str) -> Response:
    """`POST /end-live/<route>`: the broadcaster is let go, or the relay paused."""
    station = site.asked(request, rest)
    desk = _desk(station)
    ended = desk.end() if desk is not None else ""
    if not ended:
        raise Refusal(409, "nobody is live there")
    site.audit.done(audit.END_LIVE, request, station.config.route, ended)
    return _done(request, station, "ended", ended)


def resume_relay(site: Site, request: Request, rest: str) -> Response:
    """`POST /resume-relay/<route>`: the relay is fetched again."""
    station = site.asked(request, rest)
    desk = _desk(station)
    if desk is None or not desk.resume():
        raise Refusal(409, "this station has no relay")
    site.audit.done(audit.RESUME_RELAY, request, station.config.route)
    return _done(request, station, "resumed", "relay")


def _desk(station: Station | None) -> Desk | None:
    return cast("Desk | None", station.live) if station is not None else None


def _done(request: Request, station: Station, what: str, kind: str) -> Response:
    if request.wants_html:
        return Response(303, b"", HTML, (("Location", "../" * (request.depth - 1) + "status"), NO_STORE))
    return json_response({"route": station.config.route, what: kind})
