"""Which stations there should be: those of the command line and those of the sub-directories of --stations, each with
what its `station.toml` says.

`find` and `settings` ask the file system, in the thread that the library has for that (lookout.py), and raise nothing;
one of them may hang, and then `settings` of other stations is called all the same. `table` asks nothing; it and
`commanded` belong to the library's thread. No station is started or ended here: `app.py` does, from the table.
"""

from __future__ import annotations

import logging
import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from radiostream.clock import Clock, SystemClock
from radiostream.logs import quoted
from radiostream.playlist.folder import MISSING, reason
from radiostream.playlist.names import is_clutter, is_system_directory
from radiostream.playlist.natural import natural_key
from radiostream.settings import FILE_NAME, SettingsError, StationConfig, read_station_toml, with_file
from radiostream.station_names import ENDINGS, route_problem
from radiostream.values import line

log = logging.getLogger(__name__)

GRACE_S: Final = 10.0
"""How long the directory of a station may be away before the station goes."""
MOST_STATIONS: Final = 2000

_STROKES: Final = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ħ": "h",
        "ŧ": "t",
    }
)
"""Letters whose stroke Unicode does not part from them."""
_ACCENT: Final = 200
"""Combining classes from here on are accents; those below belong to the letters of other scripts (Unicode §4.3)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One station that there should be."""

    config: StationConfig
    settings_error: str = ""
    """Why its `station.toml` is not taken, `line N: …`; empty where it is, or there is none."""


Table = Mapping[str, Entry]
"""By route. A scan that finds nothing new answers with the same object."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; replaced whole when it is read again."""

    fixed: Sequence[StationConfig]
    """The stations that it names."""
    stations_dir: Path | None = None
    model: StationConfig = field(default_factory=lambda: StationConfig("/", Path(), ""))
    """What the stations of `stations_dir` have in common: format, shuffle, level and the like."""


def route_of_directory(name: str) -> str:
    """The route of a sub-directory: its name in lower case, blanks and underscores as `-`, letters without their
    accents, everything else left out. `/` where that leaves nothing. CONTRACT §11."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(_STROKES))
    kept = "".join(_kept(char) for char in letters)
    return "/" + unicodedata.normalize("NFC", kept) if kept.strip("-") else "/"


def _kept(char: str) -> str:
    if char in " _-" or char.isspace():
        return "-"
    if char.isalnum() or (unicodedata.category(char) in ("Mn", "Mc") and unicodedata.combining(char) < _ACCENT):
        return char
    return ""


class Roster:
    """The stations there should be, from look to look."""

    def __init__(self, wanted: Wanted, clock: Clock | None = None) -> None:
        self.wanted = wanted
        """May be replaced by any thread; the next scan goes by it."""
        self._clock = clock or SystemClock()
        self._found: tuple[StationConfig, ...] = ()
        """The stations of sub-directories, as `find` found them last; replaced whole."""
        self._files: dict[Path, SettingsFile] = {}
        """By the directory that each lies in. Changed by `table` alone."""
        self._routes: dict[str, str] = {}
        """Route by name of each sub-directory that is a station."""
        self._seen_s: dict[str, float] = {}
        """When each of them was last there."""
        self.left_out: Mapping[str, str] = {}
        """Names of sub-directories that are no stations, and why. Replaced whole; any thread may read it."""
        self.trouble = ""
        """Why the directory of stations cannot be read; empty when it can, or there is none. Any thread may read it."""
        self._table: Table = {}

    def commanded(self) -> Table:
        """The stations of the command line alone, without asking any disk: those that are there from the start."""
        self._table = {config.route: Entry(config) for config in self.wanted.fixed}
        return self._table

    def look(self, eager: bool = False) -> Table:
        """All in one: the stations there should be now, with what their settings say."""
        self.find(eager)
        for route in self.table():
            self.settings(route, eager)
        return self.table()

    def find(self, _eager: bool = False) -> None:
        """Look which sub-directories there are."""
        self._found = self._of_directories(self.wanted)

    def settings(self, route: str, eager: bool = False) -> bool:
        """Look at the `station.toml` of one station of the table; whether it says something new, right or wrong.
        `eager` takes a file at once that may still be being written."""
        entry = self._table.get(route)
        file = self._files.get(entry.config.directory) if entry else None
        return file is not None and file.look(route, eager)

    def table(self) -> Table:
        """The stations there should be, by all that is known now."""
        wanted = self.wanted
        entries: dict[str, Entry] = {}
        files = {}
        for config in (*wanted.fixed, *self._found):
            file = files[config.directory] = self._files.get(config.directory) or SettingsFile(config.directory)
            entries[config.route] = Entry(with_file(config, file.fields), file.error)
        self._files = files
        default = entries.get("/")
        if default is not None:
            beside = replace(default.config, beside_main="/main" in entries)
            entries["/"] = replace(default, config=beside)
        if entries != self._table:
            self._table = entries
        return self._table

    def _of_directories(self, wanted: Wanted) -> tuple[StationConfig, ...]:
        """The stations of the sub-directories, those whose directory is away for a moment among them."""
        if wanted.stations_dir is None:
            self._routes.clear()
            return ()
        now_s = self._clock.now_s()
        names = self._names(wanted.stations_dir)
        for name in self._routes if names is None else names:
            self._seen_s[name] = now_s
        self._routes = {name: route for name, route in self._routes.items() if now_s - self._seen_s[name] < GRACE_S}
        self._seen_s = {name: at_s for name, at_s in self._seen_s.items() if name in self._routes or at_s == now_s}
        self._admit(names or [], {config.route for config in wanted.fixed})
        return tuple(
            replace(wanted.model, route=route, directory=wanted.stations_dir / name, name=_name_of(name))
            for name, route in self._routes.items()
        )

    def _names(self, directory: Path) -> list[str] | None:
        """The sub-directories in natural order; None where that cannot be told now, and all stay."""
        try:
            with os.scandir(directory) as entries:
                names = [one.name for one in entries if not _is_nobodys(one.name) and one.is_dir()]
        except OSError as error:
            trouble = reason(error)
        else:
            trouble = ""
        if trouble != self.trouble:
            log.warning("the stations' directory %s %s", quoted(str(directory)), trouble or "is there again")
            self.trouble = trouble
        if trouble:
            return [] if trouble == MISSING else None
        return sorted(names, key=natural_key)

    def _admit(self, names: list[str], taken: set[str]) -> None:
        """Give each new name its route, or say once why it gets none."""
        left_out: dict[str, str] = {}
        self._routes = {name: route for name, route in self._routes.items() if route not in taken}
        taken = taken | set(self._routes.values())
        for name in names:
            if name in self._routes:
                continue
            route = route_of_directory(name)
            problem = _problem(route, taken)
            if not problem and len(self._routes) >= MOST_STATIONS:
                problem = f"is one more than {MOST_STATIONS} stations"
            if problem:
                left_out[name] = problem
            else:
                self._routes[name] = route
                taken.add(route)
        for name in left_out.keys() - self.left_out.keys():
            log.warning("the directory %s is no station: %s", quoted(name), left_out[name])
        self.left_out = left_out


def _problem(route: str, taken: set[str]) -> str:
    if route == "/":
        return "its name leaves nothing for a route"
    if route in taken:
        return f"the route {route} is another station's"
    if problem := route_problem(route):
        return f"the route {route} {problem}"
    return next((f"{other} is another station's" for end in ENDINGS if (other := route + end) in taken), "")


def _name_of(name: str) -> str:
    """What a station is called while nobody names it: as its directory is."""
    shown = line(os.fsencode(name).decode("utf-8", "replace").replace("_", " "))
    return shown[:1].upper() + shown[1:]


def _is_nobodys(name: str) -> bool:
    return is_clutter(name) or is_system_directory(name)


class SettingsFile:
    """The `station.toml` of one directory, as it was last taken. A broken one changes nothing."""

    def __init__(self, directory: Path) -> None:
        self.fields: Mapping[str, Any] = {}
        """What it says of the station."""
        self.error = ""
        self._directory = directory
        self._path = directory / FILE_NAME
        self._looks = 0
        self._judged: tuple[int, ...] | None = None
        """What the file was like when it was last read; None while there is none."""
        self._settling: tuple[int, ...] | None = None

    def look(self, route: str, eager: bool) -> bool:
        """Read it where it has changed and (unless `eager`, or at the first scan) the same in two scans; whether
        that says something else than before."""
        before = self.fields, self.error
        self._look(route, eager)
        return (self.fields, self.error) != before

    def _look(self, route: str, eager: bool) -> None:
        eager = eager or self._looks == 0
        self._looks += 1
        try:
            stamp = self._stamp()
        except OSError as error:
            self._complain(route, reason(error))
            return
        if stamp == self._judged:
            self._settling = stamp
        elif eager or stamp == self._settling:
            self._judged = self._settling = stamp
            self._read(route)
        else:
            self._settling = stamp

    def _stamp(self) -> tuple[int, ...] | None:
        """What tells one content from another. A directory that is away took its file along: that is no change."""
        try:
            status = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return None if self._directory.is_dir() else self._judged
        kind = stat.S_IFMT(status.st_mode)
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, kind

    def _read(self, route: str) -> None:
        if self._judged is None:
            self.fields, self.error = {}, ""
            return
        if self._judged[-1] != stat.S_IFREG:
            self._complain(route, "is not a regular file")
            return
        try:
            fields = read_station_toml(self._path)
        except SettingsError as error:
            self._complain(route, str(error))
        except OSError as error:
            self._complain(route, reason(error))
        else:
            self.fields, self.error = fields, ""

    def _complain(self, route: str, error: str) -> None:
        """Say once what is wrong; what was taken before stays."""
        if error != self.error:
            log.warning("%s: %s changes nothing: %s", route, FILE_NAME, error, extra={"station": route})
        self.error = error
