"""Entity tags and conditional requests."""

from __future__ import annotations

import pytest

from radiostream.http.protocol.conditional import etag, if_none_match


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
