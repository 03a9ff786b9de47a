"""Ogg: the pages of one Vorbis, Opus or FLAC stream of a file, sent as one logical stream of our own.

Every page keeps its packets and granule position and gets this track's serial number, an unbroken sequence number and
a new CRC. One page is held back, so that the end-of-stream flag can be set on the last one. Rubbish, damaged pages and
other streams' pages are left out, and with them the halves of packets that a missing page leaves in its neighbours. A
chained file goes on to its next link where the same headers decode it (Vorbis with the same codebooks, Opus with the
same channels, FLAC of the same shape); otherwise the track ends with the first link.

Pure; used by one thread at a time. Owns a window of one page, and the page held back.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.frames import AudioError, Block, read_on
from radiostream.audio.ogg_headers import OPUS, VORBIS, read_link
from radiostream.audio.ogg_page import (
    BOS,
    CONTINUED,
    EOS,
    NO_GRANULE,
    PATIENCE,
    PageScanner,
    paged,
    stamp,
    trimmed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from radiostream.audio.frames import Params
    from radiostream.audio.ogg_headers import Ident, Link
    from radiostream.audio.ogg_page import Page

_TAIL: Final = 1 << 17
_LOOKS: Final = 8
_SAMPLE_PAGES: Final = 32
_MOST_TICKS: Final = 1 << 31
_MOST_GRANULE: Final = (1 << 63) - 1

_SILK_TICKS: Final = (480, 960, 1920, 2880)
_CELT_TICKS: Final = (120, 240, 480, 960)


class OggReader:
    """One Ogg file as the `Reader` interface describes it.

    A page that continues a packet is a start all the same where another packet ends in it: decoders leave the rest of
    the unknown packet out without a word, and in FLAC of loud music all pages are such.
    """

    preamble: bytes
    kbps: int
    duration_s: float | None

    def __init__(self, file: BinaryIO, serial: int = 0) -> None:
        """Read the header pages and the first page of audio. Raises `AudioError`, `OSError`."""
        self._file = file
        self._scanner = PageScanner(file)
        self._link = read_link(self._scanner)
        self._pacing = _Pacing(self._link.ident)
        self._serial = serial or _random_serial()
        first, *others = self._link.packets
        pages = paged([first], self._serial, 0, BOS) + paged(others, self._serial, 1)
        self.preamble = b"".join(pages)
        self._sequence = len(pages)
        self._failure: AudioError | OSError | None = None
        self._enter(self._link)
        audio_start = self._scanner.position
        self._held = self._take()
        if self._held is None:
            raise AudioError("holds no audio")
        self.duration_s, self.kbps = self._measured(audio_start, self._held)

    @property
    def params(self) -> Params:
        return self._link.ident.params

    @property
    def tick_hz(self) -> int:
        return self._link.ident.params.rate_hz

    def fill(self, view: memoryview, max_ticks: int) -> Block:
        """The next pages; see `Reader.fill`. What could not be read is raised behind the last sound page, ended
        properly."""
        block = Block()
        most = min(max_ticks, _MOST_TICKS)
        while not block.length or block.ticks_total < most:
            held = self._held
            if held is None:
                break
            if block.length + len(held.page.data) > len(view):
                return block
            self._held = self._following()
            self._put(view, block, held, self._held)
        if not block.length and self._failure is not None:
            raise self._failure
        return block

    def next_part(self) -> bool:
        """A file is one part so far."""
        return False

    def seek(self, position_s: float) -> float:
        """See `Reader.seek`; reads on up to there."""
        return read_on(self, position_s)

    def _following(self) -> _Audio | None:
        try:
            return self._take()
        except (AudioError, OSError) as error:
            self._failure = error
            return None

    def _put(self, view: memoryview, block: Block, audio: _Audio, following: _Audio | None) -> None:
        """Append a page to the block, the last one with the end-of-stream flag."""
        page = audio.page
        if page.is_unfinished and not (following and following.page.flags & CONTINUED):
            page = trimmed(page, head=False, tail=True)
            if not page.lacing and following:
                return
        flags = page.flags & CONTINUED | (0 if following else EOS)
        stamp(page.data, flags, audio.granule, self._serial, self._sequence)
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        end = block.length + len(page.data)
        view[block.length : end] = page.data
        if audio.is_start:
            block.offsets.append(block.length)
            block.ticks.append(block.ticks_total)
        block.length = end
        block.ticks_total += audio.ticks

    def _enter(self, link: Link) -> None:
        """Begin with the audio pages of a link, whose headers have just been read."""
        self._source_serial = link.serial
        self._source_sequence: int | None = None
        self._is_unfinished = False
        self._is_over = False
        self._limit = self._scanner.position + PATIENCE

    def _take(self) -> _Audio | None:
        """The next page to send, None at the end of the track. Raises `AudioError`, `OSError`."""
        while True:
            page = self._next_page()
            if page is None:
                if not self._next_link():
                    return None
                continue
            audio = self._repaired(page)
            if audio is not None:
                if audio.page.packets_ended:
                    self._limit = self._scanner.position + PATIENCE
                return audio

    def _next_page(self) -> Page | None:
        """The next page of the link's stream, None behind its last one."""
        while not self._is_over:
            page = self._scanner.next(self._limit)
            if page is None or page.flags & BOS:
                if page:
                    self._scanner.back(page)
                self._is_over = True
            elif page.serial == self._source_serial:
                self._is_over = bool(page.flags & EOS)
                return page
        return None

    def _repaired(self, page: Page) -> _Audio | None:
        """The page with its duration, without a packet's end whose begin is missing; None where nothing is left."""
        is_gap = self._source_sequence not in (None, page.sequence - 1 & 0xFFFFFFFF)
        self._source_sequence = page.sequence
        if page.flags & CONTINUED and (is_gap or not self._is_unfinished):
            page = trimmed(page, head=True, tail=False)
        self._is_unfinished = page.is_unfinished
        return self._pacing.paced(page, is_gap=is_gap) if page.lacing else None

    def _next_link(self) -> bool:
        """Go on to the next link of a chained file, if the headers already sent decode it."""
        with suppress(AudioError):
            link = read_link(self._scanner)
            if link.key and link.key == self._link.key:
                self._pacing.enter(link.ident)
                self._enter(link)
                return True
        return False

    def _measured(self, audio_start: int, first: _Audio) -> tuple[float | None, int]:
        """Duration in seconds where the file's tail tells it, and the mean bitrate."""
        tail_start = max(audio_start, self._file.seek(0, os.SEEK_END) - _TAIL)
        looks = range(audio_start, tail_start, max(1, (tail_start - audio_start) // _LOOKS))
        seen = [place for look in looks for place in islice(self._granules(look), 1)]
        seen += self._granules(tail_start)
        granule, end = seen[-1] if seen else (0, 0)
        ticks = granule - first.page.granule + first.ticks
        is_chained = any(later < earlier for (earlier, _), (later, _) in pairwise(seen))
        if ticks <= 0 or is_chained:
            return None, self._sampled_kbps(audio_start)
        duration_s = ticks / self.tick_hz
        if not self._link.is_alone:
            return duration_s, self._sampled_kbps(audio_start)
        return duration_s, _kbps(end - audio_start, duration_s)

    def _granules(self, start: int) -> Iterator[tuple[int, int]]:
        """The stream's granule positions near behind the file offset `start`, and where their pages end; 0 where
        another link begins."""
        scanner = PageScanner(self._file, start)
        with suppress(AudioError):
            while page := scanner.next(start + _TAIL):
                if page.granule >= 0 and (page.serial == self._source_serial or page.flags & BOS):
                    yield page.granule, scanner.position

    def _sampled_kbps(self, audio_start: int) -> int:
        """The bitrate of the first pages."""
        scanner = PageScanner(self._file, audio_start)
        pacing = _Pacing(self._link.ident)
        pages = size = ticks = 0
        with suppress(AudioError):
            while pages < _SAMPLE_PAGES and (page := scanner.next(audio_start + PATIENCE)):
                if page.serial == self._source_serial:
                    pages += 1
                    size += len(page.data)
                    ticks += pacing.paced(page, is_gap=False).ticks
        return _kbps(size, ticks / self.tick_hz)


class _Audio(NamedTuple):
    """A page to send."""

    page: Page
    granule: int
    """The granule position to send."""
    ticks: int
    is_start: bool


class _Pacing:
    """How long pages last, by their granule positions; packets are counted where those make no sense.

    A stream of Vorbis begins with a packet that no sound comes from. ffmpeg counts it all the same, and complains of
    time running backwards where a track follows whose last packet was cut shorter than that; so granule positions begin
    that much later. Not in a stream of one page: there they would tell that less is cut off its end.
    """

    def __init__(self, ident: Ident) -> None:
        self._ident = ident
        self._previous = ident.pre_skip
        self._sent = 0
        self._lead = ident.lead
        self._is_first = True
        self._is_first_link = True

    def enter(self, ident: Ident) -> None:
        """A further link begins. Its granule positions go on where the last link's ended; what it says of pre-skip no
        decoder will see.

        In Vorbis the seam sounds longer than both links count: neither is the last packet trimmed nor the first one
        silent. Granule positions leave room for that, as none may lie before the audio that was sent.
        """
        self._ident = ident
        self._sent += 2 * ident.longest_packet if ident.params.codec == VORBIS else 0
        self._previous = 0
        self._is_first = True
        self._is_first_link = False

    def paced(self, page: Page, *, is_gap: bool) -> _Audio:
        """The page with its duration; `is_gap` says that pages before it are missing, whose time does not count."""
        ended = page.packets_ended
        if self._is_first and page.flags & EOS:
            self._lead = 0
        ticks = self._ticks(page, ended, is_gap) if ended else 0
        granule = page.granule
        if granule != NO_GRANULE:
            granule = min((granule + self._lead if self._is_first_link else self._sent + ticks), _MOST_GRANULE)
            self._sent = granule
        return _Audio(page, granule, ticks, ticks > 0 and (ended > 1 or not page.flags & CONTINUED))

    def _ticks(self, page: Page, ended: int, is_gap: bool) -> int:
        is_last = page.flags & EOS
        ticks = page.granule - self._previous
        is_sane = 0 <= ticks <= ended * self._ident.longest_packet and (ticks or self._is_first or is_last)
        if page.granule == NO_GRANULE or is_gap or not is_sane:
            counted = ended * self._packet_ticks(page)
            ticks = min(ticks, counted) if is_sane and page.granule != NO_GRANULE else counted
        self._previous = page.granule if page.granule != NO_GRANULE else self._previous + ticks
        self._is_first = False
        return ticks

    def _packet_ticks(self, page: Page) -> int:
        """What one packet of the page lasts: for Opus by the first one's table of contents (RFC 6716, 3.1)."""
        if self._ident.params.codec != OPUS:
            return self._ident.longest_packet
        parts = page.fragments()
        if page.flags & CONTINUED:
            next(parts, None)
        packet, _ = next(parts, (b"", False))
        return min(_opus_ticks(packet), self._ident.longest_packet)


def _opus_ticks(packet: bytes) -> int:
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK_TICKS[config & 3]
    else:
        frame = _SILK_TICKS[config & 1] if config < 16 else _CELT_TICKS[config & 3]
    if code < 3:
        return frame * (2 if code else 1)
    return frame * (packet[1] & 63 if len(packet) > 1 else 1)


def _kbps(size: int, duration_s: float) -> int:
    return max(1, round(size / 125 / duration_s)) if duration_s > 0 else 1


def _random_serial() -> int:
    return int.from_bytes(os.urandom(4), "big") or 1
