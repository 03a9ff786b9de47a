"""Events on their way to webhooks: order, pauses, bounds, the signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping

import pytest

from radiostream.plays import hooks as module
from radiostream.plays.hooks import SIGNATURE, Hooks
from radiostream.plays.messages import Event
from radiostream.plays.post import PostError, SlowError
from tests.plays.sink import OK, Sink
from tests.radio.studio import FakeClock

GOOD, BAD = "http://good.example/a", "http://bad.example/secret"


def event(number: int, name: str = "track") -> Event:
    """One of many."""
    return {"event": name, "route": "/", "station": "Main", "at": "", "title": str(number), "reason": ""}


class Network:
    """Takes what is posted, or not."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.taken: dict[str, list[str]] = {GOOD: [], BAD: []}
        self.headers: Mapping[str, str] = {}
        self.error: PostError | None = PostError("answers 500")
        self.tries_s: list[float] = []
        self.patience_s: dict[str, float] = {}
        """How long each was waited for the last time."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
        self.patience_s[url] = timeout_s
        self.headers = headers
        if url == BAD:
            self.tries_s.append(self.clock.now)
            if self.error is not None:
                raise self.error
        self.taken[url].append(json.loads(body)["title"])

    def hooks(self, *urls: str, secret: str = "") -> Hooks:
        return Hooks(urls, "json", secret, self.clock, self.post)

    def run(self, hooks: Hooks, seconds: float) -> None:
        """Let the thread's work be done for so long."""
        end_s = self.clock.now + seconds
        while self.clock.now < end_s:
            pause_s = hooks.step()
            self.clock.sleep(min(end_s - self.clock.now, seconds if pause_s is None else pause_s))


def test_one_that_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Growing pauses for it, nothing lost when it is back, a line in the log for its begin and its end."""
    caplog.set_level(logging.INFO)
    network = Network()
    hooks = network.hooks(BAD, GOOD)
    for number in range(5):
        hooks.tell(event(number))
    network.run(hooks, 100)
    assert network.taken == {GOOD: list("01234"), BAD: []}
    pauses = [after - before for before, after in zip(network.tries_s, network.tries_s[1:], strict=False)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    network.error = None
    network.run(hooks, 100)
    assert network.taken[BAD] == list("01234")
    assert (hooks.sent, hooks.failed, hooks.dropped) == (10, 7, 0)
    assert [one.levelname for one in caplog.records] == ["WARNING", "INFO"]
    assert "secret" not in caplog.text


def test_one_that_hangs_takes_a_small_share_of_the_time() -> None:
    """The first time it is waited for in full, then briefly so that others are told in time, longer with its pauses."""
    network = Network()
    network.error = SlowError("does not answer in time")
    hooks = network.hooks(BAD, GOOD)
    waited_s = []
    for number in range(10):
        hooks.tell(event(number))
        tries = len(network.tries_s)
        while len(network.tries_s) == tries:
            network.run(hooks, 1)
        waited_s.append(network.patience_s[BAD])
    assert waited_s[:4] == [5.0, 1.0, 1.0, 1.0]
    assert waited_s[-1] == 5.0
    assert network.patience_s[GOOD] == 5.0
    network.error = None
    network.run(hooks, 600)
    assert network.patience_s[BAD] == 5.0


def test_a_thousand_events_are_a_hundred(caplog: pytest.LogCaptureFixture) -> None:
    """What waits is bounded; the newest stay, and what is older than an hour is no news."""
    network = Network()
    hooks = network.hooks(BAD)
    for number in range(1000):
        hooks.tell(event(number))
    assert hooks.dropped == 900
    network.run(hooks, 3500)
    assert max(network.tries_s) - min(network.tries_s) > 3000
    network.run(hooks, 1000)
    assert (hooks.dropped, hooks.sent) == (1000, 0)
    network.error = None
    hooks.tell(event(1001))
    network.run(hooks, 400)
    assert network.taken[BAD] == ["1001"]


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    """A 404 costs that event, and no pause."""
    network = Network()
    network.error = PostError("answers 404", retry=False)
    hooks = network.hooks(BAD)
    for number in range(3):
        hooks.tell(event(number))
    network.run(hooks, 1)
    assert (hooks.dropped, len(network.tries_s)) == (3, 3)


def test_the_server_says_when() -> None:
    """`Retry-After` is kept to, to a limit."""
    network = Network()
    network.error = PostError("answers 429", after_s=40.0)
    hooks = network.hooks(BAD)
    hooks.tell(event(1))
    network.run(hooks, 41)
    assert network.tries_s == [1000.0, 1040.0]


def test_a_url_may_name_its_events() -> None:
    """Behind a `#`; what is no event's name is no wish."""
    network = Network()
    hooks = network.hooks(f"{GOOD}#station-silent,%20disk-low", f"{BAD}#nothing")
    network.error = None
    hooks.tell(event(1))
    hooks.tell(event(2, "station-silent"))
    network.run(hooks, 1)
    assert network.taken == {GOOD: ["2"], BAD: ["1", "2"]}


def test_the_body_is_signed() -> None:
    """HMAC-SHA256 of what is sent, with the operator's key; no key, no signature."""
    with Sink(lambda _: OK) as sink:
        for secret in ("key", ""):
            hooks = Hooks((sink.url,), "slack", secret, FakeClock())
            hooks.tell(event(1))
            hooks.step()
    signed, plain = sink.requests
    head, _, body = signed.partition(b"\r\n\r\n")
    assert f"{SIGNATURE}: sha256={hmac.new(b'key', body, hashlib.sha256).hexdigest()}".encode() in head
    assert SIGNATURE.encode() not in plain


def test_a_url_without_what_its_service_needs_costs_its_events(caplog: pytest.LogCaptureFixture) -> None:
    """Told once, by the host's name."""
    hooks = Hooks(("https://api.telegram.org/botSECRET/sendMessage",), "telegram", "", FakeClock())
    for number in range(3):
        hooks.tell(event(number))
        hooks.step()
    assert hooks.dropped == 3
    assert "chat_id" in caplog.text
    assert "SECRET" not in caplog.text
    assert len(caplog.records) == 1
    assert module.WAITING_MOST == 100
