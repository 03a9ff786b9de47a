"""Live sources that break: closed, reset and stalled a hundred times, and what the listeners of the station get.

`python -m tests.bench.breaks` runs a few stations side by side, each with a folder, a source that breaks again and
again, and listeners who stay throughout. It fails where one is disconnected, a decoder complains, there is silence for
more than `SILENT_S`, or listeners of one station get the same bytes at other times.

The sources' frames need no reservoir: what a decoder would say of where any stream is joined is no fault of ours.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.frames import frames
from tests.bench.measures import percentile
from tests.bench.recorder import Recorder, decode
from tests.functional.broadcasts import SECRET, is_live
from tests.server import Radio
from tests.waiting import until

SILENT_S = 2.0
SPREAD_MS = 20.0
LAME = "-ac 2 -c:a libmp3lame -b:a 128k -reservoir 0 -write_xing 0 -id3v2_version 0"
AHEAD = 8
"""A source sends so many times as fast as it plays until it is on the air."""
FOLDER_S, TALK_S = 300, 60
SETTLED, ALIKE = 6 * 16000, 4096
"""Bytes behind which everybody has joined, and so many that are found again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one station's listeners got."""

    breaks: int
    disconnected: int
    complaints: list[str]
    silent_s: float
    spread_ms: list[float]
    """Between the first and the last listener, for each piece of sound that all of them got."""


def noise(path: Path, seconds: int, seed: int) -> Path:
    sound = f"anoisesrc=color=pink:sample_rate=44100:amplitude=0.3:duration={seconds}:seed={seed}"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", sound, *LAME.split(), str(path)], check=True)
    return path


def connect(port: int, route: str) -> socket.socket:
    """A broadcaster that may send."""
    source = socket.create_connection(("127.0.0.1", port), 10)
    login = base64.b64encode(f"source:{SECRET}".encode()).decode()
    fields = ("Content-Type: audio/mpeg", f"Authorization: Basic {login}")
    source.sendall("\r\n".join((f"SOURCE {route} ICE/1.0", *fields, "", "")).encode())
    assert b" 200 " in source.recv(1 << 12)
    return source


class Station:
    """A station, its listeners, and the source that breaks."""

    def __init__(self, radio: Radio, route: str, talk: bytes, home: Path, listeners: int) -> None:
        self._radio, self._route, self._is_live = radio, route, is_live(radio, route)
        self._frames = list(frames(talk))
        self.recorders = [
            Recorder(radio.port, route, home / f"{route[1:]}-{number}.mp3") for number in range(listeners)
        ]
        for recorder in self.recorders:
            recorder.start()

    def break_often(self, times: int) -> None:
        """Begin, go on the air, and break, one way after another."""
        for way in itertools.islice(itertools.cycle((self._close, self._reset, self._stall)), times):
            with connect(self._radio.port, self._route) as source:
                self._broadcast(source)
                way(source)
            until(lambda: not self._is_live(), "the folder does not go on", 30)

    def _broadcast(self, source: socket.socket) -> None:
        """Send until the source has been on the air for a while."""
        live_at: float | None = None
        never, sent_s, begin_s = threading.Event(), 0.0, time.monotonic()
        for number, frame in enumerate(itertools.cycle(self._frames)):
            source.sendall(frame.data)
            sent_s += frame.seconds
            if number % 10 == 0 and live_at is None and self._is_live():
                live_at = time.monotonic()
            if live_at is not None and time.monotonic() - live_at > 1.0:
                return
            speed = AHEAD if live_at is None else 1
            never.wait(max(0.0, begin_s + sent_s / speed - time.monotonic()) if live_at is None else frame.seconds)

    def _close(self, source: socket.socket) -> None:
        source.close()

    def _reset(self, source: socket.socket) -> None:
        source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        source.close()

    def _stall(self, _source: socket.socket) -> None:
        until(lambda: not self._is_live(), "the folder does not go on", 30)

    def outcome(self, breaks: int, disconnected: int) -> Outcome:
        """What was recorded. The radio has ended every stream, at a frame."""
        for recorder in self.recorders:
            recorder.join()
        complaints = [line for one in self.recorders for line in decode(one.path, one.path.stat().st_size)]
        return Outcome(breaks, disconnected, complaints, silence_s(self.recorders[0].path), _spread(self.recorders))


def silence_s(path: Path) -> float:
    """The longest stretch of silence, in seconds."""
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "silencedetect=n=-60dB:d=0.05", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return max(map(float, re.findall(r"silence_duration: ([\d.]+)", said)), default=0.0)


def _spread(recorders: Sequence[Recorder]) -> list[float]:
    """Milliseconds between the first and the last who got each byte that ends a piece, behind everybody's burst."""
    bodies = [recorder.path.read_bytes() for recorder in recorders]
    mark = bodies[0][SETTLED : SETTLED + ALIKE]
    skipped = [body.index(mark) for body in bodies]
    totals = [[total - skip for _, total in one.arrivals] for one, skip in zip(recorders, skipped, strict=True)]
    spreads = []
    for end in totals[0]:
        places = [bisect_left(each, end) for each in totals]
        is_whole = all(at < len(each) for at, each in zip(places, totals, strict=True))
        if end <= max(each[0] for each in totals) or not is_whole:
            continue
        at_s = [one.arrivals[at][0] for one, at in zip(recorders, places, strict=True)]
        spreads.append((max(at_s) - min(at_s)) * 1000)
    return spreads


def run(stations: int, breaks: int, listeners: int) -> list[Outcome]:
    """Break each station's source so often under so many listeners each."""
    with tempfile.TemporaryDirectory(prefix="breaks-") as name:
        home = Path(name)
        (home / "folder").mkdir()
        noise(home / "folder/1.mp3", FOLDER_S, 1)
        talk = noise(home / "talk.mp3", TALK_S, 2).read_bytes()
        routes = json.dumps({f"/s{number}": str(home / "folder") for number in range(stations)})
        options = ["--port", "0", "--directory-routes", routes, "--burst", "2"]
        with Radio(options, {"SOURCE_PASSWORD": SECRET}) as radio:
            broken = [Station(radio, f"/s{number}", talk, home, listeners) for number in range(stations)]
            threads = [threading.Thread(target=one.break_often, args=(breaks,)) for one in broken]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            gone = [sum(not recorder.is_alive() for recorder in station.recorders) for station in broken]
            radio.stop()
        return [station.outcome(breaks, lost) for station, lost in zip(broken, gone, strict=True)]


def main() -> None:
    """Print what was seen, a line a station."""
    parser = argparse.ArgumentParser(prog="breaks", description=__doc__)
    parser.add_argument("--stations", type=int, default=5)
    parser.add_argument("--breaks", type=int, default=20, help="of each station's source")
    parser.add_argument("--listeners", type=int, default=10, help="of each station")
    options = parser.parse_args()
    good = True
    print("breaks  disconnected  complaints  longest silence s  spread ms p50 / p99 / most")
    for one in run(options.stations, options.breaks, options.listeners):
        p50, p99, most = percentile(one.spread_ms, 50), percentile(one.spread_ms, 99), max(one.spread_ms)
        print(
            f"{one.breaks:6}  {one.disconnected:12}  {len(one.complaints):10}  {one.silent_s:17.2f}  "
            f"{p50:.1f} / {p99:.1f} / {most:.1f}",
            *one.complaints[:3],
            sep="\n    ",
            flush=True,
        )
        good = good and not one.disconnected and not one.complaints and one.silent_s <= SILENT_S and p99 < SPREAD_MS
    sys.exit(not good)


if __name__ == "__main__":
    main()
