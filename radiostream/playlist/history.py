"""What a station has played: up to 100 entries, newest first, the track on the air among them.

Pure values, and a `History` that the producer's thread owns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiostream.playlist.track import Tags

LIMIT: Final = 100

PLAYING: Final = "playing"
PLAYED: Final = "played"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"

TRACK: Final = "track"
JINGLE: Final = "jingle"
LIVE: Final = "live"
KINDS: Final = (TRACK, JINGLE, LIVE)
"""What an entry is: music, what a rule of the folder put between, or a live source."""

_LATEST: Final = 253402300799.0
"""Unix seconds of the end of the year 9999, behind which there are no dates to show."""


@dataclass(frozen=True, slots=True)
class Played:
    """One track's time on the air; times are Unix seconds."""

    track: str
    title: str
    artist: str
    started_at: float
    ended_at: float | None
    ended: str
    """`playing`, `played`, `skipped` or `failed`."""
    kind: str = TRACK
    """One of `KINDS`."""


class History:
    """The latest tracks of one station."""

    def __init__(self) -> None:
        self._entries: tuple[Played, ...] = ()

    def entries(self) -> tuple[Played, ...]:
        """Newest first; the same tuple until something changes."""
        return self._entries

    def begin(self, track: str, tags: Tags, now: float, resumed: bool = False, kind: str = TRACK) -> None:
        """`track` (its file's name) goes on the air at `now` (Unix seconds), which ends what still played.

        With `resumed`, after a restart, it goes on with the entry that was playing, where that is the same track's.
        """
        newest = self._entries[0] if self._entries else None
        if resumed and newest is not None and newest.ended == PLAYING and newest.track == track:
            self.retitle(tags)
            return
        self.end(PLAYED, now)
        entry = Played(track, tags.title, tags.artist, now, None, PLAYING, kind)
        self._entries = (entry, *self._entries[: LIMIT - 1])

    def retitle(self, tags: Tags) -> None:
        """The tags of the track on the air have become known."""
        if self._is_playing():
            newest = replace(self._entries[0], title=tags.title, artist=tags.artist)
            self._entries = (newest, *self._entries[1:])

    def end(self, how: str, now: float) -> None:
        """What is on the air ends at `now`: `PLAYED`, `SKIPPED` or `FAILED`. Does nothing when nothing is."""
        if self._is_playing():
            self._entries = (replace(self._entries[0], ended_at=now, ended=how), *self._entries[1:])

    def state(self) -> list[dict[str, object]]:
        """The entries, ready for JSON."""
        return [asdict(entry) for entry in self._entries]

    def restore(self, state: object) -> None:
        """Take the entries of an earlier `state`; what is damaged in it is left out."""
        items = state if isinstance(state, list) else []
        entries = [entry for entry in map(_played, items[:LIMIT]) if entry is not None]
        self._entries = tuple(
            entry if number == 0 or entry.ended != PLAYING else replace(entry, ended=PLAYED)
            for number, entry in enumerate(entries)
        )

    def _is_playing(self) -> bool:
        return bool(self._entries) and self._entries[0].ended == PLAYING


_NAMES: Final = tuple(field.name for field in fields(Played))


def _played(item: object) -> Played | None:
    """One entry from JSON, None where it is not one."""
    if not isinstance(item, dict):
        return None
    track, title, artist, started_at, ended_at, ended, kind = map(item.get, _NAMES)
    if not (isinstance(track, str) and isinstance(title, str) and isinstance(artist, str)):
        return None
    started = _time(started_at)
    if started is None or ended not in (PLAYING, PLAYED, SKIPPED, FAILED):
        return None
    over = _time(ended_at)
    ended_at = None if ended == PLAYING else started if over is None else over
    return Played(track, title, artist, started, ended_at, ended, kind if kind in KINDS else TRACK)


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= _LATEST else None
