"""A clock stepped by hand, tracks whose frames tell who they are, and stations that run in the test's own thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiostream.config import StationConfig
from radiostream.playlist.library import Listing
from radiostream.playlist.pictures import Picture, find_picture
from radiostream.playlist.track import Tags, Track
from radiostream.radio.changes import Changes
from radiostream.radio.ring import Chunk
from radiostream.radio.station import Station

FRAME_BYTES = 417
FRAME_S = 1152 / 44100
BUFFER = 65536


class FakeClock:
    """Time that passes only while somebody waits for it: a wait ends at once, at the moment it was meant for."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = 1_700_000_000.0

    def now_s(self) -> float:
        return self.now

    def unix_s(self) -> float:
        return self.wall

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> None:
        assert timeout_s is not None, "a wait without end in a test's own thread"
        self.sleep(timeout_s)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class FakeTagger:
    """Knows the tags it was given, at once."""

    def __init__(self) -> None:
        self.tags: dict[str, Tags] = {}

    def get(self, track: Track) -> Tags | None:
        return self.tags.get(track.name)

    def wait(self, track: Track, timeout_s: float) -> Tags | None:
        return self.get(track)

    def request(self, track: Track) -> Tags | None:
        return self.get(track)

    def request_picture(self, route: str, track: Track, root: str, deliver: Callable[[Picture | None], None]) -> None:
        deliver(find_picture(track.path, root))

    def artist_of(self, track: Track) -> str:
        tags = self.get(track)
        return tags.artist if tags else ""


def frame(track: int, index: int, header: bytes = b"\xff\xfb\x90\x00") -> bytes:
    """One 128 kbps frame at 44.1 kHz whose payload holds its track's number and its own."""
    size = {b"\xff\xfb\x90\x00": 417, b"\xff\xfb\x94\x00": 384}[header]
    return (header + bytes(32) + track.to_bytes(2, "big") + index.to_bytes(4, "big")).ljust(size, b"\x55")


def names(data: bytes | memoryview) -> list[tuple[int, int]]:
    """Track and index of each 417-byte frame in `data`, which must hold whole frames only."""
    assert len(data) % FRAME_BYTES == 0
    return [
        (int.from_bytes(data[at + 36 : at + 38], "big"), int.from_bytes(data[at + 38 : at + 42], "big"))
        for at in range(0, len(data), FRAME_BYTES)
    ]


class Studio:
    """A directory of made tracks and a station that plays it, stepped by hand."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.clock = FakeClock()
        self.clock.wait = self._wait  # type: ignore[method-assign] # a studio decides how it waits
        self.tagger = FakeTagger()
        self.changes = Changes()
        self.patient = False
        """Whether the station runs in a thread of its own: then its waits are real, and short."""
        config = StationConfig(
            options.pop("route", "/"),
            directory,
            options.pop("name", "Main"),
            family=options.pop("family", None),
            shuffle=options.pop("shuffle", False),
            timezone="UTC",
        )
        settings: dict[str, Any] = {"buffer_size": BUFFER, "burst_s": 8.0, **options}
        self.station = Station(
            config,
            clock=self.clock,
            rng=random.Random(1),
            tagger=self.tagger,  # type: ignore[arg-type] # a full implementation of what a station asks
            changes=self.changes,
            **settings,
        )
        self.published: list[Chunk] = []
        self.published_at_s: list[float] = []
        self.on_publish: Callable[[Chunk], None] = lambda _: None
        self.data: list[bytes] = []
        publish = self.station.ring.publish

        def record(chunk: Chunk) -> None:
            self.published.append(chunk)
            self.published_at_s.append(self.clock.now)
            self.data.append(bytes(chunk.view))
            self.on_publish(chunk)
            publish(chunk)

        self.station.ring.publish = record  # type: ignore[method-assign] # sees each chunk as it is published

    def _wait(self, condition: threading.Condition, timeout_s: float | None) -> None:
        if self.patient:
            condition.wait(0.01)
        else:
            FakeClock.wait(self.clock, condition, timeout_s)

    def track(self, number: int, frames: int, data: bytes | None = None) -> Track:
        """Write a track of so many frames; its number is in each."""
        path = self.directory / f"{number}.mp3"
        path.write_bytes(b"".join(frame(number, i) for i in range(frames)) if data is None else data)
        return self.listed(path)

    def listed(self, path: Path, family: str = "mp3") -> Track:
        status = path.stat()
        return Track(str(path), status.st_size, status.st_mtime_ns, family)

    def show(self, *tracks: Track, trouble: str = "") -> None:
        """Tell the station what its directory holds; done when it has taken that."""
        self.do(self.station.update(Listing(tracks, (), trouble)))

    def do(self, future: Any) -> Any:
        """Let the station obey; the command's result."""
        while not future.done():
            self.station.step()
        return future.result()

    def run_until(self, seconds: float) -> None:
        """Let the station work until its clock stands `seconds` after the start."""
        while self.clock.now < 1000.0 + seconds:
            self.station.step()

    def run_until_published(self, predicate: Callable[[], bool]) -> None:
        while not predicate():
            self.station.step()

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Every frame published so far."""
        return names(b"".join(self.data))
