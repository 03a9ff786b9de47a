"""ICY blocks and their interleaving with audio, against a de-interleaver that knows nothing of the framer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.http.handlers.icy import METAINT, Framer, title_block

ANY_TEXT = st.text(st.characters(codec=None))


def title_in(block: bytes) -> str:
    """What ffmpeg reads from a block: from the first `='` to the first `';` behind the equals sign."""
    assert len(block) == 1 + 16 * block[0]
    text = block[1:].rstrip(b"\0")
    start = text.index(b"='")
    end = text.index(b"';", start)
    assert text[end + 2 :] == b""
    return text[start + 2 : end].decode()


def deinterleave(stream: bytes, metaint: int) -> tuple[bytes, list[tuple[int, str]]]:
    """The audio, and the titles with the number of audio bytes before each."""
    audio, titles, at = b"", [], 0
    while at < len(stream):
        audio += stream[at : at + metaint]
        at += metaint
        if at < len(stream):
            length = 1 + 16 * stream[at]
            if length > 1 and at + length <= len(stream):
                titles.append((len(audio), title_in(stream[at : at + length])))
            at += length
    return audio, titles


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("", b"\x01StreamTitle='';\0"),
        ("a", b"\x01StreamTitle='a';"),
        ("ab", b"\x02StreamTitle='ab';" + b"\0" * 15),
        ("It's; ok", b"\x02StreamTitle='It's; ok';" + b"\0" * 9),
        ("ж", b"\x02StreamTitle='\xd0\xb6';" + b"\0" * 15),
    ],
)
def test_block_bytes(text: str, block: bytes) -> None:
    """Length byte, text, padding: to the byte."""
    assert title_block(text) == block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a';StreamUrl='http://evil", "a\u2019;StreamUrl='http://evil"),
        ("';';", "\u2019;\u2019;"),
        (";a", " ;a"),
        ("rock 'n'", "rock 'n'"),
        ("a\r\nb\0c\x1b[31m\x85d\u2028e", "a b c [31m d e"),
        ("\ufeffa", "a"),
        ("caf\udce9", "caf?"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_hostile_titles_are_harmless(text: str, shown: str) -> None:
    """What could end the title early, break a terminal or not be encoded is replaced."""
    assert title_in(title_block(text)) == shown


@pytest.mark.parametrize("letter", ["x", "é", "€", "👩"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_long_title_is_cut_on_a_character(letter: str, before: str) -> None:
    """At most 4080 bytes, as many characters as fit, none in halves."""
    block = title_block(before + letter * 5000)
    assert len(block) <= 1 + 4080
    shown = title_in(block)
    assert shown == before + letter * (len(shown) - len(before))
    assert len((shown + letter).encode()) > 4065


@settings(deadline=None)
@given(ANY_TEXT)
def test_any_text_makes_one_title(text: str) -> None:
    """Whatever a tag holds: one well-formed block with one title, no control character in it."""
    shown = title_in(title_block(text))
    assert not any(char < " " or "\x7f" <= char < "\xa0" for char in shown)


def test_first_block_and_change_carry_the_title() -> None:
    """The title comes first and after a change; in between blocks are a single zero."""
    framer = Framer()
    stream = b""
    for title in ("one", "one", "two", "two"):
        view = memoryview(bytes(METAINT))
        for piece in framer.buffers(view, title):
            stream += piece
            framer.sent(len(piece))
    framed = [title_block("one"), b"\0", title_block("two")]
    assert stream == bytes(METAINT) + b"".join(block + bytes(METAINT) for block in [framed[0], framed[2], b"\0"])


def test_new_title_comes_with_the_first_byte_of_its_track() -> None:
    """A block due exactly between two tracks names the second one."""
    framer = Framer(metaint=4)
    assert framer.sent(sum(map(len, framer.buffers(memoryview(b"1234"), "old")))) == 4
    assert framer.buffers(memoryview(b"5"), "new") == [title_block("new"), b"5"]


def test_half_sent_block_is_finished_even_if_the_title_changes() -> None:
    """A block that has begun goes on where it stopped; the newer title has the next one."""
    framer = Framer(metaint=2)
    assert framer.buffers(memoryview(b"1234"), "old") == [b"12", title_block("old"), b"34"]
    assert framer.sent(5) == 2
    again = framer.buffers(memoryview(b"ABCD"), "new")
    assert again == [title_block("old")[3:], b"AB", title_block("new"), b"CD"]


def test_nothing_is_copied() -> None:
    """Audio pieces are views of the very buffer that came in."""
    audio = bytearray(b"1234")
    pieces = Framer(metaint=3).buffers(memoryview(audio), "x")
    audio[0:1] = b"9"
    assert bytes(pieces[0]) == b"923"


def test_number_of_pieces_is_bounded() -> None:
    """However long the view, `sendmsg` takes the list; what is left comes with the next call."""
    framer, view = Framer(metaint=1), memoryview(bytes(5000))
    audio = 0
    while audio < len(view):
        pieces = framer.buffers(view[audio:], "x")
        assert len(pieces) <= 66
        audio += framer.sent(sum(map(len, pieces)))
    assert audio == len(view)


@settings(deadline=None)
@given(
    metaint=st.integers(1, 40),
    parts=st.lists(st.tuples(st.binary(max_size=120), st.sampled_from(["", "one", "two", "x" * 99])), max_size=8),
    data=st.data(),
)
def test_any_partial_sends_give_the_same_stream(
    metaint: int, parts: list[tuple[bytes, str]], data: st.DataObject
) -> None:
    """Random chunks, titles and partial sends: the audio comes out whole, each title at its own audio's first block."""
    framer, stream = Framer(metaint), b""
    for part, title in parts:
        view = memoryview(part)
        while view:
            pieces = b"".join(framer.buffers(view, title))
            n = data.draw(st.integers(0, len(pieces)))
            stream += pieces[:n]
            view = view[framer.sent(n) :]
    got, titles = deinterleave(stream, metaint)
    assert got == b"".join(part for part, _ in parts)
    title_of_byte = [title for part, title in parts for _ in part]
    expected: list[tuple[int, str]] = []
    for at in range(metaint, len(got), metaint):
        if not expected or expected[-1][1] != title_of_byte[at]:
            expected.append((at, title_of_byte[at]))
    assert titles == expected
