"""A listing sorted into what its folders are: the station's own music, parts of the day, jingles. Pure.

Only the first directory below the station's (and the first below a part) is asked for its name; whatever lies deeper is
part of that folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from radiostream.playlist.orders import Order
from radiostream.playlist.rules import Jingle, Part, Wrong, parse
from radiostream.playlist.scan import Listing, Skipped
from radiostream.playlist.track import Track

OWN: Final = ""
"""The path of the station's own music."""

_MOST_MISSING: Final = 100


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder's tracks."""

    rule: Part | Jingle | None
    """None: the station's own music."""
    tracks: tuple[Track, ...] = ()
    """In natural order, or in that of its list."""
    is_ordered: bool = False
    """Whether `order.m3u` gives the order: then shuffle does not apply."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a listing is, by folder: `OWN`, `_22-06`, `_22-06/_hourly 00`."""

    folders: Mapping[str, Folder] = field(default_factory=lambda: {OWN: Folder(None)})
    left_out: tuple[Skipped, ...] = ()
    """Folders that look like rules and are none, and what lists name that is not there."""


def arrange(root: str, listing: Listing) -> Arrangement:
    """Sort the tracks of the station's directory `root` into its folders. O(n)."""
    sorter = _Sorter(root)
    found: dict[str, list[Track]] = {OWN: []}
    for track in listing.tracks:
        path = sorter.folder(track.path)
        if path is not None:
            found.setdefault(path, []).append(track)
    folders = {path: Folder(sorter.rules.get(path), tuple(tracks)) for path, tracks in found.items()}
    left_out = [*sorter.left_out]
    for order in listing.orders:
        path = os.path.relpath(os.path.dirname(order.path), root)
        path = OWN if path == "." else path
        rule = sorter.rules.get(path)
        if path == OWN or isinstance(rule, Part):
            folders[path], told = _ordered(folders.get(path, Folder(rule)), order, root, listing)
            left_out += told
    return Arrangement(folders, tuple(left_out))


class _Sorter:
    """To which folder a path belongs; each directory's name is parsed once."""

    def __init__(self, root: str) -> None:
        self.rules: dict[str, Part | Jingle] = {}
        self.left_out: list[Skipped] = []
        self._start = len(root.rstrip("/")) + 1
        self._known: dict[str, str | None] = {}

    def folder(self, path: str) -> str | None:
        """`OWN`, or the path of a rule's folder below the station's directory; None for what is left out."""
        start = self._start
        if path[start : start + 1] != "_":
            return OWN
        first, slash, rest = path[start:].partition("/")
        if not slash:
            return OWN  # a file
        folder = self._look_up(first, first)
        if folder and rest.startswith("_") and "/" in rest and isinstance(self.rules[folder], Part):
            second = rest.partition("/")[0]
            return self._look_up(second, f"{first}/{second}")
        return folder

    def _look_up(self, name: str, path: str) -> str | None:
        if path not in self._known:
            self._known[path] = self._judge(name, path)
        return self._known[path]

    def _judge(self, name: str, path: str) -> str | None:
        rule = parse(name, path)
        parent = path.rpartition("/")[0]
        shown = os.fsencode(path).decode("utf-8", "replace")
        if rule is None:
            return parent
        if isinstance(rule, Wrong):
            said = f"{rule.reason}; the nearest right name is `{rule.nearest}`, and music needs a name without `_`"
            self.left_out.append(Skipped(shown, said))
            return None
        if isinstance(rule, Part) and parent:
            said = "a part of the day cannot lie in another: move it into the station's directory"
            self.left_out.append(Skipped(shown, said))
            return None
        self.rules[path] = rule
        return path


def _ordered(folder: Folder, order: Order, root: str, listing: Listing) -> tuple[Folder, list[Skipped]]:
    """The folder in the order of its list, and what is to be told of that."""
    by_path = {track.path: track for track in listing.tracks}
    name = _shown(order.path, root)
    entries = dict.fromkeys(order.entries)
    tracks = [by_path[path] for path in entries if path in by_path]
    if not tracks:
        return folder, [Skipped(name, "names no file that is there, and is not used: name files relative to it")]
    missing = [path for path in entries if path not in by_path]
    told = [
        Skipped(f"{name}: {_shown(path, root)}", "is in the list and not there") for path in missing[:_MOST_MISSING]
    ]
    if len(missing) > _MOST_MISSING:
        told.append(Skipped(name, f"and {len(missing) - _MOST_MISSING} more that are not there"))
    if again := len(order.entries) - len(entries):
        told.append(
            Skipped(name, f"names files again in {again} of its lines; each plays once, where it is named first")
        )
    unlisted = len(set(folder.tracks) - set(tracks))
    if unlisted:
        told.append(Skipped(name, f"does not name {unlisted} of the files beside it; they are not played"))
    return replace(folder, tracks=tuple(tracks), is_ordered=True), told


def _shown(path: str, root: str) -> str:
    return os.fsencode(os.path.relpath(path, root)).decode("utf-8", "replace")


def playable(folders: Mapping[str, Folder], has_tracks: Callable[[str], bool]) -> list[Part | Jingle]:
    """The rules of those folders that have something to play, jingles only where their part has."""
    rules = [folder.rule for path, folder in folders.items() if folder.rule is not None and has_tracks(path)]
    parts = {rule.folder for rule in rules if isinstance(rule, Part)}
    return [rule for rule in rules if isinstance(rule, Part) or not rule.scope or rule.scope in parts]
