"""The audio pages of one link of an Ogg file: taken in their order, repaired, measured and found again. Pure.

Rubbish, damaged pages and other streams' pages are left out, and with them the halves of packets that a missing page
leaves in its neighbours.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.frames import AudioError
from radiostream.audio.ogg_pacing import Pacing
from radiostream.audio.ogg_page import BOS, CONTINUED, EOS, PATIENCE, PageScanner, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from radiostream.audio.ogg_headers import Link
    from radiostream.audio.ogg_page import Budget, Page

_WINDOW: Final = 1 << 17
"""Bytes in which a page of a stream is looked for where the file is entered in the middle."""
_LOOKS: Final = 8
_SAMPLE_PAGES: Final = 16


class LinkPages:
    """Takes the pages of `link` from where `scanner` stands, repaired; `first` comes before them."""

    def __init__(self, scanner: PageScanner, serial: int, first: Page | None = None) -> None:
        self._scanner = scanner
        self._serial = serial
        self._first = first
        self._sequence: int | None = None
        self._is_unfinished = False
        self._is_over = False
        self._limit = scanner.position + PATIENCE

    def take(self) -> Page | None:
        """The next page to send, None behind the last one. Raises `AudioError`, `OSError`."""
        while (page := self._next()) is not None:
            page = self._repaired(page)
            if page.packets_ended:
                self._limit = self._scanner.position + PATIENCE
            if page.lacing:
                return page
        return None

    def _next(self) -> Page | None:
        page, self._first = self._first, None
        while page is None and not self._is_over:
            page = self._scanner.next(self._limit)
            if page is None or page.flags & BOS:
                if page:
                    self._scanner.back(page)
                self._is_over = True
                return None
            if page.serial != self._serial:
                page = None
        self._is_over = self._is_over or bool(page and page.flags & EOS)
        return page

    def _repaired(self, page: Page) -> Page:
        """The page without a packet's end whose begin is missing."""
        is_gap = self._sequence not in (None, page.sequence - 1 & 0xFFFFFFFF)
        self._sequence = page.sequence
        if page.flags & CONTINUED and (is_gap or not self._is_unfinished):
            page = trimmed(page, head=True, tail=False)
        self._is_unfinished = page.is_unfinished
        return page


class Measure(NamedTuple):
    """What is known of a link whose headers have been read."""

    start: int
    """File offset of its first page of audio."""
    origin: int
    """The granule position at which its sound begins."""
    kbps: int
    duration_s: float | None
    """Seconds from its begin to the end of the file; None where that is not known, or other links follow."""
    is_sane: bool
    """Whether its granule positions count its packets, as far as was looked."""


def sample(file: BinaryIO, link: Link, start: int, budget: Budget) -> Measure:
    """What the first pages behind the file offset `start` tell. Raises `OSError`."""
    pages, pacing = LinkPages(PageScanner(file, start, budget), link.serial, link.rest), Pacing(link)
    origin: int | None = None
    size = ticks = count = 0
    ends: list[tuple[int, int]] = []
    is_sane = True
    with suppress(AudioError):
        while count < _SAMPLE_PAGES and (page := pages.take()):
            is_last = bool(page.flags & EOS)
            paced = pacing.paced(page, is_last=is_last)
            size, ticks, count = size + len(page.data), ticks + paced.ticks, count + 1
            if origin is None and page.packets_ended:
                origin, is_sane = page.granule - paced.ticks, is_last or pacing.is_sane
            if page.packets_ended and not is_last:
                ends.append((page.granule, ticks))
    is_sane = is_sane and _count_alike(ends)
    return Measure(start, origin or 0, _kbps(size, ticks / link.params.rate_hz), None, is_sane)


def _count_alike(ends: list[tuple[int, int]]) -> bool:
    """Whether granule positions and packets, from the first of these pages' ends to the last, count the same but for
    a twentieth: links that were glued together differ by what was cut off their ends."""
    if len(ends) < 2:
        return True
    granules, ticks = (last - first for first, last in zip(ends[0], ends[-1], strict=True))
    return abs(granules - ticks) * 20 <= ticks


def measure(file: BinaryIO, link: Link, sampled: Measure, budget: Budget) -> Measure:
    """What the file's end, and a look here and there, add to `sample`. Raises `OSError`."""
    size = file.seek(0, os.SEEK_END)
    start = sampled.start
    tail = max(start, size - _WINDOW)
    looks = range(start, tail, max(1, (tail - start) // _LOOKS))
    seen = [place for look in looks for place in islice(_granules(file, link.serial, look, budget), 1)]
    seen += _granules(file, link.serial, tail, budget)
    granule, end = seen[-1] if seen else (sampled.origin, start)
    if any(later < earlier for (earlier, _), (later, _) in pairwise(seen)):
        return sampled
    if not sampled.is_sane:
        return sampled._replace(duration_s=(size - start) / 125 / sampled.kbps)
    if granule <= sampled.origin:
        return sampled
    duration_s = (granule - sampled.origin) / link.params.rate_hz
    return sampled._replace(
        duration_s=duration_s, kbps=_kbps(end - start, duration_s) if link.is_alone else sampled.kbps
    )


def _granules(file: BinaryIO, serial: int, start: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """The stream's granule positions near behind the file offset `start`, and where their pages end; those of other
    links that begin there too."""
    scanner = PageScanner(file, start, budget)
    with suppress(AudioError):
        while page := scanner.next(start + _WINDOW):
            if page.granule >= 0 and (page.serial == serial or page.flags & BOS):
                yield page.granule, scanner.position


def find(file: BinaryIO, link: Link, measured: Measure, granule: int, budget: Budget) -> tuple[int, int]:
    """Behind which byte the page of the link follows in which `granule` lies, and the granule position there.

    Halves the file by granule positions, so what is read grows with the logarithm of its size; behind the link's end
    it is the end of its last page. Raises `OSError`.
    """
    best = measured.start, measured.origin
    end = file.seek(0, os.SEEK_END)
    while end - best[0] > _WINDOW:
        middle = (best[0] + end) // 2
        at, behind = next(_own_granules(file, link.serial, middle, budget), (granule + 1, 0))
        if at > granule:
            end = middle
        else:
            best = behind, at
    for at, behind in _own_granules(file, link.serial, best[0], budget):
        if at > granule:
            break
        best = behind, at
    return best


def _own_granules(file: BinaryIO, serial: int, start: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """As `_granules`, up to the begin of another link."""
    scanner = PageScanner(file, start, budget)
    with suppress(AudioError):
        while (page := scanner.next(start + _WINDOW)) and not page.flags & BOS:
            if page.granule >= 0 and page.serial == serial:
                yield page.granule, scanner.position


def _kbps(size: int, duration_s: float) -> int:
    """The bitrate of `size` bytes that last so long, at least 1."""
    return max(1, round(size / 125 / duration_s)) if duration_s > 0 else 1
