"""Command line, environment and the file of --config become one frozen `Config`, or one `ConfigError` that lists every
mistake.

Runs in the main thread, before anything else exists and again at a SIGHUP. Nothing here looks at the audio directories:
one that is missing is no mistake of the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from radiostream import sources, values
from radiostream.settings import ROUTE_KEYS, StationConfig, parse_keys
from radiostream.sources import ConfigError, Setting
from radiostream.station_names import ENDINGS, route_of, route_problem

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

__all__ = ["DEFAULT_PASSWORD", "SETTINGS", "Config", "ConfigError", "Setting", "StationConfig", "name_of"]

DEFAULT_PASSWORD: Final = "1234554321"  # noqa: S105 - documented by the original; the log and the page warn about it
_WELL_KNOWN: Final = frozenset(
    (
        *(DEFAULT_PASSWORD, "change-me", "changeme", "change_me", "password", "passwort", "admin", "secret", "default"),
        *("root", "test", "radio", "radiostream", "icecast", "hackme", "letmein", "qwerty", "1234", "12345", "123456"),
        *("1234567", "12345678", "123456789", "1234567890", "0000", "1111"),
    )
)
"""What examples say, and what guessers try first."""
_IN_STATIONS: Final = ("audio_dir", "stream_format", "directory_routes", "shuffle")
"""Settings that only say what the stations are made of."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the operator decided. Its repr shows neither the password nor the DSN."""

    port: int
    host: str
    audio_dir_given: bool
    """Whether the operator chose the default station's directory, or it is `./audio`, which need not exist."""
    kbps: int
    max_clients: int
    max_clients_per_address: int
    """0 = no such limit."""
    log_level: str
    """`debug`, `info`, `warning` or `error`."""
    log_format: str
    buffer_bytes: int
    stations: tuple[StationConfig, ...]
    """The default station first, then the routes in the order given; --shuffle and --stream-format are in them. With
    --stations and no directory for it, there is no default station; those of --stations are not among these."""
    family: str | None
    """What a station sends that says nothing about it itself."""
    shuffle: bool
    burst_s: float
    poll_interval_s: float
    state_dir: Path | None
    stations_dir: Path | None
    """Its sub-directories are stations, which come and go."""
    config: str
    """The file of --config, read again at a SIGHUP; empty: none."""
    level_lufs: float | None
    """For stations that do not say otherwise; None: bytes as they are."""
    trim: bool
    site_name: str
    webhooks: tuple[str, ...] = field(repr=False)
    """URLs, which may hold secrets."""
    webhook_format: str
    keep_log_months: int
    embed_origins: tuple[str, ...]
    """Who may frame the embedded player, as CSP's frame-ancestors has it; empty: nobody."""
    base_path: str
    """Empty, or `/radio`."""
    public_url: str
    """Empty, or absolute without a slash at its end."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    min_free_disk_mb: int
    status_password: str = field(repr=False)
    sentry_dsn: str = field(repr=False)
    sentry_environment: str
    source_password: str = field(repr=False)
    """What broadcasters log in with; empty: nobody can."""
    webhook_secret: str = field(repr=False)
    """Key of the signature of webhooks; empty: unsigned."""

    @property
    def default_password(self) -> bool:
        """True while the operator's password is the documented one or another that everybody knows."""
        return self.status_password.strip().lower() in _WELL_KNOWN

    @classmethod
    def load(cls, argv: Sequence[str], environ: Mapping[str, str]) -> Config:
        """Read `argv` (without the program's name) over `environ` over the defaults.

        Raises `ConfigError` with every problem; `--help` and `--version` print and raise SystemExit(0).
        """
        problems: list[str] = []
        given = sources.given(SETTINGS, argv, environ, problems)
        parsed: dict[str, Any] = {}
        for setting in SETTINGS:
            if setting.name == "audio_dir" and setting.name not in given and given.get("stations"):
                parsed["audio_dir"] = None  # there is no default station to play ./audio
                continue
            try:
                parsed[setting.target] = setting.parse(given.get(setting.name, setting.default))
            except ValueError as error:
                problems.append(f"{setting.label}: {error}")
        secrets: dict[str, Any] = {
            "status_password": sources.secret("STATUS_PASSWORD", DEFAULT_PASSWORD, environ, problems),
            "source_password": sources.secret("SOURCE_PASSWORD", "", environ, problems),
            "webhook_secret": sources.secret("WEBHOOK_SECRET", "", environ, problems),
        }
        stations = _stations(parsed, "audio_dir" in given, problems)
        if problems:
            raise ConfigError(problems)
        placed = any("directory" in one.said for one in stations if one.route == "/")
        family = parsed["stream_format"]
        fields = {name: value for name, value in parsed.items() if name not in _IN_STATIONS}
        return cls(
            audio_dir_given="audio_dir" in given or placed,
            stations=stations,
            family=family,
            shuffle=parsed["shuffle"],
            **fields,
            **secrets,
        )


SETTINGS: Final = (
    Setting("port", "8000", values.whole(0, 65535), "HTTP port; 0 = any free one"),
    Setting("host", "0.0.0.0", values.host, "address to bind; :: binds both families"),  # noqa: S104 - a radio is for everybody
    Setting("audio_dir", "./audio", values.path, "directory of the default station at /"),
    Setting("stream_format", "", values.family, "mp3, aac or ogg; unset: mp3, or what a directory holds"),
    Setting("bitrate", "128", values.whole(8, 512), "kbps announced while no rate is measured", field="kbps"),
    Setting("max_clients", "500", values.whole(1, 1_000_000), "listeners at once, over all stations"),
    Setting("max_clients_per_address", "0", values.whole(0, 1_000_000), "listeners at once from one address; 0 = any"),
    Setting("log_level", "info", values.log_level, "debug, info, warn or error"),
    Setting("log_format", "text", values.one_of("text", "json"), "text or json, one event a line"),
    Setting(
        "buffer_size",
        "65536",
        values.buffer_bytes,
        "bytes one chunk holds at most, 65536 or more",
        field="buffer_bytes",
    ),
    Setting("directory_routes", "{}", values.json_object, 'JSON: {"humor": "/home/humor"}'),
    Setting("shuffle", "false", values.boolean, "shuffle every station that does not say otherwise"),
    Setting("burst", "8", values.seconds(0, 20), "seconds of recent audio for a new listener", field="burst_s"),
    Setting("poll_interval", "2", values.seconds(0.05, 3600), "seconds between two scans", field="poll_interval_s"),
    Setting("state_dir", "", values.optional_path, "where positions are kept over a restart; none = memory only"),
    Setting("stations", "", values.optional_path, "directory whose sub-directories are stations", field="stations_dir"),
    Setting("config", "", str, "TOML file with the flags' names as keys; read again at SIGHUP"),
    Setting(
        "level", "", values.lufs, "loudness of all tracks in LUFS, -30 to -10; none = as they are", field="level_lufs"
    ),
    Setting("trim", "false", values.boolean, "leave out dead air at a track's ends"),
    Setting("site_name", "Radio", values.site_name, "the name of the site on pages and in lists"),
    Setting(
        "webhook", "", values.http_urls, "URL told of events", field="webhooks", variables="WEBHOOKS", repeats=True
    ),
    Setting(
        "webhook_format",
        "json",
        values.one_of("json", "ntfy", "telegram", "discord", "slack"),
        "json, ntfy, telegram, discord or slack",
    ),
    Setting(
        "keep_log",
        "24",
        values.whole(1, 1200),
        "months of the play log kept in the state directory",
        field="keep_log_months",
    ),
    Setting("embed_origins", "*", values.origins, "who may frame /embed/, such as https://example.org; none: nobody"),
    Setting("base_path", "", values.base_path, "path prefix below a proxy, such as /radio"),
    Setting("public_url", "", values.public_url, "URL that playlists and links are built on"),
    Setting("trusted_proxies", "", values.networks, "CIDRs whose X-Forwarded-* are believed"),
    Setting("min_free_disk_mb", "50", values.whole(0, 1_000_000_000), "free MB below which the disk check fails"),
    Setting("sentry_dsn", "", values.dsn, "Sentry; empty = not used", has_flag=False),
    Setting("sentry_environment", "", str.strip, "environment named to Sentry", has_flag=False),
)


def _stations(parsed: dict[str, Any], audio_dir_given: bool, problems: list[str]) -> tuple[StationConfig, ...]:
    """The default station, then one a directory route. The route `/` says more about the default station."""
    stations: dict[str, StationConfig] = {}
    for key, said in parsed.get("directory_routes", ()):
        wrong: list[str] = []
        station = _station(key, said, parsed, wrong)
        if station.route in stations:
            wrong.append(f"names the same station as another one: {station.route}")
        if station.route == "/" and audio_dir_given and "directory" in station.said:
            wrong.append("and --audio-dir (AUDIO_DIR) both give the default station a directory")
        stations.setdefault(station.route, station)
        problems += [f"--directory-routes (DIRECTORY_ROUTES): {values.shown(key)} {text}" for text in wrong]
    problems += _alias_problems(stations)
    default = stations.pop("/", None)
    if default is None and parsed.get("audio_dir", Path()) is not None:
        default = _station("/", values.Pairs(), parsed, problems)
    if default is None:
        return tuple(stations.values())
    return (replace(default, beside_main="/main" in stations), *stations.values())


def _station(key: str, said: object, parsed: dict[str, Any], wrong: list[str]) -> StationConfig:
    """One entry of the directory routes; what is wrong with it goes to `wrong`, and a default takes its place."""
    from urllib.parse import unquote

    route = route_of(unquote(key))
    if problem := route_problem(route):
        wrong.append(problem)
    about = values.Pairs([("dir", said)]) if isinstance(said, str) else said
    pairs = about if isinstance(about, values.Pairs) else values.Pairs()
    directory = parsed.get("audio_dir", Path())
    if about is not pairs or ("dir" not in dict(pairs) and (route != "/" or directory is None)):
        wrong.append('needs a directory: "/home/humor" or {"dir": "/home/humor", ...}')
    fields, mistakes = parse_keys(pairs, ROUTE_KEYS)
    wrong += [f"{values.shown(name)} {why}" for name, why in mistakes.items()]
    if not fields.get("name", ""):
        fields.pop("name", None)
    defaults = {
        "directory": directory or Path(),
        "name": name_of(route),
        "family": parsed.get("stream_format"),
        "shuffle": parsed.get("shuffle", False),
        "level_lufs": parsed.get("level_lufs"),
        "trim": parsed.get("trim", False),
    }
    return StationConfig(route=route, said=frozenset(fields), **(defaults | fields))


def name_of(route: str) -> str:
    """What a station is called while nobody names it: `/90s-rock` is `90s rock`."""
    name = route.rpartition("/")[2].replace("-", " ").replace("_", " ").strip() or "Main"
    return name[0].upper() + name[1:]


def _alias_problems(stations: Mapping[str, StationConfig]) -> list[str]:
    """Routes such as `/humor.mp3` beside `/humor`, which answers there already."""
    return [
        f"--directory-routes (DIRECTORY_ROUTES): {values.shown(route)} is where {values.shown(other)} answers already"
        for route in stations
        for ending in ENDINGS
        if route.endswith(ending) and (other := route.removesuffix(ending)) in stations
    ]
