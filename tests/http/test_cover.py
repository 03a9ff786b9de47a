"""Pictures by their bytes, entity tags and conditional requests."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.http.protocol.conditional import if_none_match
from radiostream.http.views.cover import etag, image_type


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


def test_etag() -> None:
    """Quoted, the same for the same bytes, another for others."""
    assert etag(b"a") == etag(b"a") != etag(b"b")
    assert etag(b"a").startswith('"')
    assert etag(b"a").endswith('"')
    assert len(etag(b"a")) == 26


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        (' "x",W/"abc" ', True),
        ("*", True),
        (" * ", True),
        ('"x"', False),
        ("abc", False),
        ('"ABC"', False),
        ('"x", *', False),
        ("", False),
        (None, False),
    ],
)
def test_if_none_match(header: str | None, matches: bool) -> None:
    """A table of headers against the tag `"abc"`, strong or weak."""
    assert if_none_match(header, '"abc"') is matches
    assert if_none_match(header, 'W/"abc"') is matches
