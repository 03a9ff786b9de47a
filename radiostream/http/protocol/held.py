"""What clients have not taken yet: the bodies of answers that are being sent, counted in bytes and bounded.

A client that asks and does not read holds its answer in memory. One body that is sent to many (a picture, a file of
`web/`) is one object, and counts once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

HELD_MAX: Final = 24 << 20
SMALL: Final = 4 << 10
"""Bodies up to here are not counted: as many as there are connections are few megabytes."""


class TooMuch(Exception):  # noqa: N818 - a refusal
    """No more can be held: others have not taken theirs."""


class Held:
    """Bodies that are being sent. For any thread."""

    def __init__(self, most: int = HELD_MAX) -> None:
        self._most = most
        self._lock = threading.Lock()  # guards everything below
        self._bodies: dict[int, tuple[bytes, int]] = {}
        """Bodies and how many clients they are sent to, by identity, which is theirs for as long as they are here."""
        self._total = 0

    @property
    def total(self) -> int:
        """How many bytes are held now (an int, read without the lock)."""
        return self._total

    @contextmanager
    def hold(self, body: bytes) -> Iterator[None]:
        """Around the sending of `body`. Raises TooMuch where it does not fit beside what is held already."""
        if len(body) <= SMALL:
            yield
            return
        self._take(body)
        try:
            yield
        finally:
            self._give(body)

    def _take(self, body: bytes) -> None:
        with self._lock:
            _, count = self._bodies.get(id(body), (body, 0))
            if not count:
                if self._bodies and self._total + len(body) > self._most:
                    raise TooMuch
                self._total += len(body)
            self._bodies[id(body)] = body, count + 1

    def _give(self, body: bytes) -> None:
        with self._lock:
            _, count = self._bodies.pop(id(body))
            if count > 1:
                self._bodies[id(body)] = body, count - 1
            else:
                self._total -= len(body)
