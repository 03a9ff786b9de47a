"""Tags of real files, of odd ones, and of files that want to do harm."""

from __future__ import annotations

import base64
import logging
import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from radiostream.playlist import tags, tags_ogg
from radiostream.playlist.pictures import read_cover
from radiostream.playlist.tags import TEXT_LENGTH, read_tags
from radiostream.playlist.track import Tags
from tests.playlist.tag_bytes import (
    HOSTILE,
    MIB,
    ape,
    atom,
    freeform,
    id3,
    id3_old,
    id3_tag,
    id3v1,
    item,
    mp4,
    page,
    pages,
    syncsafe,
    text,
    vorbis,
    write,
)

FULL = Tags("Naïve", "The Band", "Live")
PEAK = ("TXXX", text("replaygain_track_peak\x000.98"))


def gain_text(value: str) -> tuple[str, bytes]:
    """As taggers write it into ID3."""
    return "TXXX", text(f"REPLAYGAIN_TRACK_GAIN\0{value}")


def reference_text(value: str) -> tuple[str, bytes]:
    return "TXXX", text(f"replaygain_reference_loudness\0{value}")


@pytest.mark.parametrize("name", ["id3v2.mp3", "id3v1.mp3", "vorbis.ogg", "opus.opus", "flac.oga", "mp4.m4a"])
def test_tags_of_every_format(tagged: Path, name: str) -> None:
    """Title, artist and album come from every kind of tag."""
    assert read_tags(str(tagged / name)) == FULL


def test_nothing_to_tell(tagged: Path) -> None:
    """A file without tags, no audio, and no file have empty tags and no picture."""
    for name in ("bare.mp3", "dot.png", "gone.mp3", "."):
        assert (read_tags(str(tagged / name)), read_cover(str(tagged / name))) == (Tags(), None)


def test_ape_tag(tmp_path: Path, tagged: Path) -> None:
    """An MP3 may have an APE tag, which other software wrote, at its end or before an ID3v1 tag."""
    from mutagen.apev2 import APEv2

    path = write(tmp_path, (tagged / "bare.mp3").read_bytes())
    tag = APEv2()
    tag.update({"Title": "Naïve", "Artist": "The Band", "Album": "Live"})
    tag.save(path)
    assert read_tags(path) == FULL
    with open(path, "ab") as file:
        file.write(b"LYRICSBEGIN" + b"000011LYRICS200" + id3v1(b"cut off at"))
    assert read_tags(path) == FULL


OLD = (("TT2", b"\x00One"), ("TP1", b"\x00Two"))
UTF16 = b"\x01" + "Ünï".encode("utf-16")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (id3_old(*OLD), Tags("One", "Two")),
        (id3_old(("TT2", UTF16), unsynchronised=True), Tags("Ünï")),
        (id3(("TIT2", UTF16), version=3, unsynchronised=True), Tags("Ünï")),
        (id3(("TIT2", UTF16.replace(b"\xff", b"\xff\0")), flags=2), Tags("Ünï")),
        (id3(("TIT2", b"\0\0\0\x04" + text("One")), flags=1), Tags("One")),
        (id3(("TIT2", b"g" + text("One")), version=3, flags=0x20), Tags("One")),
        (id3(("TIT2", b"\x02" + "é".encode("utf-16-be"))), Tags("é")),
        (b"ID3\x03\0\x40" + syncsafe(24) + b"\0\0\0\x06" + bytes(6) + b"TIT2\0\0\0\x04\0\0" + text("One"), Tags("One")),
        (b"ID3\x04\0\x40" + syncsafe(20) + b"\0\0\0\x06\x01\0" + b"TIT2\0\0\0\x04\0\0" + text("One"), Tags("One")),
        (b"ID3\x04\0\x40" + syncsafe(14) + b"TIT2\0\0\0\x04\0\0" + text("One"), Tags("One")),
        (b"ID3\x02\0\x40" + syncsafe(14) + b"TIT2\0\0\0\x04\0\0" + text("One"), Tags()),
        (b"ID3\x09\0\0" + syncsafe(14) + b"TIT2\0\0\0\x04\0\0" + text("One"), Tags()),
        (id3(("TIT2", text(""))) + ape(("Title", b"One")) + id3v1(b"Two", b"Three"), Tags("One", "Three")),
        (id3(("TIT2", b"\x09One")), Tags()),
    ],
)
def test_kinds_of_id3(tmp_path: Path, content: bytes, expected: Tags) -> None:
    """Every version, unsynchronised as a whole or by frame, with extended headers, true and falsely claimed."""
    assert read_tags(write(tmp_path, content)) == expected


def test_sizes_as_itunes_wrote_them(tmp_path: Path) -> None:
    """A v2.4 frame of more than 127 bytes whose size is a plain number does not hide those behind it."""
    long = text("x" * 299)
    frames = b"TALB" + struct.pack(">IH", len(long), 0) + long + b"TIT2" + struct.pack(">IH", 4, 0) + text("One")
    tag = b"ID3\x04\0\0" + syncsafe(len(frames)) + frames
    assert read_tags(write(tmp_path, tag)) == Tags("One", "", "x" * 299)


def test_title_behind_a_large_picture(tmp_path: Path) -> None:
    """A picture of 18 MB costs no title, whatever the format."""
    large = bytes(18 * MIB)
    whole = id3(("APIC", large), ("TIT2", text("One")), version=3, unsynchronised=True)
    comment = b"METADATA_BLOCK_PICTURE=" + base64.b64encode(large)
    for content in (
        id3(("APIC", large), ("TIT2", text("One"))),
        whole,
        vorbis(comment, b"title=One"),
        mp4(item(b"covr", large), item("©nam".encode("latin-1"), b"One")),
        ape(("Cover Art (Front)", large), ("Title", b"One")),
    ):
        assert read_tags(write(tmp_path, content)).title == "One"


def test_title_behind_a_video(tmp_path: Path) -> None:
    """The audio stream's tags count, whichever stream the file begins with (RFC 3533 §4)."""
    video = page(b"\x80theora" + bytes(35), 0, 1, 2)
    streaminfo = page(b"\x7fFLAC\x01\0\0\1fLaC" + bytes(38), 0, 2, 2)
    comments = b"\0\0\0\0\1\0\0\0\x09\0\0\0title=One"
    block = b"\x84" + len(comments).to_bytes(3) + comments
    content = video + streaminfo + page(b"\x81theora", 1, 1) + pages(block, 2)
    assert read_tags(write(tmp_path, content)).title == "One"


def test_one_short_atom(tmp_path: Path) -> None:
    """A broken item costs itself, not the others."""
    name, artist = "©nam".encode("latin-1"), "©ART".encode("latin-1")
    items = (atom(name, b"\0\0"), item(b"trkn"), item(artist, b"Two"), atom(b"----", b"xx"), item(name, b"One"))
    assert read_tags(write(tmp_path, mp4(*items))) == Tags("One", "Two")


NAME = "©nam".encode("latin-1")


def large_atom(kind: bytes, content: bytes) -> bytes:
    """An MP4 atom whose length is told in 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


WHOLE, _, METADATA = mp4(item(NAME, b"One")).partition(b"moov")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (WHOLE[:-4] + large_atom(b"moov", METADATA), Tags("One")),
        (atom(b"ftyp", b"M4A ") + struct.pack(">I4s", 3, b"moov"), Tags()),
        (id3(("TIT2", text("One")), ("TXXX", b"\x03a\0" + b"\xff" * 150)), Tags("One")),
        (
            b"ID3\x04\0\0" + syncsafe(14 + 160) + b"TALB\0\0\0\x96\0\0" + text("x" * 149) + b"TIT2\0\0\0\x04\0\0One",
            Tags("", "", "x" * 149),
        ),
        (bytes(40) + b"APETAGEX" + struct.pack("<IIII", 2000, 4000, 1, 0) + bytes(8), Tags()),
        (b"k" * 300 + b"APETAGEX" + struct.pack("<IIII", 2000, 332, 1, 0) + bytes(8), Tags()),
        (page(b"nothing known", 0, 1, 2) + page(b"audio", 1, 1), Tags()),
    ],
    ids=[
        "64 bits",
        "a short atom",
        "behind a binary text",
        "a plain size with high bits",
        "before the file",
        "no key",
        "no audio",
    ],
)
def test_odd_sizes(tmp_path: Path, content: bytes, expected: Tags) -> None:
    """What is damaged costs itself, and nothing else is raised."""
    assert read_tags(write(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("räksmörgås".encode(), "räksmörgås"),
        ("räksmörgås".encode("latin-1"), "räksmörgås"),
        ("Café".encode("latin-1"), "Café"),
        (("x" * 29 + "é").encode("latin-1"), "x" * 29 + "é"),
        (("é" * 14 + "xé").encode()[:30], "é" * 14 + "x"),
        (b"\xc3\xa9\xc3x", "Ã©Ãx"),
    ],
)
def test_encoding_of_id3v1(tmp_path: Path, raw: bytes, shown: str) -> None:
    """UTF-8 where it is valid, a character cut off at the field's end included; else Latin-1."""
    assert read_tags(write(tmp_path, bytes(500) + id3v1(raw))).title == shown


def test_band_instead_of_artist(tmp_path: Path) -> None:
    """Where there is no artist, the album's is the artist; several are one after another."""
    assert read_tags(write(tmp_path, id3(("TPE2", text("Band"))))).artist == "Band"
    assert read_tags(write(tmp_path, id3(("TPE1", text("A\0B"))))).artist == "A, B"
    assert read_tags(write(tmp_path, vorbis(b"ALBUMARTIST=Band", b"title"))).artist == "Band"
    assert read_tags(write(tmp_path, vorbis(b"artist=A", b"Artist=B"))).artist == "A, B"
    assert read_tags(write(tmp_path, mp4(item(b"aART", b"Band")))).artist == "Band"


ISRC = Tags(isrc="DEA123456789", label="Sony")


@pytest.mark.parametrize(
    "content",
    [
        id3(("TSRC", text("DEA123456789")), ("TPUB", text("Sony"))),
        id3_old(("TRC", b"\0DEA123456789"), ("TPB", b"\0Sony")),
        ape(("ISRC", b"DEA123456789"), ("Publisher", b"Sony")),
        vorbis(b"isrc=DEA123456789", b"organization=Sony"),
        mp4(freeform("ISRC", "DEA123456789"), freeform("LABEL", "Sony")),
    ],
)
def test_identifiers(tmp_path: Path, content: bytes) -> None:
    """The recording's code and who published it, for the log of plays."""
    assert read_tags(write(tmp_path, content)) == ISRC


@pytest.mark.parametrize(
    ("content", "lufs", "source"),
    [
        (id3(gain_text("-6.20 dB"), PEAK), -11.8, "replaygain"),
        (id3(gain_text("-2.00 dB"), reference_text("83.0 dB"), PEAK), -22.0, "replaygain"),
        (id3(gain_text("-5.00 dB"), reference_text("-23.00 LUFS"), PEAK), -18.0, "replaygain"),
        (id3(gain_text("-5.00 dB"), reference_text("loud"), PEAK), -13.0, "replaygain"),
        (ape(("REPLAYGAIN_TRACK_GAIN", b"+3,5 dB"), ("Replaygain_Track_Peak", b"0.98")), -21.5, "replaygain"),
        (vorbis(b"R128_TRACK_GAIN=-512", b"REPLAYGAIN_TRACK_PEAK=0.98"), -21.0, "r128"),
        (
            vorbis(b"R128_TRACK_GAIN=-512", b"REPLAYGAIN_TRACK_GAIN=1 dB", b"REPLAYGAIN_TRACK_PEAK=0.98"),
            -19.0,
            "replaygain",
        ),
        (
            mp4(freeform("replaygain_track_gain", "-1 dB"), freeform("replaygain_track_peak", "0.98")),
            -17.0,
            "replaygain",
        ),
        (id3(("RVA2", b"track\0\x01\xfc\x00\0"), PEAK), -16.0, "rva2"),
        (id3(("RVA2", b"track\0\x01\xfc\x00\x10\x7d\x71")), -16.0, "rva2"),
    ],
)
def test_gain(tmp_path: Path, content: bytes, lufs: float, source: str) -> None:
    """ReplayGain, R 128 and RVA2 come to LUFS, by the reference that is theirs or that is told."""
    gain = read_tags(write(tmp_path, content)).gain
    assert gain is not None
    assert (round(gain.lufs, 6), round(gain.peak or 0, 3), gain.source) == (lufs, 0.98, source)


@pytest.mark.parametrize(
    "content",
    [
        id3(("RVA2", b"album\0\x01\xfc\x00\0")),
        id3(("RVA2", b"track\0\x01\xfc")),
        vorbis(b"REPLAYGAIN_TRACK_GAIN=nan"),
        vorbis(b"REPLAYGAIN_TRACK_GAIN=9999999 dB"),
        vorbis(b"REPLAYGAIN_TRACK_GAIN=-6.5 dB and more"),
        vorbis(b"REPLAYGAIN_TRACK_GAIN="),
        vorbis(b"R128_TRACK_GAIN=-32768"),
    ],
)
def test_nonsense_is_no_gain(tmp_path: Path, content: bytes) -> None:
    """What nobody means is not there."""
    assert read_tags(write(tmp_path, content)).gain is None


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


@pytest.mark.parametrize(("version", "flags"), [(3, 0x80), (4, 0x09)])
def test_compressed_frame_is_not_read(tmp_path: Path, version: int, flags: int) -> None:
    """A frame that is a bomb (100 MB of spaces) is left alone."""
    bomb = struct.pack(">I", 10**8) + zlib.compress(b"\x03" + b" " * 10**8, 1)
    path = write(tmp_path, id3(("TIT2", bomb), version=version, flags=flags))
    assert peak_of(read_tags, path) < 2 * MIB


def peak_of(read: Callable[[str], object], path: str) -> int:
    """The most memory that reading takes; it must take less than two seconds of CPU."""
    tracemalloc.start()
    try:
        began_s = time.thread_time()
        read(path)
        assert time.thread_time() - began_s < 2
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("read", [read_tags, read_cover])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_tags(
    tmp_path: Path, kind: str, read: Callable[[str], object], caplog: pytest.LogCaptureFixture
) -> None:
    """Each costs bounded memory and time, in a sparse file of 200 MB, and is no bug of ours."""
    path = write(tmp_path, HOSTILE[kind]())
    os.truncate(path, max(200 * MIB, os.path.getsize(path)))
    assert peak_of(read, path) < 10 * MIB
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


@given(st.sampled_from(["id3v2.mp3", "vorbis.ogg", "opus.opus", "flac.oga", "covered.m4a"]), st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_damaged_files(
    tagged: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, data: st.DataObject
) -> None:
    """Whatever is changed in a file, reading it ends and answers with tags."""
    content = bytearray((tagged / name).read_bytes()[:4000])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    reads_quietly(write(tmp_path, bytes(content[: data.draw(st.integers(0, len(content)))])), caplog)


@given(st.binary(max_size=300), st.sampled_from([b"", b"ID3\x04\0\0\0\0\x01\0", b"OggS\0\x02", b"\0\0\0\x10ftypM4A "]))
@example(b"", vorbis(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(b"\0\0\0\3\xff\xff\xff\xff")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, start: bytes) -> None:
    """A file may hold anything."""
    reads_quietly(write(tmp_path, start + content), caplog)


def reads_quietly(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Tags and picture can be asked for, and no exception that we did not foresee is logged."""
    assert isinstance(read_tags(path), Tags)
    assert isinstance(read_cover(path), bytes | None)
    assert not caplog.records


def test_atoms_of_other_sizes(tmp_path: Path) -> None:
    """A size of 64 bits, one that says "to the end", and one that is smaller than its own head (ISO 14496-12 §4.2)."""
    before, inside = mp4(item(b"\xa9nam", b"x")).split(b"moov")
    for head, title in (
        (struct.pack(">I4sQ", 1, b"moov", 16 + len(inside)), "x"),
        (struct.pack(">I4s", 0, b"moov"), "x"),
        (struct.pack(">I4s", 4, b"moov"), ""),
    ):
        assert read_tags(write(tmp_path, before[:-4] + head + inside)).title == title


def test_plain_sizes_in_a_new_tag(tmp_path: Path) -> None:
    """A size that cannot be four times seven bits is a plain number, as iTunes wrote it."""
    content = text("x" * 199)
    frame = b"TIT2" + struct.pack(">IH", len(content), 0) + content
    assert read_tags(write(tmp_path, id3_tag(frame, 4))).title == "x" * 199


@pytest.mark.parametrize(
    "tag",
    [
        ape(("k" * 300, b"x"), ("Title", b"x")),
        b"APETAGEX" + struct.pack("<IIII", 2000, 100_000, 1, 0) + bytes(8),
    ],
    ids=["a key without an end", "longer than the file"],
)
def test_ape_tags_that_make_no_sense(tag: bytes, tmp_path: Path) -> None:
    """They tell nothing."""
    assert read_tags(write(tmp_path, bytes(100) + tag)) == Tags()


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """It tells nothing, and that is no error."""
    assert read_tags(str(tmp_path / "gone.mp3")) == Tags()


def test_a_bug_in_reading_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs the tags, and is told with its traceback."""
    monkeypatch.setattr(tags, "mp4_fields", None)
    assert read_tags(write(tmp_path, mp4(item(b"\xa9nam", b"x")))) == Tags()
    (record,) = caplog.records
    assert record.exc_info


def test_an_ogg_file_that_begins_in_the_middle(tmp_path: Path) -> None:
    """Without the begin of a stream nobody knows what its packets are."""
    assert read_tags(write(tmp_path, page(b"OpusHead", 5) + vorbis(b"title=x"), "a.ogg")) == Tags()


def test_very_many_blocks(tagged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is behind so many is not looked for."""
    monkeypatch.setattr(tags_ogg, "_MAX_BLOCKS", 1)
    assert read_tags(str(tagged / "flac.oga")) == FULL
