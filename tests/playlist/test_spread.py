"""A random order in which no artist follows itself, where that can be."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from radiostream.playlist.spread import spread

ARTISTS = st.lists(st.sampled_from("ABCDE"), max_size=14)


def repeats(artists: list[str], last: str, seed: int) -> int:
    """How often an artist follows itself in an order of these artists' tracks."""
    items = [str(number) for number in range(len(artists))]
    order = spread(items, artists, last, random.Random(seed))
    assert sorted(order) == sorted(items)
    heard = [last, *(artists[int(item)] for item in order)]
    return sum(one == two for one, two in pairwise(heard))


@given(ARTISTS, st.sampled_from("ABX"), st.integers(0, 1000))
@example(list("AAABB"), "X", 1)
@example(list("AABB"), "A", 2)
@example(list("AAAA"), "A", 3)
@example([], "A", 4)
def test_as_few_repeats_as_can_be(artists: list[str], last: str, seed: int) -> None:
    """No artist follows itself unless one has too many tracks, and then no more often than must be."""
    places = len(artists)
    must = [2 * count - places - (artist != last) for artist, count in Counter(artists).items()]
    assert repeats(artists, last, seed) == max([0, *must])


def test_every_order_of_different_artists_comes() -> None:
    """With artists all different it is a plain permutation: each of the six orders of three comes up."""
    items = ["1", "2", "3"]
    seen = {tuple(spread(items, items, "", random.Random(seed))) for seed in range(200)}
    assert len(seen) == 6


def test_parted_all_over() -> None:
    """Where one artist has nearly everything, the others part its tracks all over the order, not only at its start."""
    artists = ["A"] * 90 + list("BCDEFGHIJK")
    order = spread([str(number) for number in range(100)], artists, "X", random.Random(5))
    places = [place for place, item in enumerate(order) if artists[int(item)] != "A"]
    assert places[-1] - places[0] > 40
