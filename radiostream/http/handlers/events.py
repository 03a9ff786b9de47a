"""`GET /events`: server-sent events, in the reader's own thread.

Nothing is queued for a reader. It waits until anything has changed, compares what it last told with what is, and tells
the difference; one that reads slowly simply gets the newest state next.
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Final

from radiostream.http.protocol.held import TooMuch
from radiostream.http.protocol.message import ANY_ORIGIN, Refusal, Request, Stream
from radiostream.http.views import stations as views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from radiostream.http.site import Site
    from radiostream.radio.station import Station

EVENT_STREAM: Final = "text/event-stream"
HEARTBEAT_S: Final = 15.0
HEARTBEAT: Final = b"event: heartbeat\ndata: {}\n\n"
"""Sent where nothing has happened for so long: an event, since a page is not told of comments."""
PAUSE_S: Final = 0.2
"""Listeners come in crowds: what changes within so long is told together."""
SEND_S: Final = 30.0


def events(site: Site, request: Request, _: str) -> Stream:
    """The head of the stream of events, and the reader's place."""
    address = request.client.address
    headers = (
        ("Cache-Control", "no-cache, no-store"),
        ("X-Accel-Buffering", "no"),
        ("Content-Encoding", "identity"),  # Caddy's `encode` holds the stream back else
        ANY_ORIGIN,
    )
    if request.method == "HEAD":
        return Stream(200, EVENT_STREAM, headers)
    if not site.limits.events.enter(address):
        raise Refusal(503, "too many event subscribers, try again soon", ("Retry-After", "10"))
    base, base_path = site.base_url(request), site.base_path(request)

    def takeover(connection: socket.socket, head: bytearray) -> None:
        try:
            connection.sendall(head)
            head.clear()
            tell(site, connection, base, base_path)
        except (OSError, TooMuch):
            pass  # the reader left, or comes back when there is room
        finally:
            site.limits.events.leave(address)

    return Stream(200, EVENT_STREAM, headers, takeover)


def tell(site: Site, connection: socket.socket, base: str, base_path: str) -> None:
    """Tell one reader everything, then what changes, until it leaves or the server ends."""
    connection.settimeout(SEND_S)
    subscriber = Subscriber(site, base, base_path)
    seen = site.changes.wait(-1, 0)
    held = site.limits.held
    with held.hold(state := b"retry: 2000\n\n" + subscriber.news()):
        connection.sendall(state)
    del state
    while not site.changes.closed:
        count = site.changes.wait(seen, HEARTBEAT_S)
        data = subscriber.news()
        if data or count == seen:
            with held.hold(data):
                connection.sendall(data or HEARTBEAT)
        seen, is_news, data = count, bool(data), b""
        if is_news:
            site.changes.pause(PAUSE_S)


class Subscriber:
    """What one reader has been told. Used by its thread."""

    def __init__(self, site: Site, base: str, base_path: str) -> None:
        self._site = site
        self._base = base
        self._base_path = base_path
        self._told: dict[str, Told] | None = None
        self._number = -1

    def news(self) -> bytes:
        """The events that bring the reader up to date: all of the state at first, and when stations came or went."""
        site, stations = self._site, self._site.listed
        now_s, base_path = site.now_s(), self._base_path
        if self._told is None or not self._knows(stations, self._told):
            self._told = {route: Told(station) for route, station in stations.items()}
            return self._event("state", views.everything(stations, self._base, now_s, base_path))
        told = self._told
        news = (one for route, station in stations.items() for one in told[route].news(station, now_s, base_path))
        return b"".join(self._event(name, value) for name, value in news)

    @staticmethod
    def _knows(stations: Mapping[str, Station], told: dict[str, Told]) -> bool:
        return told.keys() == stations.keys() and all(told[route].is_of(one) for route, one in stations.items())

    def _event(self, name: str, value: dict[str, Any]) -> bytes:
        self._number += 1
        return event(name, value, self._number)


class Told:
    """What a reader knows of one station."""

    __slots__ = ("_listeners", "_name", "_on_air", "_playlist", "_station")

    def __init__(self, station: Station) -> None:
        self._station = station
        self._name = station.status.name
        self._on_air = station.status.on_air
        self._listeners = len(station.audience)
        self._playlist = (station.status.tracks, station.status.shuffle)

    def is_of(self, station: Station) -> bool:
        """Whether it is still that station: it neither went and came back meanwhile, nor was it renamed."""
        return station is self._station and station.status.name == self._name

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
    """One event on the wire; JSON holds no raw line end, so `value` cannot end it early."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n".encode("utf-8", "replace")
