"""A random order in which no artist follows itself, where that can be. Pure; the random numbers are the caller's."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


def spread(items: Sequence[str], artists: Sequence[str], last: str, rng: random.Random) -> list[str]:
    """`items` in a random order; `artists[i]` is the artist of `items[i]`, `last` the one on the air now.

    Every item in turn is taken from a random permutation, one of the artist just taken is held back for the next
    place. Once one artist has more than half of the places left, the others part its items: that is every second place,
    or where there are too many of them, random places. O(n).
    """
    order = list(range(len(items)))
    rng.shuffle(order)
    queue, held = deque(order), deque[int]()
    left = Counter(artists)
    crowd = _Crowd(left)
    taken: list[int] = []
    while queue or held:
        if 2 * crowd.largest > len(queue) + len(held):
            taken += _every_second([*held, *queue], artists, crowd.leader(), last, rng)
            break
        source = held if held and artists[held[0]] != last else queue
        while source is queue and artists[queue[0]] == last:
            held.append(queue.popleft())
        index = source.popleft()
        taken.append(index)
        last = artists[index]
        crowd.take(last)
    return [items[index] for index in taken]


def _every_second(rest: list[int], artists: Sequence[str], leader: str, last: str, rng: random.Random) -> list[int]:
    """The leader's items, which are more than all others together, parted by them at random places."""
    leaders = [index for index in rest if artists[index] == leader]
    others = [index for index in rest if artists[index] != leader]
    gaps = rng.sample(range(1, len(leaders)), len(others))
    if last == leader and others:
        gaps[0] = 0
    parted = set(gaps)
    order: list[int] = []
    for place, index in enumerate(leaders):
        if place in parted:
            order.append(others.pop())
        order.append(index)
    return order


class _Crowd:
    """How many items the artist with the most of them has left, as items are taken one by one."""

    def __init__(self, left: Counter[str]) -> None:
        self._left = left
        self._artists_with = Counter(left.values())
        self.largest = max(left.values(), default=0)

    def take(self, artist: str) -> None:
        count = self._left[artist]
        self._left[artist] = count - 1
        self._artists_with[count] -= 1
        self._artists_with[count - 1] += 1
        if count == self.largest and not self._artists_with[count]:
            self.largest -= 1

    def leader(self) -> str:
        """An artist with the most items left; O(artists), asked once an order."""
        return max(self._left, key=self._left.__getitem__)
