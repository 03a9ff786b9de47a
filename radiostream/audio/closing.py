"""How a stream of each family is ended in the middle of a track, where the listener stands. Pure."""

from __future__ import annotations

from radiostream.audio.frames import OGG


def closing(family: str, ahead: memoryview) -> bytes:
    """What is still to be sent before the track is left, made from `ahead`, the whole frames or pages that follow.

    Empty for MP3 and AAC. An Ogg stream ends with its next page that ends a packet, marked as its last, and without
    the begin of a packet that would go on behind it: a player that finds no end-of-stream flag before the next logical
    stream may wait for ever (RFC 3533, 6). Empty where `ahead` holds no such page; no bytes raise an error, nor do
    bytes that are overwritten meanwhile.
    """
    if family != OGG:
        return b""
    from radiostream.audio.ogg_page import EOS, page_at, stamp, trimmed  # stations of MP3 and AAC never need it

    at = 0
    while (page := page_at(ahead, at)) is not None:
        if page.packets_ended:
            last = trimmed(page, head=False, tail=True)
            stamp(last.data, last.flags | EOS, last.granule, last.serial, last.sequence)
            return bytes(ahead[:at]) + last.data
        at += len(page.data)
    return b""


def end_page(behind: memoryview) -> bytes:
    """An empty page that ends an Ogg stream behind the pages in `behind`, which have been sent: where nothing follows
    that could be marked as its last. Empty where they hold no page, or the last one has ended it already."""
    from radiostream.audio.ogg_page import EOS, NO_GRANULE, build_page, page_at

    at, last = 0, None
    while (page := page_at(behind, at)) is not None:
        at, last = at + len(page.data), page
    if last is None or last.flags & EOS:
        return b""
    return bytes(build_page(EOS, NO_GRANULE, last.serial, last.sequence + 1 & 0xFFFFFFFF, b"", b""))
