"""What a directory's rules mean, in words, and what they make of the next day."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from radiostream.doctor.findings import RULE, Finding
from radiostream.playlist import schedule
from radiostream.playlist.arrangement import playable
from radiostream.playlist.rules import DAILY, DAYS, HOURLY, MINUTES, Jingle, Part, Wrong, parse
from radiostream.playlist.schedule import Rules, State

if TYPE_CHECKING:
    from collections.abc import Collection

    from radiostream.playlist.arrangement import Arrangement
    from radiostream.playlist.track import Track
    from radiostream.playlist.zones import Zone

HOURS: Final = 24


def meaning(rule: Part | Jingle) -> str:
    """What a rule does, as one would say it."""
    end = ", at once" if rule.at_once else ""
    if isinstance(rule, Part):
        return f"the programme {_span(rule)}{_days(rule)}{_dates(rule)}{end}"
    if rule.kind == HOURLY:
        when = f"at minute {rule.number:02} of each hour"
    elif rule.kind == DAILY:
        when = f"every day at {_clock(rule.number)}"
    else:
        when = f"every {rule.number} {'minutes' if rule.kind == MINUTES else 'tracks'}"
    return f"one of its tracks {when}{end}"


def _span(part: Part) -> str:
    if part.length_min == 24 * 60 and not part.begin_min:
        return "all day"
    return f"from {_clock(part.begin_min)} to {_clock((part.begin_min + part.length_min) % (24 * 60))}"


def _days(part: Part) -> str:
    return "" if part.days is None else ", " + " ".join(DAYS[day].capitalize() for day in sorted(part.days))


def _dates(part: Part) -> str:
    if part.dates is None:
        return ""
    first, last = (f"{month:02}-{day:02}" for month, day in part.dates)
    return f", from {first} to {last} of each year"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def rules_of(arrangement: Arrangement, plays: Collection[Track]) -> Rules:
    """The rules that have something to play."""
    folders = arrangement.folders
    rules = playable(folders, lambda path: any(track in plays for track in folders[path].tracks))
    return Rules(
        tuple(rule for rule in rules if isinstance(rule, Part)),
        tuple(rule for rule in rules if isinstance(rule, Jingle)),
    )


def coming(rules: Rules, zone: Zone, now_s: float) -> list[tuple[str, str]]:
    """What the clock brings in the next day: local time, and the folder (empty for the station's own music)."""
    state = State(now_s, 0.0)
    events = schedule.preview(rules, zone, state, now_s, HOURS)
    return [
        (f"{datetime.fromtimestamp(zone.wall_s(event.at_s), UTC):%a %H:%M}", event.rule.folder if event.rule else "")
        for event in events
    ]


def empty_rules(root: str, rules: Rules, arrangement: Arrangement) -> list[Finding]:
    """Folders that are rules, or look like it, and have nothing to play: the server does not even see them."""
    known = {rule.folder for rule in rules.all}
    found = []
    for folder in _rule_folders(root):
        rule = parse(folder.rpartition("/")[2], folder)
        if isinstance(rule, Wrong):
            if folder not in {left.name for left in arrangement.left_out}:
                found.append(Finding(RULE, folder, f"{rule.reason}; nearest: `{rule.nearest}`", "rename the folder"))
        elif rule is not None and folder not in known and not (isinstance(rule, Part) and "/" in folder):
            text = "is a rule and has nothing that can be played"
            found.append(Finding(RULE, folder, text, "put tracks into the folder, or remove it"))
    return found


def _rule_folders(root: str) -> list[str]:
    """The directories whose names may be rules: in the root, and directly in those."""
    first = _names(root)
    return first + [f"{name}/{inner}" for name in first for inner in _names(os.path.join(root, name))]


def _names(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.name.startswith("_") and entry.is_dir())
    except OSError:
        return []
