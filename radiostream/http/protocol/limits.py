"""How many may come in: shares for short requests, event readers and listeners, counted before a thread is made.

A connection begins in the short share. Once its request shows that it stays, it moves to the share of its kind, so that
health, metrics, status and control answer when every listener's place is taken. When a thousand clients who neither
finish their request nor take their answer fill the short share, the one that has kept us waiting longest is
disconnected. Where it is we who keep them waiting, since more come at once than we can serve, accepting waits: the
listening socket's queue holds those who come next.
"""

from __future__ import annotations

import logging
import resource
import select
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final

from radiostream.http.protocol.held import Held
from radiostream.http.protocol.proxies import network_of

log = logging.getLogger(__name__)

SHORT_MAX: Final = 1024
SHORT_MIN: Final = 32
EVENTS_MAX: Final = 256
EVENTS_PER_ADDRESS: Final = 64
"""So that one address cannot hold all places; behind a proxy that is not trusted all readers have the proxy's."""
PAUSED_MAX: Final = 1000
"""Listeners who take nothing and are kept for ten minutes: each holds up to 64 KB in the kernel."""
OWN_FILES: Final = 64
"""Descriptors of our own: the listening socket, the log, the state, directories and covers being read."""
FILES_A_STATION: Final = 4
"""The track on the air, the one that follows it, and the pipe that tells stalled listeners of the end."""

ADMIT_WAIT_S: Final = 5.0
"""How long accepting waits while no place gets free before a client is sent away."""
EVICTION_AGE_S: Final = 1.0
"""Nobody is evicted before this: in a crowd a client may need a while for its request, too."""
EVICTION_LOOK_S: Final = 0.1
"""How often accepting looks for somebody to evict while it waits."""
EVICTION_GRACE_S: Final = 5.0
"""A client whose bytes have arrived and are unread is not evicted before this: it may be we who are slow."""
EVICTABLE: Final = 8
"""How many of the longest waiting are examined for one who may be evicted."""

LISTENERS: Final = "listeners"
EVENTS: Final = "events"
PAUSED: Final = "paused"
CONNECTIONS: Final = "connections"
MEMORY: Final = "memory"
ADDRESS: Final = "address"
CAUSES: Final = (LISTENERS, PAUSED, EVENTS, CONNECTIONS, ADDRESS, MEMORY)


class Share:
    """So many places of one kind; optionally at most some for each address (of IPv6: each /64)."""

    def __init__(self, limits: Limits, cause: str, places: int, places_per_address: int = 0) -> None:
        self.places = places
        self._limits = limits
        self._cause = cause
        self._per_address = places_per_address
        self._taken: Counter[str] = Counter()
        self._lock = threading.Condition()  # guards _taken and _total; notified when the last one leaves
        self._total = 0

    @property
    def taken(self) -> int:
        """Places that are taken now (one int, so read without the lock: it may be a moment old)."""
        return self._total

    def enter(self, address: str) -> bool:
        """Take a place; False, and counted as refused, where there is none."""
        address = network_of(address)
        with self._lock:
            full = self._total >= self.places
            too_many = bool(self._per_address) and self._taken[address] >= self._per_address
            if not (full or too_many):
                self._total += 1
                self._taken[address] += 1
                return True
        self._limits.count(self._cause if full else ADDRESS)
        return False

    def leave(self, address: str) -> None:
        """Give the place back."""
        address = network_of(address)
        with self._lock:
            self._total -= 1
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
            if not self._total:
                self._lock.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until every place is free, at most `timeout_s`."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._total, max(0.0, timeout_s))


class Limits:
    """All shares of one server, and the refusals counted by cause. For any thread."""

    def __init__(self, max_listeners: int, max_per_address: int = 0, short_max: int = SHORT_MAX) -> None:
        self.listeners = Share(self, LISTENERS, max_listeners, max_per_address)
        self.events = Share(self, EVENTS, EVENTS_MAX, EVENTS_PER_ADDRESS)
        self.paused = Share(self, PAUSED, PAUSED_MAX)
        self.refused: Counter[str] = Counter(dict.fromkeys(CAUSES, 0))
        self.held = Held()
        self.short_max = short_max
        """How many short requests at once; may be replaced by any thread."""
        self._lock = threading.Lock()  # guards everything below, and refused
        self._room = threading.Condition(self._lock)
        """Notified when a place gets free."""
        self._short = 0
        self._hangs = False
        """Somebody has waited for a place in vain, and none got free since."""
        self._waiting: OrderedDict[int, tuple[socket.socket, float]] = OrderedDict()
        """Connections, and since which monotonic second they have waited; oldest first."""

    def admit(self) -> bool:
        """Count a new connection in; False where there is no place to be had.

        In a crowd it waits for one, since each that is answered leaves one. Where none gets free for ADMIT_WAIT_S, all
        hang, and from then on nobody waits until one gets free.
        """
        with self._room:
            deadline = time.monotonic() + (0.0 if self._hangs else ADMIT_WAIT_S)
            while self._short >= self.short_max and not self._evict():
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    self._hangs = True
                    self.refused[CONNECTIONS] += 1
                    return False
                self._room.wait(min(left_s, EVICTION_LOOK_S))
            self._short += 1
            return True

    def _evict(self) -> bool:
        """Disconnect one who keeps us waiting, to make room; whether there was one. The caller holds the lock."""
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        for key, (connection, since_s) in islice(self._waiting.items(), EVICTABLE):
            waited_s = time.monotonic() - since_s
            if waited_s > EVICTION_GRACE_S or (waited_s > EVICTION_AGE_S and not _keeps_its_side(connection)):
                del self._waiting[key]
                self.refused[CONNECTIONS] += 1
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                return True
        return False

    def release(self) -> None:
        """The connection has ended, or has moved to another share."""
        with self._room:
            self._short -= 1
            self._hangs = False
            self._room.notify()

    @contextmanager
    def waiting(self, connection: socket.socket) -> Iterator[None]:
        """Around whatever waits for a client: one that keeps us waiting may be evicted."""
        with self._room:
            self._waiting[id(connection)] = connection, time.monotonic()
        try:
            yield
        finally:
            with self._room:
                self._waiting.pop(id(connection), None)

    def count(self, cause: str) -> None:
        """One more was refused because of `cause`."""
        with self._room:
            self.refused[cause] += 1


def _keeps_its_side(connection: socket.socket) -> bool:
    """Whether something that the client sent lies there unread, and it takes what we send."""
    # Not `recv` with MSG_PEEK: on a socket with a timeout, Python waits for data before it asks.
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLOUT)
    return dict(poll.poll(0)).get(connection.fileno()) == select.POLLIN | select.POLLOUT


def short_places(max_listeners: int, stations: int) -> int:
    """How many short requests there are descriptors for, when listeners, event readers and stations have theirs.

    Raises the process's limit of descriptors before, as far as all places need and the system lets it: many systems
    begin with 1024, and a client who takes the last one takes it from a station that opens its next track.
    """
    others = max_listeners + EVENTS_MAX + OWN_FILES + FILES_A_STATION * stations
    files = _raise_file_limit(others + SHORT_MAX)
    places = SHORT_MAX if files == resource.RLIM_INFINITY else files - others
    if places < SHORT_MIN:
        wanted = others + SHORT_MAX
        log.warning("%d open files are too few for %d listeners, allow %d (ulimit -n)", files, max_listeners, wanted)
    return max(SHORT_MIN, min(SHORT_MAX, places))


def _raise_file_limit(wanted: int) -> int:
    """Let the process open `wanted` files, or as many as it may; how many it is let now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
