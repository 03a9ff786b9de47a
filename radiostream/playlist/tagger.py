"""The tagger: one thread that reads every track's tags, those asked for first, and keeps them; it also looks up the
pictures of what goes on the air (picture_finder.py).

The thread "tagger" reads, and rests after each file as long as it read, so that it takes half a core at most and never
holds up a producer. Everything else may be called by any thread and answers at once, but for `wait`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from radiostream.playlist.picture_finder import PictureFinder
from radiostream.playlist.tags import read_tags
from radiostream.playlist.track import Tags
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiostream.playlist.pictures import Picture
    from radiostream.playlist.track import Track

log = logging.getLogger(__name__)

MANY: Final = 300
"""Above so many tracks, the log tells how far the reading has come."""
_PROGRESS_S: Final = 10.0


class Tagger:
    """The tags of all tracks of all stations. What leaves every listing is forgotten."""

    def __init__(
        self,
        on_tags: Callable[[Track, Tags], None] | None = None,
        read: Callable[[str], Tags] = read_tags,
        now: Callable[[], float] = time.monotonic,
        rests: bool = True,
        pictures: PictureFinder | None = None,
    ) -> None:
        """`on_tags(track, tags)` is called by the thread "tagger" for each track that was asked for with `request` or
        `wait` before its tags were known, not for those read in passing."""
        self._on_tags = on_tags
        self._read = read
        self._now = now
        self._rests = rests
        self._known = threading.Condition()
        """Guards everything below, and tells who waits that a file was read; nobody holds it while reading one."""
        self._stopping = False
        self._tags: dict[Track, Tags] = {}
        self._requested: dict[Track, None] = {}
        """Asked for, in order."""
        self._listings: dict[str, Sequence[Track]] = {}
        self._changed = False
        """Whether a listing came that `_todo` does not know yet."""
        self._todo: deque[Track] = deque()
        self._begun = 0
        self._told_s = 0.0
        self._artists: dict[str, str] = {}
        self._pictures = pictures or PictureFinder()
        self._worker = Worker("tagger", self._work)

    def start(self) -> None:
        self._worker.start()

    def close(self) -> None:
        """Ask for the end of the thread; nobody waits any longer."""
        with self._known:
            self._stopping = True
            self._known.notify_all()
        self._worker.close()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread; one that hangs in a file is left behind after `timeout_s`. Nobody waits any longer."""
        self.close()
        self._worker.stop(timeout_s)

    def get(self, track: Track) -> Tags | None:
        """The track's tags where they are known by now.

        Without the lock: one look-up in a dictionary of frozen values, and who comes too early asks again.
        """
        return self._tags.get(track)

    def artist_of(self, track: Track) -> str:
        """What `Playlist` wants to know: the artist, empty while not known."""
        tags = self._tags.get(track)
        return tags.artist if tags else ""

    def request(self, track: Track) -> Tags | None:
        """The track's tags where they are known; else None, and they are read next and told to `on_tags`."""
        with self._known:
            tags = self._tags.get(track)
            if tags is not None or track in self._requested:
                return tags
            self._requested[track] = None
        self._worker.wake()
        return None

    def wait(self, track: Track, timeout_s: float) -> Tags | None:
        """The track's tags, waited for; None when they did not come in time (they are told to `on_tags` then)."""
        self.request(track)
        with self._known:
            self._known.wait_for(lambda: self._stopping or track in self._tags, timeout_s)
            return self._tags.get(track)

    def request_picture(self, route: str, track: Track, root: str, deliver: Callable[[Picture | None], None]) -> None:
        """Look a picture up, before tags that nobody asked for: see `PictureFinder.request`."""
        self._pictures.request(route, track, root, deliver)
        self._worker.wake()

    def enqueue(self, route: str, tracks: Sequence[Track]) -> None:
        """`tracks` is now the whole listing of the station at `route`: read what is new, forget what is in no listing.
        The sequence is kept, not copied. O(1) for the caller."""
        with self._known:
            self._listings.pop(route, None)
            if tracks:
                self._listings[route] = tracks
            self._changed = True
        self._worker.wake()

    def step(self) -> bool:
        """Read one file, where there is one to read: the thread's work, by hand in tests. Tags that were asked for
        come first, then pictures, then all other tags."""
        self._sort_out()
        track = self._next_requested()
        if track is None and self._pictures.step():
            return True
        track = track or self._next_listed()
        if track is None:
            return False
        try:
            tags = self._read(track.path)
        except Exception:
            log.exception("reading the tags of %s failed", track.name)
            tags = Tags()
        with self._known:
            self._tags[track] = self._slim(tags)
            requested = self._requested.pop(track, False) is None
            self._known.notify_all()
        if requested and self._on_tags is not None:
            self._on_tags(track, tags)
        self._tell_progress()
        return True

    def _sort_out(self) -> None:
        """Bring `_tags` and `_todo` in line with the listings, outside the lock: this takes milliseconds."""
        with self._known:
            if not self._changed:
                return
            self._changed = False
            listings = tuple(self._listings.values())
            tags = self._tags
        listed = dict.fromkeys(track for tracks in listings for track in tracks)
        kept = {track: tags[track] for track in listed if track in tags}
        self._todo = deque(track for track in listed if track not in kept)
        artists = {tag.artist for tag in kept.values()}
        self._artists = {artist: artist for artist in artists}
        with self._known:
            self._tags = kept
        if self._todo and not self._begun and len(self._todo) > MANY:
            self._begun, self._told_s = len(self._todo), self._now()
            log.info("reading the tags of %d files", self._begun)

    def _next_requested(self) -> Track | None:
        """The next track that was asked for; it stays in `_requested` until it has been read."""
        with self._known:
            return next(iter(self._requested), None)

    def _next_listed(self) -> Track | None:
        while self._todo:
            track = self._todo.popleft()
            if track not in self._tags:
                return track
        return None

    def _slim(self, tags: Tags) -> Tags:
        """The same tags, with one string for all tracks of an artist, an album or a label."""
        one = self._artists.setdefault
        return replace(
            tags,
            artist=one(tags.artist, tags.artist),
            album=one(tags.album, tags.album),
            label=one(tags.label, tags.label),
        )

    def _tell_progress(self) -> None:
        if not self._begun:
            return
        if not self._todo:
            log.info("all tags read")
            self._begun = 0
        elif self._now() - self._told_s >= _PROGRESS_S:
            self._told_s = self._now()
            log.info("reading tags: %d files to go", len(self._todo))

    def _work(self) -> float | None:
        """A step of the thread: one file, then a rest as long as that took."""
        begun_s = self._now()
        if not self.step():
            return None
        return self._now() - begun_s if self._rests else 0.0
