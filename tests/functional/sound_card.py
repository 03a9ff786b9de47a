"""What a browser is heard to play: a virtual screen, a sound card whose output is recorded, and what was heard.

Tracks are pure tones, so their pitch names them; no package is needed to count a tone's crossings."""

from __future__ import annotations

import array
import itertools
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.waiting import until

RATE_HZ: Final = 24_000
MS: Final = RATE_HZ // 1000
LOUD: Final = 600
"""A sample louder than this, of 32768, is sound."""
WINDOW_S: Final = 0.05


@contextmanager
def screen() -> Iterator[dict[str, str]]:
    """An X server that nobody sees; what a browser needs to find it."""
    read, write = os.pipe()
    command = ("Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp")
    process = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            yield {"DISPLAY": ":" + answer.readline().strip()}
    finally:
        process.terminate()
        process.wait()


@contextmanager
def bus() -> Iterator[Bus]:
    """A D-Bus session of its own: the way of a desktop's media keys (MPRIS)."""
    command = ("dbus-daemon", "--session", "--print-address", "--nofork")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Bus(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Bus:
    """Media keys, as a desktop sends them."""

    def __init__(self, address: str) -> None:
        self.environ = {"DBUS_SESSION_BUS_ADDRESS": address}

    def _call(self, *words: str) -> str:
        command = ("dbus-send", "--session", "--print-reply", *words)
        environ = {**os.environ, **self.environ}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout

    def player(self) -> str:
        """The name of the one player that there is, once it is there."""

        def look() -> str:
            names = self._call("--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")
            return next((line.split('"')[1] for line in names.splitlines() if "org.mpris.MediaPlayer2" in line), "")

        return until(look, "a player with media keys")

    def press(self, key: str) -> None:
        """`Pause`, `Play`, `Next` …"""
        self._call(f"--dest={self.player()}", "/org/mpris/MediaPlayer2", f"org.mpris.MediaPlayer2.Player.{key}")


class Card:
    """A sound card that plays to nobody, and is recorded from the first moment on."""

    def __init__(self, directory: Path) -> None:
        place = directory / "card.sock"
        script = directory / "card.pa"
        script.write_text(
            "load-module module-null-sink sink_name=card rate=48000 channels=2 format=s16le\n"
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={place}\n"
            "set-default-sink card\n",
            encoding="utf-8",
        )
        own = {**os.environ, "XDG_RUNTIME_DIR": str(directory), "HOME": str(directory)}
        still = ("--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no", "--high-priority=no")
        self._server = subprocess.Popen(
            ("pulseaudio", "-n", "-F", str(script), *still),
            env=own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(place.exists, "the sound card")
        self.environ = {"PULSE_SERVER": f"unix:{place}"}
        form = ("--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1", "--latency-msec=20")
        self._recorder = subprocess.Popen(
            ("parec", "--device=card.monitor", *form), env={**own, **self.environ}, stdout=subprocess.PIPE
        )
        self._data = bytearray()
        self._began_s = float("inf")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._recorder.stdout is not None
        while block := os.read(self._recorder.stdout.fileno(), 1 << 14):
            self._data += block
            self._began_s = min(self._began_s, time.monotonic() - len(self._data) / 2 / RATE_HZ)

    def now_s(self) -> float:
        """The second of the recording that is being made now."""
        until(lambda: self._data, "the recorder")
        return time.monotonic() - self._began_s

    def _samples(self, begin_s: float, end_s: float = float("inf")) -> array.array[int]:
        begin = max(0, int(begin_s * RATE_HZ)) * 2
        end = (
            len(self._data) // 2 * 2
            if end_s == float("inf")
            else min(int(end_s * RATE_HZ) * 2, len(self._data) // 2 * 2)
        )
        return array.array("h", bytes(self._data[begin:end]))

    def pitch_hz(self, at_s: float) -> float:
        """The tone heard in the 50 ms from there on, 0 in silence or where nothing has been recorded yet."""
        samples = self._samples(at_s, at_s + WINDOW_S)
        if len(samples) < RATE_HZ * WINDOW_S * 0.9 or max(map(abs, samples), default=0) < LOUD:
            return 0.0
        crossings = sum((a < 0) != (b < 0) for a, b in itertools.pairwise(samples))
        return crossings / 2 / (len(samples) / RATE_HZ)

    def first(self, hz: float | None, after_s: float, patience_s: float = 30.0) -> float:
        """When a tone (None: any sound) is first heard from `after_s` on, to about 20 ms; waits for it."""
        at_s = after_s

        def look() -> float:
            nonlocal at_s
            while at_s + WINDOW_S < self.now_s() - 0.05:
                heard = self.pitch_hz(at_s)
                if heard and (hz is None or abs(heard / hz - 1) < 0.05):
                    return at_s + 1e-9
                at_s += WINDOW_S / 2
            return 0.0

        return until(look, f"{hz or 'any'} Hz", patience_s)

    def until_heard(self, second_s: float) -> None:
        """Return when that second of the recording is there."""
        until(lambda: self.now_s() > second_s + 0.1 and len(self._data) / 2 / RATE_HZ > second_s, "the recording")

    def until_quiet(self, after_s: float) -> float:
        """When it becomes quiet for a quarter of a second."""
        at_s = after_s

        def look() -> float:
            nonlocal at_s
            while at_s + 0.25 < self.now_s() - 0.05:
                if max(map(abs, self._samples(at_s, at_s + 0.25)), default=0) < LOUD:
                    return at_s + 1e-9
                at_s += 0.05
            return 0.0

        return until(look, "silence")

    def gaps_ms(self, begin_s: float, end_s: float, least_ms: int = 4) -> list[int]:
        """How long each silence of that stretch is; a tone's own crossings are shorter."""
        samples = self._samples(begin_s, end_s)
        gaps, run = [], 0
        for i in range(0, len(samples) - MS, MS):
            block = samples[i : i + MS]
            if max(block) < LOUD and min(block) > -LOUD:
                run += 1
                continue
            if run >= least_ms:
                gaps.append(run)
            run = 0
        return gaps

    def loudest(self) -> int:
        """The highest peak of all that was heard, of 32768."""
        samples = self._samples(0)
        return max(max(samples, default=0), -min(samples, default=0))

    def close(self) -> None:
        """End the recording and the card."""
        for process in (self._recorder, self._server):
            process.terminate()
            process.wait()
        self._reader.join()
        assert self._recorder.stdout is not None
        self._recorder.stdout.close()
