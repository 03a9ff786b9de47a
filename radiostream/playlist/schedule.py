"""What plays next, what interrupts, and until when: pure functions of the rules, local time and a state.

A *scope* is whose turn it is: the folder of the part that holds, or "" for the station's own music. Jingles belong to
one scope. At each track end the programme asks `arrive` what has fallen due since, `choose` what comes next, and tells
`taken` what was really taken. All times are Unix seconds; `air_s` is a monotonic clock that no leap of the wall clock
moves, by which `_every N min` counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from radiostream.playlist.rules import DAILY, HOURLY, MINUTES, TRACKS, Jingle, Part, first_by_rank
from radiostream.playlist.zones import DAY_S, Zone

LEAP_S: Final = 3600.0
"""A wall clock that leaps on by more passes over what would have been due, as if the server had been off."""

_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date.max.toordinal() - _EPOCH - 3
HORIZON_S: Final = 8 * DAY_S
"""How far ahead the end of what plays now is looked for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one station, those only that have something to play."""

    parts: tuple[Part, ...] = ()
    jingles: tuple[Jingle, ...] = ()

    @property
    def all(self) -> tuple[Part | Jingle, ...]:
        """Parts, then jingles."""
        return (*self.parts, *self.jingles)

    def part(self, scope: str) -> Part | None:
        """The part of that folder; None for the station's own music, and for a folder that is gone."""
        return next((part for part in self.parts if part.folder == scope), None)


@dataclass(frozen=True, slots=True)
class State:
    """How far the programme had come at a track end."""

    unix_s: float
    air_s: float
    scope: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)
    """By a jingle's folder: tracks or seconds of its scope since its latest."""
    due: Mapping[str, float] = field(default_factory=dict)
    """By a jingle's folder: since when it is due."""
    given: frozenset[str] = frozenset()
    """Jingles that were put in since the latest track: one of each rule at one track end."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What comes next: a track of `part` (None: the station's own music), or a jingle before it."""

    part: Part | None
    jingle: Jingle | None = None

    @property
    def scope(self) -> str:
        return self.part.folder if self.part else ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the programme to come."""

    at_s: float
    rule: Part | Jingle | None
    """None: the station's own music goes on."""


# -- parts -----------------------------------------------------------------------------------------------------------


def holding(parts: tuple[Part, ...], zone: Zone, unix_s: float) -> Part | None:
    """The part that is the programme at that instant."""
    if not parts:
        return None
    return first_by_rank(part for part in parts if holds(part, zone, unix_s))


def holds(part: Part, zone: Zone, unix_s: float) -> bool:
    """Whether a span of `part` has begun and not ended."""
    today = _day(zone, unix_s)
    return any(begin <= unix_s < end for begin, end in _spans(part, zone, today - 2, today + 1))


def _spans(part: Part, zone: Zone, first_day: int, last_day: int) -> Iterator[tuple[float, float]]:
    """Begin and end of the spans that begin on those days, which are counted from 1970, where the part allows it."""
    for day in range(max(first_day, 0), min(last_day, _LAST_DAY) + 1):
        when = date.fromordinal(_EPOCH + day)
        if part.begins_on((when.month, when.day), when.weekday()):
            begin = day * DAY_S + part.begin_min * 60
            yield zone.instant(begin), zone.instant(begin + part.length_min * 60)


def _day(zone: Zone, unix_s: float) -> int:
    return int(zone.wall_s(unix_s) // DAY_S)


def _edges(parts: tuple[Part, ...], zone: Zone, after_s: float, until_s: float) -> list[float]:
    """Every instant in between at which a span begins or ends."""
    first, last = _day(zone, after_s) - 2, _day(zone, until_s) + 1
    found = {edge for part in parts for span in _spans(part, zone, first, last) for edge in span}
    return sorted(edge for edge in found if after_s < edge <= until_s)


def changes(parts: tuple[Part, ...], zone: Zone, after_s: float, until_s: float) -> Iterator[tuple[float, Part | None]]:
    """When another part (or none) becomes the programme, and which."""
    before = holding(parts, zone, after_s)
    for edge in _edges(parts, zone, after_s, until_s):
        now = holding(parts, zone, edge)
        if now != before:
            yield edge, now
            before = now


# -- jingles ---------------------------------------------------------------------------------------------------------


def occurrences(jingle: Jingle, zone: Zone, after_s: float, until_s: float) -> Iterator[float]:
    """When an `_hourly` or `_daily` is due, later than `after_s` and not later than `until_s`."""
    if jingle.kind not in (HOURLY, DAILY):
        return
    step_s = 3600 if jingle.kind == HOURLY else DAY_S
    # Three hours earlier: a clock that was put back shows again what it had shown.
    wall_s = int((zone.wall_s(after_s) - 3 * 3600) // step_s) * step_s + jingle.number * 60
    latest = -math.inf
    while (at_s := zone.instant(wall_s)) <= until_s:
        if at_s > max(after_s, latest):
            latest = at_s
            yield at_s
        wall_s += step_s


def _first_due(jingle: Jingle, rules: Rules, zone: Zone, after_s: float, until_s: float) -> float | None:
    """The first time in between at which it was due while its scope was the programme."""
    for at_s in occurrences(jingle, zone, after_s, until_s):
        if _scope(rules, zone, at_s) == jingle.scope:
            return at_s
    return None


def _scope(rules: Rules, zone: Zone, unix_s: float) -> str:
    part = holding(rules.parts, zone, unix_s)
    return part.folder if part else ""


# -- from track end to track end -------------------------------------------------------------------------------------


def arrive(rules: Rules, zone: Zone, state: State, unix_s: float, air_s: float) -> State:
    """The state at a later moment, with all that has fallen due since. Idempotent at one moment."""
    since_s, at_s = _since(state, unix_s, air_s)
    counts = _counted(rules, state, max(0.0, air_s - state.air_s))
    scope = _scope(rules, zone, unix_s)
    due: dict[str, float] = {}
    for jingle in rules.jingles:
        if jingle.scope != scope:
            continue
        at = state.due.get(jingle.folder)
        if at is None:
            at = _due_since(jingle, rules, zone, counts.get(jingle.folder, 0.0), since_s, unix_s)
        if at is not None:
            due[jingle.folder] = min(at, unix_s)
    return replace(state, unix_s=at_s, air_s=air_s, counts=counts, due=due)


def _since(state: State, unix_s: float, air_s: float) -> tuple[float, float]:
    """From when on occurrences count, and up to when they have been counted after this."""
    if unix_s < state.unix_s:
        # Put back: by a little, what was due is not due again; by much, the clock was wrong before.
        return (state.unix_s, state.unix_s) if state.unix_s - unix_s <= LEAP_S else (unix_s, unix_s)
    leapt_s = (unix_s - state.unix_s) - (air_s - state.air_s)
    return (unix_s if leapt_s > LEAP_S else state.unix_s), unix_s


def _counted(rules: Rules, state: State, passed_s: float) -> dict[str, float]:
    """The counts, with so many seconds more for what counts by minutes in the scope that played."""
    counts = dict(state.counts)
    for jingle in rules.jingles:
        if jingle.kind == MINUTES and jingle.scope == state.scope:
            counts[jingle.folder] = counts.get(jingle.folder, 0.0) + passed_s
    return counts


def _due_since(jingle: Jingle, rules: Rules, zone: Zone, count: float, since_s: float, unix_s: float) -> float | None:
    """Since when it is due; None where it is not."""
    if jingle.kind == TRACKS:
        return unix_s if count >= jingle.number else None
    if jingle.kind == MINUTES:
        over_s = count - jingle.number * 60
        return unix_s - over_s if over_s >= 0 else None
    return _first_due(jingle, rules, zone, since_s, unix_s)


def choose(rules: Rules, zone: Zone, state: State, unix_s: float) -> Choice:
    """What comes next at the moment at which `state` has arrived: of the jingles the one that is due longest, else a
    track."""
    part = holding(rules.parts, zone, unix_s)
    scope = part.folder if part else ""
    waiting = [
        (state.due[jingle.folder], jingle.folder, jingle)
        for jingle in rules.jingles
        if jingle.folder in state.due and jingle.folder not in state.given and jingle.scope == scope
    ]
    return Choice(part, min(waiting, key=lambda item: item[:2])[2] if waiting else None)


def taken(rules: Rules, state: State, choice: Choice) -> State:
    """The state once that has really been taken."""
    counts, due = dict(state.counts), dict(state.due)
    if choice.jingle is not None:
        counts.pop(choice.jingle.folder, None)
        due.pop(choice.jingle.folder, None)
        given = state.given | {choice.jingle.folder}
        return replace(state, scope=choice.scope, counts=counts, due=due, given=given)
    for jingle in rules.jingles:
        if jingle.kind == TRACKS and jingle.scope == choice.scope:
            counts[jingle.folder] = counts.get(jingle.folder, 0) + 1
    return replace(state, scope=choice.scope, counts=counts, given=frozenset())


# -- at once ---------------------------------------------------------------------------------------------------------


def interrupts(rules: Rules, zone: Zone, state: State, unix_s: float, air_s: float) -> bool:
    """Whether what plays since `state` is to be cut now, for a rule with ` !`."""
    now = holding(rules.parts, zone, unix_s)
    scope = now.folder if now else ""
    if scope != state.scope:
        before = rules.part(state.scope)
        if now is not None and now.at_once:
            return True
        if before is not None and before.at_once and not holds(before, zone, unix_s):
            return True
    arrived = arrive(rules, zone, state, unix_s, air_s)
    return any(
        jingle.at_once and jingle.folder not in (*state.given, *state.due) and jingle.folder in arrived.due
        for jingle in rules.jingles
        if jingle.kind in (HOURLY, DAILY) or (jingle.kind == MINUTES and jingle.scope == state.scope)
    )


def next_look_s(rules: Rules, zone: Zone, state: State, unix_s: float, air_s: float) -> float:
    """The first instant after `unix_s` at which `interrupts` could begin to hold; infinite where no rule has ` !`."""
    found = [math.inf]
    if any(part.at_once for part in rules.parts):
        found += [*_edges(rules.parts, zone, unix_s, unix_s + DAY_S)[:1], unix_s + DAY_S]
    for jingle in rules.jingles:
        if not jingle.at_once:
            continue
        if jingle.kind == MINUTES and jingle.scope == state.scope and jingle.folder not in state.due:
            count_s = state.counts.get(jingle.folder, 0.0) + air_s - state.air_s
            left_s = jingle.number * 60 - count_s
            found += [unix_s + left_s] if left_s > 0 else []
        found += [next(occurrences(jingle, zone, unix_s, unix_s + DAY_S), unix_s + DAY_S)]
    return min(found)


# -- the programme to come -------------------------------------------------------------------------------------------


def until(rules: Rules, zone: Zone, unix_s: float) -> float | None:
    """When what is the programme at that instant is it no more; None where that is more than 8 days away."""
    return next((at_s for at_s, _ in changes(rules.parts, zone, unix_s, unix_s + HORIZON_S)), None)


def preview(rules: Rules, zone: Zone, state: State, unix_s: float, hours: float) -> list[Event]:
    """The programme of the next hours, as the clock has it: each part that begins, and each jingle that will be due.

    `_every N min` is told as if it were put in at once; `_every N tracks` has no time, and is left out.
    """
    until_s = unix_s + hours * 3600
    turns = [(unix_s, holding(rules.parts, zone, unix_s)), *changes(rules.parts, zone, unix_s, until_s)]
    events = [Event(at_s, part) for at_s, part in turns[1:]]
    for number, (begin_s, part) in enumerate(turns):
        end_s = turns[number + 1][0] if number + 1 < len(turns) else until_s + 1
        scope = part.folder if part else ""
        for jingle in rules.jingles:
            if jingle.scope == scope:
                # What is due at the moment a part begins is that part's.
                after_s = unix_s if number == 0 else begin_s - 1e-3
                events += [Event(at_s, jingle) for at_s in occurrences(jingle, zone, after_s, until_s) if at_s < end_s]
    events += _by_minutes(rules, state, unix_s, until_s, turns)
    return sorted(events, key=lambda event: (event.at_s, isinstance(event.rule, Jingle)))


def _by_minutes(
    rules: Rules, state: State, unix_s: float, until_s: float, turns: list[tuple[float, Part | None]]
) -> Iterator[Event]:
    for jingle in rules.jingles:
        if jingle.kind != MINUTES:
            continue
        every_s, passed_s = jingle.number * 60, 0.0
        if jingle.scope == state.scope:
            passed_s = state.counts.get(jingle.folder, 0.0) + max(0.0, unix_s - state.unix_s)
        for number, (begin_s, part) in enumerate(turns):
            if (part.folder if part else "") != jingle.scope:
                continue
            end_s = turns[number + 1][0] if number + 1 < len(turns) else until_s
            at_s = begin_s + max(0.0, every_s - passed_s)
            while at_s < end_s:
                yield Event(at_s, jingle)
                begin_s, passed_s = at_s, 0.0
                at_s += every_s
            passed_s += end_s - begin_s
