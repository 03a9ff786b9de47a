"""A report as text for people, and as JSON for scripts. Pure."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from radiostream.doctor.findings import TITLES
from radiostream.doctor.loudness import Loudness, spread_of
from radiostream.doctor.programme import coming, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.doctor.directory import Report
    from radiostream.doctor.findings import Finding

_MOST_NAMED = 20
"""So many findings of one kind with one advice are named, unless all are asked for."""


def lines(report: Report, now_s: float, name_all: bool) -> Iterator[str]:
    """The report, line by line."""
    if report.trouble:
        yield f"{report.directory}: {report.trouble}"
        return
    played = report.played
    total_s = sum(heard.duration_s or 0.0 for _, heard in played)
    count = len(report.findings)
    found = "nothing to do" if not count else f"{count} finding{'s' if count > 1 else ''}"
    files = len(report.files)
    yield f"{report.directory}: {report.family.upper()}, {len(played)} of {files} files play, {_long(total_s)}; {found}"
    yield from _loudness(report)
    yield from _findings(report.findings, name_all)
    if name_all:
        yield "  played"
        yield from (f"    {report.name(track)}" for track, _ in played)
    yield from _programme(report, now_s)


def _loudness(report: Report) -> Iterator[str]:
    spread, played = spread_of([*report.loudness.values()]), len(report.loudness)
    if spread:
        told = f"{spread.quietest:.1f} to {spread.loudest:.1f} LUFS, median {spread.median:.1f}"
        yield f"  loudness known of {spread.known} of {played} tracks: {told}"
    elif played:
        yield f"  loudness known of 0 of {played} tracks"


def _findings(findings: list[Finding], name_all: bool) -> Iterator[str]:
    for kind, of_kind in groupby(findings, key=lambda finding: finding.kind):
        yield f"  {TITLES[kind]}"
        for advice, some in groupby(sorted(of_kind, key=lambda one: one.advice), key=lambda one: one.advice):
            alike = list(some)
            named = alike if name_all else alike[:_MOST_NAMED]
            yield from (f"    {finding.name}: {finding.text}" for finding in named)
            if len(alike) > len(named):
                yield f"    and {len(alike) - len(named)} more (--all names them)"
            yield f"      -> {advice}"


def _programme(report: Report, now_s: float) -> Iterator[str]:
    rules = report.rules.all
    if not rules or report.zone is None:
        return
    yield "  programme"
    for rule in rules:
        yield f"    {rule.folder}: {meaning(rule)}"
    yield f"  next 24 hours ({report.zone.name})"
    for when, folder in coming(report.rules, report.zone, now_s):
        yield f"    {when}  {folder or 'the music of the station'}"


def as_json(report: Report, now_s: float) -> dict[str, Any]:
    """The whole report; `files` names every file, `findings` what to do about which."""
    rules, spread = report.rules.all, spread_of([*report.loudness.values()])
    return {
        "directory": report.directory,
        "trouble": report.trouble,
        "format": report.family,
        "timezone": report.zone.name if report.zone else "",
        "loudness": asdict(spread) if spread else None,
        "files": [
            {
                "file": report.name(track),
                "played": not heard.why,
                "reason": heard.why,
                "codec": heard.params.codec if heard.params else "",
                "rate_hz": heard.params.rate_hz if heard.params else 0,
                "channels": heard.params.channels if heard.params else 0,
                "kbps": heard.kbps,
                "duration_s": None if heard.duration_s is None else round(heard.duration_s, 3),
                "title": heard.tags.title if heard.tags else "",
                "artist": heard.tags.artist if heard.tags else "",
                **_loudness_as_json(report.loudness.get(track, Loudness())),
            }
            for track, heard in report.files.items()
        ],
        "findings": [
            {"kind": finding.kind, "file": finding.name, "text": finding.text, "advice": finding.advice}
            for finding in report.findings
        ],
        "rules": [{"folder": rule.folder, "rule": rule.text, "meaning": meaning(rule)} for rule in rules],
        "next": [
            {"at": when, "folder": folder}
            for when, folder in (coming(report.rules, report.zone, now_s) if report.zone else [])
        ],
    }


def _loudness_as_json(loudness: Loudness) -> dict[str, Any]:
    return {
        "loudness_lufs": _rounded(loudness.lufs),
        "loudness_source": loudness.source,
        "dead_air_begin_s": _rounded(loudness.begin_s),
        "dead_air_end_s": _rounded(loudness.end_s),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _long(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
