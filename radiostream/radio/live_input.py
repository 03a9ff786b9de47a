"""What a station asks where a live source may take it over; `radiostream.live` answers, when it is used at all."""

from __future__ import annotations

from typing import Protocol

from radiostream.radio.deck import Deck


class LiveInput(Protocol):
    """The live sources of one station. All methods are called by the producer's thread, and answer at once."""

    def due_now(self, playing: Deck | None) -> Deck | None:
        """The source that takes the station over here and now, where `playing` is what is being sent."""

    def due_at_track_end(self) -> Deck | None:
        """The source that goes on where a track has ended."""
