"""The programme of a station as JSON (CONTRACT §7): which part plays, until when, and what comes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from radiostream.playlist import schedule

if TYPE_CHECKING:
    from radiostream.playlist.rotation import Plan
    from radiostream.playlist.schedule import Event
    from radiostream.radio.status import Status

MOST_HOURS: Final = 8 * 24
_MOST_EVENTS: Final = 2000
OWN_MUSIC: Final = "music"
"""The rule of an event at which a part ends and the station's own music goes on; its folder is empty."""


def part(status: Status) -> str | None:
    """The folder of the part whose turn it is; None for the station's own music."""
    return (status.plan.state.scope or None) if status.plan else None


def coming(status: Status, unix_s: float, hours: float) -> dict[str, Any]:
    """`/schedule`: times are local to the station, with their offset."""
    plan = status.plan
    assert plan is not None  # noqa: S101 - every station has one
    events = schedule.preview(plan.rules, plan.zone, plan.state, unix_s, hours)
    return {
        "route": status.route,
        "timezone": plan.zone.name,
        "now": {"part": part(status), "until": _until(plan, unix_s)},
        "next": [_event(plan, event) for event in events[:_MOST_EVENTS]],
    }


def summary(status: Status, unix_s: float) -> dict[str, Any] | None:
    """What the operator's page shows of it; None for a station without rules."""
    plan = status.plan
    if plan is None or not (plan.rules.parts or plan.rules.jingles):
        return None
    until_s = schedule.until(plan.rules, plan.zone, unix_s)
    events = schedule.preview(plan.rules, plan.zone, plan.state, unix_s, 24)
    return {
        "part": part(status),
        "until": None if until_s is None else plan.zone.iso(until_s),
        "next": _event(plan, events[0]) if events else None,
        "text": _text(plan, part(status), until_s, events[0] if events else None),
    }


def _text(plan: Plan, now: str | None, until_s: float | None, coming: Event | None) -> str:
    """One line for people, by the station's own clock."""
    said = now or "own music"
    if until_s is not None:
        said += f" until {_clock(plan, until_s)}"
    if coming is not None:
        said += f" · next {_clock(plan, coming.at_s)} {coming.rule.folder if coming.rule else 'own music'}"
    return said


def _clock(plan: Plan, unix_s: float) -> str:
    return f"{datetime.fromtimestamp(plan.zone.wall_s(unix_s), UTC):%a %H:%M}"


def _until(plan: Plan, unix_s: float) -> str | None:
    """When what the clock says is the programme ends: a part whose time has come waits for the end of a track."""
    at_s = schedule.until(plan.rules, plan.zone, unix_s)
    return None if at_s is None else plan.zone.iso(at_s)


def _event(plan: Plan, event: Event) -> dict[str, str]:
    rule = event.rule
    return {
        "at": plan.zone.iso(event.at_s),
        "rule": rule.text if rule else OWN_MUSIC,
        "folder": rule.folder if rule else "",
    }
