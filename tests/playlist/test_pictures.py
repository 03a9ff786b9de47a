"""Pictures in files and beside them, by their bytes."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.playlist import pictures
from radiostream.playlist.pictures import COVER_BYTES, directory_cover, find_picture, image_type, read_cover
from tests.playlist.tag_bytes import ape, flac_picture, id3, id3_old, item, mp4, vorbis, write

COVERED = ["id3v2.mp3", "opus.opus", "flac.oga", "covered.m4a"]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", COVERED)
def test_picture_of_every_format(tagged: Path, cover: bytes, name: str) -> None:
    """The embedded picture comes out byte for byte."""
    assert read_cover(str(tagged / name)) == cover


def apic(kind: int, data: bytes, description: bytes = b"d\0", encoding: int = 0) -> tuple[str, bytes]:
    """An ID3v2 picture frame."""
    return "APIC", bytes([encoding]) + b"image/png\0" + bytes([kind]) + description + data


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (id3(apic(4, PNG + b"back"), apic(3, PNG + b"front")), PNG + b"front"),
        (id3(apic(0, PNG + b"only")), PNG + b"only"),
        (id3(apic(3, PNG + b"x" * COVER_BYTES)), None),
        (id3(apic(3, PNG + b"x" * 2 * COVER_BYTES)), None),
        (id3(apic(3, PNG + b"x" * COVER_BYTES), apic(0, PNG + b"small")), PNG + b"small"),
        (id3(apic(3, b"<svg>"), apic(0, PNG)), PNG),
        (id3(apic(3, PNG, "dé".encode("utf-16") + b"\0\0", 1)), PNG),
        (id3(apic(3, PNG, b"\0\0", 1)), PNG),
        (id3(apic(3, PNG + b"\xff\0x"), version=3, unsynchronised=True), PNG + b"\xff\0x"),
        (id3(apic(3, b"\xff\xd8\xff\0\xe0"), version=3, unsynchronised=True), b"\xff\xd8\xff\0\xe0"),
        (id3_old(("PIC", b"\0PNG\3\0" + PNG)), PNG),
        (id3(("APIC", b"\0image/png")), None),
        (ape(("Cover Art (Front)", b"a.png\0" + PNG), flags=2), PNG),
        (vorbis(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(flac_picture(PNG + b"x"))), PNG + b"x"),
        (vorbis(b"METADATA_BLOCK_PICTURE=~"), None),
        (mp4(item(b"covr", b"none", PNG)), PNG),
    ],
)
def test_which_picture(tmp_path: Path, content: bytes, expected: bytes | None) -> None:
    """The front cover goes first; what is too large, or no picture by its first bytes, is passed over."""
    assert read_cover(write(tmp_path, content)) == expected


@pytest.mark.parametrize("large", [False, True])
def test_picture_beside_the_track(tmp_path: Path, cover: bytes, large: bool) -> None:
    """`cover` goes before `folder`, beside the track before the station's directory, in any case of letters; small
    letters in a directory of very many entries, of which not all are read."""
    track = str(tmp_path / "album/a.mp3")
    (tmp_path / "album").mkdir()
    for number in range(1000 if large else 0):
        (tmp_path / "album" / str(number)).touch()
    expected = None
    for name in ("folder.gif", "Cover.PNG", "album/folder.jpeg", "album/COVER.jpg" if not large else "album/cover.jpg"):
        assert directory_cover(track, str(tmp_path)) == expected
        expected = write(tmp_path, cover, name)
    assert directory_cover(track, str(tmp_path)) == expected


def test_picture_that_is_none(tmp_path: Path) -> None:
    """A directory, an empty or a very large file of that name is passed over, a missing directory too."""
    (tmp_path / "cover.jpg").mkdir()
    write(tmp_path, b"", "cover.png")
    write(tmp_path, b"x" * (COVER_BYTES + 1), "folder.jpg")
    (tmp_path / "folder.png").symlink_to("gone")
    os.mkfifo(tmp_path / "folder.gif")
    assert directory_cover(str(tmp_path / "gone/a.mp3"), str(tmp_path)) is None


def test_own_picture_before_the_directorys(tmp_path: Path, cover: bytes) -> None:
    """A track shows its own picture, else the directory's; where its own is too large or none,
    the directory's too."""
    own = write(tmp_path, id3(apic(3, PNG + b"own")), "own.mp3")
    large = write(tmp_path, id3(apic(3, PNG + b"x" * COVER_BYTES), apic(0, b"<svg onload=alert(1)>")), "large.mp3")
    root = str(tmp_path)
    assert find_picture(large, root) is None
    write(tmp_path, cover, "cover.jpg")
    found = [find_picture(path, root) for path in (own, large)]
    assert [(one.data, one.kind) for one in found if one] == [(PNG + b"own", "image/png"), (cover, "image/png")]
    assert len({one.version for one in found if one}) == 2
    write(tmp_path, b"<svg>", "cover.jpg")
    assert find_picture(large, root) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"GIF87a\1\0", "image/gif"),
        (b"GIF89a\1\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\xff\xd8", None),
        (b"\x89PNG\n\x1a\n", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>", None),
        (b"<html><script>alert(1)</script>", None),
        (b" \xff\xd8\xff", None),
        (b"BM\x36\0", None),
        (b"RIFF", None),
        (b"", None),
    ],
)
def test_image_type(data: bytes, kind: str | None) -> None:
    """A table of first bytes; what could run in a browser is no picture."""
    assert image_type(data) == kind


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_have_a_type_of_the_four_or_none(data: bytes) -> None:
    """No input is served as anything that could be a page."""
    assert image_type(data) in (None, "image/jpeg", "image/png", "image/gif", "image/webp")


def test_a_picture_beside_that_is_gone_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, and not there any more when it is read: there is none."""

    def gone(path: str) -> NoReturn:
        raise FileNotFoundError(path)

    track = write(tmp_path, b"")
    write(tmp_path, PNG, "cover.png")
    assert find_picture(track, str(tmp_path)) is not None
    monkeypatch.setattr(pictures, "open_track", gone)
    assert find_picture(track, str(tmp_path)) is None


def test_a_bug_in_reading_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs the picture, and is told with its traceback."""
    monkeypatch.setattr(pictures, "ape_fields", None)
    assert read_cover(write(tmp_path, bytes(100))) is None
    (record,) = caplog.records
    assert record.exc_info
