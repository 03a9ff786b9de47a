"""Titles out of a Vorbis comment, as Ogg streams carry one in front of each link. Pure; hostile bytes yield no title.

Format: the Vorbis I specification, section 5; RFC 7845 (`OpusTags`); RFC 9639 (FLAC's block).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiostream.live.said import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from radiostream.live.said import Said

_HEADS: Final = ((b"\x03vorbis", 7), (b"OpusTags", 8))
_FLAC_HEAD: Final = 4
_MOST_ENTRIES: Final = 256


def title_in(packets: Sequence[bytes]) -> Said | None:
    """Title and artist by the first of `packets`, a comment; None where it has neither."""
    if not packets:
        return None
    found: dict[str, str] = {}
    for entry in _entries(packets[0]):
        name, equals, value = entry.partition(b"=")
        key = name.decode("ascii", "replace").lower()
        if equals and key in ("artist", "title"):
            found.setdefault(key, value.decode("utf-8", "replace"))
    title = said(found.get("title", ""), found.get("artist", ""))
    return title if any(title) else None


def _entries(packet: bytes) -> Iterator[bytes]:
    at = next((size for magic, size in _HEADS if packet.startswith(magic)), _FLAC_HEAD)
    at += 4 + int.from_bytes(packet[at : at + 4], "little")
    count = int.from_bytes(packet[at : at + 4], "little")
    at += 4
    for _ in range(min(count, _MOST_ENTRIES)):
        size = int.from_bytes(packet[at : at + 4], "little")
        if at + 4 + size > len(packet):
            return
        yield packet[at + 4 : at + 4 + size]
        at += 4 + size
