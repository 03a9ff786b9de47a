"""What a listener heard, in figures: a visit's recording, measured."""

from __future__ import annotations

from array import array
from statistics import median
from typing import NamedTuple

from tests.engines.chirps import LEVEL, behind_s
from tests.engines.ear import QUIET, RATE_HZ, Run, Seam, peak, runs, samples_of, seams, silences
from tests.engines.visit import Record, Span


class Heard(NamedTuple):
    """A station's figures. None: it never came."""

    press_to_sound_s: float | None
    behind_s: float | None
    """How far the ear was behind what the server told as on the air."""
    seams: list[Seam]
    longest_silence_s: float
    """After the first sound; that at a track's end counts."""
    noise_s: float
    title_s: float | None = None
    """By how much the page's title was later than the ear at a track's end."""


class Figures(NamedTuple):
    """An engine's figures. What is done after the stations is done on the MP3 one; None: it never came."""

    engine: str
    version: str
    stations: dict[str, Heard]
    skip_s: float | None
    pause_s: float | None
    """From the media key to silence."""
    play_s: float | None
    """From the media key to sound; None where the page had to be pressed."""
    restart_silence_s: float
    """The longest silence since the server was killed."""
    is_back_in_step: bool
    peak: float
    """Of full scale, with the page's volume taken out: the tone is at `LEVEL` of it."""


def measure(record: Record) -> Figures:
    """The figures of a visit."""
    samples, found = samples_of(record.recording), runs(record.recording)
    quiet, marks = silences(samples), record.marks
    skip_to = _another_track(found, marks["skip"], marks["pause"])
    stops = [begin for begin, end in quiet if end > marks["pause"] and end - begin > 0.5 and begin < marks["play"]]
    starts = [run.begin_s for run in found if run.begin_s > marks["play"] and run.first]
    by_key = [at_s for at_s in starts if at_s < marks.get("pressed", marks["kill"])]
    return Figures(
        engine=record.engine,
        version=record.version,
        stations={span.station: _station(span, found, quiet) for span in record.spans},
        skip_s=_first(skip_to, marks["skip"]),
        pause_s=_first(stops, marks["pause"]),
        play_s=_first(by_key, marks["play"]),
        restart_silence_s=_longest(quiet, marks["kill"], marks["end"]),
        is_back_in_step=record.is_back_in_step,
        peak=_loudest(samples),
    )


def _loudest(samples: array[float]) -> float:
    step = RATE_HZ // 5
    loud = [value for at in range(0, len(samples), step) if (value := peak(samples[at : at + step])) > QUIET]
    return max(loud) / median(loud) * LEVEL if loud else 0.0


def _first(moments: list[float], since_s: float) -> float | None:
    return max(0.0, moments[0] - since_s) if moments else None


def _longest(quiet: list[tuple[float, float]], begin_s: float, end_s: float) -> float:
    return max((min(end, end_s) - max(begin, begin_s) for begin, end in quiet), default=0.0)


def _another_track(found: list[Run], begin_s: float, end_s: float) -> list[float]:
    """When another track was heard than at `begin_s`, until `end_s`."""
    before = next((run.first for run in reversed(found) if run.first and run.begin_s < begin_s), None)
    later = [run for run in found if run.first and begin_s < run.begin_s < end_s]
    return [run.begin_s for run in later if run.first and (before is None or run.first.track != before.track)]


def _station(span: Span, found: list[Run], quiet: list[tuple[float, float]]) -> Heard:
    own = [run for run in found if run.begin_s > span.begin_s and run.begin_s < span.end_s]
    tones = [run for run in own if run.first and run.first.station == span.station]
    if not tones:
        return Heard(None, None, [], 0.0, 0.0)
    begin_s = tones[0].begin_s
    noise_s = sum(run.end_s - run.begin_s for run in own if run.first is None and run.begin_s > begin_s)
    silence_s = max(0.0, _longest(quiet, begin_s, span.end_s))
    ends = seams(tones, quiet)
    nearest = min((span.title_s - seam.at_s for seam in ends), key=abs, default=None) if span.title_s else None
    return Heard(begin_s - span.begin_s, _lag(span, tones), ends, silence_s, noise_s, nearest)


def _lag(span: Span, tones: list[Run]) -> float | None:
    for run in tones:
        if span.server and run.last and run.begin_s <= span.moment_s <= run.end_s + 0.2:
            heard = run.last._replace(second_s=run.last.second_s + span.moment_s - run.end_s)
            return behind_s(span.server, heard)
    return None
