"""The order that people expect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.playlist.natural import natural_key

ORDERS = [
    ["/a/2.mp3", "/a/10.mp3"],
    ["/a/Track 1.mp3", "/a/track 2.mp3", "/a/Track 10.mp3"],
    ["/a/02.mp3", "/a/3.mp3", "/a/010.mp3"],
    ["/a/b/1.mp3", "/a/b/9.mp3", "/a/b c/1.mp3", "/a/b1/1.mp3"],
    ["/a/cd2/1.mp3", "/a/cd10/1.mp3"],
    ["/a/\udcff1.mp3", "/a/\udcff2.mp3"],
    ["/a/2024-01-02.mp3", "/a/2024-01-10.mp3", "/a/2024-11-01.mp3"],
]


@pytest.mark.parametrize("paths", ORDERS)
def test_natural_order(paths: list[str]) -> None:
    """Numbers count as numbers, capitals like small letters, and a directory stays in one piece."""
    paths_found = [*paths[1::2], *paths[::2]]
    assert sorted(paths_found, key=natural_key) == paths


@given(st.text(alphabet="aA1029/ ."), st.text(alphabet="aA1029/ ."))
def test_equal_only_to_itself(one: str, two: str) -> None:
    """Different names have different keys, so the order does not depend on what the file system answers first."""
    assert (natural_key(one) == natural_key(two)) == (one == two)


def test_endless_number() -> None:
    """A number longer than Python converts is a name like any other."""
    assert natural_key("9" * 5000) != natural_key("9" * 5001)
