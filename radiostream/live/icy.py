"""ICY: titles that SHOUTcast and Icecast weave into the audio, taken out of it again. Pure.

After every `metaint` bytes of audio comes a byte N, then 16 N bytes of text, padded with NUL.
"""

from __future__ import annotations

import re
from typing import Final

from radiostream.live.said import Said, said

METAINT_MOST: Final = 1 << 20
_TITLE: Final = re.compile(rb"StreamTitle='(.*?)'(?:;|\Z)", re.DOTALL)


class Demuxer:
    """One stream; used by the relay's thread."""

    def __init__(self, metaint: int) -> None:
        self._metaint = metaint
        self._audio_left = metaint
        self._text_left = 0
        self._text = bytearray()
        self.titles: list[Said] = []
        """Titles that have come since somebody last took them."""

    def feed(self, data: bytes) -> bytes:
        """The audio in `data`; titles go to `titles`."""
        if not self._metaint:
            return data
        audio = bytearray()
        at = 0
        while at < len(data):
            if self._text_left:
                part = data[at : at + self._text_left]
                self._text += part
                self._text_left -= len(part)
                at += len(part)
                if not self._text_left:
                    self._end_text()
            elif self._audio_left:
                part = data[at : at + self._audio_left]
                audio += part
                self._audio_left -= len(part)
                at += len(part)
            else:
                self._text_left = data[at] * 16
                self._audio_left = self._metaint
                at += 1
        return bytes(audio)

    def _end_text(self) -> None:
        found = _TITLE.search(self._text.rstrip(b"\0"))
        if found:
            self.titles.append(said(text_of(bytes(found[1]))))
        self._text.clear()


def text_of(raw: bytes, charset: str = "") -> str:
    """Text as a source sent it: in `charset` where it names one that is known, else UTF-8, else ISO 8859-1."""
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return raw.decode(encoding)
        except (LookupError, ValueError):
            continue
    return raw.decode("iso-8859-1")
