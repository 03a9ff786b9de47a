"""What a station's directory holds, as others see it: tracks in order, and what is left out and why. Pure."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import MP3
from radiostream.playlist.natural import natural_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from radiostream.playlist.folder import Folder
    from radiostream.playlist.orders import Order
    from radiostream.playlist.track import Track

MOST_LEFT_OUT: Final = 1000
"""The end of a longer list is summed up."""

HANGS: Final = "does not answer"
"""A listing's trouble where the file system has not answered for seconds; its tracks are those that were known."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or directory that is not played: its path below the station's, printable, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What one scan found. Where nothing has changed, the next scan answers with the same object."""

    tracks: tuple[Track, ...] = ()
    """In natural order of their paths."""
    left_out: tuple[Skipped, ...] = ()
    trouble: str = ""
    """Why the directory cannot be read, in words that follow its name (`is missing`). Where it is gone there are no
    tracks; where it only cannot be read now, those that were known stay."""
    orders: tuple[Order, ...] = ()
    """What `order.m3u` says, in the directory itself and in its parts of the day."""


def usual_family(tracks: Iterable[Track]) -> str:
    """What a station sends of which nobody said it: MP3 where there is any, or nothing; else what most files are."""
    families = Counter(track.family for track in tracks)
    return MP3 if families[MP3] or not families else families.most_common(1)[0][0]


def in_order(tracks: Iterable[Track]) -> tuple[Track, ...]:
    """The tracks in natural order of their paths."""
    return tuple(sorted(tracks, key=lambda track: natural_key(track.path)))


def left_out(folders: Mapping[str, Folder], root: str, note: str) -> tuple[Skipped, ...]:
    """Every file and directory left out, in natural order, the end of a very long list summed up; `note` is about the
    whole, if there is something to say."""
    reasons = {path: why for folder in folders.values() for path, why in folder.left_out.items()}
    reasons |= {folder.path: folder.why for folder in folders.values() if folder.why}
    if note:
        reasons[root] = note
    paths = sorted(reasons, key=natural_key)
    named = [Skipped(_shown(path, root), reasons[path]) for path in paths[:MOST_LEFT_OUT]]
    if len(paths) > MOST_LEFT_OUT:
        named.append(Skipped("…", f"and {len(paths) - MOST_LEFT_OUT} more"))
    return tuple(named)


def _shown(path: str, root: str) -> str:
    return os.fsencode(os.path.relpath(path, root)).decode("utf-8", "replace")
