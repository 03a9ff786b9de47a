"""What the operator asks of the past: `/report`, what a station played, and `/statistics`, how many listened."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from radiostream.http.protocol.message import NO_STORE, Gone, Headers, Refusal, Stream, json_response
from radiostream.http.protocol.reader import send_all
from radiostream.http.site import named
from radiostream.station_names import route_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from radiostream.http.protocol.message import Request, Response
    from radiostream.http.site import Site
    from radiostream.playlist.zones import Zone
    from radiostream.plays.plays import Keeper
    from radiostream.radio.station import Station

log = logging.getLogger(__name__)

PIECE_BYTES: Final = 32 << 10
EXPORT_STALL_S: Final = 30.0
HOUR_S: Final = 3600


class Subject(NamedTuple):
    """Whose past is asked for."""

    route: str
    name: str
    zone: Zone
    now: float
    """Unix seconds."""
    station: Station | None
    """None where it has gone, and its log is still there."""


def report(site: Site, request: Request, rest: str) -> Stream:
    """`GET /report?route=&from=&to=&format=json|csv|soundexchange`: what the station played, sent as it is read."""
    keeper = _keeper(site)
    from radiostream.plays import months, reading, report

    subject = _subject(site, keeper, request, rest)
    form = report.FORMATS.get(request.query.get("format", "json"))
    if form is None:
        raise Refusal(400, f"format must be one of {', '.join(report.FORMATS)}")
    route, name, zone, now, _ = subject
    try:
        period = reading.period(request.query.get("from", ""), request.query.get("to", ""), zone, now)
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    headers: Headers = (NO_STORE, ("X-Content-Type-Options", "nosniff"))
    if form.ending:
        file = f"{_plain(months.stem_of(route))}-{period.first}-{period.last}.{form.ending}"
        headers = (*headers, ("Content-Disposition", f'attachment; filename="{file}"'))
    if request.method == "HEAD":
        return Stream(200, form.content_type, headers)
    rows = reading.rows(keeper.directory, route, period.since, period.until, zone, now)
    about = report.Subject(route, name, zone.name, period)
    return Stream(200, form.content_type, headers, partial(send_report, form.write(about, rows)))


def _plain(stem: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in stem)


def send_report(pieces: Iterator[bytes], connection: socket.socket, head: bytearray) -> None:
    """Send the head and the pieces; in the connection's thread, which ends with it."""
    batch, size = [bytes(head)], 0
    head.clear()
    try:
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= PIECE_BYTES:
                send_all(connection, b"".join(batch), stall_s=EXPORT_STALL_S)
                batch, size = [], 0
        send_all(connection, b"".join(batch), stall_s=EXPORT_STALL_S)
    except (Gone, OSError) as error:
        log.debug("a report's reader left: %s", type(error).__name__)


def statistics(site: Site, request: Request, rest: str) -> Response:
    """`GET /statistics?route=&range=day|week|month|year`: samples of listeners, the peak, and listener-hours."""
    keeper = _keeper(site)
    from radiostream.plays import statistics

    subject = _subject(site, keeper, request, rest)
    name = request.query.get("range", "day")
    if name not in statistics.RANGES:
        raise Refusal(400, f"range must be one of {', '.join(statistics.RANGES)}")
    try:
        return json_response(_statistics(keeper, subject, name))
    except OSError as error:
        raise Refusal(503, f"the statistics cannot be read: {error.strerror}") from None


def _statistics(keeper: Keeper, subject: Subject, name: str) -> dict[str, Any]:
    """What has been counted in the range, up to this moment."""
    from radiostream.plays import record, statistics

    route, _, zone, now, station = subject
    samples, peak, listener_s, hls_peak = [], 0, 0.0, 0
    for began, one in statistics.records(statistics.path_of(keeper.directory, route), name, now, zone):
        mean = one.listener_s / one.covered_s if one.covered_s else float(one.listeners)
        samples.append({"at": record.stamp(began, zone), "listeners": round(mean, 2), "peak": one.peak, "hls": one.hls})
        peak, hls_peak, listener_s = max(peak, one.peak), max(hls_peak, one.hls), listener_s + one.listener_s
    if station is not None:
        window, hls = station.audience.window(), station.hls_listeners()
        latest = {"listeners": window.listeners, "peak": window.peak, "hls": hls}
        samples.append({"at": record.stamp(now, zone), **latest})
        peak, hls_peak, listener_s = max(peak, window.peak), max(hls_peak, hls), listener_s + window.listener_s
    return {
        "route": route,
        "range": name,
        "timezone": zone.name,
        "step_s": statistics.RANGES[name][0].step_s,
        "samples": samples,
        "peak": peak,
        "hls_peak": hls_peak,
        "listener_hours": round(listener_s / HOUR_S, 3),
    }


def _subject(site: Site, keeper: Keeper, request: Request, rest: str) -> Subject:
    """The station that is asked for, or what is known of one that has gone; 404 where nothing is."""
    from radiostream.plays.log import zone_of

    try:
        station = site.asked(request, rest)
    except Refusal:
        route = route_of(named(request, rest))
        if not keeper.knows(route):
            raise
        return Subject(route, route, zone_of(""), keeper.unix_s(), None)
    config = station.config
    return Subject(config.route, config.name, zone_of(config.timezone), keeper.unix_s(), station)


def _keeper(site: Site) -> Keeper:
    keeper = site.plays.keeper if site.plays is not None else None
    if keeper is None:
        raise Refusal(404, "nothing is kept of what was played: start the server with --state-dir")
    return keeper
