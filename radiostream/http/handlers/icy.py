"""ICY: the titles that players read inside the stream, after every `METAINT` bytes of audio.

Pure: bytes and counters, no socket. One `Framer` belongs to one listener's thread. The audio is never copied: the
framer cuts views of it and puts metadata blocks in between, for `socket.sendmsg` to gather.

The syntax (SHOUTcast's, as Icecast 2.4 writes it): one byte L, then 16 * L bytes `StreamTitle='...';` padded with NUL;
L = 0 says "as before". There is no escaping: players cut at the first `';`, so a title must not hold one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

METAINT: Final = 16000
"""Bytes of audio between two blocks; Icecast's own figure, which old hardware expects."""

_UNCHANGED: Final = b"\0"
_LONGEST: Final = 255 * 16
_OPEN: Final = b"StreamTitle='"
_CLOSE: Final = b"';"
_MOST_PIECES: Final = 64
"""Buffers for one `sendmsg`, far below the kernel's 1024 (IOV_MAX) and enough for half a megabyte of audio."""
_FORBIDDEN: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ") | {0xFEFF: None}
"""Controls and line ends become spaces; a byte order mark, which players show as a character, goes."""


@lru_cache(maxsize=32)  # all listeners of a station share one object
def title_block(text: str) -> bytes:
    """The whole metadata block, length byte included, that shows `text` in a player.

    UTF-8 without a BOM; whatever does not fit into 4080 bytes is cut off between two characters.
    """
    text = " ".join(text.translate(_FORBIDDEN).split()).replace("';", "\u2019;")
    if text.startswith(";"):
        text = " " + text  # the opening quote and this would make a closing one
    room = _LONGEST - len(_OPEN) - len(_CLOSE)
    shown = text.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").encode()
    block = _OPEN + shown + _CLOSE
    sixteenths = -(-len(block) // 16)
    return bytes((sixteenths,)) + block.ljust(16 * sixteenths, b"\0")


class Framer:
    """Where one listener stands between two blocks.

    Call `buffers(view, title)`, hand the pieces to `sendmsg`, tell `sent` how many bytes really went out; it answers
    how many of them were audio, so the caller knows where the rest of its view begins. Any other view may follow.
    """

    __slots__ = ("_announced", "_asked", "_metaint", "_rest", "_until")

    def __init__(self, metaint: int = METAINT) -> None:
        self._metaint = metaint
        self._until = metaint
        """Bytes of audio before the next block."""
        self._rest = b""
        """What is still to be sent of a block that has begun."""
        self._announced: str | None = None
        """The title of the last block that has begun and was not empty."""
        self._asked = ""
        """The title of the last `buffers`."""

    def buffers(self, view: memoryview, title: str) -> list[bytes | memoryview]:
        """The pieces to send, in order: the rest of a begun block, then `view` (bytes) with blocks in between.

        `title` is that of the audio in `view`. A block that is due stands before the audio that follows it, never
        behind the audio before it, so a new title comes with the first frame of its track. Where `view` is long the
        pieces may cover only its beginning.
        """
        self._asked = title
        pieces: list[bytes | memoryview] = [self._rest] if self._rest else []
        block = self._block()
        until, at = self._until, 0
        while at < len(view) and len(pieces) < _MOST_PIECES:
            if not until:
                pieces.append(block)
                block, until = _UNCHANGED, self._metaint
            piece = view[at : at + until]
            pieces.append(piece)
            at += len(piece)
            until -= len(piece)
        return pieces

    def sent(self, n: int) -> int:
        """`n` bytes of the last `buffers` went out; how many of them were audio."""
        from_rest = min(n, len(self._rest))
        self._rest = self._rest[from_rest:]
        n -= from_rest
        audio = 0
        while n:
            if not self._until:
                block = self._block()
                self._rest, self._announced, self._until = block[n:], self._asked, self._metaint
                n -= min(n, len(block))
            taken = min(n, self._until)
            self._until -= taken
            audio += taken
            n -= taken
        return audio

    def _block(self) -> bytes:
        """The next block, were it to begin now."""
        return _UNCHANGED if self._announced == self._asked else title_block(self._asked)
