"""A listener that stays for hours: keeps the stream in a file, and when how much of it had come.

Its thread only reads and writes; what it recorded is judged afterwards: whole frames, decoded clean, true to the clock.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.bench.frames import NoFrameError, frames

Point = tuple[float, float]
"""Monotonic seconds, and seconds of audio received by then less seconds gone by: the listener's lead."""

SETTLE_S = 5.0
WINDOW_S = 10.0
"""Longer than a chunk: the greatest lead in a window is that right after a chunk."""


class Recorder(threading.Thread):
    """One long-lived listener of `route`, from `start()` to `stop()`."""

    def __init__(self, port: int, route: str, path: Path) -> None:
        super().__init__(name=f"recorder {route}", daemon=True)
        self.route = route
        self.path = path
        self.arrivals: list[tuple[float, int]] = []
        """Monotonic seconds and bytes of the body so far."""
        self.ended_early = False
        self._sock = socket.create_connection(("127.0.0.1", port), 60)
        self._leaving = False

    def run(self) -> None:
        self._sock.sendall(f"GET {self.route} HTTP/1.0\r\nUser-Agent: recorder\r\n\r\n".encode())
        head, total = b"", 0
        with self.path.open("wb") as file:
            while data := self._receive():
                if b"\r\n\r\n" not in head:
                    head += data
                    data = head.partition(b"\r\n\r\n")[2]
                total += file.write(data)
                self.arrivals.append((time.monotonic(), total))
        self.ended_early = not self._leaving

    def stop(self) -> None:
        """Leave, and wait for the thread."""
        self._leaving = True
        self._sock.shutdown(socket.SHUT_RDWR)
        self.join()
        self._sock.close()

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(1 << 16)
        except OSError:
            return b""

    def judge(self) -> tuple[list[str], list[Point]]:
        """What is wrong with the recording, and its lead over time."""
        faults = [f"{self.route}: the stream ended by itself"] if self.ended_early else []
        ends, times_s = [0], [0.0]
        try:
            for frame in frames(self.path.read_bytes()):
                ends.append(ends[-1] + len(frame.data))
                times_s.append(times_s[-1] + frame.seconds)
                if frame.is_info:
                    faults.append(f"{self.route}: an info frame at byte {ends[-2]}")
        except NoFrameError as error:
            faults.append(f"{self.route}: {error}")
        faults += [f"{self.route}: ffmpeg: {line}" for line in decode(self.path, ends[-1])]
        return faults, [(at_s, times_s[bisect_right(ends, count) - 1] - at_s) for at_s, count in self.arrivals]


def decode(path: Path, length: int) -> list[str]:
    """What ffmpeg has to say about the first `length` bytes; nothing, if they decode clean."""
    command = ["ffmpeg", "-v", "warning", "-f", "mp3", "-i", "-", "-f", "null", "-"]
    done = subprocess.run(command, input=path.read_bytes()[:length], capture_output=True, check=False)
    return done.stderr.decode("utf-8", "replace").splitlines()


def drift(points: Sequence[Point], disturbed_s: Sequence[float]) -> float:
    """The most that the lead changed, in seconds, within one span between two disturbances.

    A span too short for a window at each end says nothing and counts as 0.
    """
    if not points:
        return 0.0
    borders = [points[0][0], *sorted(disturbed_s), points[-1][0]]
    return max(_change(points, begin_s + SETTLE_S, end_s) for begin_s, end_s in pairwise(borders))


def _change(points: Sequence[Point], begin_s: float, end_s: float) -> float:
    first = [lead for at_s, lead in points if begin_s <= at_s < begin_s + WINDOW_S]
    last = [lead for at_s, lead in points if end_s - WINDOW_S < at_s <= end_s]
    if end_s - begin_s < 2 * WINDOW_S or not first or not last:
        return 0.0
    return abs(max(last) - max(first))
