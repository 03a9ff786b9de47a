"""One radiostream relays another, by real sockets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.broadcasts import FAMILY, decoded, is_live, listener, make_folders, now, routes, running, sources
from tests.functional.conftest import Start
from tests.server import free_port
from tests.waiting import until


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("folders"), "mp3", "vorbis")


def test_radiostream_relays_radiostream(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """One connection upstream for all listeners, by way of a playlist; titles go along. When the first server dies, the
    second one's listeners stay, and it goes on when that is back."""
    first = start("--directory-routes", routes(folders, {"show": "mp3", "ogg": "vorbis"}), "--burst", "4")
    relays = {
        route: {"dir": str(folders[name]), "format": FAMILY[name], "relay": f"{first.url}/{route}{ending}"}
        for route, name, ending in (("show", "mp3", ".m3u"), ("ogg", "vorbis", ""))
    }
    second = start("--directory-routes", json.dumps(relays), "--burst", "4")
    recordings = {route: tmp_path / route for route in relays}
    with (
        running(*listener(second, "/show", recordings["show"])) as one,
        running(*listener(second, "/ogg", recordings["ogg"])) as other,
    ):
        for route in relays:
            until(is_live(second, f"/{route}"), f"the relay of {route} does not come", 30)
        until(lambda: bool(now(second, "/show")["title"] == "1"), "the title does not come")
        assert now(first, "/show")["listeners"] == 1
        first.stop()
        for route in relays:
            until(lambda route=route: not is_live(second, f"/{route}")(), "the folder does not go on")  # type: ignore[misc]
        again = ("--directory-routes", routes(folders, {"show": "mp3", "ogg": "vorbis"}), "--port", str(first.port))
        start(*again)
        until(is_live(second, "/show"), "the relay does not come back", 75)
        assert second.post("/end-live/show") == {"route": "/show", "ended": "relay"}
        until(lambda: not is_live(second, "/show")(), "the relay is not paused")
        assert second.post("/resume-relay/show") == {"route": "/show", "resumed": "relay"}
        assert (one.poll(), other.poll()) == (None, None)
        second.stop()
        one.wait(10)
        other.wait(10)
    for recording in recordings.values():
        assert not decoded(recording)


def test_no_station_relays_itself(start: Start, folders: dict[str, Path]) -> None:
    """Neither directly nor by way of another one: it would play its own echo for ever. The folder plays instead."""
    port = free_port()
    station = {"dir": str(folders["mp3"]), "format": "mp3"}
    ways = {"self": "self", "one": "other", "other": "one"}
    relays = {route: {**station, "relay": f"http://127.0.0.1:{port}/{origin}"} for route, origin in ways.items()}
    radio = start("--directory-routes", json.dumps(relays), "--burst", "4", "--port", str(port))

    def refused() -> dict[str, str]:
        found = {f"/{route}": one["trouble"] for route in ways for one in sources(radio, f"/{route}")}
        return {route: trouble for route, trouble in found.items() if "very station" in trouble}

    until(lambda: "/self" in refused() and len(refused()) == 2, "it is not seen", 75)
    assert not now(radio, "/self")["live"]
    assert sum("/self: relay: http" in line and "very station" in line for line in radio.log) == 1
