"""What a station asks where a live source may take it over; `radiostream.live` answers, when it is used at all."""

from __future__ import annotations

from typing import Any, Final, Protocol

from radiostream.radio.deck import Deck

WAY_FIELD: Final = "X-Relayed-By"
"""The field of a stream's head that tells `LiveInput.way`."""


class LiveInput(Protocol):
    """The live sources of one station. `due_…` are called by the producer's thread, the others by any; all answer at
    once."""

    def due_now(self, playing: Deck | None) -> Deck | None:
        """The source that takes the station over here and now, where `playing` is what is being sent."""

    def due_at_track_end(self) -> Deck | None:
        """The source that goes on where a track has ended."""

    def rows(self) -> list[dict[str, Any]]:
        """The sources that are there, or are looked for, as the operator sees them."""

    @property
    def connected(self) -> int:
        """How many sources are connected."""

    @property
    def bytes_total(self) -> int:
        """Bytes that sources have sent so far."""

    @property
    def stalls(self) -> int:
        """How often a source has given nothing for too long."""

    @property
    def buffered_s(self) -> float:
        """Seconds of audio that are held of the source that is on the air, or is to be."""

    @property
    def way(self) -> str:
        """The stations that its relay comes by, itself first, so that none relays itself; empty without a relay."""
