"""A station's live side, begun and ended with the station: its desk, and its relay where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiostream.live.desk import Desk
from radiostream.live.relay import Relay

if TYPE_CHECKING:
    from radiostream.clock import Clock
    from radiostream.radio.station import Station


class Live:
    """Gives stations their broadcasters and relays. Called by whoever starts and ends stations."""

    def __init__(self, station: Station, clock: Clock) -> None:
        self.desk = Desk(station.config.route, station, clock)
        self._clock = clock
        self._relay: Relay | None = None
        self._is_started = False
        station.take_live(self.desk)

    def follow(self, url: str) -> None:
        """From now on this is what is relayed; empty: nothing."""
        if url == self.desk.relay_url:
            return
        if self._relay is not None:
            self._relay.close()
        self.desk.forget_relay()
        self._relay = Relay(self.desk, url, self._clock) if url else None
        if self._relay is not None and self._is_started:
            self._relay.start()

    def start(self) -> None:
        """The station is on the air: the relay may begin. May be called again."""
        if not self._is_started:
            self._is_started = True
            if self._relay is not None:
                self._relay.start()

    def close(self) -> None:
        """The station goes: its sources are let go. Does not wait for them."""
        if self._relay is not None:
            self._relay.close()
        self.desk.close()
