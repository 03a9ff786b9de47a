"""Do all listeners hear the same at the same time, and every frame of every track exactly once?

Listeners join at random moments and keep what they get. Each first frame is looked up in the tracks by its bytes: that
is a position on the station's circle of tracks, and the moment of joining minus that position is the listener's lag.
What follows must be the circle's frames, one after another, over every track end.

`python -m tests.bench.sync` tries a CBR and a VBR station of the real server; tests use the functions.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import audio
from tests.bench.frames import Frame, NoFrameError, audio_of, frames
from tests.bench.measures import percentile
from tests.bench.servers import Radio

FAULTS_TOLD = 5
"""One mistake has many followers; the first few tell the tale."""


class Circle:
    """A station's tracks in playing order: every audio frame with its time, round and round."""

    def __init__(self, files: Sequence[bytes]) -> None:
        self.frames: list[Frame] = []
        self.starts: set[int] = set()
        for file in files:
            self.starts.add(len(self.frames))
            self.frames += audio_of(file)
        self.index = {frame.data: at for at, frame in enumerate(self.frames)}
        if len(self.index) < len(self.frames):
            raise ValueError("two frames are alike: positions would be ambiguous")
        self.times_s: list[float] = []
        self.total_s = 0.0
        for frame in self.frames:
            self.times_s.append(self.total_s)
            self.total_s += frame.seconds


@dataclass(slots=True)
class Recording:
    """What one listener got, in monotonic seconds and bytes."""

    asked_s: float
    first_byte_s: float = 0.0
    head: bytes = b""
    body: bytes = b""


@dataclass(slots=True)
class Verdict:
    """What a recording shows."""

    lag_s: float = 0.0
    first_byte_ms: float = 0.0
    frames: int = 0
    track_ends: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """All listeners together."""

    verdicts: list[Verdict]
    spread_ms: float

    @property
    def faults(self) -> list[str]:
        return [fault for verdict in self.verdicts for fault in verdict.faults]

    def __str__(self) -> str:
        first_ms = [verdict.first_byte_ms for verdict in self.verdicts]
        frames, track_ends = sum(v.frames for v in self.verdicts), sum(v.track_ends for v in self.verdicts)
        lines = [
            f"{len(self.verdicts)} listeners: lag spread {self.spread_ms:.1f} ms, "
            f"first byte {percentile(first_ms, 50):.1f} ms (last {max(first_ms):.1f}), "
            f"{frames} frames over {track_ends} track ends, {len(self.faults)} faults"
        ]
        return "\n  ".join(lines + self.faults[: 2 * FAULTS_TOLD])


def listen(port: int, until_s: float, route: str = "/", host: str = "127.0.0.1") -> Recording:
    """Connect now, and keep every byte until the monotonic time `until_s` or the end of the stream."""
    recording = Recording(time.monotonic())
    data = bytearray()
    with socket.create_connection((host, port), 10) as sock:
        sock.sendall(f"GET {route} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: sync\r\n\r\n".encode())
        while (left_s := until_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            try:
                got = sock.recv(1 << 16)
            except TimeoutError:
                break
            if not got:
                break
            data += got
            if not recording.first_byte_s and b"\r\n\r\n" in data and not data.endswith(b"\r\n\r\n"):
                recording.first_byte_s = time.monotonic()
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    recording.head, recording.body = head, body
    return recording


def listen_at_random(port: int, listeners: int, over_s: float, hold_s: float, route: str = "/") -> list[Recording]:
    """So many join at random moments of `over_s` seconds, and all stay until `hold_s` after that."""
    until_s = time.monotonic() + over_s + hold_s
    recordings: list[Recording] = []

    def join(after_s: float) -> None:
        never.wait(after_s)
        recordings.append(listen(port, until_s, route))

    never = threading.Event()
    threads = [threading.Thread(target=join, args=(random.uniform(0, over_s),)) for _ in range(listeners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return recordings


def judge(recording: Recording, circle: Circle) -> Verdict:
    """Follow a recording frame by frame along the circle."""
    verdict = Verdict(first_byte_ms=(recording.first_byte_s - recording.asked_s) * 1000)
    if b" 200 " not in recording.head[:16]:
        verdict.faults.append(f"answer {recording.head[:40]!r}")
    expected: int | None = None
    try:
        for frame in frames(recording.body):
            expected = _step(frame, expected, circle, recording, verdict)
    except NoFrameError as error:
        verdict.faults.append(f"after {verdict.frames} frames: {error}")
    if not verdict.frames:
        verdict.faults.append("no audio")
    del verdict.faults[FAULTS_TOLD:]
    return verdict


def _step(frame: Frame, expected: int | None, circle: Circle, recording: Recording, verdict: Verdict) -> int | None:
    """Place one frame; the place that must follow, or None where the frame is nobody's."""
    at = circle.index.get(frame.data)
    if at is None:
        kind = "an info frame" if frame.is_info else "a frame of no track"
        verdict.faults.append(f"frame {verdict.frames} is {kind}: {frame.data[:8].hex(' ')}")
    elif verdict.frames == 0:
        verdict.lag_s = recording.asked_s - circle.times_s[at]
    elif expected is not None and at != expected:
        kind = "repeated or out of order" if (expected - at) % len(circle.frames) <= len(circle.frames) // 2 else "lost"
        verdict.faults.append(f"frame {verdict.frames} is number {at} where {expected} was due: {kind}")
    if at in circle.starts and verdict.frames:
        verdict.track_ends += 1
    verdict.frames += 1
    return None if at is None else (at + 1) % len(circle.frames)


def report(recordings: Sequence[Recording], circle: Circle) -> Report:
    """Judge all; lags are compared on the circle, where a whole round is no difference."""
    verdicts = [judge(recording, circle) for recording in recordings]
    half_s = circle.total_s / 2
    offsets_s = [(v.lag_s - verdicts[0].lag_s + half_s) % circle.total_s - half_s for v in verdicts]
    return Report(verdicts, (max(offsets_s) - min(offsets_s)) * 1000)


def tracks(*, vbr: bool, count: int = 3, seconds: int = 7) -> list[Path]:
    """A station's worth of short tracks of unlike lengths, so that a minute sees many track ends."""
    return [audio.track(128, seconds + number, 10 + number, vbr=vbr) for number in range(count)]


def try_station(files: Sequence[Path], listeners: int, over_s: float, hold_s: float) -> Report:
    """Put `files` on the air and let everybody listen."""
    with tempfile.TemporaryDirectory() as home, Radio(audio.directory(Path(home, "audio"), *files)) as radio:
        recordings = listen_at_random(radio.port, listeners, over_s, hold_s)
    return report(recordings, Circle([file.read_bytes() for file in files]))


def main() -> None:
    """Print a report for CBR and for VBR; fails where a frame or the synchronisation is wrong."""
    parser = argparse.ArgumentParser(prog="sync", description=__doc__)
    parser.add_argument("--listeners", type=int, default=12)
    parser.add_argument("--over", type=float, default=30.0, help="seconds within which they join")
    parser.add_argument("--hold", type=float, default=15.0, help="seconds after the last may join")
    options = parser.parse_args()
    good = True
    for name, vbr in (("CBR", False), ("VBR", True)):
        seen = try_station(tracks(vbr=vbr), options.listeners, options.over, options.hold)
        print(f"{name}: {seen}", flush=True)
        good = good and not seen.faults and seen.spread_ms < 100
    sys.exit(not good)


if __name__ == "__main__":
    main()
