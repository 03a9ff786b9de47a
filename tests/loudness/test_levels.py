"""What is found out first, what is told meanwhile, and what it costs while nobody asks for a level."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from radiostream.audio.formats import open_reader
from radiostream.loudness.asker import Asker
from radiostream.loudness.known import Known
from radiostream.loudness.levels import Levels
from radiostream.playlist.track import Track
from tests.loudness.makers import lame, make_wav


class FakeAsker(Asker):
    """Knows at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.frames: list[int] = []
        self.closed = 0

    def warm(self) -> None:
        pass

    def ask(self, track: Track, frames: int) -> Known:
        self.frames.append(frames)
        self.asked.append(track.path)
        source = {"t": "replaygain", "m": "measured", "u": ""}[track.path[0]]
        return Known(-12.0 if source else None, None, source, trouble="" if source else "is silent")

    def close(self) -> None:
        self.closed += 1


def tracks(*paths: str) -> tuple[Track, ...]:
    return tuple(Track(path, 1, 1, "mp3") for path in paths)


def drained(levels: Levels) -> None:
    levels.step()  # warms the process up
    while levels.step() is not None:
        pass


def test_what_comes_next_is_asked_first() -> None:
    """Then the directories in their order, each file once, and then the process may end."""
    asker = FakeAsker()
    levels = Levels(None, asker)
    levels.update("/", tracks("m1", "m2", "m3"))
    levels.update("/b", tracks("m2", "t4"))
    levels.request(tracks("m3")[0])
    drained(levels)
    assert asker.asked == ["m3", "m1", "m2", "t4"]
    assert asker.closed == 1
    levels.request(tracks("m3")[0])
    drained(levels)
    assert len(asker.asked) == 4


def test_how_many_are_known() -> None:
    """Of each station; what was tried in vain is not among what is still to come; nothing of one that is gone."""
    levels = Levels(None, FakeAsker())
    levels.update("/", tracks("m1", "t1", "t2", "u1"))
    assert levels.counts("/") == {"measured": 0, "tagged": 0, "unmeasurable": 0, "unknown": 4}
    drained(levels)
    assert levels.counts("/") == {"measured": 1, "tagged": 2, "unmeasurable": 1, "unknown": 0}
    levels.update("/", ())
    assert levels.counts("/") == {"measured": 0, "tagged": 0, "unmeasurable": 0, "unknown": 0}


def test_known_over_a_restart(tmp_path: Path) -> None:
    """Nothing is asked twice where there is a state directory."""
    first = Levels(tmp_path, FakeAsker())
    first.update("/", tracks("m1", "t1"))
    drained(first)
    second = Levels(tmp_path, FakeAsker())
    second.start()
    second.stop(10)
    second.update("/", tracks("m1", "t1"))
    assert second.counts("/") == {"measured": 1, "tagged": 1, "unmeasurable": 0, "unknown": 0}


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-3", seconds=3)
    return lame(wav, tmp_path / "a.mp3", "-b", "128")


def test_what_a_producer_waits_for_is_found_out_in_haste(mp3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before all else and from few frames, and once more when there is time."""
    monkeypatch.setattr("radiostream.loudness.levels.FIRST_WAIT_S", 0.0)
    asker = FakeAsker()
    levels = Levels(None, asker)
    one, other = tracks("m1", "m2")
    levels.update("/", (one, other))
    reader = levels.shaped("/", open_reader(io.BytesIO(mp3.read_bytes()), "mp3", 1), other, -18.0, trim=False)
    assert reader.level.source == "unknown"
    drained(levels)
    assert asker.asked == ["m2", "m1", "m2"]
    assert asker.frames == [480, 2400, 2400]


def test_a_producer_waits_for_what_is_found_out_in_a_moment(mp3: Path) -> None:
    """The first track of a station is awaited; the real process finds out what it is."""
    levels = Levels(None)
    levels.start()
    try:
        status = mp3.stat()
        track = Track(str(mp3), status.st_size, status.st_mtime_ns, "mp3")
        found = threading.Event()
        levels.update("/", (track,))
        while not levels.counts("/")["measured"]:
            levels.request(track)
            found.wait(0.01)
        reader = levels.shaped("/", open_reader(io.BytesIO(mp3.read_bytes()), "mp3", 1), track, -24.0, trim=False)
        assert reader.level.source == "measured"
        assert reader.level.gain_db < -6
    finally:
        levels.stop(10)


def test_a_process_that_breaks_off_costs_one_track(tmp_path: Path) -> None:
    """The question is answered with the reason, and the next one is asked of a new process."""
    asker = Asker(patience_s=0)
    known = asker.ask(Track(str(tmp_path / "none.mp3"), 1, 1, "mp3"), 480)
    assert known.trouble.startswith("cannot be measured")
    asker._patience_s = 60
    assert asker.ask(Track(str(tmp_path / "none.mp3"), 1, 1, "mp3"), 480).trouble.startswith("cannot be read")
    asker.close()


def test_off_costs_nothing() -> None:
    """A server without a level imports nothing of it, and starts no process."""
    code = (
        "import sys, radiostream.app; from radiostream.config import Config; from pathlib import Path\n"
        "radio = radiostream.app.Radio(Config.load(['--port', '0', '--audio-dir', '/'], {}))\n"
        "radio.server.server_close()\n"
        "sys.exit(any(name.startswith('radiostream.loudness') or name == 'subprocess' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
