"""What is told of plays: each begin and end of something on the air, with who listened meanwhile.

Values, and a `Tally` that the producer's thread owns. Nobody is asked for anything while audio is on its way: the
audience adds itself up as listeners come and go, and a play is the difference between two of its readings.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from radiostream.playlist.track import Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.playlist.track import Track
    from radiostream.radio.audience import Audience, Reading
    from radiostream.settings import StationConfig


@dataclass(frozen=True, slots=True)
class Began:
    """Something is on the air from now on."""

    route: str
    name: str
    """The station's."""
    at: float
    """Unix seconds."""
    kind: str
    """`track`, `jingle` or `live`; empty: silence."""
    file: str
    """Relative to the station's directory; empty for silence."""
    tags: Tags
    title: str
    """What is shown as the title: that of the tags, else the file's name without its suffix."""


@dataclass(frozen=True, slots=True)
class Play:
    """A time on the air that is over; times are Unix seconds."""

    route: str
    timezone: str
    """The station's, as it was configured: an IANA name, or empty for the host's."""
    started_at: float
    ended_at: float
    ended: str
    """`played`, `skipped` or `failed`."""
    kind: str
    file: str
    tags: Tags
    listeners_at_start: int
    distinct_listeners: int
    """Who was connected for any of it."""
    listener_s: float
    """The seconds that all of them together were connected during it."""


class Told(Protocol):
    """Who is told. Called by producers' threads: answers at once, and never raises."""

    def began(self, began: Began) -> None:
        """Something is on the air."""

    def ended(self, play: Play) -> None:
        """Something was on the air."""


class Tally:
    """The play that is on the air. Owned by the producer's thread."""

    def __init__(self, audience: Audience, config: Callable[[], StationConfig], told: Told) -> None:
        self._audience = audience
        self._config = config
        self._told = told
        self._began: Began | None = None
        """None during silence, and before anything has been on the air."""
        self._before: Reading | None = None

    def begin(self, track: Track | None, tags: Tags, kind: str, at: float) -> None:
        """`track` is heard from `at` on (Unix seconds); None: silence."""
        config = self._config()
        if track is None:
            began = Began(config.route, config.name, at, "", "", Tags(), "")
            self._began = self._before = None
        else:
            title = tags.title or track.stem
            began = Began(config.route, config.name, at, kind, _relative(track, config), tags, title)
            self._began, self._before = began, self._audience.reading()
        self._told.began(began)

    def retitle(self, tags: Tags) -> None:
        """What is on the air says now what it is."""
        if self._began is not None:
            self._began = replace(self._began, tags=tags)

    def end(self, how: str, at: float) -> None:
        """What is on the air ended at `at` like `how`. Does nothing when nothing is."""
        began, before = self._began, self._before
        self._began = self._before = None
        if began is None or before is None:
            return
        after = self._audience.reading()
        self._told.ended(
            Play(
                route=began.route,
                timezone=self._config().timezone,
                started_at=began.at,
                ended_at=max(at, began.at),
                ended=how,
                kind=began.kind,
                file=began.file,
                tags=began.tags,
                listeners_at_start=before.listeners,
                distinct_listeners=before.listeners + after.joins - before.joins,
                listener_s=after.listener_s - before.listener_s,
            )
        )


def _relative(track: Track, config: StationConfig) -> str:
    """The track's path below the station's directory; its name where it lies elsewhere, like a live source."""
    root = os.path.join(os.path.abspath(config.directory), "")
    if not track.path.startswith(root):
        return track.name
    return os.fsencode(track.path[len(root) :]).decode("utf-8", "replace")
