"""The keeper of plays: what waits is bounded, and those who have gone are counted to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from radiostream.clock import SystemClock
from radiostream.playlist.zones import zone
from radiostream.plays import plays as module
from radiostream.plays import statistics
from radiostream.plays.plays import Keeper
from radiostream.radio.audience import Listener
from tests.plays.makers import PLAY, play
from tests.radio.conftest import make_studio
from tests.radio.studio import FakeClock, Studio

__all__ = ["make_studio"]


def test_a_disk_that_hangs_costs_lines_and_no_memory(tmp_path: Path) -> None:
    """What waits is bounded; what is more is lost, and counted."""
    keeper = Keeper(tmp_path, 24, dict, FakeClock())
    for _ in range(module.QUEUE_MOST + 7):
        keeper.ended(PLAY)
    assert (keeper.written, keeper.lost) == (0, 7)


def test_a_station_that_has_gone_is_counted_to_its_end(tmp_path: Path, make_studio: Callable[..., Studio]) -> None:
    """Also what was heard in its last minute."""
    studio = make_studio(route="/jazz")
    stations = {"/jazz": studio.station}
    keeper = Keeper(tmp_path, 24, lambda: stations, studio.clock)
    keeper.step()
    studio.station.audience.enter(Listener(1, "192.0.2.1", "player", 0.0))
    studio.clock.sleep(30)
    stations.clear()
    studio.clock.sleep(30)
    keeper.step()
    path = statistics.path_of(tmp_path, "/jazz")
    (one,) = (found for _, found in statistics.records(path, "week", studio.clock.wall, zone("UTC")))
    assert (one.peak, one.listener_s) == (1, 60.0)


def test_the_last_play_is_written_at_the_end(tmp_path: Path) -> None:
    """Whatever was told before the thread ends is in the log then."""
    keeper = Keeper(tmp_path, 24, dict, SystemClock())
    keeper.worker.start()
    keeper.ended(play("2026-11-01T10:00:00+00:00"))
    assert keeper.worker.stop(30)
    assert keeper.written == 1
