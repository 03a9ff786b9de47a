"""Which names of files and directories are nobody's music: recycle bins, snapshots, thumbnails, half finished copies.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

LEAVE_OUT_MARKS: Final = frozenset({".nomedia", ".ndignore"})
"""A directory that holds one of these is left out, with everything below it."""

# fmt: off
_DIRECTORIES: Final = frozenset((
    "#recycle", "#snapshot", "$recycle.bin", "@__thumb", "@eadir", "@recently-snapshot", "@recycle", "@synoresource",
    "@tmp", "__macosx", "lost+found", "network trash folder", "recycled", "recycler", "system volume information",
    "temporary items", "~snapshot",
))
_ENDS: Final = (
    "~", ".swp", ".swo", ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".aria2",
    ".!qb", ".!ut", ".bc!", ".bak", ".icloud",
)
# fmt: on
_STARTS: Final = (".", "~$", "~syncthing~")
_UNFINISHED: Final = re.compile(r"\.(?:te?mp|f\d{2,4}(?:-\w+)?)\.[^.]+")
"""`x.tmp.mp3`, ffmpeg's and yt-dlp's `x.temp.mp3`, and the parts that yt-dlp puts together, `x.f140.m4a`."""


def is_clutter(name: str) -> bool:
    """Whether a file or directory of that name is hidden or left behind by an editor, a download or a copy; letters'
    case apart."""
    low = name.lower()
    if low.startswith(_STARTS) or low.endswith(_ENDS):
        return True
    head, dot, tail = low.rpartition(".")
    return bool(dot) and _UNFINISHED.fullmatch(head[head.rfind(".") :] + dot + tail) is not None


def is_system_directory(name: str) -> bool:
    """Whether a directory of that name belongs to a file server or an operating system; letters' case apart."""
    return name.casefold() in _DIRECTORIES
