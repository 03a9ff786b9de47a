"""Pictures.

A picture comes out of somebody's file. Its type is told by its first bytes alone, never by what the file or the tag
claims, and only the four kinds that a browser draws without running anything are pictures.
"""

from __future__ import annotations

from functools import lru_cache

from radiostream.playlist.pictures import find_picture


@lru_cache(maxsize=512)
def version(path: str, root: str, _started_at: float) -> str:
    """What tells the track's picture from others in a URL, so that browsers fetch it once; empty where there is none.

    Looked for once each time that the track goes on the air (at `_started_at`).
    """
    picture = find_picture(path, root)
    return picture.version if picture else ""
