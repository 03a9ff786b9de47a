"""Pages of Vorbis, Opus or FLAC out of a stream of Ogg that has no end and cannot be sought in.

Each link of the stream is a part: a broadcaster begins one for each track. Damaged pages, rubbish and the pages of
other logical streams are left out, and with them the halves of packets that a missing page leaves in its neighbours. A
page lasts as long as its granule position says; one that joined in the middle of a stream only gives the next page its
beginning. Pure; used by the source's thread. Pages: RFC 3533.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AudioError
from radiostream.audio.ogg_headers import read_link
from radiostream.audio.ogg_page import BOS, CONTINUED, EOS, NO_GRANULE, page_crc, parse_page, trimmed
from radiostream.live.comments import title_in
from radiostream.live.units import Part, Unit

if TYPE_CHECKING:
    from radiostream.audio.ogg_headers import Ident, Link
    from radiostream.audio.ogg_page import Page

RUBBISH_MOST: Final = 512 << 10
"""Bytes without a page to send, after which this is no audio."""
HEADERS_MOST: Final = 1 << 20
_MAGIC: Final = b"OggS\0"
_HEAD: Final = 27
"""Bytes of a page's head before its segment table."""


class PageParser:
    """`Parser` for Ogg."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._rubbish = 0
        self._headers: list[Page] | None = None
        """Pages of a link whose headers are not complete yet."""
        self._audio: _Audio | None = None

    def feed(self, data: bytes) -> list[Unit]:
        """See `Parser.feed`."""
        self._data += data
        units: list[Unit] = []
        while (page := self._next_page()) is not None:
            self._rubbish += len(page.data)
            if (unit := self._take(page)) is not None:
                units.append(unit)
                self._rubbish = 0
            self._bound()
        self._bound()
        return units

    def end(self) -> list[Unit]:
        """Nothing: a page waits for no other. See `Parser.end`."""
        return []

    def _bound(self) -> None:
        if self._rubbish > (HEADERS_MOST if self._headers else RUBBISH_MOST):
            raise AudioError(f"{self._rubbish >> 10} KB without a page of Vorbis, Opus or FLAC")

    def _next_page(self) -> Page | None:
        """The next sound page, None until more has come."""
        while True:
            found = self._data.find(_MAGIC)
            passed = found if found >= 0 else max(0, len(self._data) - len(_MAGIC) + 1)
            self._rubbish += passed
            del self._data[:passed]
            if found < 0:
                return None
            length = _page_length(self._data)
            if not length or len(self._data) < length:
                return None
            page = self._data[:length]
            if page_crc(page) == page[22:26]:
                del self._data[:length]
                return parse_page(page)
            self._rubbish += 1
            del self._data[:1]
            self._bound()

    def _take(self, page: Page) -> Unit | None:
        if page.flags & BOS and self._headers is None:
            self._headers, self._audio = [], None
        if self._headers is None:
            return self._audio.take(page) if self._audio else None
        self._headers.append(page)
        try:
            link = read_link(_Pages(self._headers))  # type: ignore[arg-type] # all that is asked of a scanner
        except _Short:
            return None
        self._headers = None
        self._audio = _Audio(link)
        return None


def _page_length(data: bytearray) -> int:
    """Bytes of the page that `data` begins with, 0 while too little of it is here to know."""
    body = _HEAD + data[_HEAD - 1] if len(data) >= _HEAD else 0
    return body + sum(data[_HEAD:body]) if body and len(data) >= body else 0


class _Short(Exception):  # noqa: N818 - no error: more pages are to come
    """The link's headers are not all here."""


class _Pages:
    """What `read_link` asks of a scanner, over pages that are here."""

    def __init__(self, pages: list[Page]) -> None:
        self._pages = pages
        self._at = 0

    @property
    def position(self) -> int:
        return sum(len(page.data) for page in self._pages[: self._at])

    def next(self, _limit: int) -> Page:
        """The next page; raises `_Short` behind the last one."""
        if self._at == len(self._pages):
            raise _Short
        self._at += 1
        return self._pages[self._at - 1]

    def back(self, _page: Page) -> None:
        """The page that `next` gave last comes again."""
        self._at -= 1


class _Audio:
    """The audio pages of one link."""

    def __init__(self, link: Link) -> None:
        self._serial = link.serial
        self._ident: Ident = link.ident
        params = link.ident.params
        packets = tuple(link.packets)
        self._part = Part(params, params.rate_hz, packets, link.ident.pre_skip, title_in(packets[1:2]))
        self._sequence: int | None = None
        self._previous: int | None = link.ident.pre_skip
        """The granule position up to which audio has come; None behind a gap."""
        self._is_unfinished = False
        self._is_over = False

    def take(self, page: Page) -> Unit | None:
        """The page as it is sent; None for one of another stream, one that is empty or one whose time is unknown."""
        if page.serial != self._serial or self._is_over:
            return None
        self._is_over = bool(page.flags & EOS)
        is_gap = self._sequence is not None and page.sequence != self._sequence + 1 & 0xFFFFFFFF
        self._sequence = page.sequence
        if page.flags & CONTINUED and (is_gap or not self._is_unfinished):
            page = trimmed(page, head=True, tail=False)
        self._is_unfinished = page.is_unfinished
        if not page.lacing:
            return None
        ended = page.packets_ended
        if not ended:
            return Unit(bytes(page.data), 0, self._part, is_start=False)
        ticks = self._ticks(page, ended, is_gap=is_gap)
        if ticks is None:
            return None
        is_start = ticks > 0 and (ended > 1 or not page.flags & CONTINUED)
        return Unit(bytes(page.data), ticks, self._part, is_start)

    def _ticks(self, page: Page, ended: int, *, is_gap: bool) -> int | None:
        """How long the page lasts; None where no granule position tells."""
        most = ended * self._ident.longest_packet
        if page.granule == NO_GRANULE:
            return None
        previous, self._previous = self._previous, page.granule
        if previous is None or page.granule < previous:
            return None
        ticks = page.granule - previous
        if is_gap:
            return min(ticks, most)
        return ticks if ticks <= most else None
