"""What is known of tracks' loudness, kept in the state directory by path, size and time.

`Known` is a value. `Table` belongs to the thread "loudness", which alone changes and writes it; any thread may ask.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from radiostream.playlist.state import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from radiostream.playlist.track import Track

log = logging.getLogger(__name__)

FILE_NAME: Final = "loudness.json"
"""The table's, in the state directory."""
MEASURED: Final = "measured"
UNREADABLE: Final = "cannot be read"
UNMEASURED: Final = "cannot be measured"
"""How the trouble begins that may be over the next time: it is not kept."""

_VERSION: Final = 1
_MOST_ENTRIES: Final = 200_000
_MOST_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """One track's loudness."""

    lufs: float | None = None
    """None where nothing could be found out."""
    peak: float | None = None
    """The highest sample, where 1.0 is full scale; None where nobody knows."""
    source: str = ""
    """`replaygain`, `r128`, `rva2`, `lame` or `measured`; empty where nothing could be found out."""
    head: int = 0
    """Frames of dead air at the begin that can be left out."""
    end: int = 0
    """The frame at which dead air begins that lasts to the end; 0 for none."""
    trouble: str = ""
    """Why nothing could be found out."""
    silences: tuple[tuple[float, float], ...] = ()
    """Seconds of the file between which it is silent, where that is longer than listeners bear."""

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def known_of(item: object) -> Known | None:
    """What `Known.as_json` gave; None where it is not such."""
    if not isinstance(item, dict):
        return None
    values = {one.name: item.get(one.name, one.default) for one in fields(Known)}
    lufs, peak = values["lufs"], values["peak"]
    numbers = [number for number in (lufs, peak) if number is not None]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        return None
    if not isinstance(values["source"], str) or not isinstance(values["trouble"], str):
        return None
    if not all(isinstance(values[name], int) and values[name] >= 0 for name in ("head", "end")):
        return None
    silences = values["silences"]
    if not isinstance(silences, list | tuple) or not all(map(_is_span, silences)):
        return None
    return Known(**values | {"silences": tuple((begin_s, end_s) for begin_s, end_s in silences)})


def _is_span(item: object) -> bool:
    """Whether it is a begin and an end in seconds."""
    if not isinstance(item, list | tuple) or len(item) != 2:
        return False
    return all(isinstance(number, int | float) and 0 <= number < math.inf for number in item)


class Table:
    """What is known of tracks' loudness, kept over restarts. `path`: the file; None keeps it in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[str, tuple[int, int, Known]] = {}
        self._unsaved = 0
        self.version = 0
        """Another number after each change."""
        self._in_trouble = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def unsaved(self) -> int:
        """How many entries are new since it was saved."""
        return self._unsaved

    def get(self, track: Track) -> Known | None:
        """What is known of the track as it is now. Any thread."""
        entry = self._entries.get(track.path)
        if entry is None or entry[:2] != (track.size, track.mtime_ns):
            return None
        return entry[2]

    def put(self, track: Track, known: Known) -> None:
        """From now on this is known."""
        self._entries.pop(track.path, None)
        self._entries[track.path] = (track.size, track.mtime_ns, known)
        if len(self._entries) > _MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]
        self._unsaved += 1
        self.version += 1

    def load(self) -> None:
        """Read the file; one that is missing or damaged is an empty table, as all of it can be found out again."""
        if self._path is None:
            return
        try:
            with open(self._path, "rb") as file:
                content = json.loads(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            log.warning("what is known of tracks' loudness cannot be read, tracks are measured again: %s", error)
            return
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            return
        tracks = content.get("tracks")
        for path, item in tracks.items() if isinstance(tracks, dict) else ():
            known = known_of(item)
            if known is not None and isinstance(item.get("size"), int) and isinstance(item.get("mtime_ns"), int):
                self._entries[path] = (item["size"], item["mtime_ns"], known)

    def _as_json(self) -> bytes:
        """The file's content, made entry by entry: whole, it would hold the interpreter's lock for a long while."""
        entries = [
            f"{json.dumps(path)}:{json.dumps({'size': size, 'mtime_ns': mtime_ns, **known.as_json()})}"
            for path, (size, mtime_ns, known) in self._entries.items()
            if not known.trouble.startswith((UNREADABLE, UNMEASURED))
        ]
        return f'{{"version":{_VERSION},"tracks":{{{",".join(entries)}}}}}'.encode("ascii")

    def save(self) -> None:
        """Write the file where there is something new; a fault is logged once, and it is tried again next time."""
        if self._path is None or not self._unsaved:
            return
        data = self._as_json()
        try:
            write_atomically(self._path, data)
        except OSError as error:
            if not self._in_trouble:
                log.error("what is known of tracks' loudness cannot be saved: %s", error)
            self._in_trouble = True
            return
        self._unsaved, self._in_trouble = 0, False
