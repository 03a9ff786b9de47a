"""Errors for Sentry: the log's errors, and each broken file once. Imported, and sentry_sdk with it, only with a DSN.

Sentry listens to the log. A record becomes an event where it is an error (the same one at most every ten minutes), or a
warning about a track, marked by `extra={"station": route, "track": name}` (each track once). An event is cut down to a
list of fields, and its texts are scrubbed of passwords, cookies and addresses; there are no breadcrumbs, no local
variables and no requests in it. It is sent by the SDK's own thread.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import threading
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import sentry_sdk
from sentry_sdk.integrations.logging import EventHandler

from radiostream import __version__
from radiostream.logs import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry_sdk.types import Event, Hint

    from radiostream.config import Config

FLUSH_S: Final = 1.0
"""How long the end waits for events to be delivered."""
REPEAT_S: Final = 600.0
MOST_TRACKS: Final = 1000
"""A directory with more broken files than this has been noticed by then."""
LONGEST_TAG: Final = 200

FIELDS: Final = frozenset(
    (
        *("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "server_name", "sdk"),
        *("exception", "logentry", "tags", "fingerprint"),
    )
)
"""All that an event may hold."""

_CREDENTIALS: Final = re.compile(
    r"""(?i)\b(bearer|basic)\s+\S+|\b(cookie|authorization|password|token)["']?\s*[:=].*"""
)
_IPV4: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_IPV6: Final = rf"[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:]*:(?:{_IPV4}|[0-9A-Fa-f]{{0,4}})"
_ADDRESS: Final = re.compile(rf"(?<![\w.:])(?:{_IPV6}|{_IPV4})(?!\w|\.\d)")


def start(config: Config) -> None:
    """Listen to the log of radiostream from now on. Main thread, once."""
    scrub = Scrub(config.status_password)
    sentry_sdk.init(
        dsn=config.sentry_dsn,
        release=f"radiostream@{__version__}",
        environment=config.sentry_environment or "production",
        server_name=socket.gethostname(),
        before_send=lambda event, hint: reduced(event, hint, scrub),
        # The SDK's own hooks would fork a scope for each listener's thread, and read its request.
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        enable_backpressure_handling=False,
        send_client_reports=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        shutdown_timeout=FLUSH_S,
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # else three warnings an event while nobody answers
    handler = EventHandler(level=logging.WARNING)
    handler.addFilter(Gate())
    logging.getLogger("radiostream").addHandler(handler)


def flush(timeout_s: float = FLUSH_S) -> None:
    """Wait until all events are delivered, at most `timeout_s`, and never longer than `FLUSH_S`."""
    sentry_sdk.flush(timeout=min(timeout_s, FLUSH_S))


class Gate(logging.Filter):
    """Which records become events. For any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds, for how long ago the same error was sent."""
        super().__init__()
        self._now = now
        self._lock = threading.Lock()  # guards everything below
        self._tracks: set[tuple[str, str]] = set()
        self._errors: dict[tuple[object, ...], float] = {}
        """When each was last sent; as many as there are places in the program that fail."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to send it; one that is let through counts as sent."""
        track = _track(record)
        with self._lock:
            if track is not None:
                return self._is_new(track)
            return record.levelno >= logging.ERROR and self._is_due(_place(record))

    def _is_new(self, track: tuple[str, str]) -> bool:
        if track in self._tracks or len(self._tracks) >= MOST_TRACKS:
            return False
        self._tracks.add(track)
        return True

    def _is_due(self, place: tuple[object, ...]) -> bool:
        now_s = self._now()
        if now_s - self._errors.get(place, -REPEAT_S) < REPEAT_S:
            return False
        self._errors[place] = now_s
        return True


def _track(record: logging.LogRecord) -> tuple[str, str] | None:
    """The station and the track that a record is about, if it is about one."""
    track = vars(record).get("track")
    return None if not track else (str(vars(record).get("station", "")), str(track))


def _place(record: logging.LogRecord) -> tuple[object, ...]:
    """Where the record was made, and where its exception was raised."""
    place: tuple[object, ...] = (record.pathname, record.lineno)
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, traceback = record.exc_info
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        place += (kind, traceback and (traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
    return place


class Scrub:
    """Takes out of a text what nobody else shall read. Pure."""

    def __init__(self, password: str) -> None:
        self._secrets = (password, b64encode(f":{password}".encode()).decode())

    def __call__(self, text: str) -> str:
        """`text` with `[secret]` and `[address]` where there was one."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _ADDRESS.sub(_hidden, _CREDENTIALS.sub("[secret]", text))


def _hidden(match: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(match[0])
    except ValueError:
        return match[0]
    return "[address]"


def reduced(event: Event, hint: Hint, scrub: Callable[[str], str]) -> Event:
    """The event with the fields it may hold only, its texts scrubbed, station and track as its tags."""
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in FIELDS}
    record = hint.get("log_record")
    if record is not None:
        names = [name for name in ("station", "track") if name in vars(record)]
        kept["tags"] = {name: scrub(safe(str(vars(record)[name])))[:LONGEST_TAG] for name in names}
        kept["logentry"] = {"message": str(record.msg), "formatted": scrub(record.getMessage())}
        if _track(record) is not None:
            kept["fingerprint"] = [record.name, str(record.msg), *kept["tags"].values()]
    for exception in kept.get("exception", {}).get("values", ()):
        exception["value"] = scrub(str(exception.get("value", "")))
    reduced_event: Event = kept  # type: ignore[assignment] # the SDK's type is a TypedDict of these very names
    return reduced_event
