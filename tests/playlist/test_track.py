"""Tags and pictures of real files, and of files that want to do harm."""

from __future__ import annotations

import base64
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from radiostream.playlist.track import COVER_BYTES, TEXT_LENGTH, Tags, Track, directory_cover, read_cover, read_tags

FULL = Tags("Naïve", "The Band", "Live")
COVERED = ["id3v2.mp3", "opus.opus", "flac.oga", "covered.m4a"]


def id3(*frames: tuple[str, bytes], version: int = 4, flags: int = 0) -> bytes:
    """An ID3v2.3 or v2.4 tag (id3.org) with these frames."""
    body = b""
    for name, content in frames:
        size = syncsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
        body += name.encode() + size + struct.pack(">H", flags) + content
    return b"ID3" + bytes([version, 0, 0]) + syncsafe(len(body)) + body


def syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def text(value: str) -> bytes:
    return b"\x03" + value.encode()


def vorbis(*comments: bytes, count: int | None = None) -> bytes:
    """An Ogg file that holds no more than the first two packets of Vorbis."""
    head = b"\x01vorbis" + bytes(23)
    fields = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    body = b"\x03vorbis" + struct.pack("<I", 0) + struct.pack("<I", len(comments) if count is None else count) + fields
    return page(head, 0) + b"".join(page(*part) for part in parts(body))


def parts(packet: bytes) -> list[tuple[bytes, int]]:
    """A packet cut into what fits into a page, with whether the page ends it."""
    cuts = [packet[start : start + 255 * 255] for start in range(0, len(packet), 255 * 255)]
    return [(cut, number) for number, cut in enumerate(cuts, 1)]


def page(data: bytes, number: int) -> bytes:
    """One Ogg page (RFC 3533) whose last packet goes on in the next when its length is a multiple of 255."""
    lacing = bytes([255] * (len(data) // 255) + ([len(data) % 255] if len(data) % 255 else []))
    return struct.pack("<4sBBqIIiB", b"OggS", 0, 0, 0, 7, number, 0, len(lacing)) + lacing + data


def write(directory: Path, content: bytes, name: str = "a.mp3") -> str:
    path = directory / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", ["id3v2.mp3", "id3v1.mp3", "vorbis.ogg", "opus.opus", "flac.oga", "mp4.m4a"])
def test_tags_of_every_format(tagged: Path, name: str) -> None:
    """Title, artist and album come from every kind of tag."""
    assert read_tags(str(tagged / name)) == FULL


@pytest.mark.parametrize("name", COVERED)
def test_picture_of_every_format(tagged: Path, cover: bytes, name: str) -> None:
    """The embedded picture comes out byte for byte."""
    assert read_cover(str(tagged / name)) == cover


def test_nothing_to_tell(tagged: Path) -> None:
    """A file without tags, no audio, and no file have empty tags and no picture."""
    for name in ("bare.mp3", "dot.png", "gone.mp3", "."):
        assert (read_tags(str(tagged / name)), read_cover(str(tagged / name))) == (Tags(), None)


def test_ape_tag(tmp_path: Path, tagged: Path) -> None:
    """An MP3 without ID3 may have an APE tag."""
    from mutagen.apev2 import APEv2

    path = write(tmp_path, (tagged / "bare.mp3").read_bytes())
    tag = APEv2()
    tag.update({"Title": "Naïve", "Artist": "The Band", "Album": "Live"})
    tag.save(path)
    assert read_tags(path) == FULL


def test_old_id3(tmp_path: Path, cover: bytes) -> None:
    """ID3v2.2 has names of three letters, for the picture too."""
    picture = b"\x00PNG\x03\x00" + cover
    frames = b"".join(
        name + struct.pack(">I", len(content))[1:] + content
        for name, content in ((b"TT2", b"\x00One"), (b"TP1", b"\x00Two"), (b"PIC", picture))
    )
    path = write(tmp_path, b"ID3\x02\x00\x00" + syncsafe(len(frames)) + frames)
    assert (read_tags(path), read_cover(path)) == (Tags("One", "Two"), cover)


def test_band_instead_of_artist(tmp_path: Path) -> None:
    """Where there is no artist, the album's is the artist; several are one after another."""
    assert read_tags(write(tmp_path, id3(("TPE2", text("Band"))))).artist == "Band"
    assert read_tags(write(tmp_path, id3(("TPE1", text("A\0B"))))).artist == "A, B"
    assert read_tags(write(tmp_path, vorbis(b"ALBUMARTIST=Band", b"title"))).artist == "Band"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  two\r\nlines\t", "two lines"),
        ("a\x1b[31mb\x7fc\x85d\u2028e", "a [31mb c d e"),
        ("\u202eright\u2066\ufeff", "right"),
        ("👩\u200d🎤 \u00a0 é", "👩\u200d🎤 é"),
        ("x" * 5000, "x" * TEXT_LENGTH),
        ("\x00", ""),
    ],
)
def test_text_is_one_printable_line(tmp_path: Path, raw: str, shown: str) -> None:
    """No tag can break a line, turn the text around or fill the memory."""
    assert read_tags(write(tmp_path, vorbis(b"title=" + raw.encode()))).title == shown


def test_front_cover_first(tmp_path: Path) -> None:
    """Of several pictures the front cover is taken."""

    def picture(kind: int, data: bytes) -> bytes:
        return b"\x00image/png\x00" + bytes([kind]) + b"%d\x00" % kind + data

    path = write(tmp_path, id3(("APIC", picture(4, b"back")), ("APIC", picture(3, b"front"))))
    assert read_cover(path) == b"front"
    assert read_cover(write(tmp_path, id3(("APIC", picture(0, b"only"))))) == b"only"
    assert read_cover(write(tmp_path, id3(("APIC", picture(3, b"x" * (COVER_BYTES + 1)))))) is None


@pytest.mark.parametrize(("version", "flags"), [(3, 0x80), (4, 0x09)])
def test_compressed_frame_is_not_read(tmp_path: Path, version: int, flags: int) -> None:
    """A frame that is a bomb (100 MB of spaces) is left alone."""
    bomb = struct.pack(">I", 10**8) + zlib.compress(b"\x03" + b" " * 10**8, 1)
    path = write(tmp_path, id3(("TIT2", bomb), version=version, flags=flags))
    tracemalloc.start()
    try:
        assert read_tags(path) == Tags()
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


ENDLESS = {
    "id3": b"ID3\x04\x00\x00" + syncsafe(100 * 2**20) + b"\0" * 1000,
    "mp4": struct.pack(">I4s", 16, b"ftyp") + b"M4A \0\0\0\0" + struct.pack(">I4s", 2**31, b"moov"),
    "ogg": vorbis(count=2**32 - 1),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_endless_tags(tmp_path: Path, kind: str) -> None:
    """A sparse file of 200 MB that is all tags costs a bounded part of it."""
    path = write(tmp_path, ENDLESS[kind])
    os.truncate(path, 200 * 2**20)
    tracemalloc.start()
    try:
        assert read_tags(path) == Tags()
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_endless_ogg_packet(tmp_path: Path) -> None:
    """A comment that goes on over page after page is given up."""
    path = write(tmp_path, vorbis(b"title=" + b"x" * (20 * 2**20)))
    assert read_tags(path) == Tags()


@given(st.sampled_from(["id3v2.mp3", "vorbis.ogg", "opus.opus", "flac.oga", "covered.m4a"]), st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_damaged_files(tagged: Path, tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Whatever is changed in a file, reading it ends and answers with tags."""
    content = bytearray((tagged / name).read_bytes()[:4000])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path, bytes(content[: data.draw(st.integers(0, len(content)))]))
    assert isinstance(read_tags(path), Tags)
    assert isinstance(read_cover(path), bytes | None)


@given(st.binary(max_size=300), st.sampled_from([b"", b"ID3\x04\0\0\0\0\x01\0", b"OggS\0\x02", b"\0\0\0\x10ftypM4A "]))
@example(b"", vorbis(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(b"\0\0\0\3\xff\xff\xff\xff")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes(tmp_path: Path, content: bytes, start: bytes) -> None:
    """A file may hold anything."""
    path = write(tmp_path, start + content)
    assert isinstance(read_tags(path), Tags)
    assert isinstance(read_cover(path), bytes | None)


def test_picture_beside_the_track(tmp_path: Path, cover: bytes) -> None:
    """`cover` goes before `folder`, beside the track before the station's directory, in any case of letters."""
    track = str(tmp_path / "album/a.mp3")
    (tmp_path / "album").mkdir()
    expected = None
    for name in ("folder.gif", "Cover.PNG", "album/Folder.jpeg", "album/COVER.jpg"):
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


def test_name_of_a_track() -> None:
    """A name that is no text is shown with marks."""
    assert Track("/s/a\udcff.mp3", 1, 1, "mp3").name == "a\ufffd.mp3"
