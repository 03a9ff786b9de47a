"""The pictures of what is on the air: looked up once for each time on the air, kept once however many show them.

`request` may be called by any thread and answers at once; `step` belongs to the tagger's thread, which alone touches
the disk. What is kept is held by those who show it and goes with them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

from radiostream.playlist.pictures import Picture, find_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiostream.playlist.track import Track

log = logging.getLogger(__name__)

KEPT_BYTES: Final = 32 * 1024 * 1024
"""So much all pictures on the air may hold together; the one that would exceed it is not shown."""


_LATEST: Final = 3
"""The track on the air, the one that was read ahead, and another one that a command puts in its place."""


class _Request(NamedTuple):
    track: Track
    root: str
    deliver: Callable[[Picture | None], None]


class PictureFinder:
    """Who wants which track's picture, and the pictures that somebody shows."""

    def __init__(self, find: Callable[[str, str], Picture | None] = find_picture, kept_bytes: int = KEPT_BYTES) -> None:
        self._find = find
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()  # guards _requests
        self._requests: dict[str, deque[_Request]] = {}
        """The latest of each station, the oldest first: what is on the air, and what is read ahead meanwhile."""
        self._kept: WeakValueDictionary[str, Picture] = WeakValueDictionary()
        """By version; the tagger's thread only."""
        self._reported = False

    def request(self, route: str, track: Track, root: str, deliver: Callable[[Picture | None], None]) -> None:
        """Look the picture of `track` up soon, else the one in the station's directory `root`, and tell `deliver`,
        which the tagger's thread calls. Newer requests of the station at `route` replace all but the latest `_LATEST`:
        what it wanted before them is not on the air any more."""
        with self._lock:
            self._requests.setdefault(route, deque(maxlen=_LATEST)).append(_Request(track, root, deliver))

    def step(self) -> bool:
        """Answer one request, where there is one."""
        with self._lock:
            if not self._requests:
                return False
            route = next(iter(self._requests))
            wanted = self._requests.pop(route)
            request = wanted.popleft()
            if wanted:
                self._requests[route] = wanted
        request.deliver(self._share(self._find(request.track.path, request.root)))
        return True

    def _share(self, picture: Picture | None) -> Picture | None:
        """The same picture as one that is shown already, where there is one: an album's tracks often have one cover."""
        if picture is None:
            return None
        known = self._kept.get(picture.version)
        if known is not None:
            return known
        held = sum(len(one.data) for one in self._kept.values())
        if held + len(picture.data) > self._kept_bytes:
            if not self._reported:
                log.warning("pictures of %d MB are shown at once; further ones are left out", held // 2**20)
            self._reported = True
            return None
        self._reported = False
        self._kept[picture.version] = picture
        return picture
