"""Webhooks: events that wait for each URL, and the thread "webhooks" that posts them one by one.

A URL that does not take its events is tried again after growing pauses; meanwhile a bounded number waits for it, the
oldest making room, and the other URLs have theirs. Nobody who tells of an event ever waits.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urldefrag, urlsplit

from radiostream.logs import quoted
from radiostream.plays.messages import EVENTS, FORMS, FormError
from radiostream.plays.post import TIMEOUT_S, PostError, SlowError, post
from radiostream.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiostream.clock import Clock
    from radiostream.plays.messages import Event

    Post = Callable[[str, bytes, Mapping[str, str], float], None]

log = logging.getLogger(__name__)

WAITING_MOST: Final = 100
"""Events that wait for one URL."""
PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0
BRIEF_S: Final = 1.0
SHARE: Final = 1 / 12
"""A URL that has not answered in time is waited for this much of its pause, and for `BRIEF_S` at least: others are to
be told soon."""
OLDEST_S: Final = 3600.0
"""What could not be told for so long is news no more."""
SIGNATURE: Final = "X-Radiostream-Signature"


class Target:
    """One URL. Everything but `waiting` belongs to the thread "webhooks"."""

    def __init__(self, url: str) -> None:
        """`url`: with the events that it is to get, parted by commas, behind a `#`; with none it gets all."""
        self.url, said = urldefrag(url)
        wanted = frozenset(word.strip() for word in unquote(said).split(",")) & frozenset(EVENTS)
        self.events = wanted or frozenset(EVENTS)
        self.host = urlsplit(self.url).hostname or ""
        """What the log says of it: the rest may be a secret."""
        self.waiting: deque[tuple[float, Event]] = deque()
        """Events, each with when it was told (monotonic seconds)."""
        self.next_s = 0.0
        self.pause_s = 0.0
        self.is_failing = False
        self.is_slow = False
        """Whether it did not answer in time, the last time it was asked."""

    @property
    def patience_s(self) -> float:
        """How long it is waited for."""
        return min(TIMEOUT_S, max(BRIEF_S, SHARE * self.pause_s)) if self.is_slow else TIMEOUT_S


class Hooks:
    """See the module. `worker`: its thread; what waits when it is closed is not told any more."""

    def __init__(self, urls: tuple[str, ...], form: str, secret: str, clock: Clock, send: Post = post) -> None:
        """`form`: one of `messages.FORMS`. `secret`: key of the signature; empty for none."""
        self.sent = 0
        self.failed = 0
        """Tries that failed."""
        self.dropped = 0
        """Events that were given up: refused for good, too old, or too many (ints, read by any thread)."""
        self._form = FORMS[form]
        self._secret = secret.encode()
        self._clock = clock
        self._send = send
        self._targets = tuple(map(Target, urls))
        self._lock = threading.Lock()  # guards each target's `waiting`, and `dropped`; held for assignments only
        self.worker = Worker("webhooks", self.step, clock=clock)

    def tell(self, event: Event) -> None:
        """Tell all who want to know. Any thread; answers at once."""
        told_s = self._clock.now_s()
        with self._lock:
            for target in self._targets:
                if event["event"] not in target.events:
                    continue
                if len(target.waiting) >= WAITING_MOST:
                    target.waiting.popleft()
                    self.dropped += 1
                target.waiting.append((told_s, event))
        self.worker.wake()

    # -- the thread "webhooks" -----------------------------------------------------------------------------------------

    def step(self) -> float | None:
        """Post one event to each URL that may be asked now, first to those that take them; seconds until the next may
        be asked, None where nothing waits."""
        for target in sorted(self._targets, key=lambda one: one.is_failing):
            if target.waiting and target.next_s <= self._clock.now_s() and not self.worker.stopping:
                self._deliver(target)
        pauses = [target.next_s - self._clock.now_s() for target in self._targets if target.waiting]
        return max(0.0, min(pauses)) if pauses else None

    def _deliver(self, target: Target) -> None:
        with self._lock:
            told_s, event = target.waiting[0]
        is_over = True
        try:
            self._post(target, event, self._clock.now_s() - told_s)
        except (PostError, FormError) as error:
            is_over = self._fail(target, error)
        else:
            self._succeed(target)
        if is_over:
            with self._lock:
                if target.waiting and target.waiting[0][1] is event:
                    target.waiting.popleft()

    def _post(self, target: Target, event: Event, age_s: float) -> None:
        if age_s > OLDEST_S:
            raise PostError("has not taken it for an hour", retry=False)
        url, body = self._form(target.url, event)
        headers = {}
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        self._send(url, body, headers, target.patience_s)

    def _succeed(self, target: Target) -> None:
        self.sent += 1
        target.pause_s, target.next_s, target.is_slow = 0.0, 0.0, False
        if target.is_failing:
            target.is_failing = False
            log.info("the webhook at %s takes events again", target.host)

    def _fail(self, target: Target, error: PostError | FormError) -> bool:
        """One try has failed; whether the event is given up."""
        self.failed += 1
        if not target.is_failing:
            log.warning("the webhook at %s does not take an event: %s", target.host, quoted(str(error)))
        target.is_failing, target.is_slow = True, isinstance(error, SlowError)
        target.pause_s = min(LONGEST_PAUSE_S, max(PAUSE_S, 2 * target.pause_s))
        may_retry = isinstance(error, PostError) and error.retry
        after_s = min(LONGEST_PAUSE_S, error.after_s) if isinstance(error, PostError) else 0.0
        target.next_s = self._clock.now_s() + (max(target.pause_s, after_s) if may_retry else 0.0)
        if not may_retry:
            with self._lock:
                self.dropped += 1
        return not may_retry
