"""The live sources of one station: who may come, who takes it over and when, and what the operator sees of them.

At most one broadcaster and one relay are there at a time. A broadcaster goes on the air as soon as the burst is full,
over whatever plays. A relay does so once; later it comes back where a track ends, after `CLEAN_S` of sound without a
stall, and at once where there is only silence.

Threads: sources' threads come and go (`admit`, `offer`, `release`), the producer asks (`due_now`, `due_at_track_end`),
requests end, resume and read. `_lock` guards the slots; it is held for assignments only.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import quote

from radiostream.audio.frames import OGG
from radiostream.clock import Clock
from radiostream.live.deck import LiveDeck
from radiostream.live.feed import BROADCASTER, RELAY, About, Feed
from radiostream.live.said import Said
from radiostream.logs import quoted
from radiostream.radio.deck import Deck

log = logging.getLogger(__name__)

CLEAN_S: Final = 10.0
"""Sound without a stall that a relay has to bring before it comes back."""
REFUSED_S: Final = 60.0
"""How long a broadcaster whom the operator has ended is refused."""
LOOK_S: Final = 0.2
"""How often the producer is told that a feed may be ready."""
_REFUSED_MOST: Final = 256
_SERVER: Final = secrets.token_hex(8)
"""This process, as no other one calls itself."""

BROADCASTER_CHUNK_S: Final = 1.0
BROADCASTER_RESERVE_S: Final = 3.0
"""A chunk, and the two seconds for which a source may give nothing: none of that is heard."""
RELAY_CHUNK_S: Final = 5.0
RELAY_RESERVE_S: Final = 7.0
"""The same with the chunks of files: a relay's delay matters to nobody, what its listeners cost does."""
PAGES_S: Final = 1.0
"""More where the audio comes in pages, of which one is always held back."""


class Refused(Exception):  # noqa: N818 - no error, an answer
    """A source is not taken; `status` is that of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class OnStation(Protocol):
    """What the desk needs of its station; any thread may call it."""

    @property
    def family(self) -> str: ...

    def burst_for(self, kbps: int) -> float: ...

    def look_at_live(self) -> object: ...

    def leave_live(self) -> object: ...


class Desk:
    """The sources that one station may be taken over by. Implements `radiostream.radio.live_input.LiveInput`."""

    def __init__(self, route: str, station: OnStation, clock: Clock) -> None:
        self.route = route
        self.relay_paused = False
        self.relay_trouble = ""
        """Why the relay's stream cannot be had; empty while it can, or where there is no relay."""
        self.relay_url = ""
        self.name = _SERVER + quote(route)
        """The station, as no other one anywhere calls itself."""
        self.relay_way: tuple[str, ...] = ()
        """The names of the stations that the relay's stream has come by."""
        self.wake_relay: Callable[[], None] = lambda: None
        self._station = station
        self._clock = clock
        self._lock = threading.Lock()  # guards who is connected and who is refused, below
        self._broadcaster: Feed | None = None
        self._relay: Feed | None = None
        self._left: Feed | None = None
        """The latest broadcaster that went by itself: what it sent is played out, unless the operator ends that too."""
        self._relay_was_on = False
        self._refused: dict[str, float] = {}
        """Until when a broadcaster's address is refused, in monotonic seconds."""
        self._past_bytes = 0
        self._past_stalls = 0
        self._looked_s = 0.0
        self._closed = False

    @property
    def family(self) -> str:
        """What the station sends."""
        return self._station.family

    # -- sources' threads --------------------------------------------------------------------------------------------

    def admit(self, about: About, family: str) -> Feed:
        """A broadcaster's place. Raises `Refused`; else the caller `release`s the feed when it ends."""
        self._insist(about.address)
        feed = self._feed(about, family, BROADCASTER_RESERVE_S, BROADCASTER_CHUNK_S)
        with self._lock:
            there = self._broadcaster
            if there is not None and not (there.over or there.is_silent()):
                raise Refused(403, "a source is there already")
            self._broadcaster = feed
        if there is not None:
            there.end("another source has come while this one was silent")
        return feed

    def _insist(self, address: str) -> None:
        left_s = self._refused.get(address, 0.0) - self._clock.now_s()
        if left_s > 0:
            raise Refused(403, f"the operator has ended this broadcast, come back in {left_s:.0f} s")
        if self._closed:
            raise Refused(503, "the station is going")

    def offer(self, about: About, family: str) -> Feed:
        """The relay's stream has begun; the caller `release`s the feed when it ends."""
        feed = self._feed(about, family, RELAY_RESERVE_S, RELAY_CHUNK_S)
        with self._lock:
            self._relay = feed
        return feed

    def _feed(self, about: About, family: str, reserve_s: float, chunk_s: float) -> Feed:
        reserve_s += PAGES_S if family == OGG else 0.0
        feed = Feed(about, family, self._clock, reserve_s=reserve_s, chunk_s=chunk_s)
        feed.make_room(self._station.burst_for(1))
        feed.on_arrival = lambda: self._arrived(feed)
        return feed

    def _arrived(self, feed: Feed) -> None:
        now_s = self._clock.now_s()
        if feed.family != self._station.family:
            feed.end(f"the station sends {self._station.family} now")
        if now_s - self._looked_s >= LOOK_S and feed.is_ready(self._burst_s(feed)):
            self._looked_s = now_s
            self._station.look_at_live()

    def release(self, feed: Feed, why: str) -> None:
        """The source of `feed` has gone; what it brought is still played."""
        feed.end(why)
        with self._lock:
            self._past_bytes += feed.bytes_total
            self._past_stalls += feed.stalls
            if self._broadcaster is feed:
                self._broadcaster, self._left = None, feed
            if self._relay is feed:
                self._relay = None

    # -- the producer's thread ---------------------------------------------------------------------------------------

    def due_now(self, playing: Deck | None) -> Deck | None:
        """See `LiveInput.due_now`."""
        on_air = playing.feed if isinstance(playing, LiveDeck) else None
        feed = self._broadcaster
        if feed is not None and feed is not on_air and self._is_ready(feed, self._burst_s(feed)):
            return self._deck(feed)
        relay = self._relay
        if relay is None or on_air is not None or self.relay_paused:
            return None
        is_silent = playing is None or playing.track is None
        may_cut = not self._relay_was_on or (is_silent and relay.clean_s() >= CLEAN_S)
        return self._deck(relay) if may_cut and self._is_ready(relay, self._burst_s(relay)) else None

    def due_at_track_end(self) -> Deck | None:
        """See `LiveInput.due_at_track_end`."""
        relay = self._relay
        if relay is None or relay.is_on_air or self.relay_paused or relay.clean_s() < CLEAN_S:
            return None
        return self._deck(relay, burst_s=0.0) if self._is_ready(relay, 0.0) else None

    def _deck(self, feed: Feed, burst_s: float | None = None) -> Deck:
        level_s = feed.reserve_s + (self._burst_s(feed) if burst_s is None else burst_s)
        self._relay_was_on = self._relay_was_on or feed.about.kind == RELAY
        return LiveDeck(feed, self._clock, level_s)

    def _is_ready(self, feed: Feed, burst_s: float) -> bool:
        return feed.family == self._station.family and feed.is_ready(burst_s)

    def _burst_s(self, feed: Feed) -> float:
        return self._station.burst_for(feed.kbps)

    # -- requests ----------------------------------------------------------------------------------------------------

    def retitle(self, title: Said) -> bool:
        """The broadcaster calls what it sends from now on `title`; False where there is none."""
        feed = self._broadcaster
        if feed is None or feed.over:
            return False
        feed.retitle(title)
        return True

    def end(self) -> str:
        """The operator ends the broadcaster, who is refused for a while, else the relay, which is paused; which of the
        two that was, empty where there is neither."""
        feed = self._there_to_end()
        if feed is not None:
            now_s = self._clock.now_s()
            self._refused = {who: until for who, until in self._refused.items() if until > now_s}
            if len(self._refused) < _REFUSED_MOST:
                self._refused[feed.about.address] = now_s + REFUSED_S
            self._end_at_once(feed, "the operator has ended it")
            return BROADCASTER
        if not self.relay_url or self.relay_paused:
            return ""
        self.relay_paused = True
        if (relay := self._relay) is not None:
            self._end_at_once(relay, "the operator has paused it")
        return RELAY

    def _there_to_end(self) -> Feed | None:
        """The broadcaster that is there, else the one that has gone and is still heard."""
        there, left = self._broadcaster, self._left
        if there is not None and not there.over:
            return there
        return left if left is not None and left.is_on_air and left.level_s else None

    def _end_at_once(self, feed: Feed, why: str) -> None:
        """Not even what has been published of it is heard to its end."""
        was_on_air = feed.is_on_air
        feed.end(why, at_once=True)
        if was_on_air:
            self._station.leave_live()

    def resume(self) -> bool:
        """The relay may go on; False where there is none."""
        self.relay_paused = False
        self.wake_relay()
        return bool(self.relay_url)

    def forget_relay(self) -> None:
        """There is no relay any more, or another one."""
        self.relay_url, self.relay_trouble, self.relay_paused = "", "", False
        self.relay_way = ()
        self._relay_was_on = False
        if (relay := self._relay) is not None:
            relay.end("the station relays it no more", at_once=True)

    def close(self) -> None:
        """The station goes: every source is let go, none is taken any more."""
        self._closed = True
        for feed in (self._broadcaster, self._relay):
            if feed is not None:
                feed.end("the station ends")

    # -- what others see ---------------------------------------------------------------------------------------------

    @property
    def feeds(self) -> list[Feed]:
        """The sources that are connected."""
        return [feed for feed in (self._broadcaster, self._relay) if feed is not None]

    @property
    def connected(self) -> int:
        """How many there are."""
        return len(self.feeds)

    @property
    def bytes_total(self) -> int:
        """Bytes that sources have sent so far."""
        return self._past_bytes + sum(feed.bytes_total for feed in self.feeds)

    @property
    def stalls(self) -> int:
        """How often a source has given nothing for too long."""
        return self._past_stalls + sum(feed.stalls for feed in self.feeds)

    @property
    def buffered_s(self) -> float:
        """Seconds of audio in the buffer of the source that is on the air, else of the one that is there."""
        feeds = sorted(self.feeds, key=lambda feed: feed.is_on_air)
        return feeds[-1].level_s if feeds else 0.0

    @property
    def way(self) -> str:
        """The relaying stations that this one's stream comes by, itself first; empty where it relays nothing."""
        return ", ".join((self.name, *self.relay_way)) if self.relay_url else ""

    def rows(self) -> list[dict[str, Any]]:
        """Each source for the operator, ready for JSON."""
        rows = [_row(feed) for feed in self.feeds]
        if self.relay_url and self._relay is None:
            state = "paused" if self.relay_paused else "connecting"
            rows.append(
                {"kind": RELAY, "from": shown_url(self.relay_url), "state": state, "trouble": self.relay_trouble}
            )
        return rows


def _row(feed: Feed) -> dict[str, Any]:
    return {
        "kind": feed.about.kind,
        "from": feed.about.address,
        "agent": feed.about.agent,
        "name": feed.about.name,
        "state": "on the air" if feed.is_on_air else "waiting",
        "since": feed.since,
        "kbps": feed.kbps,
        "bytes": feed.bytes_total,
        "stalls": feed.stalls,
        "buffered_s": round(feed.level_s, 1),
        "title": feed.title.title,
        "artist": feed.title.artist,
        "trouble": "",
    }


def shown_url(url: str) -> str:
    """A relay's URL without the user and the password in it."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme + separator + authority.rpartition("@")[2] + slash + path


def tell(route: str, feed: Feed, what: str, why: str = "") -> None:
    """One line in the log about a source that has come or gone."""
    about = feed.about
    facts = {"station": route, "address": about.address, "agent": about.agent, "bytes": feed.bytes_total, "why": why}
    log.info(
        "%s: %s %s from %s %s%s",
        route, about.kind, what, about.address, quoted(about.agent), f": {quoted(why)}" if why else "",
        extra=facts,
    )  # fmt: skip
