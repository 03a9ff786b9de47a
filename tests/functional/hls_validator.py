"""A judge of live HLS with packed audio, by RFC 8216's rules; it shares no code with the server.

`Judge.see` takes a playlist each time one has been fetched, and holds it against the rules and against what it has
seen before; `Judge.take` takes a segment. Both raise AssertionError where a rule is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from tests.bench.frames import frame_at

PTS_WRAP: Final = 1 << 33
CLOCK_S: Final = 0.002
"""Two segments without a discontinuity between them follow one another this exactly, by program date-time."""

_OWNER: Final = b"com.apple.streaming.transportStreamTimestamp\0"
_ADTS_HZ: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(frozen=True)
class Entry:
    """One segment as a playlist lists it."""

    number: int
    era: int
    """Its discontinuity sequence number (RFC 8216 §6.2.1)."""
    cut: bool
    at: datetime
    seconds: float
    title: str
    uri: str


@dataclass(frozen=True)
class Listing:
    """One playlist, read."""

    target: int
    sequence: int
    discontinuity_sequence: int
    entries: tuple[Entry, ...]

    @property
    def seconds(self) -> float:
        return sum(entry.seconds for entry in self.entries)


@dataclass(frozen=True)
class Segment:
    """One segment's content, read."""

    pts: int
    titles: tuple[str, ...]
    seconds: float
    params: tuple[str, int, int]
    """Codec, sample rate and channels of its frames."""


def parse(text: str) -> Listing:
    """A media playlist; raises AssertionError where it is none, or says a thing twice."""
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == "", "the last line ends"
    tags: dict[str, str] = {}
    entries: list[Entry] = []
    cut, at, extinf = False, "", ""
    for line in lines[1:-1]:
        name, _, value = line.partition(":")
        if name == "#EXT-X-DISCONTINUITY":
            cut = True
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            at = value
        elif name == "#EXTINF":
            extinf = value
        elif line.startswith("#"):
            assert name not in tags, f"{name} twice"
            assert not entries, f"{name} behind a segment"
            tags[name] = value
        else:
            assert extinf, "a segment without EXTINF"
            assert at, "a segment without its date"
            seconds, _, title = extinf.partition(",")
            before = entries[-1] if entries else None
            number = before.number + 1 if before else int(tags["#EXT-X-MEDIA-SEQUENCE"])
            era = (before.era if before else int(tags["#EXT-X-DISCONTINUITY-SEQUENCE"])) + cut
            entries.append(Entry(number, era, cut, datetime.fromisoformat(at), float(seconds), title, line))
            cut, at, extinf = False, "", ""
    assert entries, "an empty list"
    assert int(tags["#EXT-X-VERSION"]) >= 3, "durations with a fraction"
    assert "#EXT-X-ENDLIST" not in tags, "a live list does not end"
    target, sequence, discontinuity_sequence = (
        int(tags[f"#EXT-X-{name}"]) for name in ("TARGETDURATION", "MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE")
    )
    return Listing(target, sequence, discontinuity_sequence, tuple(entries))


def read(data: bytes) -> Segment:
    """A segment of packed audio: one ID3v2.4 tag with the time, then whole frames of one kind up to the last byte."""
    assert data[:5] == b"ID3\x04\0", "an ID3v2.4 tag comes first"
    size = _syncsafe(data[6:10])
    tags = list(_tag_frames(data[10 : 10 + size]))
    (priv,) = (body for name, body in tags if name == "PRIV")
    assert priv[: len(_OWNER)] == _OWNER
    assert len(priv) == len(_OWNER) + 8
    pts = int.from_bytes(priv[len(_OWNER) :], "big")
    assert pts < PTS_WRAP, "33 bits"
    audio = data[10 + size :]
    walk = _mp3 if audio[1] & 0x06 else _adts
    seconds, kinds = 0.0, set()
    for frame_s, params in walk(audio):
        seconds += frame_s
        kinds.add(params)
    assert len(kinds) == 1, f"several kinds of frames in one segment: {kinds}"
    return Segment(pts, tuple(body[1:].decode() for name, body in tags if name == "TIT2"), seconds, kinds.pop())


def _tag_frames(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        size = _syncsafe(data[at + 4 : at + 8])
        assert data[at + 8 : at + 10] == b"\0\0", "no flags"
        assert at + 10 + size <= len(data), "a frame ends within its tag"
        yield data[at : at + 4].decode("ascii"), data[at + 10 : at + 10 + size]
        at += 10 + size


def _syncsafe(data: bytes) -> int:
    assert max(data) < 128
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _mp3(data: bytes) -> Iterator[tuple[float, tuple[str, int, int]]]:
    at = 0
    while at < len(data):
        length, seconds = frame_at(data, at)
        assert at + length <= len(data), "the last frame is whole"
        samples = 1152 if data[at + 1] & 0x08 else 576
        yield seconds, ("mp3", round(samples / seconds), 1 if data[at + 3] >> 6 == 3 else 2)
        at += length


def _adts(data: bytes) -> Iterator[tuple[float, tuple[str, int, int]]]:
    at = 0
    while at < len(data):
        header = data[at : at + 7]
        assert header[0] == 0xFF, f"no frame at byte {at}"
        assert header[1] & 0xF6 == 0xF0, f"no frame at byte {at}"
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        rate_hz = _ADTS_HZ[header[2] >> 2 & 15]
        assert at + length <= len(data), "the last frame is whole"
        yield 1024 / rate_hz, ("aac", rate_hz, (header[2] & 1) << 2 | header[3] >> 6)
        at += length


class Judge:
    """See the module. One for each station and player."""

    def __init__(self) -> None:
        self.known: dict[int, Entry] = {}
        """Every segment that was ever listed, by number."""
        self.removed: list[tuple[Entry, float]] = []
        """Segments that have left the list, and for how long from then on they must be there (§6.2.2)."""
        self._contents: dict[int, Segment] = {}
        self._last: Listing | None = None
        self._longest_s = 0.0

    def see(self, text: str) -> list[Entry]:
        """Hold a playlist against the rules; the segments that are new in it."""
        listing = parse(text)
        for entry in listing.entries:
            assert round(entry.seconds) <= listing.target, "longer than the target duration (§4.3.3.1)"
            assert self.known.setdefault(entry.number, entry) == entry, "a segment has changed (§6.2.1)"
        self._dates(listing.entries)
        if self._last is not None:
            self._changes(self._last, listing)
        new = [entry for entry in listing.entries if self._last is None or entry.number >= _end(self._last)]
        self._last, self._longest_s = listing, max(self._longest_s, listing.seconds)
        return new

    def _dates(self, entries: tuple[Entry, ...]) -> None:
        for before, entry in pairwise(entries):
            gap_s = (entry.at - before.at).total_seconds() - before.seconds
            assert entry.cut or abs(gap_s) <= CLOCK_S, f"program date-time jumps by {gap_s} s at {entry.number}"

    def _changes(self, before: Listing, now: Listing) -> None:
        assert now.target == before.target, "the target duration changes (§6.2.1)"
        assert now.sequence >= before.sequence, "the media sequence number goes back (§6.2.2)"
        assert _end(now) >= _end(before), "segments at the end are taken back (§6.2.1)"
        assert now.sequence <= _end(before), "segments were never listed"
        assert now.discontinuity_sequence >= before.discontinuity_sequence
        gone = [entry for entry in before.entries if entry.number < now.sequence]
        if gone:
            assert now.seconds >= 3 * now.target, "less than three target durations are left (§6.2.2)"
        self.removed += [(entry, entry.seconds + max(self._longest_s, before.seconds)) for entry in gone]

    def take(self, entry: Entry, data: bytes) -> Segment:
        """Hold a segment's content against what was listed, and against its neighbours'."""
        segment = read(data)
        assert abs(segment.seconds - entry.seconds) < 0.0001, "another duration than was listed"
        self._contents[entry.number] = segment
        before = self._contents.get(entry.number - 1)
        if before is not None:
            step = (segment.pts - before.pts) % PTS_WRAP
            assert abs(step - before.seconds * 90000) < 2, f"the timeline jumps by {step} at {entry.number}"
            assert entry.cut or segment.params == before.params, "other parameters without a discontinuity (§4.3.2.3)"
        return segment


def _end(listing: Listing) -> int:
    return listing.entries[-1].number + 1
