"""`GET /metrics`: what stations, listeners and process count, read when Prometheus asks; nothing is updated in between.

Runs in a request's thread. Imported once the stations are on the air, which no start waits for. A series for each
station has its route as the label `stream`; labels hold nothing else that files or clients say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.process_collector import PROCESS_COLLECTOR

from radiostream import __version__, logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from radiostream.http.site import Site
    from radiostream.radio.live_input import LiveInput
    from radiostream.radio.station import Station

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8"
"""The library then takes our names as they are, a third faster than where it looks at each letter."""


class Series(NamedTuple):
    """One figure that each station has."""

    name: str
    """Ends in `_total` where it only ever grows: a counter; every other one is a gauge."""
    meaning: str
    read: Callable[[Station], float]


class LiveSeries(NamedTuple):
    """One figure that each station has that may have live sources; see `Series`."""

    name: str
    meaning: str
    read: Callable[[LiveInput], float]


STREAM_SERIES: Final = (
    Series("audio_stream_listeners", "Listeners connected now.", lambda one: len(one.audience)),
    Series("audio_hls_listeners", "Players that follow the HLS playlist now.", lambda one: one.hls_listeners()),
    Series("audio_stream_on_air", "1 while a track plays, 0 while silence is sent.", lambda one: _on_air(one)),
    Series("audio_stream_drift_seconds", "How late the newest chunk was published.", lambda one: one.drift_s),
    Series("audio_bytes_sent_total", "Bytes of audio that listeners took.", lambda one: one.audience.bytes_sent),
    Series("audio_track_seconds_total", "Seconds of audio published, silence included.", lambda one: one.published_s),
    Series("audio_tracks_failed_total", "Tracks given up as broken or unreadable.", lambda one: one.tracks_failed),
    Series("audio_slow_listeners_moved_total", "Moves of slow listeners to the live edge.", lambda one: _moved(one)),
    Series("audio_listeners_paused", "Listeners who take nothing and are kept.", lambda one: one.audience.paused),
    Series("audio_slow_listeners_dropped_total", "Listeners dropped for taking nothing.", lambda one: _dropped(one)),
    Series("audio_producer_restarts_total", "Times the producer failed and was restarted.", lambda one: one.restarts),
    Series("audio_resyncs_total", "Clock resets after a standstill.", lambda one: one.resyncs),
)


LIVE_SERIES: Final = (
    LiveSeries("audio_live_connected", "Live sources connected now.", lambda live: live.connected),
    LiveSeries("audio_live_bytes_total", "Bytes that live sources sent.", lambda live: live.bytes_total),
    LiveSeries("audio_live_stalls_total", "Times a live source gave nothing for too long.", lambda live: live.stalls),
    LiveSeries("audio_live_buffer_seconds", "Audio held of the live source.", lambda live: live.buffered_s),
)
"""Of stations that may have live sources."""


def render(site: Site, accept: str) -> tuple[str, bytes]:
    """Content type and body of one scrape: OpenMetrics for who names it in `accept`, else Prometheus' text."""
    # The library would echo a version that the client made up.
    encode, content_type = choose_encoder(OPENMETRICS if "application/openmetrics-text" in accept.lower() else "")
    return content_type.partition("; escaping")[0], encode(_Scrape(site))


class _Scrape:
    """What the encoders of prometheus_client take: something to collect from."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        """Every family of series, as it stands now."""
        site = self._site
        yield InfoMetricFamily("radiostream_build", "What runs here.", {"version": __version__})
        yield GaugeMetricFamily("audio_listeners_limit", "Places for listeners.", site.config.max_clients)
        refused = _family("audio_refused_total", "Clients turned away, by what was full.", "cause")
        for cause, count in site.limits.refused.copy().items():
            refused.add_metric([cause], count)
        yield refused
        yield from _operator(site)
        yield from _plays(site)
        yield CounterMetricFamily(
            "audio_log_lines_dropped_total", "Log lines that nobody read in time.", logs.dropped()
        )
        checks = GaugeMetricFamily("audio_check_ok", "1 for a check of /readyz that is met, else 0.", labels=["check"])
        for name, check in site.readiness()[1]["checks"].items():
            checks.add_metric([name], check["ok"])
        yield checks
        for series in STREAM_SERIES:
            family = _family(series.name, series.meaning, "stream")
            for route, station in site.stations.items():
                family.add_metric([route], series.read(station))
            yield family
        yield from _levels(site)
        yield from _live(site)
        yield from _scans(site)
        yield from PROCESS_COLLECTOR.collect()


def _scans(site: Site) -> Iterator[Metric]:
    seconds = _family("audio_scan_seconds_total", "Seconds of CPU that scans of the directory have taken.", "stream")
    calls = _family("audio_scan_calls_total", "Questions put to the directory's file system.", "stream")
    for route, (busy_s, count) in site.scan_costs().items():
        seconds.add_metric([route], busy_s)
        calls.add_metric([route], count)
    yield seconds
    yield calls


def _operator(site: Site) -> Iterator[Metric]:
    done, wrong, throttled = site.audit.counts()
    actions = _family("audio_operator_actions_total", "Logins, logouts and commands of the operator.", "action")
    for what, count in done.items():
        actions.add_metric([what], count)
    yield actions
    yield CounterMetricFamily("audio_wrong_passwords_total", "Wrong passwords.", wrong)
    yield CounterMetricFamily(
        "audio_passwords_refused_total", "Passwords not looked at, after too many wrong.", throttled
    )


def _plays(site: Site) -> Iterator[Metric]:
    """Where plays are logged, or webhooks told."""
    if site.plays is None:
        return
    if keeper := site.plays.keeper:
        yield CounterMetricFamily("audio_plays_logged_total", "Lines written to the log of plays.", keeper.written)
        yield CounterMetricFamily("audio_plays_lost_total", "Lines that the disk did not take.", keeper.lost)
    if alerts := site.plays.alerts:
        hooks = alerts.hooks
        yield CounterMetricFamily("audio_webhooks_sent_total", "Events that webhooks took.", hooks.sent)
        yield CounterMetricFamily("audio_webhooks_failed_total", "Tries to tell a webhook that failed.", hooks.failed)
        yield CounterMetricFamily("audio_webhooks_dropped_total", "Events that were given up.", hooks.dropped)


def _levels(site: Site) -> Iterator[Metric]:
    """Of stations that a level is asked for."""
    levels = GaugeMetricFamily(
        "audio_tracks_loudness", "Tracks by how their loudness is known.", labels=["stream", "state"]
    )
    for route, station in site.stations.items():
        for state, count in station.levels_known().items():
            levels.add_metric([route, state], count)
    if levels.samples:
        yield levels


def _live(site: Site) -> Iterator[Metric]:
    lives = [(route, station.live) for route, station in site.stations.items() if station.live is not None]
    for series in LIVE_SERIES if lives else ():
        family = _family(series.name, series.meaning, "stream")
        for route, live in lives:
            family.add_metric([route], series.read(live))
        yield family


def _family(name: str, meaning: str, label: str) -> CounterMetricFamily | GaugeMetricFamily:
    return (CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily)(name, meaning, labels=[label])


def _on_air(station: Station) -> bool:
    on_air = station.status.on_air
    return on_air is not None and on_air.track is not None and not station.is_stalled


def _moved(station: Station) -> int:
    return station.audience.moved


def _dropped(station: Station) -> int:
    return station.audience.dropped
