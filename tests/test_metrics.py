"""A scrape: its series, types and forms, over stations that the tests make up."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from radiostream import __version__
from radiostream.http.audit import Audit
from radiostream.http.protocol.limits import LISTENERS, Limits
from radiostream.http.site import Site
from radiostream.metrics import render
from radiostream.radio.audience import Audience, Listener
from radiostream.radio.changes import Changes

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
"""What Prometheus 3 sends."""

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

EACH_STATION = {
    "audio_stream_listeners": ("gauge", 2),
    "audio_hls_listeners": ("gauge", 4),
    "audio_stream_on_air": ("gauge", 1),
    "audio_stream_drift_seconds": ("gauge", 0.25),
    "audio_bytes_sent_total": ("counter", 300),
    "audio_track_seconds_total": ("counter", 3600.5),
    "audio_tracks_failed_total": ("counter", 5),
    "audio_slow_listeners_moved_total": ("counter", 3),
    "audio_listeners_paused": ("gauge", 0),
    "audio_slow_listeners_dropped_total": ("counter", 1),
    "audio_producer_restarts_total": ("counter", 6),
    "audio_resyncs_total": ("counter", 7),
    "audio_scan_seconds_total": ("counter", 0.125),
    "audio_scan_calls_total": ("counter", 900),
}
"""Type and value of each series of `station`."""


def station(track: object = "a track") -> Any:
    """A station with two listeners and one who was dropped."""
    audience = Audience(Changes())
    for number in (1, 2):
        audience.enter(Listener(number, "192.0.2.1", "a player", 0.0, bytes_sent=100, moved=1))
    gone = Listener(3, "192.0.2.1", "a player", 0.0, bytes_sent=100, moved=1)
    audience.enter(gone)
    audience.leave(gone, dropped=True)
    return SimpleNamespace(
        live=None,
        audience=audience,
        status=SimpleNamespace(on_air=SimpleNamespace(track=track)),
        is_stalled=False,
        published_s=3600.5,
        drift_s=0.25,
        tracks_failed=5,
        restarts=6,
        resyncs=7,
        hls_listeners=lambda: 4,
        levels_known=dict,
    )


def site(stations: dict[str, Any]) -> Site:
    """As much of a site as a scrape looks at; one client was refused."""
    limits = Limits(500)
    limits.count(LISTENERS)
    checks = {"memory": {"ok": True}, "disk:state": {"ok": False}}
    server = SimpleNamespace(
        stations=stations,
        limits=limits,
        audit=Audit(),
        config=SimpleNamespace(max_clients=500),
        readiness=lambda: (True, {"ready": True, "ok": False, "checks": checks}),
        scan_costs=lambda: dict.fromkeys(stations, (0.125, 900)),
        plays=None,
    )
    return cast(Site, server)


def families(parse: Any, body: bytes) -> dict[str, Metric]:
    """The families by name, as a reader of the format finds them."""
    return {family.name: family for family in parse(body.decode())}


def values(found: dict[str, Metric], label: str) -> dict[tuple[str, str], float]:
    """Samples with this label by their names and its value."""
    samples = [sample for family in found.values() for sample in family.samples]
    return {(sample.name, sample.labels[label]): sample.value for sample in samples if label in sample.labels}


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), (PROMETHEUS, parse_openmetrics)])
def test_series_of_stations(accept: str, parse: Any) -> None:
    """Each station has each series, in either form, and no other series names a station."""
    _, body = render(site({"/": station(), "/humor": station()}), accept)
    found = values(families(parse, body), "stream")
    assert found == {(name, route): value for name, (_, value) in EACH_STATION.items() for route in ("/", "/humor")}


def test_how_loudness_is_known() -> None:
    """A station that a level is asked for tells of how many tracks it is known; others have no such series."""
    leveled = station()
    leveled.levels_known = lambda: {"measured": 7, "tagged": 2, "unknown": 1}
    _, body = render(site({"/": station(), "/humor": leveled}), "")
    told = [
        (sample.labels["stream"], sample.labels["state"], sample.value)
        for family in families(parse_text, body).values()
        for sample in family.samples
        if sample.name == "audio_tracks_loudness"
    ]
    assert told == [("/humor", "measured", 7), ("/humor", "tagged", 2), ("/humor", "unknown", 1)]


@pytest.mark.parametrize("name", EACH_STATION)
def test_types_and_help(name: str) -> None:
    """A counter is one, everything has words that explain it, and OpenMetrics names the family without `_total`."""
    kind, _ = EACH_STATION[name]
    _, text = render(site({"/": station()}), "")
    assert f"# TYPE {name} {kind}\n" in text.decode()
    family = families(parse_openmetrics, render(site({"/": station()}), PROMETHEUS)[1])[name.removesuffix("_total")]
    assert family.type == kind
    assert family.documentation.endswith(".")


def test_series_of_the_server() -> None:
    """The version, the places, the refusals by cause, and the process."""
    found = families(parse_openmetrics, render(site({}), PROMETHEUS)[1])
    assert found["radiostream_build"].samples[0].labels == {"version": __version__}
    assert found["audio_listeners_limit"].samples[0].value == 500
    assert values(found, "check") == {("audio_check_ok", "memory"): 1, ("audio_check_ok", "disk:state"): 0}
    assert found["audio_log_lines_dropped"].samples[0].value == 0
    assert values(found, "cause") == {
        ("audio_refused_total", "listeners"): 1,
        ("audio_refused_total", "events"): 0,
        ("audio_refused_total", "connections"): 0,
        ("audio_refused_total", "address"): 0,
        ("audio_refused_total", "paused"): 0,
        ("audio_refused_total", "memory"): 0,
    }
    assert found["process_resident_memory_bytes"].samples[0].value > 1e6
    assert found["process_cpu_seconds"].type == "counter"


def test_silence_is_not_on_air() -> None:
    """A station that sends silence, or has not begun, is 0."""
    silent, new = station(track=None), station()
    new.status.on_air = None
    found = values(families(parse_text, render(site({"/": silent, "/new": new}), "")[1]), "stream")
    assert [found["audio_stream_on_air", route] for route in ("/", "/new")] == [0, 0]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("text/html,*/*;q=0.8", TEXT),
        (PROMETHEUS, OPENMETRICS),
        ("Application/OpenMetrics-Text", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0é\x01", OPENMETRICS),
        ("text/plain; version=1.0.0; escaping=nonsense", TEXT),
    ],
)
def test_negotiation(accept: str, content_type: str) -> None:
    """The form that was asked for; nothing that the client made up comes back to it."""
    found, body = render(site({}), accept)
    assert found == content_type
    assert body.endswith(b"# EOF\n") is content_type.startswith("application/openmetrics-text")


def test_a_route_of_any_text_is_a_label() -> None:
    """Quotes, backslashes and line ends are escaped, so that the reader finds the route that it was."""
    route = '/a"b\\c\nd é'
    found = values(families(parse_openmetrics, render(site({route: station()}), PROMETHEUS)[1]), "stream")
    assert found["audio_stream_listeners", route] == 2


def test_the_start_does_not_wait_for_the_library() -> None:
    """Stations are on the air before it is imported."""
    program = "import sys, radiostream.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_plays_and_webhooks_are_counted_where_they_are_on() -> None:
    """Lines written and lost, events told, failed and given up; without them there is not a byte of it."""
    server = site({})
    assert not [line for line in render(server, "")[1].split(b"\n") if b"_plays_" in line or b"_webhooks_" in line]
    hooks = SimpleNamespace(sent=5, failed=4, dropped=3)
    server.plays = cast(
        Any, SimpleNamespace(keeper=SimpleNamespace(written=2, lost=1), alerts=SimpleNamespace(hooks=hooks))
    )
    text = render(server, "")[1].decode()
    for line in (
        "audio_plays_logged_total 2.0",
        "audio_plays_lost_total 1.0",
        "audio_webhooks_sent_total 5.0",
        "audio_webhooks_failed_total 4.0",
        "audio_webhooks_dropped_total 3.0",
    ):
        assert f"\n{line}\n" in text


def test_live_sources_are_counted_where_they_may_come() -> None:
    """A station that has a live side has four series more; without one there is not a byte of them."""
    assert b"audio_live" not in render(site({"/": station()}), "")[1]
    one = station()
    one.live = SimpleNamespace(connected=1, bytes_total=1234, stalls=2, buffered_s=2.5, way="")
    found = values(families(parse_text, render(site({"/": one, "/humor": station()}), "")[1]), "stream")
    live = {key: value for key, value in found.items() if key[0].startswith("audio_live")}
    assert live == {
        ("audio_live_connected", "/"): 1,
        ("audio_live_bytes_total", "/"): 1234,
        ("audio_live_stalls_total", "/"): 2,
        ("audio_live_buffer_seconds", "/"): 2.5,
    }
