"""Pictures and conditional requests: pure functions on bytes and header values.

A picture comes out of somebody's file. Its type is told by its first bytes alone, never by what the file or the tag
claims, and only the four kinds that a browser draws without running anything are pictures.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from radiostream.playlist.track import COVER_BYTES

MOST_BYTES: Final = COVER_BYTES

_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def image_type(data: bytes) -> str | None:
    """The content type of a JPEG, PNG, GIF or WebP picture by its first bytes; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def etag(data: bytes) -> str:
    """A strong entity tag, quotes included."""
    return f'"{blake2b(data, digest_size=12).hexdigest()}"'


def if_none_match(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` header names `tag`, so that the answer is 304 (RFC 9110 §13.1.2, weak comparison)."""
    if header is None:
        return False
    named = [one.strip().removeprefix("W/") for one in header.split(",")]
    return tag.removeprefix("W/") in named or named == ["*"]
