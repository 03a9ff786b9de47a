"""What each service is sent, against what its documentation asks for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.plays import messages
from radiostream.plays.messages import FORMS, Event, FormError, Message, sentence

AT = {"route": "/jazz", "station": "Jazz", "at": "2026-11-26T12:00:00+01:00"}
NASTY = "<b>&@everyone " + "ü" * 5000
EXAMPLES: tuple[Event, ...] = (
    {"event": "track", **AT, "title": NASTY, "artist": "Miles", "album": "", "kind": "track", "file": "a.mp3"},
    {"event": "station-silent", **AT, "reason": "there is nothing to play", "listeners": 3},
    {"event": "station-back", **AT, "silent_s": 130.0},
    {"event": "file-rejected", **AT, "count": 3, "files": [{"name": "a.mp3", "reason": "holds no audio"}]},
    {"event": "disk-low", **AT, "route": None, "station": None, "free_mb": 12, "limit_mb": 50},
    {"event": "live-began", **AT, "title": "", "artist": ""},
    {"event": "live-ended", **AT, "live_s": 7300.0},
    {"event": "listeners-full", **AT, "route": None, "station": None, "places": 500},
)
URLS = {
    "json": "https://example.org/hook?key=1",
    "ntfy": "https://ntfy.example/sub/my%20radio",
    "telegram": "https://api.telegram.org/bot1:x/sendMessage?chat_id=-100123&disable_notification=true",
    "discord": "https://discord.com/api/webhooks/1/token",
    "slack": "https://hooks.slack.com/services/T/B/x",
}


def check_json(message: Message, said: Any) -> None:
    """The event as it is, at the URL as it is."""
    assert message.url == URLS["json"]
    assert said["event"] in messages.EVENTS
    assert {"route", "at"} <= said.keys()


def check_ntfy(message: Message, said: Any) -> None:
    """docs.ntfy.sh, "Publish as JSON": to the root, the topic inside; priority 1 to 5; tags a list of strings; a
    message of at most 4096 bytes, more becomes an attachment."""
    assert message.url == "https://ntfy.example/sub/"
    assert said["topic"] == "my radio"
    assert said["priority"] in range(1, 6)
    assert all(isinstance(tag, str) for tag in said["tags"])
    assert 0 < len(said["message"].encode()) <= 8192
    assert said.keys() <= {"topic", "title", "message", "priority", "tags"}


def check_telegram(message: Message, said: Any) -> None:
    """core.telegram.org/bots/api#sendmessage: `chat_id`, and `text` of 1 to 4096 characters."""
    assert message.url == "https://api.telegram.org/bot1:x/sendMessage"
    assert (said["chat_id"], said["disable_notification"]) == ("-100123", "true")
    assert 1 <= len(said["text"]) <= 4096


def check_discord(_: Message, said: Any) -> None:
    """discord.com/developers, "Execute Webhook": `content` of up to 2000 characters; no mention is parsed."""
    assert 1 <= len(said["content"]) <= 2000
    assert said["allowed_mentions"] == {"parse": []}


def check_slack(_: Message, said: Any) -> None:
    """api.slack.com, "Sending messages using incoming webhooks": `text`, with `&`, `<` and `>` escaped."""
    assert said.keys() == {"text"}
    assert not set("<>") & set(said["text"])


CHECKS = {
    "json": check_json, "ntfy": check_ntfy, "telegram": check_telegram, "discord": check_discord, "slack": check_slack,
}  # fmt: skip


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: str(event["event"]))
@pytest.mark.parametrize("form", FORMS)
def test_each_service_gets_what_it_asks_for(form: str, event: Event) -> None:
    """Whatever a title holds, and however long it is."""
    message = FORMS[form](URLS[form], event)
    CHECKS[form](message, json.loads(message.body))


def test_every_event_has_an_example_and_a_sentence() -> None:
    """None is forgotten here."""
    assert tuple(event["event"] for event in EXAMPLES) == messages.EVENTS
    assert [sentence(event) for event in EXAMPLES[1:]] == [
        "Jazz is silent: there is nothing to play",
        "Jazz is back after 2 min of silence",
        "Jazz leaves out 3 files: a.mp3: holds no audio; and 2 more",
        "the disk is nearly full: 12 MB left of the 50 needed",
        "Jazz is live: a broadcast",
        "Jazz is no longer live after 2 h 1 min",
        "all 500 places for listeners are taken",
    ]


@pytest.mark.parametrize(
    ("form", "url"), [("ntfy", "https://ntfy.sh/"), ("telegram", "https://api.telegram.org/botx/sendMessage")]
)
def test_a_url_that_names_no_topic_or_chat_is_refused(form: str, url: str) -> None:
    """It is told what is missing."""
    with pytest.raises(FormError, match=r"such as|chat_id"):
        FORMS[form](url, EXAMPLES[1])


@given(st.text(), st.text())
def test_any_title_is_told(title: str, artist: str) -> None:
    """No text of a file or a broadcaster breaks a message."""
    event = {**EXAMPLES[0], "title": title, "artist": artist}
    for form, write in FORMS.items():
        message = write(URLS[form], event)
        json.loads(message.body)
        assert urlsplit(message.url).hostname == urlsplit(URLS[form]).hostname
