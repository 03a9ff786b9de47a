"""How a track's name is shown, and that opening one never waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from radiostream.playlist.track import Track, open_track


@pytest.mark.parametrize(
    ("name", "shown", "title"),
    [
        ("a\udcff.mp3", "a\ufffd.mp3", "a\ufffd"),
        ("\u202egnp.3pm", "\u202egnp.3pm", "gnp"),
        ("a\u200f\u061c\u2067b\ufeff.mp3", "a\u200f\u061c\u2067b\ufeff.mp3", "ab"),
        ("two\nlines.mp3", "two\nlines.mp3", "two lines"),
        ("👩\u200d🎤.mp3", "👩\u200d🎤.mp3", "👩\u200d🎤"),
        (".mp3", ".mp3", ".mp3"),
    ],
)
def test_name_of_a_track(name: str, shown: str, title: str) -> None:
    """A name that is no text is shown with marks, else as it is; a title made of it breaks no line and turns no text
    around."""
    track = Track(f"/s/{name}", 1, 1, "mp3")
    assert (track.name, track.stem) == (shown, title)


def test_inode_is_no_part_of_a_track() -> None:
    """Some network file systems number files anew: the same file with another inode is the same track."""
    assert Track("/a.mp3", 1, 1, "mp3", 1, inode=5) == Track("/a.mp3", 1, 1, "mp3", 1, inode=6)
    assert Track("/a.mp3", 1, 1, "mp3", 1) != Track("/a.mp3", 1, 1, "mp3", 2)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """What was a file may be a pipe by now: opening it neither waits nor works."""
    os.mkfifo(tmp_path / "pipe.mp3")
    with pytest.raises(OSError, match="not a regular file"):
        open_track(str(tmp_path / "pipe.mp3"))
