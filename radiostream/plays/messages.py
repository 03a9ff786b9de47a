"""Events of webhooks, and the form in which each service takes them. Pure.

An event is a JSON object: `event`, `route` (null where it is about the whole server), `station` (its name), `at`, and
what its kind needs. The forms of messengers hold one sentence of it for people.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Event = dict[str, Any]

TRACK: Final = "track"
SILENT: Final = "station-silent"
BACK: Final = "station-back"
REJECTED: Final = "file-rejected"
DISK_LOW: Final = "disk-low"
LIVE_BEGAN: Final = "live-began"
LIVE_ENDED: Final = "live-ended"
FULL: Final = "listeners-full"
EVENTS: Final = (TRACK, SILENT, BACK, REJECTED, DISK_LOW, LIVE_BEGAN, LIVE_ENDED, FULL)

_URGENT: Final = (SILENT, DISK_LOW)
_TELEGRAM_MOST: Final = 4096
_DISCORD_MOST: Final = 2000
_SLACK_MOST: Final = 4000
_NTFY_MOST: Final = 3500
"""Characters; ntfy takes 4096 bytes before it makes an attachment of a message."""


class Message(NamedTuple):
    """What is posted where."""

    url: str
    body: bytes


class FormError(ValueError):
    """A URL that does not have what the service needs; the text says what."""


def sentence(event: Event) -> str:
    """The event in words."""
    station = event.get("station") or event.get("route") or "radiostream"
    return _SENTENCES[event["event"]](event, station)


def _rejected(event: Event, station: str) -> str:
    files, count = event["files"], event["count"]
    named = "; ".join(f"{one['name']}: {one['reason']}" for one in files)
    more = f"; and {count - len(files)} more" if count > len(files) else ""
    return f"{station} leaves out {count} file{'s' if count > 1 else ''}: {named}{more}"


_SENTENCES: Final[Mapping[str, Callable[[Event, str], str]]] = {
    TRACK: lambda event, station: f"{station}: {_title(event)}",
    SILENT: lambda event, station: f"{station} is silent: {event['reason']}",
    BACK: lambda event, station: f"{station} is back after {span(event['silent_s'])} of silence",
    REJECTED: _rejected,
    DISK_LOW: lambda event, _: f"the disk is nearly full: {event['free_mb']} MB left of the {event['limit_mb']} needed",
    LIVE_BEGAN: lambda event, station: f"{station} is live: {_title(event) or 'a broadcast'}",
    LIVE_ENDED: lambda event, station: f"{station} is no longer live after {span(event['live_s'])}",
    FULL: lambda event, _: f"all {event['places']} places for listeners are taken",
}


def _title(event: Event) -> str:
    return " - ".join(filter(None, (event.get("artist"), event.get("title"))))


def span(seconds: float) -> str:
    """A time in words: `40 s`, `12 min`, `3 h 5 min`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


# -- forms -------------------------------------------------------------------------------------------------------------


def as_json(url: str, event: Event) -> Message:
    """The event itself."""
    return Message(url, _json(event))


def as_ntfy(url: str, event: Event) -> Message:
    """Posted as JSON to the server's root, the topic in it (ntfy, "Publish as JSON"). `url`: the topic's."""
    parts = urlsplit(url)
    root, _, topic = parts.path.rstrip("/").rpartition("/")
    if not topic:
        raise FormError("a ntfy URL ends in its topic, such as https://ntfy.sh/my-radio")
    said = {
        "topic": unquote(topic),
        "title": event.get("station") or "radiostream",
        "message": sentence(event)[:_NTFY_MOST],
        "priority": 4 if event["event"] in _URGENT else 2 if event["event"] == TRACK else 3,
        "tags": [event["event"]],
    }
    return Message(urlunsplit(parts._replace(path=root + "/")), _json(said))


def as_telegram(url: str, event: Event) -> Message:
    """Telegram's sendMessage. `url`: https://api.telegram.org/bot<token>/sendMessage?chat_id=…, whose parameters go
    into the body."""
    parts = urlsplit(url)
    said: Event = dict(parse_qsl(parts.query))
    if "chat_id" not in said:
        raise FormError("a Telegram URL needs a chat: .../sendMessage?chat_id=...")
    said |= {"text": sentence(event)[:_TELEGRAM_MOST], "link_preview_options": {"is_disabled": True}}
    return Message(urlunsplit(parts._replace(query="")), _json(said))


def as_discord(url: str, event: Event) -> Message:
    """Discord's "Execute Webhook"; nobody is pinged by a title that holds an `@everyone`."""
    return Message(url, _json({"content": sentence(event)[:_DISCORD_MOST], "allowed_mentions": {"parse": []}}))


def as_slack(url: str, event: Event) -> Message:
    """Slack's incoming webhook; `&`, `<` and `>` are escaped, as its "Formatting text" asks for."""
    text = sentence(event)[:_SLACK_MOST]
    for char, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, escape)
    return Message(url, _json({"text": text}))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


FORMS: Final[Mapping[str, Callable[[str, Event], Message]]] = {
    "json": as_json,
    "ntfy": as_ntfy,
    "telegram": as_telegram,
    "discord": as_discord,
    "slack": as_slack,
}
