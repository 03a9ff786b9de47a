"""What a source calls the thing it sends, made fit for a display, a log and a header, whoever said it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

_LENGTH: Final = 500


class Said(NamedTuple):
    """Title and artist, each on one line, in printable characters; empty where the source is silent."""

    title: str = ""
    artist: str = ""


def said(title: str, artist: str = "") -> Said:
    """A source's own words as a value that harms nobody."""
    return Said(_line(title), _line(artist))


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _LENGTH]).split())[:_LENGTH]
