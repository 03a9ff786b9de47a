"""`GET /events`: server-sent events, in the reader's own thread.

Nothing is queued for a reader. It waits until anything has changed, compares what it last told with what is, and tells
the difference; one that reads slowly simply gets the newest state next.
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Final

from radiostream.http.protocol.message import ANY_ORIGIN, Refusal, Request, Stream
from radiostream.http.views import stations as views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.http.site import Site
    from radiostream.radio.station import Station

EVENT_STREAM: Final = "text/event-stream"
HEARTBEAT_S: Final = 15.0
PAUSE_S: Final = 0.2
"""Listeners come in crowds: what changes within so long is told together."""
SEND_S: Final = 30.0


def events(site: Site, request: Request, _: str) -> Stream:
    """The head of the stream of events, and the reader's place."""
    address = request.client.address
    headers = (("Cache-Control", "no-cache, no-store"), ("X-Accel-Buffering", "no"), ANY_ORIGIN)
    if request.method == "HEAD":
        return Stream(200, EVENT_STREAM, headers)
    if not site.limits.events.enter(address):
        raise Refusal(503, "too many event subscribers, try again soon", ("Retry-After", "10"))
    base = site.base_url(request)

    def takeover(connection: socket.socket, head: bytes) -> None:
        try:
            connection.sendall(head)
            tell(site, connection, base)
        except OSError:
            pass  # the reader left
        finally:
            site.limits.events.leave(address)

    return Stream(200, EVENT_STREAM, headers, takeover)


def tell(site: Site, connection: socket.socket, base: str) -> None:
    """Tell one reader everything, then what changes, until it leaves or the server ends."""
    connection.settimeout(SEND_S)
    number = 0
    seen = site.changes.wait(-1, 0)
    told = {route: Told(station) for route, station in site.stations.items()}
    state = views.everything(site.stations, base, site.now_s(), site.config.base_path)
    connection.sendall(b"retry: 2000\n\n" + event("state", state, number))
    while not site.changes.closed:
        count = site.changes.wait(seen, HEARTBEAT_S)
        data = b""
        for route, station in site.stations.items():
            for name, value in told[route].news(station, site.now_s(), site.config.base_path):
                number += 1
                data += event(name, value, number)
        if data or count == seen:
            connection.sendall(data or b": still here\n\n")
        seen = count
        if data:
            site.changes.pause(PAUSE_S)


class Told:
    """What a reader knows of one station."""

    __slots__ = ("_listeners", "_on_air", "_playlist")

    def __init__(self, station: Station) -> None:
        self._on_air = station.status.on_air
        self._listeners = len(station.audience)
        self._playlist = (station.status.tracks, station.status.shuffle)

    def news(self, station: Station, now_s: float, base_path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and value of each event that brings the reader up to date."""
        status, listeners = station.status, len(station.audience)
        route = status.route
        if status.on_air is not self._on_air:
            before, self._on_air = self._on_air, status.on_air
            value = views.now_playing(station, now_s, base_path)
            if before and status.on_air and before.started_s == status.on_air.started_s:
                value["skip"] = False  # the same track, whose tags are known only now
            yield "track", value
        if listeners != self._listeners:
            self._listeners = listeners
            yield "listeners", {"route": route, "listeners": listeners}
        if (status.tracks, status.shuffle) != self._playlist:
            self._playlist = (status.tracks, status.shuffle)
            yield "playlist", {"route": route, "tracks": status.tracks, "shuffle": status.shuffle}


def event(name: str, value: Any, number: int) -> bytes:
    """One event on the wire; JSON holds no raw line end, so `value` can not end it early."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n".encode("utf-8", "replace")
