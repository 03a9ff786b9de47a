"""What can be said of one station, on the command line or in `station.toml` beside its music, as a `StationConfig`.

Pure but for `read_station_toml`, which the library's thread calls. One table, `KEYS`, says what each key means, so that
an object of --directory-routes and a file cannot differ.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from radiostream import values

FILE_NAME: Final = "station.toml"
MOST_BYTES: Final = 64 << 10
"""A settings file is a few lines; whatever is larger than this is something else."""


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
    homepage: str = ""
    """The station's own page, an http(s) URL; empty: the player."""
    logo: str = ""
    """An http(s) URL of a picture."""
    language: str = ""
    """BCP 47 tags parted by commas: `de,pt-BR`."""
    country: str = ""
    """ISO 3166-1, two upper-case letters."""
    level_lufs: float | None = None
    """The loudness its tracks are brought to; None: as they are."""
    trim: bool = False
    """Whether dead air at a track's ends is left out."""
    timezone: str = ""
    """IANA name; empty: the host's."""
    hidden: bool = False
    """Whether lists and pages leave it out; its URL works."""
    relay: str = ""
    """URL of a stream that it sends on; empty: none."""
    said: frozenset[str] = frozenset()
    """The fields that the command line fixed for this station: `station.toml` does not change them."""

    @property
    def stem(self) -> str:
        """What it is called where a URL needs a name: `humor`; the default station `main`, or nothing beside one."""
        return self.route[1:] or ("" if self.beside_main else "main")


class Key(NamedTuple):
    """One key that a station may have."""

    field: str
    parse: Callable[[str], object]
    number: bool = False
    """Whether it may be written as a number."""


KEYS: Final[Mapping[str, Key]] = {
    "name": Key("name", values.line),
    "genre": Key("genre", values.line),
    "description": Key("description", values.line),
    "homepage": Key("homepage", values.http_url),
    "logo": Key("logo", values.http_url),
    "language": Key("language", values.language),
    "country": Key("country", values.country),
    "format": Key("family", values.one_of(*values.FAMILIES)),
    "shuffle": Key("shuffle", values.boolean),
    "level": Key("level_lufs", values.lufs, number=True),
    "trim": Key("trim", values.boolean),
    "timezone": Key("timezone", values.timezone),
    "hidden": Key("hidden", values.boolean),
    "relay": Key("relay", values.http_url),
}
"""The keys of `station.toml` and, with `dir`, of an object of --directory-routes."""

ROUTE_KEYS: Final[Mapping[str, Key]] = {"dir": Key("directory", values.path), **KEYS}


def parse_keys(
    pairs: Iterable[tuple[str, object]], keys: Mapping[str, Key] = KEYS
) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that `pairs` say, and what is wrong with which key, in words that follow its name."""
    fields: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, value in pairs:
        key = keys.get(name)
        if key is None:
            wrong[name] = f"is not known here; known are {', '.join(keys)}"
            continue
        try:
            fields[key.field] = key.parse(_text(value, number=key.number))
        except ValueError as error:
            wrong[name] = str(error)
    return fields, wrong


def _text(value: object, *, number: bool) -> str:
    """A JSON or TOML value that stands for one setting of a station, as the text that a flag would have."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) or (number and isinstance(value, int | float)):
        return str(value)
    raise ValueError(f"must be text, not {values.shown(value)}")


def with_file(base: StationConfig, fields: Mapping[str, Any]) -> StationConfig:
    """`base` with what its `station.toml` says, where the command line did not say it of this very station."""
    heard = {name: value for name, value in fields.items() if name not in base.said}
    if heard.get("name") == "":
        del heard["name"]
    return replace(base, **heard)


class SettingsError(ValueError):
    """A settings file that cannot be taken: `line N: why`, or why alone where no line is to blame."""


def parse_station_toml(data: bytes) -> dict[str, Any]:
    """The fields of `StationConfig` that a `station.toml` sets. Raises `SettingsError`: one line of text."""
    import tomllib  # only where there is such a file

    if len(data) > MOST_BYTES:
        raise SettingsError(f"is larger than {MOST_BYTES >> 10} KiB")
    try:
        text = data.removeprefix(BOM_UTF8).decode()  # which some editors write
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"line {line}: is not UTF-8 text") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_toml_reason(text, str(error))) from None
    except RecursionError:
        raise SettingsError("is nested too deeply") from None
    fields, wrong = parse_keys(content.items())
    if wrong:
        problems = [f"line {_line_of(text, name)}: {values.line(name)} {why}" for name, why in wrong.items()]
        raise SettingsError("; ".join(problems[:5]))
    return fields


def read_station_toml(path: Path) -> dict[str, Any]:
    """The same, of a file. Raises `SettingsError`, and `OSError` where it cannot be read."""
    with open(path, "rb") as file:
        return parse_station_toml(file.read(MOST_BYTES + 1))


def _toml_reason(text: str, error: str) -> str:
    """`Invalid value (at line 3, column 8)` as `line 3: invalid value`."""
    why, _, place = error.rpartition(" (at ")
    if not why:
        return values.line(error)
    number = place.removeprefix("line ").partition(",")[0].rstrip(")")
    if not number.isdigit():  # "(at end of document)"
        number = str(text.count("\n") + (not text.endswith("\n")))
    return f"line {number}: {values.line(why[:1].lower() + why[1:])}"


def _line_of(text: str, key: str) -> int:
    """The line on which `key` is set: the first that begins with it, or 1."""
    for number, line in enumerate(text.split("\n"), 1):
        word = line.strip().lstrip("[\"'").partition("=")[0].rstrip(" \t\"']")
        if word == key or word.partition(".")[0] == key:
            return number
    return 1
