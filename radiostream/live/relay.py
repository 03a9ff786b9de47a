"""A station's relay: another server's stream, fetched once however many listen, and again whenever it breaks off.

Runs in a thread of its own, which begins with the station and waits between two tries, longer each time.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Final

from radiostream.live import desk as desks
from radiostream.live.feed import RELAY, About
from radiostream.live.icy import Demuxer
from radiostream.live.said import said
from radiostream.live.source import pump
from radiostream.live.upstream import UpstreamError, family_of, open_stream, way_of
from radiostream.logs import quoted
from radiostream.threads import Worker

if TYPE_CHECKING:
    from radiostream.clock import Clock
    from radiostream.live.desk import Desk
    from radiostream.live.feed import Feed
    from radiostream.live.upstream import Upstream

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
PAUSE_MOST_S: Final = 60.0
WAY_MOST: Final = 16
"""So many relays in a row are none that anybody meant."""
ASK_S: Final = 20.0
"""How often one that itself is relayed from a radiostream asks which way that comes: two that begin to relay each other
in the same moment tell nothing of it at first."""
ECHO: Final = "is this very station, directly or by way of others, and would be heard for ever"
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
        self._asked_s = 0.0
        """When it was asked last which way the stream comes."""
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
        return pause_s * random.uniform(1.0, 1.5)  # noqa: S311 - two that try at the same moments would do so for ever

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
        if self._is_echo(upstream.way):
            self._tell(ECHO)
            return
        family = family_of(upstream.content_type)
        if family is None or family not in ("", desk.family):
            self._tell(f"sends {quoted(upstream.content_type)}, this station sends {desk.family}")
            return
        about = About(RELAY, desks.shown_url(self._url), name=said(upstream.name).title)
        feed = desk.offer(about, desk.family)
        demuxer = Demuxer(upstream.metaint)
        desk.relay_way = upstream.way
        desk.relay_trouble = self._told = ""
        desks.tell(desk.route, feed, "came")
        self._asked_s = self._clock.now_s()

        def audio(data: bytes) -> bytes:
            self._ask_again(upstream, feed)
            taken = demuxer.feed(data)
            while demuxer.titles:
                feed.retitle(demuxer.titles.pop(0))
            return taken

        why = pump(upstream.connection, upstream.rest, upstream.body, feed, audio)
        desk.release(feed, why)
        desk.relay_way = ()
        desk.relay_trouble = why
        desks.tell(desk.route, feed, "gone", why)

    def _ask_again(self, upstream: Upstream, feed: Feed) -> None:
        """Now and then: which way the stream comes, where it is relayed on its way; let go of an echo."""
        desk = self._desk
        if not desk.relay_way or self._clock.now_s() - self._asked_s < ASK_S:
            return
        desk.relay_way = way_of(upstream.url) or desk.relay_way
        self._asked_s = self._clock.now_s()
        if self._is_echo(desk.relay_way):
            feed.end(ECHO, at_once=True)

    def _is_echo(self, way: tuple[str, ...]) -> bool:
        """Whether what has come this way is what this station sends."""
        return self._desk.name in way or len(way) > WAY_MOST

    def _tell(self, trouble: str) -> None:
        """Log a trouble once, however often it is met."""
        self._desk.relay_trouble = trouble
        if trouble != self._told:
            self._told = trouble
            route = self._desk.route
            log.warning("%s: relay: %s %s", route, desks.shown_url(self._url), trouble, extra={"station": route})
