"""One file, read as the server reads it: does it play, how is it decoded, what does it say of itself.

Reads a file's begin and middle, not all of it: a library of hundreds of gigabytes is to be checked within minutes.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiostream.audio.frames import WIDEST_FRAME, AudioError, Params
from radiostream.playlist.tags import read_tags
from radiostream.radio import deck

if TYPE_CHECKING:
    from radiostream.playlist.track import Tags, Track

_BLOCK_S: Final = 4.0
_LONG_S: Final = 10.0
"""A track that lasts longer is also looked at in its middle."""
_SERIAL: Final = 1
_ALL_MAY_READ: Final = 0o444


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one file."""

    why: str = ""
    """Why it is not played; empty where it is."""
    breaks_off: str = ""
    """Why reading it breaks off later than at its begin."""
    params: Params | None = None
    kbps: int = 0
    duration_s: float | None = None
    tags: Tags | None = None
    sample: bytes = b""
    """A digest of some of its audio: the same for the same audio whatever its tags, hardly ever for another."""
    is_private: bool = False
    """Whether its permissions let not everybody read it."""


def listen(track: Track, buffer: memoryview) -> Heard:
    """Read what the server reads when `track` comes to be played. `buffer` is reused, `buffer_for_files` makes one."""
    try:
        opened = deck.load(track, _SERIAL)
    except (AudioError, OSError) as error:
        return Heard(why=deck.reason(error))
    with closing(opened):
        digest = hashlib.blake2b(digest_size=16)
        try:
            block = opened.fill(buffer, _BLOCK_S)
        except (AudioError, OSError) as error:
            return Heard(why=deck.reason(error))
        if not block.length:
            return Heard(why="holds no audio")
        params, duration_s = opened.params, opened.duration_s
        digest.update(buffer[: block.length])
        digest.update(f"{params} {duration_s or 0:.2f}".encode())
        breaks_off = _listen_to_middle(opened, buffer, digest)
        kbps = opened.kbps
    return Heard("", breaks_off, params, kbps, duration_s, read_tags(track.path), digest.digest(), _is_private(track))


def _listen_to_middle(opened: deck.Deck, buffer: memoryview, digest: hashlib.blake2b) -> str:
    """Why its middle cannot be read, if so."""
    duration_s = opened.duration_s
    if duration_s is None or duration_s < _LONG_S:
        return ""
    try:
        opened.seek(duration_s / 2)
        block = opened.fill(buffer, _BLOCK_S)
    except (AudioError, OSError) as error:
        return deck.reason(error)
    digest.update(buffer[: block.length])
    return ""


def whole_digest(track: Track, buffer: memoryview) -> bytes:
    """A digest of all of its audio, as far as it can be read."""
    digest = hashlib.blake2b(digest_size=16)
    with suppress(AudioError, OSError), closing(deck.load(track, _SERIAL)) as opened:
        while (block := opened.fill(buffer, _BLOCK_S)).length:
            digest.update(buffer[: block.length])
    return digest.digest()


def buffer_for_files() -> memoryview:
    """What `listen` reads into."""
    return memoryview(bytearray(WIDEST_FRAME + 1))


def _is_private(track: Track) -> bool:
    with suppress(OSError):
        return os.stat(track.path).st_mode & _ALL_MAY_READ != _ALL_MAY_READ
    return False


def is_misread(text: str) -> bool:
    """Whether text is UTF-8 that somebody took for Latin-1 (`FranÃ§ois`), or has lost characters already."""
    if "\ufffd" in text:
        return True
    for encoding in ("latin-1", "cp1252"):
        with suppress(UnicodeError):
            return text.encode(encoding).decode() != text
    return False
