"""One directory, checked: each file played or left out, and everything that somebody should do something about."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiostream.doctor import programme
from radiostream.doctor.audio import Heard, buffer_for_files, is_misread, listen, whole_digest
from radiostream.doctor.findings import (
    BROKEN_OFF,
    DOUBLE,
    MISMATCHED,
    RIGHTS,
    SETTINGS,
    TAGS_ENCODING,
    TAGS_MISSING,
    TITLES,
    Finding,
    left_out,
)
from radiostream.doctor.loudness import Loudness, dead_air_findings, loudness_findings, loudness_of
from radiostream.loudness.known import Table
from radiostream.playlist import zones
from radiostream.playlist.arrangement import Arrangement, arrange
from radiostream.playlist.listing import Listing, usual_family
from radiostream.playlist.rules import Jingle
from radiostream.playlist.scan import Directory
from radiostream.playlist.schedule import Rules
from radiostream.radio.mismatched import described
from radiostream.settings import SettingsError, read_station_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from radiostream.audio.frames import Params
    from radiostream.playlist.track import Track
    from radiostream.playlist.zones import Zone

SETTINGS_FILE: Final = "station.toml"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator's flags say, where the directory's own settings do not."""

    family: str | None = None
    timezone: str = ""
    has_level: bool = False
    """Tracks are brought to a level anyway."""
    has_trim: bool = False
    """Dead air is left out anyway."""
    table: Table = field(default_factory=lambda: Table(None))
    """What the server has found out of tracks' loudness; only read."""


@dataclass(slots=True)
class Report:
    """What a check of one directory has found."""

    directory: str
    trouble: str = ""
    """Why it cannot be read."""
    family: str = ""
    files: dict[Track, Heard] = field(default_factory=dict)
    loudness: dict[Track, Loudness] = field(default_factory=dict)
    """Of each file that is played."""
    findings: list[Finding] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    zone: Zone | None = None

    @property
    def played(self) -> list[tuple[Track, Heard]]:
        """The files that are played, in natural order."""
        return [(track, heard) for track, heard in self.files.items() if not heard.why]

    def name(self, track: Track) -> str:
        """The track's path below the directory, printable."""
        return os.fsencode(os.path.relpath(track.path, self.directory)).decode("utf-8", "replace")


def check(path: str, wanted: Wanted, progress: Callable[[int, int], None]) -> Report:
    """Check the directory at `path`; `progress(done, of)` is called after each file. No content raises anything."""
    root = os.path.abspath(path)
    report = Report(root)
    looks = Directory(root)
    listing = _listed(looks)
    if listing.trouble:
        report.trouble = listing.trouble
        return report
    settings = _settings(report)
    report.family = str(settings.get("family") or wanted.family or usual_family(listing.tracks))
    arrangement = arrange(root, listing)
    _listen(report, listing, arrangement, progress)
    _tell_left_out(report, listing, arrangement)
    _tell_mismatched(report)
    _tell_tags_and_rights(report, arrangement)
    has_level = settings.get("level_lufs", wanted.has_level or None) is not None
    _tell_loudness(report, wanted.table, has_level, bool(settings.get("trim", wanted.has_trim)))
    for folder in arrangement.folders.values():
        _tell_doubles(report, folder.tracks)
    report.rules = programme.rules_of(arrangement, {track for track, _ in report.played})
    report.findings += programme.empty_rules(root, report.rules, arrangement)
    report.zone = _zone(report, str(settings.get("timezone") or wanted.timezone))
    order = list(TITLES)
    report.findings.sort(key=lambda finding: order.index(finding.kind))
    return report


def _listed(looks: Directory) -> Listing:
    """All of it, however many looks that takes."""
    before, listing = None, looks.look(eager=True)
    while listing is not before:
        before, listing = listing, looks.look()
    return listing


def _settings(report: Report) -> Mapping[str, object]:
    path = Path(report.directory) / SETTINGS_FILE
    try:
        return read_station_toml(path) if path.is_file() else {}
    except SettingsError as error:
        text, advice = str(error), "correct that line; until then the file changes nothing"
    except OSError as error:
        text, advice = f"cannot be read: {error.strerror}", "let the server's user read it"
    report.findings.append(Finding(SETTINGS, SETTINGS_FILE, text, advice))
    return {}


def _zone(report: Report, name: str) -> Zone:
    try:
        return zones.zone(name)
    except ValueError as error:
        report.findings.append(Finding(SETTINGS, f"timezone {name}", str(error), "name a zone, or install tzdata"))
        return zones.zone()


def _listen(report: Report, listing: Listing, arrangement: Arrangement, progress: Callable[[int, int], None]) -> None:
    """Read every file that a folder of the programme holds."""
    buffer = buffer_for_files()
    arranged = {track for folder in arrangement.folders.values() for track in folder.tracks}
    for number, track in enumerate(listing.tracks, 1):
        if track not in arranged:
            report.files[track] = Heard(why="is in a folder or beside a list that leaves it out")
        elif track.family != report.family:
            why = f"is {track.family.upper()}, this station sends {report.family.upper()}"
            report.files[track] = Heard(why=why)
        else:
            report.files[track] = listen(track, buffer)
        progress(number, len(listing.tracks))


def _tell_left_out(report: Report, listing: Listing, arrangement: Arrangement) -> None:
    arranged = {track for folder in arrangement.folders.values() for track in folder.tracks}
    report.findings += [
        left_out(left.name, left.reason, report.family) for left in (*arrangement.left_out, *listing.left_out)
    ]
    for track, heard in report.files.items():
        if heard.why and track in arranged:
            report.findings.append(left_out(report.name(track), heard.why, report.family))
        elif heard.breaks_off:
            advice = "replace the file by a whole copy: the server goes on with the next track there"
            report.findings.append(Finding(BROKEN_OFF, report.name(track), heard.breaks_off, advice))


def _tell_mismatched(report: Report) -> None:
    """Files that are decoded in another way than most."""
    counts: Counter[Params] = Counter(heard.params for _, heard in report.played if heard.params is not None)
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    advice = f"encode it like the others: {usual.rate_hz} Hz, {usual.channels} channel(s)"
    if usual.setup:
        advice += ", with the same encoder and quality"
    for track, heard in report.played:
        if heard.params is not None and heard.params != usual:
            text = f"is {described(heard.params)}, where most are {described(usual)}: browsers stop and reconnect here"
            report.findings.append(Finding(MISMATCHED, report.name(track), text, advice))


def _tell_tags_and_rights(report: Report, arrangement: Arrangement) -> None:
    jingles = [folder for folder in arrangement.folders.values() if isinstance(folder.rule, Jingle)]
    untitled = {track for folder in jingles for track in folder.tracks}  # they change no title
    for track, heard in report.played:
        name, tags = report.name(track), heard.tags
        missing = [what for what in ("title", "artist") if not getattr(tags, what, "")]
        if missing and track not in untitled:
            text = f"has no {' and no '.join(missing)} in its tags"
            report.findings.append(Finding(TAGS_MISSING, name, text, "tag it: players show the file's name instead"))
        misread = [text for text in (tags.title, tags.artist, tags.album) if is_misread(text)] if tags else []
        if misread:
            text = f"has a tag that reads `{misread[0]}`"
            report.findings.append(Finding(TAGS_ENCODING, name, text, "write the tag again, as UTF-8 or UTF-16"))
        if heard.is_private:
            text = "may not be read by everybody; a server that runs as another user leaves it out"
            report.findings.append(Finding(RIGHTS, name, text, "chmod a+r"))


def _tell_loudness(report: Report, table: Table, has_level: bool, has_trim: bool) -> None:
    report.loudness = {track: loudness_of(heard, table.get(track)) for track, heard in report.played}
    files = {report.name(track): (heard, report.loudness[track]) for track, heard in report.played}
    if not has_level:
        report.findings += loudness_findings(files)
    if not has_trim:
        report.findings += dead_air_findings(files)


def _tell_doubles(report: Report, tracks: Iterable[Track]) -> None:
    """Files of one folder with the same audio: first by a sample, then by all of it."""
    by_sample: dict[bytes, list[Track]] = defaultdict(list)
    for track in tracks:
        if sample := report.files[track].sample:
            by_sample[sample].append(track)
    buffer = buffer_for_files()
    for alike in by_sample.values():
        first: dict[bytes, Track] = {}
        for track in alike if len(alike) > 1 else ():
            before = first.setdefault(whole_digest(track, buffer), track)
            if before is not track:
                text = f"has the same audio as {report.name(before)}"
                report.findings.append(Finding(DOUBLE, report.name(track), text, "keep one of them"))
