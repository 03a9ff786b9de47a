"""Playlists that name a stream: `.m3u` and `.pls`. Pure."""

from __future__ import annotations

import re
from typing import Final

TYPES: Final = ("audio/x-mpegurl", "audio/mpegurl", "application/x-mpegurl", "application/vnd.apple.mpegurl",
                "audio/x-scpls", "application/pls+xml", "application/pls")  # fmt: skip
SUFFIXES: Final = (".m3u", ".m3u8", ".pls")
PLAYLIST_MOST: Final = 64 << 10
_FILE: Final = re.compile(r"file\d*\s*=\s*(\S+)", re.IGNORECASE)


class PlaylistError(Exception):
    """It names no stream that can be relayed."""


def is_playlist(content_type: str, path: str) -> bool:
    """Whether an answer is a playlist: by its type, else, where that tells nothing of audio, by its path's suffix."""
    kind = content_type.partition(";")[0].strip().lower()
    is_vague = not kind.startswith(("audio/", "application/ogg"))
    return kind in TYPES or (is_vague and path.lower().endswith(SUFFIXES))


def stream_in(data: bytes) -> str:
    """The first http(s) URL, or relative path, that the playlist names. Raises `PlaylistError`."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").lstrip("\ufeff").splitlines()]
    if any(line.startswith("#EXT-X-") for line in lines):
        raise PlaylistError("is an HLS playlist, which is not relayed")
    if any(line.lower() == "[playlist]" for line in lines):
        lines = [found[1] for line in lines if (found := _FILE.match(line))]
    for line in lines:
        if line and not line.startswith("#"):
            return line
    raise PlaylistError("is a playlist that names no stream")
