"""Three engines listen, and what they hear is printed as a table: `make engines`, `make engines ARGS="firefox webkit"`.

The limits are what no listener should meet, wide enough for a busy machine; the exit status says whether they are kept.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.engines import chirps
from tests.engines.browsers import ENGINES, HLS
from tests.engines.figures import Figures, Heard, measure
from tests.engines.visit import HLS_LAG_S, visit

SOUND_S: Final = 3.0
SLOW_SOUND_S: Final = {("webkit", "opus"): 12.0}  # GStreamer takes its time to join Opus, every time anew
STALL_S: Final = 2.0
LOST_S: Final = 1.5
BEHIND_S: Final = 1.5
TITLE_S: Final = 1.5
NOISE_S: Final = 0.3
SKIP_S: Final = 3.0
KEY_S: Final = 3.0


def faults(figures: Figures) -> list[str]:
    """What a listener would complain of, one line each."""
    found = [f"{name}: {text}" for name, heard in figures.stations.items() for text in _station(figures, name, heard)]
    times = {"skip": (figures.skip_s, SKIP_S), "pause": (figures.pause_s, KEY_S), "play": (figures.play_s, KEY_S)}
    found += [f"{what}: {_s(took)} s" for what, (took, most) in times.items() if took is None or took > most]
    if figures.restart_silence_s > STALL_S:
        found.append(f"restart: silent for {figures.restart_silence_s:.1f} s")
    if not figures.is_back_in_step:
        found.append("restart: not in step with the server")
    if figures.peak > 1.0:
        found.append(f"a peak of {figures.peak:.2f} of full scale")
    return found


def _station(figures: Figures, name: str, heard: Heard) -> Iterator[str]:
    most_s = SLOW_SOUND_S.get((figures.engine, name), SOUND_S)
    if heard.press_to_sound_s is None or heard.press_to_sound_s > most_s:
        yield f"sound after {_s(heard.press_to_sound_s)} s"
    behind_most_s = HLS_LAG_S if figures.engine == HLS else BEHIND_S
    if heard.behind_s is None or abs(heard.behind_s) > behind_most_s:
        yield f"behind the server by {_s(heard.behind_s)} s"
    if heard.title_s is None or abs(heard.title_s) > TITLE_S:
        yield f"the title comes {_s(heard.title_s)} s after the ear"
    if heard.longest_silence_s > STALL_S:
        yield f"silent for {heard.longest_silence_s:.2f} s"
    if heard.noise_s > NOISE_S:
        yield f"noise for {heard.noise_s:.1f} s"
    if not heard.seams:
        yield "no track end was heard"
    yield from (f"{seam.lost_s:.2f} s lost at a track's end" for seam in heard.seams if abs(seam.lost_s) > LOST_S)


def _s(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f}"


def table(all_figures: Sequence[Figures]) -> str:
    """One row a station and engine, and one an engine for what is done on the MP3 station."""
    lines = [f"{'':24} {'press':>6} {'behind':>7} {'longest':>8} {'noise':>6} {'title':>6}  track ends: silence (lost)"]
    lines += [row for figures in all_figures for row in _rows(figures)]
    lines += [
        "",
        f"{'MP3':24} {'skip':>6} {'pause':>7} {'play':>8} {'restart: silence':>17} {'in step':>8} {'peak':>6}",
    ]
    for one in all_figures:
        back = "yes" if one.is_back_in_step else "no"
        lines.append(
            f"{one.engine:24} {_s(one.skip_s):>6} {_s(one.pause_s):>7} {_s(one.play_s):>8}"
            f" {one.restart_silence_s:>17.2f} {back:>8} {one.peak:>6.2f}"
        )
    return "\n".join(lines)


def _rows(figures: Figures) -> Iterator[str]:
    yield f"{figures.engine} {figures.version}"
    for name, heard in figures.stations.items():
        ends = ", ".join(f"{seam.silence_ms} ms ({seam.lost_s:.2f} s)" for seam in heard.seams)
        times = f"{_s(heard.press_to_sound_s):>6} {_s(heard.behind_s):>7} {heard.longest_silence_s:>8.2f}"
        yield f"    {name:20} {times} {heard.noise_s:>6.1f} {_s(heard.title_s):>6}  {ends}"


def main(engines: Sequence[str]) -> int:
    """Listen with each engine; print the table and the faults."""
    with tempfile.TemporaryDirectory() as directory:
        stations = chirps.make(Path(directory))
        heard = [measure(visit(engine, stations)) for engine in engines or ENGINES]
    print(table(heard))
    complaints = [f"{one.engine}: {fault}" for one in heard for fault in faults(one)]
    print("\n".join(["", *complaints] if complaints else ["", "all within the limits"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
