"""Plays and moments for the tests of the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from radiostream.playlist.track import Tags
from radiostream.radio.plays import Play

TAGS = Tags("So What", "Miles Davis", "Kind of Blue", isrc="USSM15900113", label="Columbia")
PLAY = Play("/jazz", "Europe/Berlin", 0.0, 0.0, "played", "track", "blue/so what.mp3", TAGS, 3, 5, 600.4)


def at(text: str) -> float:
    """Unix seconds of an ISO 8601 moment."""
    return datetime.fromisoformat(text).timestamp()


def play(begin: str, seconds: float = 240.0, **other: Any) -> Play:
    """A play that began at an ISO 8601 moment."""
    return replace(PLAY, started_at=at(begin), ended_at=at(begin) + seconds, **other)
