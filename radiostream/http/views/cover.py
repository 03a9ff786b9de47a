"""Pictures.

A picture comes out of somebody's file. Its type is told by its first bytes alone, never by what the file or the tag
claims, and only the four kinds that a browser draws without running anything are pictures.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from radiostream.playlist.track import COVER_BYTES, directory_cover, read_cover

_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def picture(path: str, root: str) -> bytes | None:
    """The picture of the track at `path`: its own, else the one beside it or in the station's directory `root`."""
    own = read_cover(path)
    data = own if own and image_type(own) else _beside(path, root)
    return data if data and image_type(data) else None


def _beside(path: str, root: str) -> bytes | None:
    beside = directory_cover(path, root)
    if beside is None:
        return None
    try:
        with open(beside, "rb") as file:
            data = file.read(COVER_BYTES + 1)
    except OSError:
        return None
    return data if len(data) <= COVER_BYTES else None


@lru_cache(maxsize=512)
def version(path: str, root: str, _started_at: float) -> str:
    """What tells the track's picture from others in a URL, so that browsers fetch it once; empty where there is none.

    Looked for once each time that the track goes on the air (at `_started_at`).
    """
    data = picture(path, root)
    return etag(data).strip('"') if data else ""


def image_type(data: bytes) -> str | None:
    """The content type of a JPEG, PNG, GIF or WebP picture by its first bytes; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def etag(data: bytes) -> str:
    """A strong entity tag, quotes included."""
    return f'"{blake2b(data, digest_size=12).hexdigest()}"'
