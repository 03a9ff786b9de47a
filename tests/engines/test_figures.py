"""What is made of a recording, and what counts as a fault."""

from __future__ import annotations

import pytest

from tests.engines.chirps import LENGTH_S, Place
from tests.engines.ear import Seam
from tests.engines.figures import Figures, Heard, measure
from tests.engines.report import faults, table
from tests.engines.synthetic import chirp, silence
from tests.engines.visit import Record, Span

HEARD = Heard(
    press_to_sound_s=0.4, behind_s=0.1, seams=[Seam(3.0, 42, 0.0)], longest_silence_s=0.04, noise_s=0.0, title_s=0.1
)
GOOD = Figures("firefox", "1", {"mp3": HEARD}, 0.2, 0.1, 0.3, 0.5, is_back_in_step=True, peak=0.6)


def test_a_visit_is_measured() -> None:
    """Press, track end, skip, pause, play and a restart, each with its own silence."""
    parts = (
        *(silence(1), chirp("mp3", 0, LENGTH_S - 1, 1), silence(0.04), chirp("mp3", 1, 0, 2)),  # heard until 4.04
        *(silence(0.2), chirp("mp3", 0, 0, 1)),  # the skip: until 5.24
        *(silence(1), chirp("mp3", 0, 3, 1), silence(0.3), chirp("mp3", 0, 1, 0.46)),  # until 8.00
    )
    marks = {"skip": 4.0, "pause": 5.2, "play": 6.1, "kill": 7.1, "end": 7.99}
    span = Span("mp3", 0.5, 4.0, 3.9, Place("mp3", 1, 2.0), 2.3)
    found = measure(Record("webkit", "2", b"".join(parts), [span], marks, is_back_in_step=True))
    heard = found.stations["mp3"]
    assert heard.press_to_sound_s == pytest.approx(0.5, abs=0.05)
    assert heard.behind_s == pytest.approx(0.14, abs=0.05)
    assert heard.title_s == pytest.approx(0.26, abs=0.05)
    assert [seam.silence_ms for seam in heard.seams] == [pytest.approx(40, abs=2)]
    assert (found.skip_s, found.pause_s, found.play_s) == pytest.approx((0.24, 0.04, 0.14), abs=0.05)
    assert found.restart_silence_s == pytest.approx(0.3, abs=0.02)
    assert found.peak == pytest.approx(0.5, abs=0.02)
    assert faults(found) == []


def test_a_station_that_was_never_heard() -> None:
    """Silence is told as such, and breaks nothing."""
    marks = dict.fromkeys(("skip", "pause", "play", "kill"), 0.5) | {"end": 0.9}
    found = measure(
        Record("webkit", "2", silence(1), [Span("opus", 0.1, 0.9, 0.8, None)], marks, is_back_in_step=False)
    )
    assert found.stations["opus"] == Heard(None, None, [], 0.0, 0.0)
    assert found.skip_s is None
    assert "never" in table([found])


@pytest.mark.parametrize(
    ("figures", "fault"),
    [
        (GOOD, ""),
        (GOOD._replace(skip_s=None), "skip"),
        (GOOD._replace(pause_s=4.0), "pause"),
        (GOOD._replace(play_s=None), "play"),
        (GOOD._replace(restart_silence_s=2.5), "restart"),
        (GOOD._replace(is_back_in_step=False), "restart"),
        (GOOD._replace(peak=1.01), "peak"),
        (GOOD._replace(stations={"mp3": HEARD._replace(press_to_sound_s=None)}), "sound"),
        (GOOD._replace(stations={"mp3": HEARD._replace(behind_s=-2.0)}), "behind"),
        (GOOD._replace(engine="webkit-hls", stations={"mp3": HEARD._replace(behind_s=5.0)}), ""),
        (GOOD._replace(stations={"mp3": HEARD._replace(title_s=-2.0)}), "title"),
        (GOOD._replace(stations={"mp3": HEARD._replace(title_s=None)}), "title"),
        (GOOD._replace(stations={"aac": HEARD._replace(longest_silence_s=2.1)}), "silent"),
        (GOOD._replace(stations={"aac": HEARD._replace(noise_s=8.0)}), "noise"),
        (GOOD._replace(stations={"opus": HEARD._replace(seams=[])}), "track end"),
        (GOOD._replace(stations={"opus": HEARD._replace(seams=[Seam(1, 0, 3.0)])}), "lost"),
        (GOOD._replace(stations={"opus": HEARD._replace(press_to_sound_s=9.0)}), "sound"),
        (GOOD._replace(engine="webkit", stations={"opus": HEARD._replace(press_to_sound_s=9.0)}), ""),
    ],
)
def test_what_counts_as_a_fault(figures: Figures, fault: str) -> None:
    """Every limit is kept, one line each."""
    found = faults(figures)
    assert len(found) == bool(fault)
    assert fault in "".join(found)
