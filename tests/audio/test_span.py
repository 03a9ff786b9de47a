"""Where the audio lies between the tags: tables of tags in front and behind, lies among them, and random bytes."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.audio.span import audio_span, read_at, read_into

AUDIO = b"\xff\xfb\x90\x64" + bytes(range(1, 250)) * 4


def id3v2(body: bytes, version: int = 4, flags: int = 0, size: bytes | None = None) -> bytes:
    """A tag in front; its size as four times seven bits unless given."""
    number = len(body)
    size = size or bytes(number >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + size + body


def id3v2_footer(body: bytes) -> bytes:
    """The ten bytes behind an ID3v2.4 tag."""
    return b"3DI" + id3v2(body, flags=0x10)[3:10]


def ape(items: bytes, *, header: bool = True, size: int | None = None, at_front: bool = False) -> bytes:
    """An APEv2 tag with footer and, where wanted, header."""
    size = len(items) + 32 if size is None else size

    def block(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII8x", 2000, size, 1, flags)

    flags = 0x80000000 if header else 0
    return (block(flags | 0x20000000) if header or at_front else b"") + items + block(flags)


def lyrics3v2(text: bytes) -> bytes:
    """A Lyrics3 v2 block; its size counts all but itself and the mark."""
    content = b"LYRICSBEGIN" + text
    return content + b"%06d" % len(content) + b"LYRICS200"


ID3V1 = b"TAG" + b"x" * 125
ENHANCED = b"TAG+" + b"y" * 223

FRONT = {
    "nothing": b"",
    "ID3v2.3": id3v2(b"a" * 300, version=3),
    "ID3v2.4 with footer": id3v2(b"a" * 300, flags=0x10) + id3v2_footer(b"a" * 300),
    "footer flag before 2.4 means nothing": id3v2(b"a" * 300, version=3, flags=0x10),
    "two tags": id3v2(b"a" * 30, version=3) + id3v2(b"b" * 200),
    "zero padding behind a tag": id3v2(b"a" * 30) + bytes(3000),
    "much zero padding": id3v2(b"a" * 30) + bytes(200_000),
    "padding between two tags": id3v2(b"a" * 30) + bytes(50) + id3v2(b"b" * 30),
    "size as plain 32 bits": id3v2(b"a" * 0x181, version=3, size=b"\0\0\1\x81"),
    "APEv2 in front": ape(b"i" * 100, at_front=True),
    "size out of the file": id3v2(b"", size=b"\x7f\x7f\x7f\x7f"),
}

BACK = {
    "nothing": b"",
    "ID3v1": ID3V1,
    "ID3v1 enhanced": ENHANCED + ID3V1,
    "APEv2": ape(b"i" * 100),
    "APEv2 without header": ape(b"i" * 100, header=False),
    "APEv2, ID3v1": ape(b"i" * 100) + ID3V1,
    "APEv2, Lyrics3 v2, ID3v1": ape(b"i" * 100) + lyrics3v2(b"IND0000200") + ID3V1,
    "Lyrics3 v1, ID3v1": b"LYRICSBEGIN" + b"la " * 500 + b"LYRICSEND" + ID3V1,
    "Lyrics3 v1 without its begin": b"LYRICSEND",
    "appended ID3v2.4": id3v2(b"a" * 200, flags=0x10) + id3v2_footer(b"a" * 200),
    "ID3v1 twice": ID3V1 + ID3V1,
    "APEv2 with a size out of the file": ape(b"", header=False, size=1 << 31),
    "APEv2 with a size of zero": ape(b"", header=False, size=0),
    "Lyrics3 v2 with a size out of the file": b"999999LYRICS200",
    "appended ID3v2.4 with a size out of the file": b"3DI\4\0\0\x7f\x7f\x7f\x7f",
}


@pytest.mark.parametrize("front", FRONT.values(), ids=FRONT)
@pytest.mark.parametrize("back", BACK.values(), ids=BACK)
def test_audio_lies_between_the_tags(front: bytes, back: bytes) -> None:
    """Any tags in front with any tags behind leave exactly the audio.

    With a size that lies, what is left out is the header alone.
    """
    start, end = audio_span(io.BytesIO(front + AUDIO + back))
    assert (start, end) == (len(front), len(front) + len(AUDIO))


@pytest.mark.parametrize(
    "data",
    [b"", b"I", b"ID3", id3v2(b"a" * 50), ID3V1, ape(b""), b"LYRICS200", b"TAG", bytes(100), b"APETAGEX", b"3DI\4"],
)
def test_file_without_audio_has_an_ordered_span(data: bytes) -> None:
    """Tags alone, parts of tags and nothing at all give a span inside of the file, its end not before its begin."""
    start, end = audio_span(io.BytesIO(data))
    assert 0 <= start <= end <= len(data)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.sampled_from([*FRONT.values(), *BACK.values()]),
            st.sampled_from([b"ID3\4\0\0", b"APETAGEX", b"3DI\4", b"LYRICS200", b"LYRICSEND", b"TAG"]),
        ),
        max_size=6,
    )
)
def test_any_bytes_give_an_ordered_span(parts: list[bytes]) -> None:
    """No heap of tags and rubbish leads out of the file or to an exception."""
    data = b"".join(parts)
    start, end = audio_span(io.BytesIO(data))
    assert 0 <= start <= end <= len(data)


class CountingFile(io.BytesIO):
    """Counts what is read of it, in pieces of at most a few bytes as a slow file system gives them."""

    read_bytes = 0

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer: enough here
        """At most 1000 bytes at once."""
        got = super().readinto(buffer[:1000])
        self.read_bytes += got
        return got


def test_reads_are_bounded() -> None:
    """Thousands of empty tags in a row at both ends cost a bounded number of small reads."""
    file = CountingFile(id3v2(b"") * 100_000 + AUDIO + ID3V1 * 10_000)
    start, end = audio_span(file)
    assert 0 < start < end
    assert file.read_bytes < 1 << 20


def test_short_reads_are_put_together() -> None:
    """A read that gives less than asked for is gone on with, up to the end of the file."""
    file = CountingFile(bytes(range(256)) * 16)
    assert read_at(file, 256, 3000) == (bytes(range(256)) * 16)[256:3256]
    view = memoryview(bytearray(5000))
    assert read_into(file, 96, view) == 4000


def test_zeros_without_end_are_left_where_they_are() -> None:
    """A megabyte and more of them is no padding behind a tag, and is not searched to its end."""
    data = id3v2(b"\0" * 10) + bytes(3 << 20) + b"\xff\xfb"
    assert audio_span(io.BytesIO(data))[0] == len(id3v2(b"\0" * 10))
