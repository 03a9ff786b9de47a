"""Broadcasters whose clocks are off: does a station follow them, for as long as anybody waits?

`python -m tests.bench.drift` runs a station for each source, at -200, 0 and +200 ppm, ten minutes of the real clock. It
fails where a listener's recording has silence or a decoder complains, where the buffer runs dry or full, or where it
still moves at the end.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.breaks import FOLDER_S, TALK_S, connect, noise, silence_s
from tests.bench.frames import frames
from tests.bench.recorder import Recorder, drift
from tests.functional.broadcasts import SECRET
from tests.server import PASSWORD, Radio
from tests.waiting import until

PPM = (-200, 0, 200)
LOOK_S = 5.0
FULL_S = 7.0
"""Above what the buffer aims at: there the source would be held back."""
STEADY_S = 1.0


def _broadcast(port: int, route: str, talk: bytes, ppm: int, end_s: float) -> None:
    """Send in the time of a clock that is so many millionths fast."""
    sound, never = list(frames(talk)), threading.Event()
    begin_s, sent_s = time.monotonic(), 0.0
    with suppress(OSError), connect(port, route) as source:  # the radio ends first
        for frame in itertools.cycle(sound):
            source.sendall(frame.data)
            sent_s += frame.seconds
            due_s = begin_s + sent_s / (1 + ppm / 1e6)
            if due_s >= end_s:
                return
            never.wait(max(0.0, due_s - time.monotonic()))


def _buffered(radio: Radio) -> dict[str, float]:
    """Seconds in the buffers of those that are on the air."""
    status = json.loads(radio.get("/status.json", Authorization=f"Bearer {PASSWORD}")[2])
    return {
        one["route"]: live["buffered_s"]
        for one in status["stations"]
        for live in one["live"]
        if live["state"] == "on the air"
    }


def run(minutes: float) -> bool:
    """Print what was seen, a line a source; whether all of it is fine."""
    with tempfile.TemporaryDirectory(prefix="drift-") as name:
        home = Path(name)
        (home / "folder").mkdir()
        noise(home / "folder/1.mp3", FOLDER_S, 1)
        talk = noise(home / "talk.mp3", TALK_S, 2).read_bytes()
        routes = {f"/s{number}": ppm for number, ppm in enumerate(PPM)}
        options = ["--port", "0", "--burst", "2", "--directory-routes"]
        options.append(json.dumps(dict.fromkeys(routes, str(home / "folder"))))
        with Radio(options, {"SOURCE_PASSWORD": SECRET}) as radio:
            end_s = time.monotonic() + minutes * 60 + 30
            for route, ppm in routes.items():
                work = (radio.port, route, talk, ppm, end_s)
                threading.Thread(target=_broadcast, args=work, daemon=True).start()
            until(lambda: len(_buffered(radio)) == len(PPM), "they do not go on the air", 60)
            recorders = [Recorder(radio.port, route, home / f"{route[1:]}.mp3") for route in routes]
            for recorder in recorders:
                recorder.start()
            levels: dict[str, list[float]] = {route: [] for route in routes}
            never, stop_s = threading.Event(), time.monotonic() + minutes * 60
            while time.monotonic() < stop_s:
                for route, level_s in _buffered(radio).items():
                    levels[route].append(level_s)
                never.wait(LOOK_S)
            history = {route: radio.json(f"/history?route={route}")["history"] for route in routes}
            for recorder in recorders:
                recorder.stop()
        fine = [
            _judge(ppm, levels[one.route], one, history[one.route]) for ppm, one in zip(PPM, recorders, strict=True)
        ]
    return all(fine)


def _judge(ppm: int, levels_s: list[float], recorder: Recorder, history: list[object]) -> bool:
    faults, points = recorder.judge()
    faults += [f"{len(history)} entries in the history"] if len(history) != 2 else []
    silent_s = silence_s(recorder.path)
    moved_s = drift(points, ())
    third = len(levels_s) // 3
    late = levels_s[-third:]
    print(
        f"{ppm:+5} ppm: buffer {min(levels_s):.1f} to {max(levels_s):.1f} s, in the last third {min(late):.1f} to "
        f"{max(late):.1f} s; silence {silent_s:.2f} s; the listener's lead moved by {moved_s * 1000:.0f} ms",
        *faults[:3],
        sep="\n    ",
        flush=True,
    )
    return (
        not faults
        and not silent_s
        and min(levels_s) > 0
        and max(levels_s) < FULL_S
        and max(late) - min(late) < STEADY_S
    )


def main() -> None:
    """Ten minutes, or as long as it is told."""
    parser = argparse.ArgumentParser(prog="drift", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    sys.exit(not run(parser.parse_args().minutes))


if __name__ == "__main__":
    main()
