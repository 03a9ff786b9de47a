"""Which tracks of a station are decoded in another way than most: browsers stop there. For the producer's thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import islice
from typing import Final

from radiostream.audio.frames import Params
from radiostream.playlist.track import Track
from radiostream.radio.status import LeftOut

MOST_NAMED: Final = 200
"""How many tracks are named; a directory without any majority would fill the status page."""


class Mismatched:
    """What is known of the tracks that were on the air. What most of them have is the station's usual; among equals
    it is what was heard first."""

    def __init__(self) -> None:
        self._params: dict[Track, Params] = {}
        self._counts: Counter[Params] = Counter()
        self._told: set[Track] = set()
        self._named: tuple[LeftOut, ...] | None = ()

    def keep(self, tracks: Collection[Track]) -> None:
        """Forget all tracks but these; looking a track up in `tracks` must be cheap."""
        gone = [track for track in self._params if track not in tracks]
        for track in gone:
            self._counts[self._params.pop(track)] -= 1
            self._told.discard(track)
        if gone:
            self._counts = +self._counts
            self._named = None

    def note(self, track: Track, params: Params) -> str:
        """`track` goes on the air. How it differs from most others, told once; empty where there is nothing to tell."""
        before = self._params.get(track)
        if before != params:
            if before is not None:
                self._counts[before] -= 1
            self._params[track] = params
            self._counts[params] += 1
            self._named = None
        if params == self._usual or track in self._told:
            return ""
        self._told.add(track)
        return self._how(params)

    def named(self) -> tuple[LeftOut, ...]:
        """The tracks that differ from most, each with how; at most `MOST_NAMED`."""
        if self._named is None:
            others = ((track, params) for track, params in self._params.items() if params != self._usual)
            self._named = tuple(LeftOut(track.name, self._how(params)) for track, params in islice(others, MOST_NAMED))
        return self._named

    @property
    def _usual(self) -> Params:
        return self._counts.most_common(1)[0][0]

    def _how(self, params: Params) -> str:
        return f"{described(params)}, where the station has {described(self._usual)}: browsers stop here"


def described(params: Params) -> str:
    """What decides decoding, in words."""
    shape = f"{params.codec} {params.rate_hz} Hz, {params.channels} ch"
    return f"{shape}, {params.setup}" if params.setup else shape
