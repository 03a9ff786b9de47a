"""Ogg: the pages of the Vorbis, Opus or FLAC links of a file, each sent as a logical stream of our own.

Every page keeps its packets, and gets this part's serial number, an unbroken sequence number, a granule position that
counts its packets, and a new CRC. One page is held back, so that the end-of-stream flag can be set on the last one.
Each link of a chained file is a part, with header pages of its own.

Pure; used by one thread at a time. Owns a window of one page, and the page held back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import AudioError, Block
from radiostream.audio.ogg_headers import read_link
from radiostream.audio.ogg_link import LinkPages, find, measure, sample
from radiostream.audio.ogg_pacing import Pacing
from radiostream.audio.ogg_page import (
    BOS,
    CONTINUED,
    EOS,
    PATIENCE,
    PageScanner,
    RubbishError,
    paged,
    stamp,
    trimmed,
)

if TYPE_CHECKING:
    from typing import BinaryIO

    from radiostream.audio.frames import Params
    from radiostream.audio.ogg_headers import Link
    from radiostream.audio.ogg_link import Measure
    from radiostream.audio.ogg_page import Page

_MOST_TICKS: Final = 1 << 31
_MOST_EMPTY_LINKS: Final = 64
_SERIAL_STEP: Final = 0x9E3779B1
"""Serial numbers of a file's parts are so far apart, round and round: no two near each other are alike."""


class OggReader:
    """One Ogg file as the `Reader` interface describes it.

    A page that continues a packet is a start all the same where another packet ends in it: decoders leave the rest of
    the unknown packet out without a word, and in FLAC of loud music all pages are such.
    """

    preamble: bytes
    kbps: int
    duration_s: float | None
    _measure: Measure

    def __init__(self, file: BinaryIO, serial: int = 0) -> None:
        """Read the header pages and the first page of audio. Raises `AudioError`, `OSError`."""
        self._file = file
        self._scanner = PageScanner(file)
        self._serial = serial or int.from_bytes(os.urandom(4), "big") or 1
        self._failure: AudioError | OSError | None = None
        self._held: Page | None = None
        self._begin(read_link(self._scanner))
        self._measure = measure(file, self._link, self._measure, self._scanner.budget)
        self.kbps = self._measure.kbps
        if self._held is None and not self.next_part():
            raise AudioError("holds no audio")
        self.duration_s = self._measure.duration_s

    @property
    def params(self) -> Params:
        return self._link.params

    @property
    def tick_hz(self) -> int:
        return self._link.params.rate_hz

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next pages; see `Reader.fill`. What could not be read is raised behind the last sound page, ended
        properly."""
        block = Block()
        most = min(max_ticks, _MOST_TICKS)
        while not block.length or block.ticks_total < most:
            held = self._held
            if held is None:
                break
            if block.length + len(held.data) > len(view):
                return block
            self._held = self._following()
            self._put(view, block, held, self._held)
        if not block.length and self._failure is not None:
            raise self._failure
        return block

    def next_part(self) -> bool:
        """Go on to the next link that holds audio; see `Reader.next_part`. Raises `OSError`."""
        for _ in range(_MOST_EMPTY_LINKS):
            if self._failure is not None:
                return False
            self._serial = self._serial + _SERIAL_STEP & 0xFFFFFFFF or 1
            try:
                self._begin(read_link(self._scanner))
            except AudioError:
                return False
            if self._held is not None:
                return True
        return False

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`: by granule positions, or by the bitrate where those are broken."""
        passed_s = 0.0
        while True:
            ticks = max(0, round((position_s - passed_s) * self.tick_hz))
            at_s = self._enter(ticks)
            if self._held is not None:
                return passed_s + at_s
            passed_s += at_s
            if not self.next_part():
                return passed_s

    def _begin(self, link: Link) -> None:
        """Begin with a link whose headers have just been read. Raises `AudioError`, `OSError`."""
        self._link = link
        first, *others = link.packets
        pages = paged([first], self._serial, 0, BOS) + paged(others, self._serial, 1)
        self.preamble = b"".join(pages)
        self._first_sequence = self._sequence = len(pages)
        self._measure = sample(self._file, link, self._scanner.position, self._scanner.budget)
        self.kbps = self._measure.kbps
        self._go_on(self._scanner, link.rest)

    def _go_on(self, scanner: PageScanner, first: Page | None) -> None:
        """Take the link's pages from where `scanner` stands."""
        self._scanner = scanner
        self._pacing = Pacing(self._link)
        self._pages = LinkPages(scanner, self._link.serial, first)
        self._sequence = self._first_sequence
        self._idle = 0
        self._held = self._pages.take()

    def _enter(self, ticks: int) -> float:
        """Go to the page in which that tick of the link lies; the second of the link that it begins at."""
        measured, budget = self._measure, self._scanner.budget
        if not measured.is_sane:
            offset, begin = measured.start + ticks * measured.kbps * 125 // self.tick_hz, measured.origin + ticks
        else:
            offset, begin = find(self._file, self._link, measured, measured.origin + ticks, budget)
        rest = self._link.rest if offset == measured.start else None
        self._go_on(PageScanner(self._file, offset, budget), rest)
        return (begin - measured.origin) / self.tick_hz

    def _following(self) -> Page | None:
        try:
            return self._pages.take()
        except (AudioError, OSError) as error:
            if not isinstance(error, RubbishError) or not self._pacing.total:
                self._failure = error  # rubbish behind sound is the file's end
            return None

    def _put(self, view: memoryview, block: Block, page: Page, following: Page | None) -> None:
        """Append a page to the block, the last one with the end-of-stream flag."""
        if page.is_unfinished and not (following and following.flags & CONTINUED):
            page = trimmed(page, head=False, tail=True)
            if not page.lacing and following:
                return
        paced = self._pacing.paced(page, is_last=following is None)
        stamp(
            page.data, page.flags & CONTINUED | (0 if following else EOS), paced.granule, self._serial, self._sequence
        )
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        end = block.length + len(page.data)
        view[block.length : end] = page.data
        if paced.is_start:
            block.offsets.append(block.length)
            block.ticks.append(block.ticks_total)
        block.length = end
        block.ticks_total += paced.ticks
        self._idle = 0 if paced.ticks else self._idle + len(page.data)
        if self._idle > PATIENCE:
            self._failure, self._held = AudioError(f"is damaged: {PATIENCE >> 20} MB without sound"), None
