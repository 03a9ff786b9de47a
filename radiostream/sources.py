"""Where settings come from: flags, variables, the file of --config, and secrets; each as the text that was written.

Reads the files that the operator names, no others; runs in the main thread, at the start and at a SIGHUP. A flag beats
its variable, the variable beats the file, the file beats the default. A variable that is empty counts as unset.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from radiostream import __version__, values

if TYPE_CHECKING:
    import argparse

NO_VALUE: Final = "\0"
"""A flag without the value that it needs: what no command line can hold."""
_WIDEST_SECRET: Final = 1024
_MOST_BYTES: Final = 1 << 20


class ConfigError(Exception):
    """The server cannot start as asked; `problems` holds one line for each mistake, fit to be printed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings; the flag's and the variable's name follow from `name`."""

    name: str
    default: str
    parse: Callable[[str], object]
    meaning: str
    has_flag: bool = True
    field: str = ""
    variables: str = ""
    """The variable's name where it is not `name` in capitals."""
    repeats: bool = False
    """Whether the flag may be given more than once; its values are then parted by spaces."""

    @property
    def target(self) -> str:
        return self.field or self.name

    @property
    def variable(self) -> str:
        return self.variables or self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        return f"{self.flag} ({self.variable})" if self.has_flag else self.variable


def given(
    settings: Sequence[Setting], argv: Sequence[str], environ: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """The operator's own words by a setting's name, without those left at their default.

    `--help` and `--version` print and raise SystemExit(0).
    """
    words = _with_booleans(settings, argv)
    flags, rest = _parser(settings, problems).parse_known_args(words)
    said = {one.name: text for one in settings if (text := environ.get(one.variable, ""))}
    for setting in settings:
        by_flag = _flag_text(getattr(flags, setting.name, None))
        if by_flag == NO_VALUE:
            problems.append(f"{setting.label}: needs a value")
        elif by_flag is not None:
            said[setting.name] = by_flag
    directory = _directory(rest, getattr(flags, "audio_dir", None) is not None, problems)
    if directory is not None:
        said["audio_dir"] = directory
    if path := said.get("config", ""):
        said = _config_file(path, settings, problems) | said
    return said


def _flag_text(value: Any) -> str | None:
    """What was said by a flag; the values of one that repeats are parted by spaces."""
    if isinstance(value, list):
        return NO_VALUE if NO_VALUE in value else " ".join(value)
    return value if isinstance(value, str) else None


def _with_booleans(settings: Sequence[Setting], argv: Sequence[str]) -> list[str]:
    """`--shuffle` before something that is no yes or no is `--shuffle=true`: what follows may be the directory."""
    alone = {one.flag for one in settings if one.has_flag and one.parse is values.boolean}
    following = [*argv, "-"][1:]
    return [
        f"{word}=true" if word in alone and after.strip().lower() not in values.BOOLEANS else word
        for word, after in zip(argv, following, strict=True)
    ]


def _parser(settings: Sequence[Setting], problems: list[str]) -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise ConfigError([*problems, message])

    parser = Parser(
        prog="radiostream",
        usage="radiostream [options] [DIR]",
        description="Directories of audio files become synchronised radio stations. DIR is --audio-dir DIR.",
        epilog="The operator's password is STATUS_PASSWORD, or the content of STATUS_PASSWORD_FILE; broadcasters log "
        "in with SOURCE_PASSWORD or SOURCE_PASSWORD_FILE; webhooks are signed with WEBHOOK_SECRET.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"radiostream {__version__}")
    for setting in settings:
        if setting.has_flag:
            alone = "true" if setting.parse is values.boolean else NO_VALUE
            default = f"; default {setting.default}" if setting.default else ""
            explained = f"{setting.meaning} ({setting.variable}{default})"
            action = "append" if setting.repeats else "store"
            parser.add_argument(setting.flag, nargs="?", const=alone, metavar="VALUE", action=action, help=explained)
    return parser


def _directory(rest: Sequence[str], audio_dir_given: bool, problems: list[str]) -> str | None:
    """The positional DIR among the words that are no flags; one line for each argument nobody knows.

    The value after an unknown flag may be a secret, and is neither taken nor shown.
    """
    directory = None
    after_flag = False
    for text in rest:
        if text.startswith("-"):
            problems.append(f"{values.shown(text.partition('=')[0])[1:-1]}: no such option (see --help)")
        elif not after_flag and directory is None:
            directory = text
            if audio_dir_given:
                problems.append(f"{values.shown(text)}: and --audio-dir both give the default station a directory")
        elif not after_flag:
            problems.append(f"{values.shown(text)}: unexpected argument (see --help)")
        after_flag = text.startswith("-")
    return directory


# -- the file of --config ----------------------------------------------------------------------------------------------


def _config_file(path: str, settings: Sequence[Setting], problems: list[str]) -> dict[str, str]:
    """What the TOML file at `path` says, as the flags would; what is wrong with it goes to `problems`."""
    import tomllib

    where = f"--config (CONFIG): {values.shown(path)}"
    try:
        with open(values.path(path), "rb") as file:
            content = tomllib.loads(file.read(_MOST_BYTES).removeprefix(BOM_UTF8).decode())
    except OSError as error:
        problems.append(f"{where}: {error.strerror}")
        return {}
    except (ValueError, RecursionError) as error:
        problems.append(f"{where}: {values.line(str(error))}")
        return {}
    known = {one.flag[2:]: one for one in settings if one.has_flag and one.name != "config"}
    said: dict[str, str] = {}
    for key, value in content.items():
        setting = known.get(key.replace("_", "-"))
        text = _toml_text(value)
        if setting is None:
            problems.append(f"{where}: {values.shown(key)} is no setting")
        elif text is None:
            problems.append(f"{where}: {key} must be text, a number, true or false, or a list of texts")
        else:
            said[setting.name] = text
    return said


def _toml_text(value: object) -> str | None:
    """A value as a flag would have it: lists parted by spaces, a table as JSON; None for what no setting is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    if isinstance(value, dict):
        return json.dumps(value, default=str)
    return None


# -- secrets -----------------------------------------------------------------------------------------------------------


def secret(name: str, default: str, environ: Mapping[str, str], problems: list[str]) -> str:
    """A secret from the variable `name` or from the file that `name`_FILE names; a problem's line never shows it."""
    path = environ.get(f"{name}_FILE", "")
    text = environ.get(name, "" if path else default)
    if path and text:
        problems.append(f"{name}, {name}_FILE: set one of them, not both")
        return text
    if path:
        name = f"{name}_FILE"
        try:
            with open(path, "rb") as file:
                text = file.read(_WIDEST_SECRET + 6).removeprefix(BOM_UTF8).decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its content is not UTF-8 text"
            problems.append(f"{name}: {values.shown(path)}: {reason}")
            return ""
    if not text.strip():
        if path or default:
            problems.append(f"{name}: must not be empty")
        return ""
    if len(text) > _WIDEST_SECRET or any(char < " " or char == "\x7f" for char in text):
        problems.append(f"{name}: must be one line of at most {_WIDEST_SECRET} characters")
    return text
