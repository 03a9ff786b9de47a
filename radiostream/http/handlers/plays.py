"""What the operator asks of the past: `/report`, what a station played, and `/statistics`, how many listened."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from radiostream.http.protocol.message import NO_STORE, Gone, Headers, Refusal, Stream, json_response
from radiostream.http.protocol.reader import send_all

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from radiostream.http.protocol.message import Request, Response
    from radiostream.http.site import Site
    from radiostream.plays.plays import Keeper
    from radiostream.radio.station import Station

log = logging.getLogger(__name__)

PIECE_BYTES: Final = 32 << 10
STALL_S: Final = 30.0
HOUR_S: Final = 3600


def report(site: Site, request: Request, rest: str) -> Stream:
    """`GET /report?route=&from=&to=&format=json|csv|soundexchange`: what the station played, sent as it is read."""
    keeper = _keeper(site)
    station = site.asked(request, rest)
    from radiostream.plays import reading, report
    from radiostream.plays.log import zone_of

    form = report.FORMATS.get(request.query.get("format", "json"))
    if form is None:
        raise Refusal(400, f"format must be one of {', '.join(report.FORMATS)}")
    config, now = station.config, station.clock.unix_s()
    zone = zone_of(config.timezone)
    try:
        period = reading.period(request.query.get("from", ""), request.query.get("to", ""), zone, now)
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    headers: Headers = (NO_STORE, ("X-Content-Type-Options", "nosniff"))
    if form.ending:
        name = f"{_plain(config.stem)}-{period.first}-{period.last}.{form.ending}"
        headers = (*headers, ("Content-Disposition", f'attachment; filename="{name}"'))
    if request.method == "HEAD":
        return Stream(200, form.content_type, headers)
    rows = reading.rows(keeper.directory, config.route, period.since, period.until, zone, now)
    subject = report.Subject(config.route, config.name, zone.name, period)
    return Stream(200, form.content_type, headers, partial(_send, form.write(subject, rows)))


def _plain(stem: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in stem) or "main"


def _send(pieces: Iterator[bytes], connection: socket.socket, head: bytearray) -> None:
    """Send the head and the pieces; in the connection's thread, which ends with it."""
    batch, size = [bytes(head)], 0
    head.clear()
    try:
        for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= PIECE_BYTES:
                send_all(connection, b"".join(batch), stall_s=STALL_S)
                batch, size = [], 0
        send_all(connection, b"".join(batch), stall_s=STALL_S)
    except (Gone, OSError) as error:
        log.debug("a report's reader left: %s", type(error).__name__)


def statistics(site: Site, request: Request, rest: str) -> Response:
    """`GET /statistics?route=&range=day|week|month|year`: samples of listeners, the peak, and listener-hours."""
    keeper = _keeper(site)
    station = site.asked(request, rest)
    from radiostream.plays import statistics

    name = request.query.get("range", "day")
    if name not in statistics.RANGES:
        raise Refusal(400, f"range must be one of {', '.join(statistics.RANGES)}")
    try:
        return json_response(_statistics(keeper, station, name))
    except OSError as error:
        raise Refusal(503, f"the statistics cannot be read: {error.strerror}") from None


def _statistics(keeper: Keeper, station: Station, name: str) -> dict[str, Any]:
    """What has been counted in the range, up to this moment."""
    from radiostream.plays import record, statistics
    from radiostream.plays.log import zone_of

    now, zone = station.clock.unix_s(), zone_of(station.config.timezone)
    path = statistics.path_of(keeper.directory, station.config.route)
    samples, peak, listener_s, hls_peak = [], 0, 0.0, 0
    for began, one in statistics.records(path, name, now, zone):
        mean = one.listener_s / one.covered_s if one.covered_s else float(one.listeners)
        samples.append({"at": record.stamp(began, zone), "listeners": round(mean, 2), "peak": one.peak, "hls": one.hls})
        peak, hls_peak, listener_s = max(peak, one.peak), max(hls_peak, one.hls), listener_s + one.listener_s
    window = station.audience.window()
    hls = station.hls_listeners()
    now_sample = {"at": record.stamp(now, zone), "listeners": window.listeners, "peak": window.peak, "hls": hls}
    return {
        "route": station.config.route,
        "range": name,
        "timezone": zone.name,
        "step_s": statistics.RANGES[name][0].step_s,
        "samples": [*samples, now_sample],
        "peak": max(peak, window.peak),
        "hls_peak": max(hls_peak, hls),
        "listener_hours": round((listener_s + window.listener_s) / HOUR_S, 3),
    }


def _keeper(site: Site) -> Keeper:
    keeper = site.plays.keeper if site.plays is not None else None
    if keeper is None:
        raise Refusal(404, "nothing is kept of what was played: start the server with --state-dir")
    return keeper
