"""What every handler works on: the stations, the limits, who the operator is, and what the rest of the server tells."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from radiostream.audio.frames import CONTENT_TYPES
from radiostream.http.audit import Audit
from radiostream.http.protocol.message import Refusal
from radiostream.http.protocol.proxies import base_url
from radiostream.http.views.editions import Edition, chosen
from radiostream.station_names import route_of

if TYPE_CHECKING:
    from radiostream.config import Config
    from radiostream.http.auth import Auth
    from radiostream.http.protocol.limits import Limits
    from radiostream.http.protocol.message import Request
    from radiostream.plays.plays import Plays
    from radiostream.radio.changes import Changes
    from radiostream.radio.station import Station


SHOUTCAST: Final = (";", ";stream.mp3")
"""What SHOUTcast's listeners put behind a stream's path, so that it is not taken for a page."""


def named(request: Request, rest: str) -> str:
    """The station that a request names: `rest`, what its path says, else its `route`; empty for the default one."""
    return rest.strip("/") or request.query.get("route", "")


@dataclass(slots=True)
class Site:
    """One server's world, read by all request threads. `config` and `stations` are replaced whole while it runs: who
    needs one of them twice takes it once into a variable, and needs no lock."""

    config: Config
    stations: Mapping[str, Station]
    """By route, in alphabetical order, the hidden ones among them."""
    limits: Limits
    auth: Auth
    changes: Changes
    rescan: Callable[[], bool]
    """Scan the directories now; True once that has been done."""
    readiness: Callable[[], tuple[bool, dict[str, Any]]]
    metrics: Callable[[str], tuple[str, bytes]]
    """For an Accept header: content type and body."""
    server_facts: Callable[[], dict[str, Any]]
    """Version, uptime, memory and CPU of the process, for the operator's page."""
    source_auth: Auth | None = None
    """The broadcasters' password; None where nobody may broadcast."""
    now_s: Callable[[], float] = time.monotonic
    """Monotonic seconds, by the stations' clock."""
    started_at: float = field(default_factory=time.time)
    audit: Audit = field(default_factory=Audit)
    scan_costs: Callable[[], Mapping[str, tuple[float, int]]] = dict
    """By route, what looking at the station's directory has taken: seconds of CPU, questions to the file system."""
    plays: Plays | None = None
    """The log of plays, their statistics and webhooks; None where all of it is off."""
    listener_ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def listed(self) -> Mapping[str, Station]:
        """The stations that lists and pages show: all but the hidden ones."""
        return {route: one for route, one in self.stations.items() if not one.config.hidden}

    @property
    def default(self) -> Station | None:
        """The station at `/`: the default one, or where there is none the first that is listed."""
        stations = self.stations
        return stations.get("/") or next((one for one in stations.values() if not one.config.hidden), None)

    def station(self, name: str) -> Station:
        """The station of a route as anybody may write it: `humor`, `/humor`, empty or `main` for the default one."""
        route = route_of(name)
        station = self.stations.get(route) or (self.default if route in ("/", "/main") else None)
        if station is None:
            raise Refusal(404, "no such station")
        return station

    def asked(self, request: Request, rest: str = "") -> Station:
        """The station that a request is about: `rest`, what its path says, else its `route`, else the default one."""
        return self.station(named(request, rest))

    def streamed(self, path: str) -> Station | None:
        """The station whose stream `path` is: its route, with or without its format's suffix, or with SHOUTcast's `/;`
        or `/;stream.mp3` behind it."""
        head, _, last = path.rpartition("/")
        path, stations = head if last in SHOUTCAST else path, self.stations
        for route in (route_of(path), route_of(_without_suffix(path))):
            if route in stations:
                return stations[route]
            if route in ("/", "/main"):
                return self.default
        return None

    def base_url(self, request: Request) -> str:
        """What absolute links begin with, as this client sees us; no slash at its end."""
        config = self.config
        return base_url(request.client, config.public_url, config.base_path, request.headers.get("host"), request.own)

    def base_path(self, request: Request) -> str:
        """What this client's paths begin with, without a slash at its end: `--base-path`, else what a trusted proxy
        says that it took off."""
        return self.config.base_path or request.client.prefix

    def edition(self, request: Request) -> Edition:
        """The language and the name that this reader's pages have."""
        language = chosen(request.query.get("lang"), request.headers.get("accept-language", ""))
        return Edition(language, self.config.site_name)

    def is_https(self, request: Request) -> bool:
        """Whether the client comes by https, as far as we are told."""
        return request.client.scheme == "https" or self.config.public_url.startswith("https:")

    def listeners(self) -> int:
        """All who listen now, over all stations."""
        return sum(len(station.audience) for station in self.stations.values())


def _without_suffix(path: str) -> str:
    route, dot, suffix = path.rpartition(".")
    return route if dot and suffix in CONTENT_TYPES else path
