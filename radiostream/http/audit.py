"""Who did what to the server: logins, wrong passwords, commands, each with its address and way; logged and counted.

Any thread. Nothing that a client said but its address reaches the log.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request

log = logging.getLogger(__name__)

LOGIN: Final = "login"
LOGOUT: Final = "logout"
NEXT: Final = "next-track"
PREVIOUS: Final = "prev-track"
SHUFFLE: Final = "shuffle"
RELOAD: Final = "reload-playlist"
END_LIVE: Final = "end-live"
RESUME_RELAY: Final = "resume-relay"
ACTIONS: Final = (LOGIN, LOGOUT, NEXT, PREVIOUS, SHUFFLE, RELOAD, END_LIVE, RESUME_RELAY)


class Audit:
    """What was done so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the counters below
        self._done: Counter[str] = Counter(dict.fromkeys(ACTIONS, 0))
        self._wrong_passwords = 0
        self._throttled = 0

    def done(self, what: str, request: Request, route: str = "", detail: str = "") -> None:
        """The operator did `what`, to the station at `route` if it is about one. `detail` is a word of ours."""
        with self._lock:
            self._done[what] += 1
        address, way = request.client.address, way_of(request)
        facts = {"action": what, "address": address, "way": way, **({"station": route} if route else {})}
        about, more = f"{route}: " if route else "", f" {detail}" if detail else ""
        log.info("%s%s%s by %s (%s)", about, what, more, address, way, extra=facts)

    def wrong_password(self, request: Request, *, is_first: bool) -> None:
        """A wrong password came; told for the first one of an address within the throttle's window."""
        with self._lock:
            self._wrong_passwords += 1
        if is_first:
            address, way = request.client.address, way_of(request)
            facts = {"action": "wrong password", "address": address, "way": way}
            log.warning("wrong password from %s (%s)", address, way, extra=facts)

    def throttled(self) -> None:
        """A password came that was not looked at, after too many wrong ones."""
        with self._lock:
            self._throttled += 1

    def counts(self) -> tuple[dict[str, int], int, int]:
        """What was done how often, wrong passwords, and passwords not looked at."""
        with self._lock:
            return dict(self._done), self._wrong_passwords, self._throttled


def way_of(request: Request) -> str:
    """How the operator showed who he is: `bearer`, `basic`, `login form` or `session`."""
    header = request.headers.get("authorization", "")
    if header:
        return "basic" if header.lstrip().lower().startswith("basic") else "bearer"
    return "login form" if request.path == "/status" else "session"
