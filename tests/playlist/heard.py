"""A playlist whose tracks are heard as soon as they are given: what most tests of the order want."""

from __future__ import annotations

from radiostream.playlist.playlist import Playlist
from radiostream.playlist.track import Track


class Heard(Playlist):
    """`next` is heard at once; `read_ahead` is not."""

    def next(self) -> Track | None:
        track = super().next()
        self.hear()
        return track

    def read_ahead(self) -> Track | None:
        return super().next()

    def comes_again(self) -> list[str]:
        """What previous went back over, in the order in which next gives it again."""
        return list(self._line.comes_again)
