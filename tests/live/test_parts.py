"""The small pure pieces: transfer codings, titles in the stream, playlists, what sources say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.live.body import BodyError, Chunked, Plain
from radiostream.live.comments import title_in
from radiostream.live.desk import shown_url
from radiostream.live.icy import Demuxer, text_of
from radiostream.live.playlists import PlaylistError, is_playlist, stream_in
from radiostream.live.said import Said, said
from radiostream.live.source import body_of
from radiostream.live.upstream import family_of


@given(st.lists(st.binary(min_size=1, max_size=300)), st.integers(1, 50))
def test_chunks_are_taken_apart(chunks: list[bytes], size: int) -> None:
    """A chunked body comes out as it went in, however its bytes are cut."""
    wire = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    body = Chunked()
    got = b"".join(body.feed(wire[at : at + size]) for at in range(0, len(wire), size))
    assert got == b"".join(chunks)
    assert body.is_over


@pytest.mark.parametrize("wire", [b"x\r\n", b"-1\r\n", b"\r\n", b"3\r\nabcd\r\n", b"123456789\r\n", b"1" * 2000])
def test_a_broken_chunk_ends_the_body(wire: bytes) -> None:
    """What is no size, or not as long as it says, is an error, not audio."""
    with pytest.raises(BodyError):
        Chunked().feed(wire)


@given(st.binary(max_size=400))
def test_any_bytes_may_come_as_chunks(wire: bytes) -> None:
    """Nothing but `BodyError` is raised."""
    try:
        Chunked().feed(wire)
    except BodyError:
        return


def test_a_length_ends_a_plain_body() -> None:
    """Bytes behind it belong to nobody."""
    body = Plain(5)
    assert body.feed(b"abc") + body.feed(b"defg") == b"abcde"
    assert body.is_over
    assert not Plain().is_over


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.binary(min_size=40, max_size=40), st.sampled_from(["", "A - B", "Ä';x"]))),
    st.integers(1, 30),
)
def test_titles_are_taken_out_of_the_audio(metaint: int, blocks: list[tuple[bytes, str]], size: int) -> None:
    """Audio and titles come out as they were woven together, however the bytes are cut."""
    wire = b""
    for audio, title in blocks:
        text = f"StreamTitle='{title}';".encode() if title else b""
        wire += audio[:metaint] + bytes([-(-len(text) // 16)]) + text.ljust(-(-len(text) // 16) * 16, b"\0")
    demuxer = Demuxer(metaint)
    got = b"".join(demuxer.feed(wire[at : at + size]) for at in range(0, len(wire), size))
    assert got == b"".join(audio[:metaint] for audio, _ in blocks)
    expected = [said("Ä") if title.startswith("Ä") else said(title) for _, title in blocks if title]
    assert demuxer.titles == expected


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Ä".encode(), "", "Ä"),
        ("Ä".encode("latin-1"), "", "Ä"),
        ("Д".encode("koi8-r"), "KOI8-R", "Д"),
        ("Ä".encode("latin-1"), "ISO-8859-1", "Ä"),
        ("Ä".encode(), "no such thing", "Ä"),
        (b"\xff\xfe", "utf-8", "ÿþ"),
    ],
)
def test_characters(raw: bytes, charset: str, text: str) -> None:
    """UTF-8 unless the source says otherwise, and never an error."""
    assert text_of(raw, charset) == text


def test_what_a_source_says_harms_nobody() -> None:
    """Line ends, escapes and marks that turn the direction of text become spaces; it has an end."""
    assert said("a\r\nSet-Cookie: b\x1b[31m\u202e\0") == Said("a Set-Cookie: b [31m")
    assert len(said("x" * 100_000).title) == 500


@given(st.binary(max_size=300))
def test_any_bytes_may_be_a_comment(data: bytes) -> None:
    """Hostile comments yield no title, and no error."""
    title_in([b"\x03vorbis" + data])
    title_in([b"OpusTags" + data])
    title_in([data])


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://a.example/x\n", "http://a.example/x"),
        ("\ufeff#EXTM3U\r\n#EXTINF:-1,Name\r\n\r\nhttps://a.example/x y\r\nhttp://b\r\n", "https://a.example/x y"),
        ("[playlist]\nNumberOfEntries=1\nFile1=http://a.example/;stream\nTitle1=x\n", "http://a.example/;stream"),
        ("[Playlist]\nfile1 = humor.mp3\n", "humor.mp3"),
    ],
)
def test_playlists_name_streams(text: str, url: str) -> None:
    """The first entry counts, absolute or relative."""
    assert stream_in(text.encode()) == url


@pytest.mark.parametrize("text", ["", "#EXTM3U\n", "[playlist]\nTitle1=x\n", "#EXTM3U\n#EXT-X-VERSION:3\na.ts\n"])
def test_playlists_without_a_stream(text: str) -> None:
    """They are refused with a reason."""
    with pytest.raises(PlaylistError):
        stream_in(text.encode())


@pytest.mark.parametrize(
    ("content_type", "path", "yes"),
    [
        ("audio/x-mpegurl", "/a", True),
        ("audio/x-scpls; charset=utf-8", "/a", True),
        ("text/plain", "/a.m3u", True),
        ("audio/mpeg", "/a.m3u", False),
        ("text/html", "/a", False),
    ],
)
def test_what_a_playlist_is(content_type: str, path: str, yes: bool) -> None:
    """Its type tells, or its name where the type says nothing of audio."""
    assert is_playlist(content_type, path) is yes


@pytest.mark.parametrize(
    ("content_type", "family"),
    [
        ("audio/mpeg", "mp3"),
        ("audio/aacp", "aac"),
        ("application/ogg;codecs=opus", "ogg"),
        ("", ""),
        ("application/octet-stream", ""),
        ("video/mp4", None),
    ],
)
def test_families_of_types(content_type: str, family: str | None) -> None:
    """A type that says nothing leaves it to the bytes; one of something else is told apart."""
    assert family_of(content_type) == family


def test_a_relays_password_is_not_shown() -> None:
    """User and password are left out of what pages and logs show."""
    assert shown_url("http://user:secret@a.example:8000/live") == "http://a.example:8000/live"


@pytest.mark.parametrize(
    ("fields", "body", "is_over"),
    [
        ({}, b"abcdef", False),
        ({"content-length": "4"}, b"abcd", True),
        ({"content-length": "0"}, b"abcdef", False),
        ({"content-length": "-4"}, b"abcdef", False),
        ({"content-length": "9", "transfer-encoding": "chunked"}, b"", False),
    ],
)
def test_a_body_that_tells_its_length_ends_there(fields: dict[str, str], body: bytes, is_over: bool) -> None:
    """As where a file is sent by `curl -T`, which waits for the end of the answer; others end with the connection."""
    source = body_of(fields)
    assert source.feed(b"6\n" if isinstance(source, Chunked) else b"abcdef") == body
    assert source.is_over is is_over
