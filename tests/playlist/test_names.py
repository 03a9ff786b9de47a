"""Names on the disks of real people: what is music and what a file server, a download or an editor left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from radiostream.playlist.names import is_clutter
from radiostream.playlist.scan import Directory

# fmt: off
CLUTTER = (
    "#recycle/deleted.mp3", "#snapshot/a/song.mp3", "$RECYCLE.BIN/S-1/x.mp3", "$Recycle.Bin/S-1/x.mp3",
    ".@__thumb/x.mp3", ".AppleDouble/x.mp3", ".TemporaryItems/x.mp3", ".Trash-1000/files/x.mp3", "._x.mp3",
    ".fseventsd/x.mp3", ".ocTransferId1.mp3.part", ".recycle/x.mp3", ".snapshot/x.mp3", ".song.mp3.XyZ123",
    ".stfolder/x.mp3", ".stversions/x.mp3", ".sync/Archive/x.mp3", ".syncthing.song.mp3.tmp", ".x.mp3.icloud",
    ".zfs/snapshot/x.mp3", "@Recently-Snapshot/GMT_2026/song.mp3", "@Recycle/deleted.mp3", "@SynoResource/x.mp3",
    "@__thumb/x.mp3", "@eaDir/song.mp3/SYNOAUDIO.mp3", "@eadir/x.mp3", "@tmp/x.mp3", "Network Trash Folder/x.mp3",
    "RECYCLER/S/x.mp3", "Recycled/x.mp3", "Temporary Items/x.mp3", "Thumbs.db", "desktop.ini", "lost+found/x.mp3",
    "song.mp3.!qB", "song.mp3.XyZ123", "song.mp3.aria2", "song.mp3.filepart", "song.mp3.part", "x.mp3.bak",
    "x.mp3.icloud", "x.tmp.mp3", "X.TEMP.MP3", "yt.f140.m4a", "yt.f251-1.opus", "yt.part", "yt.temp.mp3", "~$x.mp3",
    "~snapshot/x.mp3", "~syncthing~song.mp3.tmp", "#a.mp3#", "New.PART/x.mp3",
)
MUSIC = (
    "ok.mp3", "song (conflicted copy).mp3", "x.M4A", "x.MP3", "x.OGA", "Temp.mp3", "Mr. Temp.mp3", "f140.mp3",
    "Recycled.mp3", "No. 5.mp3", "~home.mp3", "@home/x.mp3", "#1 hits/x.mp3", "temp/x.mp3", "Blink.f.mp3",
)
# fmt: on


@pytest.mark.parametrize("name", CLUTTER)
def test_clutter_is_not_played(tmp_path: Path, name: str) -> None:
    """Recycle bins, snapshots, thumbnails, half finished downloads: neither played nor listed."""
    put(tmp_path / name)
    listing = Directory(str(tmp_path)).look()
    assert (listing.tracks, listing.left_out) == ((), ())


@pytest.mark.parametrize("name", MUSIC)
def test_music_is_played(tmp_path: Path, name: str) -> None:
    """What only looks a little like clutter."""
    put(tmp_path / name)
    assert len(Directory(str(tmp_path)).look().tracks) == 1


@pytest.mark.parametrize("mark", [".nomedia", ".ndignore"])
def test_a_directory_left_out_by_hand(tmp_path: Path, mark: str) -> None:
    """With all below it, as soon as the mark is there and as long as it is; the station's own directory cannot be."""
    for path in ("a.mp3", "album/b.mp3", "album/disc/c.mp3"):
        put(tmp_path / path)
    directory = Directory(str(tmp_path))
    assert len(directory.look().tracks) == 3
    put(tmp_path / mark)
    put(tmp_path / "album" / mark)
    listing = directory.look()
    assert [track.name for track in listing.tracks] == ["a.mp3"]
    assert [(one.name, one.reason) for one in listing.left_out] == [
        ("album", "is left out: it holds .nomedia or .ndignore")
    ]
    (tmp_path / "album" / mark).unlink()
    assert len(directory.look(eager=True).tracks) == 3


def test_names_without_a_stem() -> None:
    """Odd names are no error."""
    assert [is_clutter(name) for name in ("mp3", "a.", "..mp3", ".", "a..mp3")] == [False, False, True, True, False]


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
