"""Comment packets that come in pieces, and what of them is sent on."""

from __future__ import annotations

import pytest

from radiostream.audio.frames import AudioError
from radiostream.audio.ogg_comment import entries, sink_for
from radiostream.audio.ogg_packets import FLAC, OPUS, VORBIS

TEXTS = [b"radiostream tests", b"TITLE=Some words", b"METADATA_BLOCK_PICTURE=" + b"A" * 9000, b"ARTIST=Ann"]
HEADS = {VORBIS: b"\x03vorbis", OPUS: b"OpusTags", FLAC: b"\x84\0\0\0"}


@pytest.mark.parametrize("codec", HEADS)
@pytest.mark.parametrize("size", [1, 3, 7, 4096, 1 << 20])
def test_a_comment_may_come_in_any_pieces(codec: str, size: int) -> None:
    """Vendor and short entries are kept; a picture passes by, however it is cut."""
    packet = HEADS[codec] + entries(TEXTS) + b"\x01"
    sink = sink_for(codec, packet)
    for at in range(0, len(packet), size):
        sink.feed(packet[at : at + size])
    kept = entries([TEXTS[0], TEXTS[1], TEXTS[3]])
    assert kept in sink.packet()
    assert b"AAAA" not in sink.packet()


def test_codebooks_without_end_are_refused() -> None:
    """A set-up header is kept whole, so it has a limit."""
    sink = sink_for(VORBIS, b"\x05vorbis")
    sink.feed(bytes(256 << 10))
    with pytest.raises(AudioError, match="more than 256 KB"):
        sink.feed(b"1")
