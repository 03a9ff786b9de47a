"""Command line and environment become one frozen `Config`, or one `ConfigError` that lists every mistake.

Pure but for reading STATUS_PASSWORD_FILE; runs once, in the main thread, before anything else exists. A flag beats its
variable, the variable beats the default; a variable that is set but empty counts as unset, as Compose files need it.
Nothing here looks at the audio directories: one that is missing is no mistake of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from radiostream import __version__, values
from radiostream.station_names import ENDINGS, route_of, route_problem

if TYPE_CHECKING:
    import argparse
    from ipaddress import IPv4Network, IPv6Network

DEFAULT_PASSWORD: Final = "1234554321"  # noqa: S105 - documented by the original; the log and the page warn about it
_NO_VALUE: Final = "\0"  # what no command line can hold
_WIDEST_SECRET: Final = 1024
_IN_STATIONS: Final = ("audio_dir", "stream_format", "directory_routes", "shuffle")
"""Settings that only say what the stations are made of."""


class ConfigError(Exception):
    """The server can not start as asked; `problems` holds one line for each mistake, fit to be printed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class StationConfig:
    """What the operator said of one station."""

    route: str
    """Normalised, as `route_of` makes it: `/` or `/humor`."""
    directory: Path
    """Absolute; need not exist."""
    name: str
    genre: str = ""
    description: str = ""
    family: str | None = None
    """`mp3`, `aac` or `ogg`; None where the operator said nothing."""
    shuffle: bool = False
    demo: bool = False
    beside_main: bool = False
    """Whether it is the default station, and another one has the route `/main`."""

    @property
    def stem(self) -> str:
        """What it is called where a URL needs a name: `humor`; the default station `main`, or nothing beside one."""
        return self.route[1:] or ("" if self.beside_main else "main")


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
    """The default station first, then the routes in the order given; --shuffle and --stream-format are in them."""
    burst_s: float
    poll_interval_s: float
    state_dir: Path | None
    base_path: str
    """Empty, or `/radio`."""
    public_url: str
    """Empty, or absolute without a slash at its end."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    min_free_disk_mb: int
    status_password: str = field(repr=False)
    sentry_dsn: str = field(repr=False)
    sentry_environment: str

    @property
    def default_password(self) -> bool:
        """True while the operator's password is the documented one, which everybody knows."""
        return self.status_password == DEFAULT_PASSWORD

    @classmethod
    def load(cls, argv: Sequence[str], environ: Mapping[str, str]) -> Config:
        """Read `argv` (without the program's name) over `environ` over the defaults.

        Raises `ConfigError` with every problem; `--help` and `--version` print and raise SystemExit(0).
        """
        problems: list[str] = []
        given = _given(argv, environ, problems)
        parsed: dict[str, Any] = {}
        for setting in SETTINGS:
            try:
                parsed[setting.target] = setting.parse(given.get(setting.name, setting.default))
            except ValueError as error:
                problems.append(f"{setting.label}: {error}")
        password = _password(environ, problems)
        stations = _stations(parsed, "audio_dir" in given, problems)
        if problems:
            raise ConfigError(problems)
        audio_dir_given = "audio_dir" in given or stations[0].directory is not parsed["audio_dir"]
        for name in _IN_STATIONS:
            del parsed[name]
        return cls(audio_dir_given=audio_dir_given, stations=stations, status_password=password, **parsed)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings; the flag's and the variable's name follow from `name`."""

    name: str
    default: str
    parse: Callable[[str], object]
    meaning: str
    has_flag: bool = True
    field: str = ""

    @property
    def target(self) -> str:
        return self.field or self.name

    @property
    def variable(self) -> str:
        return self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        return f"{self.flag} ({self.variable})" if self.has_flag else self.variable


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
    Setting("poll_interval", "2", values.seconds(0.05, 3600), "seconds between two looks", field="poll_interval_s"),
    Setting("state_dir", "", values.optional_path, "where positions are kept over a restart; none = memory only"),
    Setting("base_path", "", values.base_path, "path prefix below a proxy, such as /radio"),
    Setting("public_url", "", values.public_url, "URL that playlists and links are built on"),
    Setting("trusted_proxies", "", values.networks, "CIDRs whose X-Forwarded-* are believed"),
    Setting("min_free_disk_mb", "50", values.whole(0, 1_000_000_000), "free MB below which /readyz says no"),
    Setting("sentry_dsn", "", values.dsn, "Sentry; empty = not used", has_flag=False),
    Setting("sentry_environment", "", str.strip, "environment named to Sentry", has_flag=False),
)


def _given(argv: Sequence[str], environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    """The operator's own words by setting: the flag's, else the variable's, else nothing."""
    given = {setting.name: said for setting in SETTINGS if (said := environ.get(setting.variable, ""))}
    flags, rest = _parser(problems).parse_known_args(list(argv))
    problems += _unknown(rest)
    for setting in SETTINGS:
        text = getattr(flags, setting.name, None)
        if text == _NO_VALUE:
            problems.append(f"{setting.label}: needs a value")
        elif text is not None:
            given[setting.name] = text
    return given


def _parser(problems: list[str]) -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise ConfigError([*problems, message])

    parser = Parser(
        prog="radiostream",
        usage="radiostream [options]",
        description="Directories of audio files become synchronised radio stations.",
        epilog="The operator's password is STATUS_PASSWORD, or the content of STATUS_PASSWORD_FILE.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"radiostream {__version__}")
    for setting in SETTINGS:
        if setting.has_flag:
            alone = "true" if setting.parse is values.boolean else _NO_VALUE
            default = f"; default {setting.default}" if setting.default else ""
            explained = f"{setting.meaning} ({setting.variable}{default})"
            parser.add_argument(setting.flag, nargs="?", const=alone, metavar="VALUE", help=explained)
    return parser


def _unknown(rest: Sequence[str]) -> list[str]:
    """One line for each argument nobody knows; the value after an unknown flag may be a secret and is left out."""
    problems = []
    after_flag = False
    for text in rest:
        if text.startswith("-"):
            problems.append(f"{values.shown(text.partition('=')[0])[1:-1]}: no such option (see --help)")
        elif not after_flag:
            problems.append(f"{values.shown(text)}: unexpected argument (see --help)")
        after_flag = text.startswith("-")
    return problems


def _password(environ: Mapping[str, str], problems: list[str]) -> str:
    """The operator's password from its variable or its file; a problem's line never shows it."""
    path = environ.get("STATUS_PASSWORD_FILE", "")
    password = environ.get("STATUS_PASSWORD", "" if path else DEFAULT_PASSWORD)
    name = "STATUS_PASSWORD"
    if path and password:
        problems.append("STATUS_PASSWORD, STATUS_PASSWORD_FILE: set one of them, not both")
        return password
    if path:
        name = "STATUS_PASSWORD_FILE"
        try:
            with open(path, "rb") as file:
                password = file.read(_WIDEST_SECRET + 3).decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its content is not UTF-8 text"
            problems.append(f"{name}: {values.shown(path)}: {reason}")
            return ""
    if not password.strip():
        problems.append(f"{name}: must not be empty")
    elif len(password) > _WIDEST_SECRET or any(char < " " or char == "\x7f" for char in password):
        problems.append(f"{name}: must be one line of at most {_WIDEST_SECRET} characters")
    return password


def _stations(parsed: dict[str, Any], audio_dir_given: bool, problems: list[str]) -> tuple[StationConfig, ...]:
    """The default station, then one a directory route. The route `/` says more about the default station."""
    stations: dict[str, StationConfig] = {}
    for key, said in parsed.get("directory_routes", ()):
        wrong: list[str] = []
        station = _station(key, said, parsed, wrong)
        if station.route in stations:
            wrong.append(f"names the same station as another one: {station.route}")
        if station.route == "/" and audio_dir_given and station.directory is not parsed.get("audio_dir"):
            wrong.append("and --audio-dir (AUDIO_DIR) both give the default station a directory")
        stations.setdefault(station.route, station)
        problems += [f"--directory-routes (DIRECTORY_ROUTES): {values.shown(key)} {text}" for text in wrong]
    problems += _alias_problems(stations)
    default = stations.pop("/", None) or _station("/", values.Pairs(), parsed, problems)
    return (replace(default, beside_main="/main" in stations), *stations.values())


def _station(key: str, said: object, parsed: dict[str, Any], wrong: list[str]) -> StationConfig:
    """One entry of the directory routes; what is wrong with it goes to `wrong`, and a default takes its place."""
    from urllib.parse import unquote

    route = route_of(unquote(key))
    if problem := route_problem(route):
        wrong.append(problem)
    fields: dict[str, Any] = {
        "directory": parsed.get("audio_dir", Path()),
        "name": "",
        "family": parsed.get("stream_format"),
        "shuffle": parsed.get("shuffle", False),
    }
    about = values.Pairs([("dir", said)]) if isinstance(said, str) else said
    pairs = about if isinstance(about, values.Pairs) else values.Pairs()
    if about is not pairs or (route != "/" and "dir" not in dict(pairs)):
        wrong.append('needs a directory: "/home/humor" or {"dir": "/home/humor", ...}')
    for name, value in pairs:
        try:
            target, parse = _STATION_KEYS[name]
            fields[target] = parse(_text(value))
        except KeyError:
            wrong.append(f"has an unknown key {values.shown(name)}; known are {', '.join(_STATION_KEYS)}")
        except ValueError as error:
            wrong.append(f"{name} {error}")
    fields["name"] = fields["name"] or _name_of(route)
    return StationConfig(route=route, **fields)


def _text(value: object) -> str:
    """A JSON value that stands for one setting of a station: text, or true and false."""
    if not isinstance(value, str | bool):
        raise ValueError(f"must be text, not {values.shown(value)}")  # noqa: TRY004 - one kind of error for all values
    return value if isinstance(value, str) else str(value).lower()


def _line(text: str) -> str:
    """A name as people read it: one line, nothing that can not be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _name_of(route: str) -> str:
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


_STATION_KEYS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "dir": ("directory", values.path),
    "name": ("name", _line),
    "genre": ("genre", _line),
    "description": ("description", _line),
    "format": ("family", values.one_of(*values.FAMILIES)),
    "shuffle": ("shuffle", values.boolean),
}
