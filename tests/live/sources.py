"""Live sources for tests: frames that come in a fake clock's time, and a station that they take over."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from radiostream.live.desk import Desk
from radiostream.live.feed import About, Feed
from tests.radio.studio import FRAME_S, Studio, frame

BROADCAST = About("broadcaster", "192.0.2.9", "Test/1", "")
RELAYED = About("relay", "http://upstream.example/live")
LIVE_TRACK = 900
"""The number in the frames of live sources."""
START_S = 1000.0


class Newsroom:
    """A studio with a desk, whose sources send one frame after another while the station waits."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.clock = studio.clock
        self.clock.wait = self._wait  # type: ignore[method-assign, assignment] # what sources do happens while the station waits
        self.desk = Desk("/", studio.station, studio.clock)
        studio.do(studio.station.take_live(self.desk))
        self.sent = 0
        """Frames that were sent in all."""
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def _wait(self, _condition: threading.Condition, timeout_s: float | None) -> None:
        assert timeout_s is not None, "a wait without end in a test's own thread"
        until_s = self.clock.now + timeout_s
        if self._events and self._events[0][0] <= until_s:
            at_s, _, event = heapq.heappop(self._events)
            self.clock.sleep(max(0.0, at_s - self.clock.now))
            event()
        else:
            self.clock.sleep(timeout_s)

    def _at(self, at_s: float, event: Callable[[], object]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), event))

    def broadcaster(self, family: str = "mp3", about: About = BROADCAST) -> Feed:
        return self.desk.admit(about, family)

    def relay(self, family: str = "mp3") -> Feed:
        self.desk.relay_url = RELAYED.address
        return self.desk.offer(RELAYED, family)

    def begin(self, feed: Feed, seconds: float, track: int = LIVE_TRACK, speed: float = 1.0) -> None:
        """The source is going to send so many seconds of frames, as fast as its own clock says, from now on."""
        frames, start_s = round(seconds / FRAME_S), self.clock.now

        def send(index: int) -> None:
            feed.write(frame(track, self.sent))
            self.sent += 1
            if index + 1 < frames:
                self._at(start_s + (index + 1) * FRAME_S / speed, lambda: send(index + 1))

        self._at(start_s, lambda: send(0))

    def wait(self, seconds: float) -> None:
        """So much time passes."""
        end_s = self.clock.now + seconds
        self._at(end_s, self.studio.station.settled)
        while self.clock.now < end_s:
            self.studio.station.step()

    def send(self, feed: Feed, seconds: float, track: int = LIVE_TRACK, speed: float = 1.0) -> None:
        """The source sends so many seconds, and the time that takes passes."""
        self.begin(feed, seconds, track, speed)
        self.wait(round(seconds / FRAME_S) * FRAME_S / speed)

    @property
    def kinds(self) -> list[str]:
        """`live` or `track` of what was published, one a run of either."""
        kinds = ("live" if number >= LIVE_TRACK else "track" for number, _ in self.studio.frames)
        return [kind for kind, _ in itertools.groupby(kinds)]
