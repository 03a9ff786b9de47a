"""How long the pages of a link last, and which granule positions they are sent with. Pure.

Packets are counted: what they last is what decoders make of them, whatever granule positions say. Those of the file
are asked for two things only: how much of the first packets is not heard (Vorbis), and where in its last packets the
link ends. The ones that are sent begin at 0 with every link, so whatever a file holds they rise with the sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.audio.ogg_packets import HEAD_BYTES, VORBIS
from radiostream.audio.ogg_page import CONTINUED, EOS, NO_GRANULE

if TYPE_CHECKING:
    from radiostream.audio.ogg_headers import Link
    from radiostream.audio.ogg_page import Page

_MOST_TRIMMED: Final = 2
"""Packets at the begin of a Vorbis link that are believed to be left out by the first granule position."""


class Paced(NamedTuple):
    """What is to be known of a page."""

    ticks: int
    granule: int
    """The granule position to send."""
    is_start: bool
    """A listener may begin with it: time passes in it, and a packet begins."""


class Pacing:
    """Takes the pages of one link in their order.

    A stream of Vorbis begins with a packet that no sound comes from. ffmpeg counts it all the same, and complains of
    time running backwards where a track follows whose last packet was cut shorter than that; so granule positions
    begin that much later. Not in a stream of one page: there they would tell that less is cut off its end.
    """

    def __init__(self, link: Link) -> None:
        self._clock = link.clock()
        self._longest = link.ident.longest_packet
        self._is_vorbis = link.params.codec == VORBIS
        self._lead = link.ident.lead
        self._unheard = link.ident.pre_skip
        self.total = 0
        """Ticks of the packets so far."""
        self._head = b""
        """The begin of a packet that has not ended yet."""
        self._before = 0
        """The file's granule position at the end of the last page."""
        self.is_sane = True
        """Whether the file's granule positions have agreed with the packets so far."""
        self._is_first = True

    def paced(self, page: Page, *, is_last: bool) -> Paced:
        """The next page of the link, `is_last` where it is the last one sent."""
        counted, ended = self._counted(page), page.packets_ended
        if not ended:
            return Paced(0, NO_GRANULE if page.lacing else self.total + self._lead, False)
        lasting = self._ended(page, counted) if is_last and page.flags & EOS else self._begun(page, counted)
        self.total += lasting
        ticks = max(0, lasting - self._unheard)
        self._unheard -= lasting - ticks
        self._is_first = False
        return Paced(ticks, self.total + self._lead, ticks > 0 and (ended > 1 or not page.flags & CONTINUED))

    def _counted(self, page: Page) -> int:
        """What the packets that end in the page last."""
        ticks = 0
        for part, is_end in page.fragments(HEAD_BYTES):
            if len(self._head) < HEAD_BYTES:
                self._head += part
            if is_end:
                ticks += self._clock.ticks(self._head)
                self._head = b""
        return ticks

    def _begun(self, page: Page, counted: int) -> int:
        """Of a page that others follow; in the first one Vorbis may tell that the begin is not to be heard."""
        granule, before, self._before = page.granule, self._before, page.granule
        if not self._is_first:
            self.is_sane = granule - before == counted
            return counted
        trimmed = counted - granule
        self.is_sane = granule > 0 and trimmed <= _MOST_TRIMMED * self._longest
        return granule if self._is_vorbis and self.is_sane and trimmed > 0 else counted

    def _ended(self, page: Page, counted: int) -> int:
        """Of the last page, whose granule position tells what is cut off its end."""
        left = page.granule - self._before
        if self._is_first:
            self._lead = 0
            return left if 0 < left < counted else counted
        return left if self.is_sane and 0 <= left < counted else counted
