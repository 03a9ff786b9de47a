"""Stations as JSON: from what a station shows to what CONTRACT §3 promises. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from radiostream.audio.frames import CONTENT_TYPES, OGG
from radiostream.http.views import schedule
from radiostream.playlist.history import LIVE, TRACK
from radiostream.playlist.track import title_from_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from radiostream.loudness.level import Level
    from radiostream.playlist.history import Played
    from radiostream.radio.station import Station
    from radiostream.radio.status import OnAir, Status


def iso(unix_s: float) -> str:
    """Unix seconds as ISO 8601 with a zone."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def listing(station: Station, base_url: str) -> dict[str, Any]:
    """One element of `/streams`."""
    status = station.status
    on_air = status.on_air
    track = on_air.track if on_air else None
    return {
        "route": status.route,
        "name": status.name,
        "description": status.description,
        "genre": status.genre,
        "listeners": len(station.audience),
        "hls_listeners": station.hls_listeners(),
        "current_track": track.name if track else None,
        "content_type": CONTENT_TYPES[status.family],
        "bitrate": on_air.kbps if on_air else 0,
        "sample_rate": on_air.params.heard_hz if on_air else 0,
        "channels": on_air.params.channels if on_air else 0,
        "codec": on_air.params.codec if on_air else status.family,
        "on_air": track is not None and not station.is_stalled,
        "tracks": status.tracks,
        "shuffle": status.shuffle,
        "url": base_url + quote(status.route),
        "hls": hls(station),
    }


def hls(station: Station) -> str | None:
    """The station's HLS playlist, relative to a page at the root; None for a family that HLS has no place for."""
    return None if station.status.family == OGG else f"{quote(station.config.stem)}.m3u8"


def now_playing(station: Station, now_s: float, base_path: str) -> dict[str, Any]:
    """One station's entry of `/now-playing`; `now_s` is the monotonic clock."""
    status = station.status
    on_air = status.on_air
    playing = on_air if on_air and on_air.track else None
    return {
        "route": status.route,
        "name": status.name,
        "listeners": len(station.audience),
        "skip": bool(on_air and on_air.skipped_to),
        "kind": on_air.kind if on_air else TRACK,
        "live": bool(on_air and on_air.kind == LIVE),
        "part": schedule.part(status),
        **(_playing(station, playing, now_s, base_path) if playing else _silence(on_air)),
    }


def _playing(station: Station, on_air: OnAir, now_s: float, base_path: str) -> dict[str, Any]:
    elapsed_s = min(max(now_s - on_air.started_s, 0.0), on_air.duration_s or math.inf)
    named = _named(on_air)
    duration = named.pop("duration")
    cover = _cover(station, on_air, base_path)
    return {**named, "elapsed": round(elapsed_s, 3), "duration": duration, "cover": cover}


def _level(level: Level) -> dict[str, Any]:
    """How loud the track is (LUFS) and from where that is known, by how much the stream has been changed, and what a
    browser's volume has to be changed by besides (decibels)."""
    return {
        "loudness_lufs": None if level.lufs is None else round(level.lufs, 1),
        "loudness_source": level.source,
        "gain_db": level.gain_db,
        "volume_db": level.volume_db,
    }


def _named(on_air: OnAir) -> dict[str, Any]:
    assert on_air.track is not None  # noqa: S101 - the caller looked
    return {
        "track": on_air.track.name,
        "title": on_air.tags.title or on_air.track.stem,
        "artist": on_air.tags.artist,
        "album": on_air.tags.album,
        **(_level(on_air.level) if on_air.level else {}),
        "started_at": iso(on_air.started_at),
        "duration": None if on_air.duration_s is None else round(on_air.duration_s, 3),
    }


def _cover(station: Station, on_air: OnAir, base_path: str) -> str | None:
    """Where the track's picture is; None where it has none, so that nobody asks in vain. The version lets browsers
    fetch each picture once."""
    if on_air.picture is None:
        return None
    return f"{base_path}/cover/{quote(station.config.stem)}?v={on_air.picture.version}"


def _silence(on_air: OnAir | None) -> dict[str, Any]:
    started_at = iso(on_air.started_at) if on_air else None
    nothing = dict.fromkeys(("track", "title", "artist", "album"))
    return {**nothing, "started_at": started_at, "elapsed": 0, "duration": None, "cover": None}


def title_of(played: Played) -> str:
    """What was shown as the track's title: that of its tags, else its file's name without the suffix."""
    return played.title or title_from_name(played.track)


def history(entries: Sequence[Played]) -> list[dict[str, Any]]:
    """The `history` list of `/history`."""
    return [
        {
            "track": played.track,
            "title": title_of(played),
            "artist": played.artist,
            "started_at": iso(played.started_at),
            "ended_at": None if played.ended_at is None else iso(played.ended_at),
            "ended": played.ended,
            "kind": played.kind,
        }
        for played in entries
    ]


def public(station: Station, now_s: float, base_path: str) -> dict[str, Any]:
    """One station as the player's page draws it."""
    status = station.status
    return {
        "route": status.route,
        "name": status.name,
        "family": status.family,
        "description": status.description,
        "genre": status.genre,
        "stem": station.config.stem,
        "hls": hls(station),
        "listeners": len(station.audience),
        "hls_listeners": station.hls_listeners(),
        "tracks": status.tracks,
        "shuffle": status.shuffle,
        "now": now_playing(station, now_s, base_path),
    }


def operators(station: Station, now_s: float, base_path: str) -> dict[str, Any]:
    """One station of `/status.json`, and as the operator's page draws it."""
    status = station.status
    return {
        **public(station, now_s, base_path),
        "peak_listeners": station.audience.peak,
        "trouble": status.trouble,
        "levels": dict(station.levels_known()),
        "demo": status.demo,
        "drift_ms": round(station.drift_s * 1000, 1),
        "plot": list(station.audience.plot),
        "live": _live(station),
        "programme": schedule.summary(status, station.clock.unix_s()),
        "history": history(status.history),
        "left_out": [{"name": left.name, "reason": left.reason} for left in status.left_out],
        "mismatched": [{"name": left.name, "reason": left.reason} for left in status.mismatched],
    }


def _live(station: Station) -> list[dict[str, Any]]:
    """Who sends to the station, or is fetched: from where, since when, at what rate, how much is buffered."""
    rows = station.live.rows() if station.live else []
    return [{**row, "since": iso(row["since"])} if "since" in row else row for row in rows]


def everything(stations: Mapping[str, Station], base_url: str, now_s: float, base_path: str) -> dict[str, Any]:
    """The whole public state, which `/events` begins with."""
    return {
        "streams": [listing(one, base_url) for one in stations.values()],
        "now": {route: now_playing(one, now_s, base_path) for route, one in stations.items()},
    }


def track(status: Status) -> dict[str, Any]:
    """What the answer to a command says of the track on the air."""
    on_air = status.on_air
    playing = on_air if on_air and on_air.track else None
    said = _named(playing) if playing else _silence(on_air)
    keys = ("track", "title", "artist", "album", "started_at", "duration")
    return {"route": status.route, **{key: said[key] for key in keys}}
