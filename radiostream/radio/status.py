"""What a station shows to others: frozen values, replaced whole by the producer's thread, read by any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from radiostream.audio.frames import Params
from radiostream.playlist.history import TRACK, Played
from radiostream.playlist.pictures import Picture
from radiostream.playlist.rotation import Plan
from radiostream.playlist.track import Tags, Track

if TYPE_CHECKING:
    from radiostream.loudness.level import Level


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of the directory that is not played, and why, in words for the operator."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class OnAir:
    """What is on the air; `track` is None while the station sends silence."""

    track: Track | None
    tags: Tags
    started_at: float
    """Unix seconds, for people."""
    started_s: float
    """Monotonic seconds, for the elapsed time."""
    duration_s: float | None
    params: Params
    kbps: int
    skipped_to: bool = False
    """Whether the track before it was cut by a skip."""
    kind: str = TRACK
    """`track`, `jingle` or `live`."""
    picture: Picture | None = None
    """The track's, once it has been looked up; None where it has none."""
    level: Level | None = None
    """How loud the track is and becomes; None where no level is asked for."""

    @property
    def title(self) -> str:
        """One line for a player's display; empty for silence."""
        return display_title(self.track, self.tags)


@dataclass(frozen=True, slots=True)
class Status:
    """One station as the world sees it."""

    route: str
    """`/` or `/humor`."""
    name: str
    genre: str
    description: str
    family: str
    """`mp3`, `aac` or `ogg`: what it sends."""
    on_air: OnAir | None
    tracks: int
    """How many tracks its playlist holds."""
    shuffle: bool
    history: tuple[Played, ...] = ()
    """Newest first."""
    left_out: tuple[LeftOut, ...] = ()
    mismatched: tuple[LeftOut, ...] = ()
    """Tracks that are played, though their sample rate or channels differ from the rest's: browsers break there."""
    trouble: str = ""
    """Why its directory cannot be read; empty when it can."""
    demo: bool = False
    settings_error: str = ""
    """Why its `station.toml` is not taken, `line N: …`; empty where it is, or there is none."""
    plan: Plan | None = None
    """The rules of its folders, and how far listeners are in them."""


def display_title(track: Track | None, tags: Tags | None) -> str:
    """`Artist - Title`, or what there is of it, else the file's name; empty for silence."""
    if track is None:
        return ""
    title = (tags.title if tags else "") or track.stem
    return f"{tags.artist} - {title}" if tags and tags.artist else title
