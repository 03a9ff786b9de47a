"""The levels of all stations' tracks: what is known of them, and what is still to be found out.

The thread "loudness" asks the process that measures for one track after another: those that come next, then whatever
the directories hold. Producers ask what is known, and get readers that bring a track to its level. Everything else here
may be called by any thread; nobody waits for a disk or the process, but a producer for a moment.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from radiostream.logs import quoted
from radiostream.loudness.asker import Asker
from radiostream.loudness.known import FILE_NAME, MEASURED, Known, Table
from radiostream.loudness.shaped import ShapedReader
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from radiostream.audio.frames import Reader
    from radiostream.playlist.track import Track

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 3.0
"""How long a station's very first track is waited for."""
NEXT_WAIT_S: Final = 0.1
"""How long any other is: a skip is on the air within a quarter of a second."""
QUICK_FRAMES: Final = 480
"""What a track is measured from that a producer waits for: 0.25 dB rms. It is measured again once there is time."""
FRAMES: Final = 2400
_SAVE_LEAST: Final = 20
"""New entries that are worth a write; in a large table a tenth of it is."""


class Levels:
    """Finds out how loud tracks are, the next ones first. `state_dir`: where it is kept; None: in memory only."""

    def __init__(self, state_dir: Path | None, asker: Asker | None = None) -> None:
        self._table = Table(state_dir / FILE_NAME if state_dir else None)
        self._asker = asker or Asker()
        self._worker = Worker("loudness", self.step)
        self._lock = threading.Condition()  # guards all below; nobody holds it while a track is measured
        self._awaited: dict[Track, None] = {}
        """A producer waits for these, or did a moment ago."""
        self._urgent: dict[Track, None] = {}
        self._tracks: dict[str, tuple[Track, ...]] = {}
        self._todo: list[Track] = []
        """What the directories hold and is not known yet, the next one last."""
        self._roughly: list[Track] = []
        """Measured in haste. The thread's."""
        self._is_warm = False
        self._begun: set[str] = set()
        self._counts: dict[str, tuple[int, tuple[Track, ...], Mapping[str, int]]] = {}
        """What was counted last of each station: at which version of the table, of which tracks."""
        self._found = 0
        """How many were found out since there was nothing to do."""

    def start(self) -> None:
        """Read what is known, and begin to find out the rest."""
        self._table.load()
        self._worker.start()

    def stop(self, timeout_s: float) -> None:
        """End the process and the thread; what is known is saved."""
        self._worker.close()
        self._asker.kill()
        if self._worker.stop(timeout_s):
            self._table.save()

    def update(self, route: str, tracks: tuple[Track, ...]) -> None:
        """A station's directory holds these, in the order they are played; none when it is gone."""
        with self._lock:
            self._tracks[route] = tracks
            if not tracks:
                del self._tracks[route]
            wanted = dict.fromkeys(one for held in self._tracks.values() for one in held)
            self._todo = [track for track in reversed(wanted) if self._table.get(track) is None]
        self._worker.wake()

    def request(self, track: Track) -> None:
        """This one comes next."""
        if self._table.get(track) is not None:
            return
        with self._lock:
            self._urgent[track] = None
        self._worker.wake()

    def shaped(
        self, route: str, reader: Reader, track: Track, target_lufs: float | None, *, trim: bool
    ) -> ShapedReader:
        """`reader` of `track`, brought to its level; as it is where that is not known in a moment."""
        known = self._table.get(track)
        if known is None:
            known = self._await(track, NEXT_WAIT_S if route in self._begun else FIRST_WAIT_S)
        self._begun.add(route)
        return ShapedReader(reader, known, target_lufs, trim=trim)

    def _await(self, track: Track, timeout_s: float) -> Known | None:
        with self._lock:
            self._awaited[track] = None
        self._worker.wake()
        with self._lock:
            self._lock.wait_for(lambda: self._table.get(track) is not None, timeout_s)
        return self._table.get(track)

    def counts(self, route: str) -> Mapping[str, int]:
        """How many of a station's tracks have been `measured`, are `tagged`, `unmeasurable`, or `unknown` as yet."""
        tracks, version = self._tracks.get(route, ()), self._table.version
        counted = self._counts.get(route)
        if counted is None or counted[0] != version or counted[1] is not tracks:
            counts = {"measured": 0, "tagged": 0, "unmeasurable": 0, "unknown": 0} | Counter(map(self._state, tracks))
            self._counts[route] = counted = (version, tracks, counts)
        return counted[2]

    def _state(self, track: Track) -> str:
        known = self._table.get(track)
        if known is None:
            return "unknown"
        if not known.source:
            return "unmeasurable"
        return MEASURED if known.source == MEASURED else "tagged"

    # -- the thread ------------------------------------------------------------------------------------------------

    def step(self) -> float | None:
        """Find out the next track: the thread's work, by hand in tests. 0 while there are more, None at the end."""
        if not self._is_warm:
            self._is_warm = True
            if not len(self._table):
                self._asker.warm()
                return None
        track, frames = self._next()
        if track is None:
            self._rest()
            return None
        known = self._asker.ask(track, frames)
        if self._worker.stopping:
            return None
        self._table.put(track, known)
        self._found += 1
        with self._lock:
            self._lock.notify_all()
        if known.lufs is None:
            log.info("%s plays at its own level: %s", quoted(track.name), quoted(known.trouble))
        if self._table.unsaved >= max(_SAVE_LEAST, len(self._table) // 10):
            self._table.save()
        return 0

    def _next(self) -> tuple[Track | None, int]:
        """The track to find out, and from how many frames."""
        with self._lock:
            while self._awaited or self._urgent or self._todo:
                if is_hasty := bool(self._awaited):
                    track = next(iter(self._awaited))
                elif self._urgent:
                    track = next(iter(self._urgent))
                else:
                    track = self._todo.pop()
                self._awaited.pop(track, None)
                self._urgent.pop(track, None)
                if self._table.get(track) is None:
                    if is_hasty:
                        self._roughly.append(track)
                    return track, QUICK_FRAMES if is_hasty else FRAMES
        return (self._roughly.pop(), FRAMES) if self._roughly else (None, 0)

    def _rest(self) -> None:
        """Nothing is left to find out."""
        self._asker.close()
        self._table.save()
        if self._found:
            log.info("the loudness of %d more tracks is known", self._found)
        self._found = 0
