"""`station.toml`: what it may say, and how each mistake in it is told."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.settings import KEYS, MOST_BYTES, SettingsError, StationConfig, parse_station_toml, with_file

ALL = b"""
name = "Jazz & Blues"
genre = "Jazz"
description = "Late\\nhours"
homepage = "https://example.org/jazz"
logo = "https://example.org/jazz.png"
language = "en, de"
country = "de"
format = "OGG"
shuffle = true
level = -18
trim = false
timezone = "Europe/Berlin"
hidden = true
relay = "http://example.org/live.m3u"
"""


def test_every_key() -> None:
    """All that CONTRACT §11 lists, each as its field."""
    fields = parse_station_toml(ALL)
    assert len(fields) == len(KEYS) == 14
    assert fields == {
        "name": "Jazz & Blues", "genre": "Jazz", "description": "Late hours", "homepage": "https://example.org/jazz",
        "logo": "https://example.org/jazz.png", "language": "en,de", "country": "DE", "family": "ogg", "shuffle": True,
        "level_lufs": -18.0, "trim": False, "timezone": "Europe/Berlin", "hidden": True,
        "relay": "http://example.org/live.m3u",
    }  # fmt: skip


def test_what_the_command_line_said_stays() -> None:
    """A field that was said there is not changed, an empty name does not take a station's name away."""
    base = StationConfig("/a", Path("/a"), "A", genre="Pop", said=frozenset({"genre"}))
    heard = with_file(base, {"name": "", "genre": "Jazz", "hidden": True})
    assert (heard.name, heard.genre, heard.hidden) == ("A", "Pop", True)


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"name =", 1, "invalid value"),
        (b'name = "a"\nname = "b"', 2, "overwrite"),
        (b"# one\n\nlevel = -9", 3, "level must be LUFS"),
        (b'level = "loud"', 1, "level must be LUFS"),
        (b"level = nan", 1, "level must be LUFS"),
        (b'x = 1\nname = "a"', 1, "x is not known here; known are name"),
        (b'name = "a"\n[more]\nx = 1', 2, "more is not known here"),
        (b"a.b = 1", 1, "a is not known here"),
        (b'"na me" = 1', 1, "na me is not known here"),
        (b"name = 3", 1, "name must be text"),
        (b"shuffle = 1.5", 1, "shuffle must be text"),
        (b'\nshuffle = "maybe"', 2, "shuffle must be true or false"),
        (b'format = "wav"', 1, "format must be mp3, aac or ogg"),
        (b'homepage = "example.org"', 1, "homepage must be a URL"),
        (b'logo = "javascript:alert(1)"', 1, "logo must be a URL"),
        (b'logo = "https://x/\\r\\nicy-name: y"', 1, "logo must be a URL"),
        (b'relay = "file:///etc/passwd"', 1, "relay must be a URL"),
        (b'language = "d\xc3\xa9"', 1, "language must be language tags"),
        (b'country = "Germany"', 1, "country must be a country's two letters"),
        (b'timezone = "Mars/Olympus"', 1, "timezone must be a time zone"),
        (b'timezone = "../../etc/passwd"', 1, "timezone must be a time zone"),
        (b"name = 1979-05-27", 1, "name must be text"),
        (b'name = "caf\xe9"', 1, "is not UTF-8"),
        (b'a = 1\nname = "\xff', 2, "is not UTF-8"),
        (b"name = [1, 2", 1, ""),
        (b'name = """', 1, ""),
    ],
)
def test_each_mistake_is_told_with_its_line(data: bytes, line: int, words: str) -> None:
    """One line of printable text that says where and what."""
    with pytest.raises(SettingsError) as caught:
        parse_station_toml(data)
    text = str(caught.value)
    assert text.startswith(f"line {line}: ")
    assert words in text
    assert text.isprintable()


def test_several_mistakes_are_told_at_once() -> None:
    """Nobody has to save the file five times."""
    with pytest.raises(SettingsError) as caught:
        parse_station_toml(b'level = 1\nname = "a"\ncountry = "x"')
    assert "line 1: level" in str(caught.value)
    assert "line 3: country" in str(caught.value)


def test_a_byte_order_mark() -> None:
    """Some editors begin a file with U+FEFF; it is no part of what is said, and shifts no line."""
    assert parse_station_toml(BOM_UTF8 + b'name = "Night"\r\n') == {"name": "Night"}
    with pytest.raises(SettingsError, match="line 2: is not UTF-8"):
        parse_station_toml(BOM_UTF8 + b'name = "Night"\n\xff')


@pytest.mark.parametrize("data", [b"#" * (MOST_BYTES + 1), b"a = " + b"[" * 20_000])
def test_what_is_no_settings_file(data: bytes) -> None:
    """Something huge or nested without end is refused, not read to its end."""
    with pytest.raises(SettingsError):
        parse_station_toml(data)


def told(data: bytes) -> tuple[dict[str, object], str]:
    """The fields that `data` sets, or why it sets none."""
    try:
        return parse_station_toml(data), ""
    except SettingsError as error:
        return {}, str(error)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(data: bytes) -> None:
    """Whatever the file holds: fields, or one line that can be printed."""
    fields, problem = told(data)
    assert set(fields) <= {key.field for key in KEYS.values()}
    assert problem.isprintable()
