"""What looks cost at rest, and what they find all the same; what is known outlives errors that do not say "gone"."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR
from typing import Any

import pytest

from radiostream.playlist import mounts, pace, scan
from radiostream.playlist.scan import Directory, Listing


class Time:
    """A monotonic clock and the kernel's, both set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.wall = 0.0
        """Far behind every file's times, so that no file seems to have stood still for long."""


class Counted:
    """How often the file system is asked for what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: Counter[str] = Counter()
        self.failing: dict[str, int] = {}
        """The error number that a path answers with."""
        self.asked: list[str] = []
        for name in ("stat", "scandir"):
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def ask(path: str, *arguments: Any, **options: Any) -> Any:
            self.calls[name] += 1
            self.asked.append(path)
            if number := self.failing.get(path):
                raise OSError(number, os.strerror(number), path)
            return real(path, *arguments, **options)

        return ask


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def albums(root: Path, count: int) -> None:
    """So many albums of two files."""
    for number in range(count):
        (root / str(number)).mkdir()
        for name in ("a.mp3", "b.mp3"):
            (root / str(number) / name).write_bytes(b"x")


def at_rest(root: Path, time: Time) -> Directory:
    """A directory that has been looked at until it is at rest."""
    directory = Directory(str(root), now=lambda: time.now, wall=lambda: time.wall)
    for _ in range(40):
        look(directory, time)
    return directory


def look(directory: Directory, time: Time) -> Listing:
    time.now += 2
    return directory.look()


def test_at_rest_directories_are_asked_for_their_time(tmp_path: Path, time: Time, counted: Counted) -> None:
    """Up to a few hundred all of them at each look, of more a half; a few are read again in turn."""
    albums(tmp_path, 600)
    directory = at_rest(tmp_path, time)
    before = directory.calls
    counted.calls.clear()
    assert look(directory, time) is look(directory, time)
    assert counted.calls["stat"] < 2 * (1 + 300 + pace.CALLS_A_LOOK)
    assert counted.calls["scandir"] < 2 * pace.CALLS_A_LOOK / 4
    assert directory.calls - before < 2 * (1 + 300 + 2 * pace.CALLS_A_LOOK)


def test_a_new_file_is_seen_within_two_looks(tmp_path: Path, time: Time) -> None:
    """In every place of a large tree; in a new directory at the next look."""
    albums(tmp_path, 600)
    directory = at_rest(tmp_path, time)
    for number in (0, 299, 300, 599):
        (tmp_path / str(number) / "new.mp3").write_bytes(b"x")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/c.mp3").write_bytes(b"x")
    assert "new/c.mp3" in {skipped.name for skipped in look(directory, time).left_out}
    listing = look(directory, time)
    seen = {skipped.name for skipped in listing.left_out} | {track.name for track in listing.tracks}
    assert "c.mp3" in seen
    assert len(listing.tracks) + len(listing.left_out) == 1205
    assert len(look(directory, time).tracks) == 1205


def test_a_file_that_has_stood_still_joins_when_it_is_seen(tmp_path: Path, time: Time) -> None:
    """On a local disk the kernel's clock tells how long ago a file changed: no second look is needed."""
    directory = at_rest(tmp_path, time)
    path = tmp_path / "a.mp3"
    path.write_bytes(b"x")
    time.wall = path.stat().st_ctime + 1.9
    assert not look(directory, time).tracks
    other = tmp_path / "b.mp3"
    other.write_bytes(b"x")
    time.wall = other.stat().st_ctime + 2.1
    assert len(look(directory, time).tracks) == 2


def test_a_file_that_grows_in_a_directory_that_moves(tmp_path: Path, time: Time) -> None:
    """A file is compared once at a look, so that two answers of one look are not taken for two looks."""
    directory = at_rest(tmp_path, time)
    for size in range(1, 8):
        (tmp_path / "a.mp3").write_bytes(b"x" * size)
        (tmp_path / f"{size}.txt").touch()
        assert not look(directory, time).tracks
    assert len(look(directory, time).tracks) == 1


def test_a_retag_that_keeps_size_and_time(tmp_path: Path, time: Time) -> None:
    """The change time tells; where it is rewritten through a new file, the inode asks for it."""
    path = tmp_path / "a.mp3"
    path.write_bytes(b"old")
    os.utime(path, (1000, 1000))
    directory = at_rest(tmp_path, time)
    (before,) = look(directory, time).tracks
    path.write_bytes(b"new")
    os.utime(path, (1000, 1000))
    assert look(directory, time).tracks == (before,)
    (after,) = look(directory, time).tracks
    assert (after.size, after.mtime_ns) == (before.size, before.mtime_ns)
    assert after != before
    for name in ("x", "y"):
        (tmp_path / name).write_bytes(b"rep")
        os.utime(tmp_path / name, (1000, 1000))
        os.replace(tmp_path / name, path)
        look(directory, time)
    (last,) = look(directory, time).tracks
    assert last not in (before, after)


def test_changed_in_place_in_a_large_tree(tmp_path: Path, time: Time) -> None:
    """Nothing moves a directory's time: it is found in turn, and by a reload at once."""
    albums(tmp_path, 200)
    directory = at_rest(tmp_path, time)
    for number in range(200):
        (tmp_path / str(number) / "a.mp3").write_bytes(b"longer")
    turns = 2 + 201 * 5 // pace.CALLS_A_LOOK
    sizes = [sum(track.size == 6 for track in look(directory, time).tracks) for _ in range(turns + 2)]
    assert sizes[-1] == 200
    for number in range(200):
        (tmp_path / str(number) / "a.mp3").write_bytes(b"once more")
    assert sum(track.size == 9 for track in directory.look(eager=True).tracks) == 200


def test_a_change_within_a_tick_of_the_clock(tmp_path: Path, time: Time) -> None:
    """A coarse clock gives two changes one time: after the first the directory is read again for a while."""
    directory = at_rest(tmp_path, time)
    (tmp_path / "a.mp3").write_bytes(b"x")
    status = tmp_path.stat()
    look(directory, time)
    (tmp_path / "b.mp3").write_bytes(b"x")
    os.utime(tmp_path, ns=(status.st_atime_ns, status.st_mtime_ns))
    look(directory, time)
    assert len(look(directory, time).tracks) == 2


@pytest.mark.parametrize("dear", ["kind", "slow"])
def test_a_network_mount_is_asked_once_a_second(
    tmp_path: Path, time: Time, counted: Counted, monkeypatch: pytest.MonkeyPatch, dear: str
) -> None:
    """By its kind in the kernel's table, or because it answers slowly; a reload asks everything all the same."""
    if dear == "kind":
        monkeypatch.setattr(scan, "is_network_mount", lambda _: True)
    else:
        monkeypatch.setattr(scan, "DEAR_S", 0.0)
    albums(tmp_path, 100)
    directory = at_rest(tmp_path, time)
    counted.calls.clear()
    for _ in range(200):
        look(directory, time)
    assert (
        100 < counted.calls.total() <= (400 - 200) * pace.NETWORK_CALLS_A_S
    )  # but for the settings file, at each look
    (tmp_path / "7/new.mp3").write_bytes(b"x")
    assert len(directory.look(eager=True).tracks) == 201


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ESTALE, errno.EIO, errno.EACCES, errno.ETIMEDOUT])
@pytest.mark.parametrize("where", ["root", "album"])
def test_errors_that_do_not_say_gone(tmp_path: Path, time: Time, counted: Counted, number: int, where: str) -> None:
    """They are told, the tracks stay; when the error has gone everything is as it was."""
    albums(tmp_path, 3)
    directory = at_rest(tmp_path, time)
    before = look(directory, time)
    assert len(before.tracks) == 6
    counted.failing = {str(tmp_path if where == "root" else tmp_path / "1"): number}
    after = look(directory, time)
    assert after.tracks == before.tracks
    assert bool(after.trouble) == (where == "root")
    assert [skipped.name for skipped in after.left_out] == ([] if where == "root" else ["1"])
    assert look(directory, time) is after
    counted.failing.clear()
    assert look(directory, time) == before


def test_no_descriptor_at_the_first_look(tmp_path: Path, time: Time, counted: Counted) -> None:
    """Nothing is known yet then; the files join as new ones when it works."""
    albums(tmp_path, 1)
    counted.failing = {str(tmp_path): errno.EMFILE}
    directory = Directory(str(tmp_path), now=lambda: time.now, wall=lambda: time.wall)
    assert directory.look() == Listing(trouble="cannot be read: Too many open files")
    counted.failing.clear()
    look(directory, time)
    assert len(look(directory, time).tracks) == 2


def test_a_directory_that_is_gone(tmp_path: Path, time: Time) -> None:
    """With all below it, at the next look; one of the same name is another."""
    albums(tmp_path, 2)
    (tmp_path / "0/deep").mkdir()
    (tmp_path / "0/deep/c.mp3").write_bytes(b"x")
    directory = at_rest(tmp_path, time)
    (tmp_path / "0").rename(tmp_path / "moved")
    assert [track.path.count("moved") for track in look(directory, time).tracks] == [0, 0]
    look(directory, time)
    assert sum("moved" in track.path for track in look(directory, time).tracks) == 3


def test_directories_that_share_a_number(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """mergerfs and SMB number directories alike: each is read; a link to one that is read is no second one."""
    albums(tmp_path, 3)
    (tmp_path / "link").symlink_to(tmp_path / "1")
    (tmp_path / "1/up").symlink_to(tmp_path)
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        status = real(path, **options)
        return os.stat_result((status.st_mode, 1, 1, *status[3:])) if S_ISDIR(status.st_mode) else status

    monkeypatch.setattr(os, "stat", stat)
    listing = Directory(str(tmp_path)).look()
    assert sorted(os.path.relpath(track.path, tmp_path) for track in listing.tracks) == [
        f"{number}/{name}.mp3" for number in range(3) for name in "ab"
    ]


def test_a_very_large_tree(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link into a whole file system costs a bounded number of directories, and that is told."""
    monkeypatch.setattr(scan, "_MOST_FOLDERS", 5)
    albums(tmp_path, 10)
    listing = look(at_rest(tmp_path, time), time)
    assert len(listing.tracks) == 8
    assert [(one.name, one.reason) for one in listing.left_out] == [
        (".", "holds more than 5 directories; the rest is not read")
    ]


def test_a_look_that_takes_long_goes_on(tmp_path: Path, time: Time) -> None:
    """Each look ends after a while, so that other stations are looked at; what was found plays, and it is told."""

    def slowly() -> float:
        time.now += 0.25
        return time.now

    albums(tmp_path, 20)
    directory = Directory(str(tmp_path), now=slowly, wall=lambda: time.wall)
    first = directory.look()
    assert 0 < len(first.tracks) < 40
    assert [one.reason for one in first.left_out] == ["takes long to read; it goes on"]
    for _ in range(40):
        listing = directory.look()
    assert (len(listing.tracks), listing.left_out) == (40, ())


TABLE = r"""22 1 0:20 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /mnt/nas rw shared:2 - nfs4 nas:/music rw
31 30 0:31 / /mnt/nas/local rw - xfs /dev/sdb1 rw
32 22 0:32 / /mnt/my\040cloud rw - fuse.rclone cloud: rw
33 22 0:33 / /mnt/pool rw - fuse.mergerfs a:b rw
34 22 0:34 / /mnt/usb rw - fuseblk /dev/sdc1 rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/music", False),
        ("/mnt/nas", True),
        ("/mnt/nas/album", True),
        ("/mnt/nastier", False),
        ("/mnt/nas/local/x", False),
        ("/mnt/my cloud/x", True),
        ("/mnt/pool", False),
        ("/mnt/usb/x", False),
    ],
)
def test_kinds_of_mounts(path: str, network: bool) -> None:
    """The innermost mount's kind counts."""
    assert mounts.is_network_mount(path, TABLE) is network


def test_this_machines_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real table can be read; without one nothing is a network mount."""
    assert mounts.is_network_mount(str(tmp_path)) in (True, False)
    monkeypatch.setattr(mounts, "_TABLE", str(tmp_path / "none"))
    assert not mounts.is_network_mount("/")


@pytest.mark.parametrize(("number", "told"), [(errno.EIO, "cannot be read: Input/output error"), (errno.ENOENT, None)])
def test_a_file_that_settles_and_cannot_be_asked(
    tmp_path: Path, time: Time, counted: Counted, number: int, told: str | None
) -> None:
    """Why is told, unless it has just gone; until its directory is read again."""
    albums(tmp_path, 30)
    directory = at_rest(tmp_path, time)
    (tmp_path / "7/new.mp3").touch()
    for _ in range(40):
        assert not look(directory, time).tracks[60:]
    counted.failing = {str(tmp_path / "7/new.mp3"): number}
    told_of = [look(directory, time).left_out for _ in range(5)]
    assert told in [one[0].reason if one else None for one in told_of]


def test_many_files_that_settle_are_asked_in_turn(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look asks for some of them; all join in the end."""
    monkeypatch.setattr(scan, "_SETTLING_A_LOOK", 1)
    albums(tmp_path, 3)
    directory = at_rest(tmp_path, time)
    for number in range(3):
        (tmp_path / f"{number}/new.mp3").touch()
    for _ in range(5):
        look(directory, time)
    for number in range(3):
        (tmp_path / f"{number}/new.mp3").write_bytes(b"x")
    for _ in range(10):
        listing = look(directory, time)
    assert len(listing.tracks) == 9


def test_many_directories_that_cannot_be_asked(tmp_path: Path, time: Time, counted: Counted) -> None:
    """Also those whose answers are not timed any more: each is told, the tracks stay."""
    albums(tmp_path, 40)
    directory = at_rest(tmp_path, time)
    counted.failing = {str(tmp_path / str(number)): errno.EIO for number in range(40)}
    for _ in range(10):
        listing = look(directory, time)
    assert len(listing.tracks) == 80
    assert len(listing.left_out) == 40


def test_a_directory_whose_parent_does_not_know_that_it_is_gone(tmp_path: Path, time: Time, counted: Counted) -> None:
    """As on a network, whose answers are of different age."""
    albums(tmp_path, 2)
    directory = at_rest(tmp_path, time)
    counted.failing = {str(tmp_path / "1"): errno.ENOENT}
    for _ in range(3):
        listing = look(directory, time)
    assert [track.path.count("/0/") for track in listing.tracks] == [1, 1]


def test_a_new_directory_that_cannot_be_asked(tmp_path: Path, time: Time, counted: Counted) -> None:
    """Its parent says why."""
    albums(tmp_path, 2)
    counted.failing = {str(tmp_path / "1"): errno.EACCES}
    listing = Directory(str(tmp_path), now=lambda: time.now, wall=lambda: time.wall).look()
    assert len(listing.tracks) == 2
    assert [(one.name, one.reason) for one in listing.left_out] == [("1", "permission denied")]


def test_a_directory_with_a_link_goes(tmp_path: Path, time: Time) -> None:
    """What the link led to, which has a name of its own, stays."""
    albums(tmp_path, 2)
    (tmp_path / "0/other").symlink_to(tmp_path / "1")
    directory = at_rest(tmp_path, time)
    shutil.rmtree(tmp_path / "0")
    look(directory, time)
    assert [track.path.count("/1/") for track in look(directory, time).tracks] == [1, 1]


def test_one_of_two_directories_of_a_number_goes(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is known as before."""
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        status = real(path, **options)
        return os.stat_result((status.st_mode, 1, 1, *status[3:])) if S_ISDIR(status.st_mode) else status

    albums(tmp_path, 3)
    monkeypatch.setattr(os, "stat", stat)
    directory = Directory(str(tmp_path), now=lambda: time.now, wall=lambda: time.wall)
    assert len(look(directory, time).tracks) == 6
    shutil.rmtree(tmp_path / "2")
    assert len(directory.look(eager=True).tracks) == 4


@pytest.fixture
def standstill(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the directory `0` takes up all of a look's time."""
    real = os.scandir

    def scandir(path: str) -> Any:
        time.now += 10 if path == str(tmp_path / "0") else 0
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.usefixtures("standstill")
def test_a_directory_is_gone_before_it_is_read(tmp_path: Path, time: Time) -> None:
    """With its parent, which was read at the look before: nobody is left who could be told."""
    (tmp_path / "0/deep").mkdir(parents=True)
    directory = Directory(str(tmp_path), now=lambda: time.now, wall=lambda: time.wall)
    assert [one.reason for one in directory.look().left_out] == ["takes long to read; it goes on"]
    shutil.rmtree(tmp_path / "0")
    assert look(directory, time) == Listing()


@pytest.mark.usefixtures("standstill")
def test_a_directory_that_is_found_twice_is_read_once(tmp_path: Path, time: Time) -> None:
    """Where all is asked again before all has been read."""
    (tmp_path / "0/deep").mkdir(parents=True)
    (tmp_path / "0/deep/a.mp3").write_bytes(b"x")
    directory = Directory(str(tmp_path), now=lambda: time.now, wall=lambda: time.wall)
    directory.look()
    directory.look(eager=True)
    assert len(directory.look().tracks) == 1
