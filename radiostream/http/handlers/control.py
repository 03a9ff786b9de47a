"""What only the operator may do: skip, go back, shuffle, rescan. `routes.answer` has asked for the password before."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Final

from radiostream.http import audit
from radiostream.http.protocol.message import HTML, NO_STORE, Refusal, Response, json_response
from radiostream.http.views import stations as views
from radiostream.playlist.history import LIVE
from radiostream.playlist.listing import HANGS
from radiostream.values import boolean

if TYPE_CHECKING:
    from concurrent.futures import Future

    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site
    from radiostream.radio.station import Station

COMMAND_S: Final = 10.0
"""How long a command may take; a station's disk may be asleep."""
BEGUN_S: Final = 20.0
"""How much longer one may take that has begun."""


def next_track(site: Site, request: Request, rest: str) -> Response:
    """`POST /next-track/<route>` (or `?route=`): answers when the next track is on the air, and names it."""
    station = site.asked(request, rest)
    _insist_on_tracks(station)
    _await(station.next_track())
    return _done(site, request, station, audit.NEXT)


def previous_track(site: Site, request: Request, rest: str) -> Response:
    """`POST /prev-track/<route>`: back to what played before."""
    station = site.asked(request, rest)
    _insist_on_tracks(station)
    _await(station.previous_track())
    return _done(site, request, station, audit.PREVIOUS)


def _insist_on_tracks(station: Station) -> None:
    """No skip ends a live source: whoever wants that says so."""
    on_air = station.status.on_air
    if on_air is not None and on_air.kind == LIVE:
        raise Refusal(409, "a live source is on the air, end that first")


def shuffle(site: Site, request: Request, rest: str) -> Response:
    """`POST /shuffle/<route>?on=true|false`."""
    station = site.asked(request, rest)
    try:
        on = boolean(request.query.get("on", request.form().get("on", "")))
    except ValueError:
        raise Refusal(400, "on must be true or false") from None
    _await(station.set_shuffle(on))
    return _done(site, request, station, audit.SHUFFLE, "on" if on else "off")


def reload_playlist(site: Site, request: Request, rest: str) -> Response:
    """`POST /reload-playlist[?route=]`: rescan the directories; answers when that is done."""
    one = site.asked(request, rest) if rest or "route" in request.query else None
    if not site.rescan():
        raise Refusal(503, "the rescan is still running")
    if one is not None and one.status.trouble == HANGS:
        raise Refusal(503, f"the station's directory {HANGS}")
    for station in [one] if one else site.stations.values():
        if station.status.trouble != HANGS:
            _await(station.settled())
    if one is not None:
        return _done(site, request, one, audit.RELOAD)
    site.audit.done(audit.RELOAD, request)
    if request.wants_html:
        return _back(request)
    return json_response({"stations": [_outcome(station) for station in site.stations.values()]})


def _await(future: Future[Any]) -> Any:
    try:
        return future.result(COMMAND_S)
    except CancelledError:
        raise Refusal(503, "the server is stopping") from None
    except TimeoutError:
        if future.cancel():  # what is answered 503 is not done later
            raise Refusal(503, "the station does not answer, its disk may be slow") from None
    return _await_begun(future)


def _await_begun(future: Future[Any]) -> Any:
    """The result of a command that the station carries out just now, and so cannot be taken back."""
    try:
        return future.result(BEGUN_S)
    except TimeoutError:
        raise Refusal(503, "the station has begun with it and is not done, its disk may be slow") from None


def _done(site: Site, request: Request, station: Station, what: str, detail: str = "") -> Response:
    site.audit.done(what, request, station.config.route, detail)
    return _back(request) if request.wants_html else json_response(_outcome(station))


def _outcome(station: Station) -> dict[str, Any]:
    return {**views.track(station.status), "shuffle": station.status.shuffle, "tracks": station.status.tracks}


def _back(request: Request) -> Response:
    """A form was posted by hand: back to the page, by a relative way that holds below a proxy's sub-path too."""
    return Response(303, b"", HTML, (("Location", "../" * (request.depth - 1) + "status"), NO_STORE))
