"""How loud tracks are and the dead air at their ends, where their tags or the server's own table tell it. Pure.

Nothing is measured or decoded: what the server has not found out yet is not known here either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import MP3
from radiostream.doctor.findings import DEAD_AIR, LOUDNESS, Finding
from radiostream.loudness.known import MEASURED
from radiostream.loudness.level import has_header_gain, has_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from radiostream.doctor.audio import Heard
    from radiostream.loudness.known import Known

_MOST_APART_LU: Final = 6.0
_LONGEST_DEAD_AIR_S: Final = 2.0
_MPEG1_LEAST_HZ: Final = 32000

_LOUD: Final = "--level brings them to one loudness"
_QUIET: Final = "--level brings them to one loudness; it hardly turns up, so choose a level near this track's"
_FIXED: Final = "encode it again at the others' loudness: in this format --level reaches the web player only"
_TRIM: Final = "--trim leaves it out"


@dataclass(frozen=True, slots=True)
class Loudness:
    """What is known of one file."""

    lufs: float | None = None
    source: str = ""
    """`tagged` or `measured`; empty where the loudness is not known."""
    begin_s: float | None = None
    """Dead air at its begin; None where it is not known."""
    end_s: float | None = None
    """Dead air at its end; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How loud the tracks of one directory are whose loudness is known, in LUFS."""

    known: int
    quietest: float
    median: float
    loudest: float


def loudness_of(heard: Heard, known: Known | None) -> Loudness:
    """What the server's table (`known`; None where it has nothing) tells of a file that plays, else its tags."""
    if known is None or known.lufs is None:
        gain = heard.tags.gain if heard.tags else None
        lufs = None if gain is None else gain.lufs
        source = "" if gain is None else "tagged"
    else:
        lufs, source = known.lufs, MEASURED if known.source == MEASURED else "tagged"
    return Loudness(lufs, source, *_dead_air_s(heard, known))


def _dead_air_s(heard: Heard, known: Known | None) -> tuple[float | None, float | None]:
    """At the begin and at the end, of MP3s: the table counts frames of 1152 samples, below 32 kHz of 576."""
    params = heard.params
    if known is None or params is None or params.codec != MP3 or (known.trouble and not known.head and not known.end):
        return None, None
    frame_s = (1152 if params.rate_hz >= _MPEG1_LEAST_HZ else 576) / params.rate_hz
    if not known.end:
        return known.head * frame_s, 0.0
    end_s = None if heard.duration_s is None else max(0.0, heard.duration_s - known.end * frame_s)
    return known.head * frame_s, end_s


def spread_of(files: Sequence[Loudness]) -> Spread | None:
    """The spread of what is known; None where nothing is."""
    known = [one.lufs for one in files if one.lufs is not None]
    return Spread(len(known), min(known), _median(known), max(known)) if known else None


def _median(values: list[float]) -> float:
    """Without `statistics`, which the image leaves out for its size."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def loudness_findings(files: Mapping[str, tuple[Heard, Loudness]]) -> Iterator[Finding]:
    """Files, by their names, that are much louder or quieter than most."""
    spread = spread_of([loudness for _, loudness in files.values()])
    for name, (heard, loudness) in files.items():
        if spread is None or loudness.lufs is None or abs(apart := loudness.lufs - spread.median) <= _MOST_APART_LU:
            continue
        params = heard.params
        can_change = params is not None and (has_steps(params) or has_header_gain(params))
        way = "louder" if apart > 0 else "quieter"
        text = f"is at {loudness.lufs:.1f} LUFS, {abs(apart):.1f} LU {way} than the median"
        yield Finding(LOUDNESS, name, text, (_LOUD if apart > 0 else _QUIET) if can_change else _FIXED)


def dead_air_findings(files: Mapping[str, tuple[Heard, Loudness]]) -> Iterator[Finding]:
    """Files, by their names, that begin or end with dead air."""
    for name, (_, loudness) in files.items():
        ends = (("begins", loudness.begin_s), ("ends", loudness.end_s))
        told = [f"{verb} with {long_s:.1f} s" for verb, long_s in ends if (long_s or 0.0) > _LONGEST_DEAD_AIR_S]
        if told:
            yield Finding(DEAD_AIR, name, f"{' and '.join(told)} of dead air", _TRIM)
