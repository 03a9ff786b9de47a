"""What a listener who joins in the middle of an Ogg page gets of it: the page from the packet on that is due. Pure."""

from __future__ import annotations

import io
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from radiostream.audio.ogg_headers import Link
    from radiostream.audio.ogg_page import Page


class Opening(NamedTuple):
    """The begin of a stream."""

    data: bytes
    replaced: int
    """How many bytes that lie ahead it stands for."""


def opening(preamble: bytes, ahead: memoryview, skip_ticks: int) -> Opening:
    """The page at the front of `ahead`, without the packets that are over `skip_ticks` after its begin.

    `preamble` are the header pages of its stream. Pages last up to a second and more, packets some 20 ms: so cut, any
    two listeners hear the same but for a packet. The page keeps its granule position, which is that of its end
    (RFC 3533, 6). Of Vorbis it begins one packet earlier, as no sound comes of a decoder's first one. Nothing where
    no page lies ahead; no bytes raise an error, nor do bytes that are overwritten meanwhile.
    """
    from radiostream.audio.frames import AudioError
    from radiostream.audio.ogg_headers import read_link
    from radiostream.audio.ogg_page import PageScanner, page_at, stamp, without_first

    page = page_at(ahead, 0)
    if page is None:
        return Opening(b"", 0)
    try:
        link = read_link(PageScanner(io.BytesIO(preamble)))
    except AudioError:
        return Opening(b"", 0)
    cut = without_first(page, _packets_over(page, link, skip_ticks)) or page
    stamp(cut.data, cut.flags, cut.granule, cut.serial, cut.sequence)
    return Opening(bytes(cut.data), len(page.data))


def _packets_over(page: Page, link: Link, skip_ticks: int) -> int:
    """How many of the page's packets need not be sent to one who begins `skip_ticks` after its begin."""
    from radiostream.audio.ogg_packets import HEAD_BYTES, VORBIS
    from radiostream.audio.ogg_page import CONTINUED

    clock = link.clock()
    ticks = [clock.ticks(head) for head, is_end in page.fragments(HEAD_BYTES) if is_end]
    is_vorbis = link.params.codec == VORBIS
    if len(ticks) > 1 and (is_vorbis or page.flags & CONTINUED):
        ticks[0] = ticks[1]  # how long it lasts is told by what lies in front of the page
    ends = accumulate(ticks)
    over = min(sum(1 for end in ends if end <= skip_ticks), len(ticks) - 1)
    return max(0, over - 1) if is_vorbis else max(0, over)
