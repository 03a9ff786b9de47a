"""What every handler works on: the stations, the limits, the operator's door, and what the house answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from radiostream.http.protocol.message import Refusal
from radiostream.station_names import route_of

if TYPE_CHECKING:
    from radiostream.config import Config
    from radiostream.http.auth import Auth
    from radiostream.http.protocol.limits import Limits
    from radiostream.http.protocol.message import Request
    from radiostream.radio.changes import Changes
    from radiostream.radio.station import Station


@dataclass(frozen=True, slots=True)
class Site:
    """One server's world; built once, read by all request threads."""

    config: Config
    stations: Mapping[str, Station]
    """By route, in alphabetical order."""
    limits: Limits
    auth: Auth
    changes: Changes
    rescan: Callable[[], bool]
    """Look at the directories now; True once that has been done."""
    readiness: Callable[[], tuple[bool, dict[str, Any]]]
    metrics: Callable[[str], tuple[str, bytes]]
    """For an Accept header: content type and body."""
    server_facts: Callable[[], dict[str, Any]]
    """Version, uptime, memory and CPU of the process, for the operator's page."""
    started_at: float = field(default_factory=time.time)
    listener_ids: Any = field(default_factory=lambda: itertools.count(1))

    def station(self, name: str) -> Station:
        """The station of a route as anybody may write it: `humor`, `/humor`, empty or `main` for the default one."""
        route = route_of(name)
        if route == "/main" and route not in self.stations:
            route = "/"
        try:
            return self.stations[route]
        except KeyError:
            raise Refusal(404, "no such station") from None

    def asked(self, request: Request, rest: str = "") -> Station:
        """The station that a request is about: `rest`, what its path says, else its `route`, else the default one."""
        return self.station(rest.strip("/") or request.query.get("route", ""))

    def listeners(self) -> int:
        """All who listen now, over all stations."""
        return sum(len(station.audience) for station in self.stations.values())
