"""What a check finds: values, and the words for what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from radiostream.audio.frames import AAC, MP3, OGG

LEFT_OUT: Final = "left-out"
RIGHTS: Final = "rights"
MISMATCHED: Final = "mismatched"
BROKEN_OFF: Final = "breaks-off"
TAGS_MISSING: Final = "tags-missing"
TAGS_ENCODING: Final = "tags-encoding"
DOUBLE: Final = "double"
LOUDNESS: Final = "loudness"
DEAD_AIR: Final = "dead-air"
RULE: Final = "rule"
SETTINGS: Final = "settings"

TITLES: Final = {
    SETTINGS: "settings",
    RULE: "the programme",
    LEFT_OUT: "left out",
    RIGHTS: "permissions",
    BROKEN_OFF: "break off while they play",
    MISMATCHED: "stop browsers",
    DOUBLE: "the same audio twice",
    LOUDNESS: "much louder or quieter than most",
    DEAD_AIR: "dead air",
    TAGS_ENCODING: "tags in the wrong encoding",
    TAGS_MISSING: "tags missing",
}
"""Every kind of finding, the most urgent first, and its headline."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should do something about."""

    kind: str
    """A key of `TITLES`."""
    name: str
    """The file or folder, its path below the directory; printable."""
    text: str
    """What is the matter with it, in words that follow the name."""
    advice: str
    """What to do."""


_ADVICE: Final = (
    ("permission denied", RIGHTS, "let the server's user read it: chmod -R a+rX"),
    ("is empty", LEFT_OUT, "copy it again, or remove it"),
    ("holds .nomedia", LEFT_OUT, "remove that mark to have the directory played"),
    ("not a format that is sent", LEFT_OUT, "convert it: {convert}"),
    ("this station sends", LEFT_OUT, "convert it: {convert}; or give it a station of its own format"),
    ("looks like a rule", RULE, "rename the folder"),
    ("cannot lie in another", RULE, "move the folder into the station's directory"),
    ("is in the list", RULE, "correct the list, or add the file; paths are relative to the list"),
    ("does not name", RULE, "add them to the list, or remove the list"),
    ("names no file", RULE, "correct the list; paths are relative to it"),
)


_CONVERT: Final = {
    MP3: "ffmpeg -i FILE -b:a 192k NEW.mp3",
    AAC: "ffmpeg -i FILE -c:a aac -b:a 160k NEW.m4a",
    OGG: "ffmpeg -i FILE -c:a libopus -b:a 128k NEW.opus",
}


def left_out(name: str, reason: str, family: str) -> Finding:
    """The finding for what a listing or an arrangement of a station that sends `family` leaves out."""
    for words, kind, advice in _ADVICE:
        if words in reason:
            return Finding(kind, name, reason, advice.format(convert=_CONVERT[family]))
    return Finding(LEFT_OUT, name, reason, "replace the file by a copy that plays, or encode it again")
