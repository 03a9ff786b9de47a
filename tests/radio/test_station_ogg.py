"""A station of Ogg, stepped by hand: how links begin and end on the air."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from radiostream.audio.frames import OGG
from radiostream.audio.ogg_page import BOS, CONTINUED, EOS, NO_GRANULE, build_page, page_crc
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


def test_a_track_in_which_no_time_passes_is_left_out(make_studio: Make, tmp_path: Path) -> None:
    """All of its sound is pre-skip: alone in its directory, it would begin again for ever."""
    head = b"OpusHead\1\2" + (3840).to_bytes(2, "little") + bytes(7)
    tags = b"OpusTags" + bytes(8)
    pages = [build_page(BOS, 0, SERIAL, 0, bytes([len(head)]), head)]
    pages.append(build_page(0, 0, SERIAL, 1, bytes([len(tags)]), tags))
    pages.append(build_page(EOS, 960, SERIAL, 2, b"\3", b"\xf8\xff\xfe"))
    (tmp_path / "short.opus").write_bytes(b"".join(pages))
    studio = make_studio(family=OGG)
    studio.show(studio.listed(tmp_path / "short.opus", OGG))
    studio.run_until(5)
    assert [left.reason for left in studio.station.status.left_out] == ["holds no audio"]


def test_a_track_of_other_set_up_is_a_barrier(make_studio: Make, tmp_path: Path) -> None:
    """Equal rate and channels are not enough: FLAC of another depth begins with a barrier, and is named."""
    studio = make_studio(family=OGG)
    paths = [flac_of_wide_packets(tmp_path / f"{name}.oga", 30) for name in "ab"]
    pages = paths[1].read_bytes().replace(b"\x0b\xb8\x02\xf0", b"\x0b\xb8\x03\x70", 1)
    first = bytearray(pages[: 28 + 51])
    first[22:26] = page_crc(first)
    paths[1].write_bytes(bytes(first) + pages[28 + 51 :])
    studio.show(*(studio.listed(path, OGG) for path in paths))
    studio.run_until(100)
    barriers = [chunk.run.params.setup for chunk in studio.published if chunk.barrier and not chunk.discontinuity]
    assert barriers[:2] == ["24 bit, blocks of 65535", "16 bit, blocks of 65535"]
    assert [one.name for one in studio.station.status.mismatched] == ["b.oga"]


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
