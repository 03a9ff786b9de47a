"""Looks at real directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from radiostream.playlist import listing as listings
from radiostream.playlist import pace, scan
from radiostream.playlist.scan import Directory, Listing, Skipped


def put(path: Path, content: bytes = b"x", time_s: int = 1000) -> Path:
    """A file with this content and time, and the directories it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time_s, time_s))
    return path


def names(listing: Listing, root: Path) -> list[str]:
    return [os.path.relpath(track.path, root) for track in listing.tracks]


def reasons(listing: Listing) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in listing.left_out}


def test_first_look_takes_all(tmp_path: Path) -> None:
    """What is there at the start plays at once, sub-directories too, in natural order."""
    for name in ("10.mp3", "2.MP3", "a/1.ogg", "a/b/c/1.opus", "B/x.m4a", "cover.jpg", "notes.txt"):
        put(tmp_path / name)
    listing = Directory(str(tmp_path)).look()
    assert names(listing, tmp_path) == ["2.MP3", "10.mp3", "a/1.ogg", "a/b/c/1.opus", "B/x.m4a"]
    assert [track.family for track in listing.tracks] == ["mp3", "mp3", "ogg", "ogg", "aac"]
    assert (listing.left_out, listing.trouble) == ((), "")


LEFTOVERS = [
    *(".a.mp3", "a.mp3~", ".a.mp3.swp", "a.mp3.part", "a.mp3.crdownload", "a.tmp", "#a.mp3#"),
    *(".hidden/a.mp3", "__MACOSX/a.mp3", "new.part/a.mp3"),
]


@pytest.mark.parametrize("name", LEFTOVERS)
def test_hidden_and_leftovers(tmp_path: Path, name: str) -> None:
    """Nobody wants to hear or read about these."""
    put(tmp_path / name)
    assert Directory(str(tmp_path)).look() == Listing()


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "A.WMA", "a.m4p"])
def test_other_audio(tmp_path: Path, name: str) -> None:
    """Audio in a format that is not sent is named with the reason."""
    put(tmp_path / name)
    assert Directory(str(tmp_path)).look().left_out == (
        Skipped(name, f"{name[1:].lower()} is not a format that is sent"),
    )


def test_new_file_settles(tmp_path: Path) -> None:
    """A file that comes later joins when a second look finds it as the first one did."""
    directory = Directory(str(tmp_path))
    directory.look()
    put(tmp_path / "a.mp3")
    listing = directory.look()
    assert (listing.tracks, list(reasons(listing))) == ((), ["a.mp3"])
    assert names(directory.look(), tmp_path) == ["a.mp3"]


def test_half_a_copy(tmp_path: Path) -> None:
    """As long as a file grows, it is left out."""
    directory = Directory(str(tmp_path))
    directory.look()
    for length in (1, 2, 3):
        put(tmp_path / "a.mp3", b"x" * length, 1000 + length)
        assert directory.look().tracks == ()
    (track,) = directory.look().tracks
    assert track.size == 3


def test_explicit_look_takes_at_once(tmp_path: Path) -> None:
    """Who asks for a reload does not want to wait for the next look; an empty file is none all the same."""
    directory = Directory(str(tmp_path))
    directory.look()
    put(tmp_path / "a.mp3")
    put(tmp_path / "b.mp3", b"")
    listing = directory.look(eager=True)
    assert names(listing, tmp_path) == ["a.mp3"]
    assert reasons(listing) == {"b.mp3": "is empty"}


def test_empty_file_joins_when_it_is_filled(tmp_path: Path) -> None:
    """An empty file is left out with the reason until it has something in it."""
    put(tmp_path / "a.mp3", b"")
    directory = Directory(str(tmp_path))
    assert reasons(directory.look()) == {"a.mp3": "is empty"}
    put(tmp_path / "a.mp3", b"x", 1001)
    directory.look()
    assert names(directory.look(), tmp_path) == ["a.mp3"]


def test_replaced_by_another_size(tmp_path: Path) -> None:
    """A replaced file is away while it changes, then another track under the same name."""
    put(tmp_path / "a.mp3")
    directory = Directory(str(tmp_path))
    (before,) = directory.look().tracks
    put(tmp_path / "a.mp3", b"longer", 1001)
    assert directory.look().tracks == ()
    (after,) = directory.look().tracks
    assert (after.path, after.size) == (before.path, 6)


def test_touched(tmp_path: Path) -> None:
    """A new time alone does not make a directory silent: the old track stays until the new one has settled."""
    put(tmp_path / "a.mp3")
    directory = Directory(str(tmp_path))
    first = directory.look()
    put(tmp_path / "a.mp3", time_s=2000)
    assert directory.look() is first
    (track,) = directory.look().tracks
    assert track.mtime_ns == 2000 * 10**9


def test_removed_and_renamed(tmp_path: Path) -> None:
    """What is gone leaves at once; a new name settles like a new file."""
    for name in "abc":
        put(tmp_path / f"{name}.mp3")
    directory = Directory(str(tmp_path))
    directory.look()
    (tmp_path / "a.mp3").unlink()
    (tmp_path / "b.mp3").rename(tmp_path / "d.mp3")
    assert names(directory.look(), tmp_path) == ["c.mp3"]
    assert names(directory.look(), tmp_path) == ["c.mp3", "d.mp3"]


def test_nothing_changed(tmp_path: Path) -> None:
    """The same directory gives the very same listing, so that nobody has to compare."""
    put(tmp_path / "a.mp3")
    put(tmp_path / "b.flac")
    directory = Directory(str(tmp_path))
    first = directory.look()
    assert [directory.look(eager) is first for eager in (False, True, False)] == [True] * 3


def test_loops_and_links(tmp_path: Path) -> None:
    """Links are followed, each directory is read once, under its own name where it has one inside."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    put(outside / "far.mp3")
    put(root / "z/near.mp3")
    (root / "z/up").symlink_to(root)
    (root / "z/self").symlink_to("self")
    (root / "a").symlink_to(root / "z")
    (root / "b").symlink_to(outside)
    (root / "c.mp3").symlink_to(outside / "far.mp3")
    listing = Directory(str(root)).look()
    assert names(listing, root) == ["b/far.mp3", "c.mp3", "z/near.mp3"]
    assert list(reasons(listing)) == ["z/self"]


def test_what_is_no_file(tmp_path: Path) -> None:
    """Fifos, devices and links to nowhere are named with the reason, and nothing waits for them."""
    os.mkfifo(tmp_path / "fifo.mp3")
    (tmp_path / "null.mp3").symlink_to("/dev/null")
    (tmp_path / "nowhere.mp3").symlink_to("gone")
    put(tmp_path / "dir.mp3/inside.mp3")
    listing = Directory(str(tmp_path)).look()
    assert names(listing, tmp_path) == ["dir.mp3/inside.mp3"]
    assert reasons(listing) == {
        "fifo.mp3": "is not a regular file",
        "nowhere.mp3": "is missing",
        "null.mp3": "is not a regular file",
    }


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is named, and joins once it may."""
    put(tmp_path / "a.mp3").chmod(0o600)
    directory = Directory(str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        assert reasons(directory.look()) == {"a.mp3": "permission denied"}
    directory.look()
    assert names(directory.look(), tmp_path) == ["a.mp3"]


def test_unreadable_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that may not be read below the root costs its own files only."""
    put(tmp_path / "a.mp3")
    put(tmp_path / "sub/b.mp3")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    listing = Directory(str(tmp_path)).look()
    assert names(listing, tmp_path) == ["a.mp3"]
    assert reasons(listing) == {"sub": "permission denied"}


def test_names_of_any_bytes(tmp_path: Path) -> None:
    """A name need not be text; one left out is shown in a printable form."""
    for name in (b"\xff\xfe.mp3", b"line\nend.mp3", "ü.mp3".encode(), b"\xff.flac"):
        put(tmp_path / os.fsdecode(name))
    listing = Directory(str(tmp_path)).look()
    assert {os.fsencode(name) for name in names(listing, tmp_path)} == {
        b"\xff\xfe.mp3",
        b"line\nend.mp3",
        "ü.mp3".encode(),
    }
    assert "\ufffd\ufffd.mp3" in {track.name for track in listing.tracks}
    assert list(reasons(listing)) == ["\ufffd.flac"]


def test_missing_directory(tmp_path: Path) -> None:
    """It is trouble, not an error; when the directory appears, so do its files, two looks later."""
    directory = Directory(str(tmp_path / "late"))
    assert directory.look() == Listing(trouble="is missing")
    put(tmp_path / "late/a.mp3")
    assert directory.look().trouble == ""
    assert names(directory.look(), tmp_path) == ["late/a.mp3"]


def test_file_instead_of_directory(tmp_path: Path) -> None:
    """A directory replaced by a file is trouble."""
    assert Directory(str(put(tmp_path / "a.mp3"))).look() == Listing(trouble="is not a directory")


def test_directory_back_again(tmp_path: Path) -> None:
    """After an outage, files that are as they were play at once."""
    root = tmp_path / "root"
    put(root / "a.mp3")
    directory = Directory(str(root))
    first = directory.look()
    root.rename(tmp_path / "away")
    assert directory.look() == Listing(trouble="is missing")
    (tmp_path / "away").rename(root)
    assert directory.look() == first


def test_emptied_directory(tmp_path: Path) -> None:
    """A directory without files is no trouble."""
    put(tmp_path / "a.mp3")
    directory = Directory(str(tmp_path))
    directory.look()
    (tmp_path / "a.mp3").unlink()
    assert directory.look() == Listing()


def test_large_directory_is_asked_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are very many files, each look asks a part of them; a change is found all the same, and settles."""
    monkeypatch.setattr(pace, "CALLS_A_LOOK", 3)
    for number in range(10):
        put(tmp_path / f"{number}.mp3")
    directory = Directory(str(tmp_path))
    directory.look()
    for number in range(10):
        put(tmp_path / f"{number}.mp3", b"x" * 5, 2000)
    looks = [directory.look() for _ in range(10)]
    assert [track.size for track in looks[-1].tracks] == [5] * 10


def test_touched_in_a_large_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a file that stays while it settles is asked at the next look, out of turn."""
    monkeypatch.setattr(pace, "CALLS_A_LOOK", 2)
    for number in range(4):
        put(tmp_path / f"{number}.mp3")
    directory = Directory(str(tmp_path))
    directory.look()
    put(tmp_path / "2.mp3", time_s=2000)
    for _ in range(6):
        listing = directory.look()
    assert 2000 * 10**9 in {track.mtime_ns for track in listing.tracks}


def test_very_many_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a long list is summed up."""
    monkeypatch.setattr(listings, "MOST_LEFT_OUT", 2)
    for number in range(5):
        put(tmp_path / f"{number}.wav")
    assert reasons(Directory(str(tmp_path)).look())["…"] == "and 3 more"


def test_very_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories too deep are left out and named."""
    monkeypatch.setattr(scan, "_DEEPEST", 2)
    put(tmp_path / "a/b/c/d.mp3")
    put(tmp_path / "a/b/d.mp3")
    listing = Directory(str(tmp_path)).look()
    assert (names(listing, tmp_path), list(reasons(listing))) == (["a/b/d.mp3"], ["a/b/c"])


def test_very_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link into a whole file system does not keep a look busy for ever: the rest is left out, and that is said."""
    monkeypatch.setattr(scan, "_MOST_ENTRIES", 4)
    for number in range(9):
        put(tmp_path / f"{number}.mp3")
    listing = Directory(str(tmp_path)).look()
    assert (len(listing.tracks), list(reasons(listing))) == (4, ["."])
