"""Files that are written to, renamed or removed while they play."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from radiostream.playlist.history import FAILED, PLAYED
from tests.radio.studio import Studio, frame

MakeStudio = Callable[..., Studio]


def write_over(path: Path) -> None:
    """Other bytes in place, of the same length."""
    with path.open("r+b") as file:
        file.write(b"\x55" * path.stat().st_size)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(frame(9, 0) * 100)


def cut(path: Path) -> None:
    os.truncate(path, 300 * 417)


WRITES = {"written over": write_over, "grown": grow, "cut": cut}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_file_written_to_ends_there(
    write: Callable[[Path], None], studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of what is written is sent; the next track follows, and the log has one line about it."""
    studio.show(studio.track(1, 1500), studio.track(2, 1500))
    studio.run_until(5)
    published = len(studio.frames)
    caplog.set_level(logging.WARNING)
    write(studio.directory / "1.mp3")
    studio.run_until(25)
    tracks = [track for track, _ in studio.frames]
    assert tracks[published + 200 :] == [2] * (len(tracks) - published - 200)
    assert set(tracks) == {1, 2}
    assert [(entry.track, entry.ended) for entry in studio.station.status.history][1] == ("1.mp3", FAILED)
    assert [record.message for record in caplog.records] == [
        '/: "1.mp3" left out: "changed while it was read; it is rescanned once it is stable"'
    ]


def test_it_is_taken_anew(studio: Studio) -> None:
    """As the listing shows the file in its new state, it plays again."""
    studio.show(studio.track(1, 1500), studio.track(2, 700))
    studio.run_until(5)
    studio.show(studio.track(1, 1400, b"".join(frame(7, n) for n in range(1400))), studio.track(2, 700))
    studio.run_until(60)
    assert {7, 2} <= {track for track, _ in studio.frames}
    assert studio.station.status.left_out == ()


def rename(path: Path) -> None:
    path.rename(path.with_suffix(".old"))


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(frame(9, 0) * 100)
    other.replace(path)


def close_to_others(path: Path) -> None:
    path.chmod(0o600)


HARMLESS = {"removed": Path.unlink, "renamed": rename, "replaced": replace, "made private": close_to_others}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_the_open_file_plays_on(change: Callable[[Path], None], studio: Studio) -> None:
    """What happens to a name does not concern the track that plays from the open file."""
    studio.show(studio.track(1, 1500), studio.track(2, 100))
    studio.run_until(5)
    change(studio.directory / "1.mp3")
    studio.run_until(45)
    assert studio.frames[:1500] == [(1, number) for number in range(1500)]
    assert [entry.ended for entry in studio.station.status.history if entry.track == "1.mp3"][-1] == PLAYED


def test_a_copy_that_goes_on_is_not_begun(studio: Studio) -> None:
    """A file that is longer by now than the listing had it is left for when it stands still."""
    track = studio.track(1, 300)
    grow(studio.directory / "1.mp3")
    studio.show(track, studio.track(2, 1500))
    studio.run_until(10)
    assert {number for number, _ in studio.frames} == {2}
