"""A station's relay: another server's stream, fetched once however many listen, and again whenever it breaks off.

Runs in a thread of its own, which begins with the station and waits between two tries, longer each time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from radiostream.live import desk as desks
from radiostream.live.feed import RELAY, About
from radiostream.live.icy import Demuxer
from radiostream.live.said import said
from radiostream.live.source import pump
from radiostream.live.upstream import UpstreamError, family_of, open_stream
from radiostream.logs import quoted
from radiostream.threads import Worker

if TYPE_CHECKING:
    from radiostream.clock import Clock
    from radiostream.live.desk import Desk
    from radiostream.live.upstream import Upstream

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
PAUSE_MOST_S: Final = 60.0
SOUND_S: Final = 20.0
"""A stream that lasted for so long was sound: the next try comes soon."""


class Relay:
    """Keeps one station connected to another server's stream. `family`: what the station sends."""

    def __init__(self, desk: Desk, url: str, clock: Clock) -> None:
        self._desk = desk
        self._url = url
        self._clock = clock
        self._pause_s = PAUSE_S
        self._told = ""
        self._worker = Worker(f"relay {desk.route}", self.step, clock=clock)
        desk.relay_url = url
        desk.wake_relay = self._worker.wake

    def start(self) -> None:
        """Begin to fetch the stream."""
        self._worker.start()

    def close(self) -> None:
        """Fetch the stream no more; does not wait. Whoever has the desk lets go of what is connected."""
        self._worker.close()

    def step(self) -> float | None:
        """Fetch the stream until it ends; seconds until the next try."""
        desk = self._desk
        if desk.relay_paused:
            return None
        began_s = self._clock.now_s()
        self._fetch()
        if self._worker.stopping:
            return None
        if self._clock.now_s() - began_s >= SOUND_S:
            self._pause_s = PAUSE_S
        pause_s, self._pause_s = self._pause_s, min(PAUSE_MOST_S, 2 * self._pause_s)
        return pause_s

    def _fetch(self) -> None:
        try:
            upstream = open_stream(self._url)
        except UpstreamError as error:
            self._tell(str(error))
        else:
            with upstream.connection:
                self._follow(upstream)

    def _follow(self, upstream: Upstream) -> None:
        desk = self._desk
        family = family_of(upstream.content_type)
        if family is None or family not in ("", desk.family):
            self._tell(f"sends {quoted(upstream.content_type)}, this station sends {desk.family}")
            return
        about = About(RELAY, desks.shown_url(self._url), name=said(upstream.name).title)
        feed = desk.offer(about, desk.family)
        demuxer = Demuxer(upstream.metaint)
        desk.relay_trouble = self._told = ""
        desks.tell(desk.route, feed, "came")

        def audio(data: bytes) -> bytes:
            taken = demuxer.feed(data)
            while demuxer.titles:
                feed.retitle(demuxer.titles.pop(0))
            return taken

        why = pump(upstream.connection, upstream.rest, upstream.body, feed, audio)
        desk.release(feed, why)
        desk.relay_trouble = why
        desks.tell(desk.route, feed, "gone", why)

    def _tell(self, trouble: str) -> None:
        """Log a trouble once, however often it is met."""
        self._desk.relay_trouble = trouble
        if trouble != self._told:
            self._told = trouble
            route = self._desk.route
            log.warning("%s: relay: %s %s", route, desks.shown_url(self._url), trouble, extra={"station": route})
