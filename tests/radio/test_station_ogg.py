"""A station of Ogg, stepped by hand: how links begin and end on the air."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from radiostream.audio.frames import OGG
from radiostream.audio.ogg_page import BOS, CONTINUED, NO_GRANULE, build_page
from tests.radio.studio import Studio

Make = Callable[..., Studio]

SERIAL = 5
PACKET_TICKS = 48000
WIDE = 255 * 255


def flac_of_wide_packets(path: Path, packets: int) -> Path:
    """FLAC in Ogg whose packets of one second each take a page and a half."""
    info = b"\x10\0\xff\xff" + bytes(6) + (48000 << 12 | 1 << 9 | 15 << 4).to_bytes(4, "big") + bytes(20)
    ident = b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22" + info
    comment = b"\x84\0\0\x08" + bytes(8)
    pages = [build_page(BOS, 0, SERIAL, 0, bytes([len(ident)]), ident)]
    pages.append(build_page(0, 0, SERIAL, 1, bytes([len(comment)]), comment))
    for index in range(packets):
        pages.append(build_page(0, NO_GRANULE, SERIAL, len(pages), b"\xff" * 255, bytes(WIDE)))
        granule = (index + 1) * PACKET_TICKS
        pages.append(build_page(CONTINUED, granule, SERIAL, len(pages), b"\xff" * 100 + b"\0", bytes(25500)))
    path.write_bytes(b"".join(pages))
    return path


def test_a_skip_in_a_packet_of_many_pages(make_studio: Make, tmp_path: Path) -> None:
    """Where no packet ends in what lies ahead there is no last page to send: no empty chunk, and the next track."""
    studio = make_studio(family=OGG)
    tracks = [studio.listed(flac_of_wide_packets(tmp_path / f"{name}.oga", 60), OGG) for name in "abc"]
    studio.show(*tracks)
    for second in range(1, 30):
        studio.run_until(second)
        studio.do(studio.station.next_track())
    assert all(studio.data)
    assert {chunk.run.track for chunk in studio.published} == set(tracks)
