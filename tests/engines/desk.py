"""A desktop that nobody sees or hears: an X server, a sound card whose output is recorded, and a bus for media keys.

Each is a program of its own, kept in a directory that is given and ended with the desk; nothing else is touched.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.engines.chirps import Place
from tests.engines.ear import FRAME_BYTES, RATE_HZ, WINDOW, peak, place_in, samples_of
from tests.waiting import PATIENCE_S, until

_CARD: Final = """\
load-module module-null-sink sink_name=ear rate={rate} channels=2 format=float32le
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
set-default-sink ear
"""
_PULSEAUDIO: Final = ("--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no", "--disallow-exit")
_LOUD: Final = 0.05


class Desk:
    """Screen, sound card and bus. `environ` is what a browser needs to use them; `recorder` hears what is played."""

    def __init__(self, directory: Path) -> None:
        self._open = contextlib.ExitStack()
        home = {**os.environ, "HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
        try:
            display = self._open.enter_context(_screen())
            pulse = self._open.enter_context(card(directory, home))
            self.bus = Bus(self._open.enter_context(_session_bus(home)))
            self.environ = {**home, "DISPLAY": display, "PULSE_SERVER": pulse, "NO_AT_BRIDGE": "1"}
            self.environ["DBUS_SESSION_BUS_ADDRESS"] = self.bus.address
            self.recorder = Recorder(self.environ)
            self._open.callback(self.recorder.close)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all three."""
        self._open.close()


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ended at the end."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _screen() -> Iterator[str]:
    """An X server; the value of DISPLAY."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with running(process), os.fdopen(read) as answer:
        yield ":" + answer.readline().strip()


@contextlib.contextmanager
def card(directory: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """A PulseAudio with one sink that drops what it is given; the value of PULSE_SERVER."""
    socket, script = directory / "card.sock", directory / "card.pa"
    script.write_text(_CARD.format(rate=RATE_HZ, socket=socket))
    with open(directory / "pulse.log", "wb") as log:
        command = ["pulseaudio", "-n", "-F", str(script), *_PULSEAUDIO]
        with running(subprocess.Popen(command, env=environ, stdout=log, stderr=log)):
            until(socket.exists, "the sound card")
            yield f"unix:{socket}"


@contextlib.contextmanager
def _session_bus(environ: Mapping[str, str]) -> Iterator[str]:
    """A D-Bus session bus; its address."""
    command = ["dbus-daemon", "--session", "--print-address", "--nofork"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    with running(process), process.stdout as answer:
        yield answer.readline().decode().strip()


class Recorder:
    """What the card plays from now on. `began_s` is the monotonic time of its first sample."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        form = ("--raw", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2", "--latency-msec=20")
        self._process = subprocess.Popen(
            ["parec", "--device=ear.monitor", *form], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._data = bytearray()  # the thread appends, others take copies of ends: each one step of the interpreter
        self.began_s = float("inf")
        self._thread = threading.Thread(target=self._read, name="recorder")
        self._thread.start()
        until(lambda: self._data, "the recording")

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as output:
            while block := os.read(output.fileno(), 65536):
                self._data += block
                self.began_s = min(self.began_s, time.monotonic() - len(self._data) / FRAME_BYTES / RATE_HZ)

    def recording(self) -> bytes:
        """All that has been heard."""
        return bytes(self._data)

    def _tail(self) -> bytes:
        end = len(self._data) // FRAME_BYTES * FRAME_BYTES
        return bytes(self._data[max(0, end - WINDOW * FRAME_BYTES) : end])

    def place(self) -> Place | None:
        """What is heard now."""
        return place_in(self._tail())

    def is_loud(self) -> bool:
        """Whether anything is heard now."""
        return peak(samples_of(self._tail())) > _LOUD

    def hears(self, station: str, after: Callable[[Place], bool] = lambda _: True, patience_s: float = 15) -> bool:
        """Wait until a station is heard at a place that `after` takes; False where that never comes."""
        return waits(lambda: (place := self.place()) and place.station == station and after(place), patience_s)

    def close(self) -> None:
        """End the recording."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._thread.join()


def waits(look: Callable[[], object], patience_s: float) -> bool:
    """Whether `look` comes true in time: a finding here, where `until` fails."""
    try:
        return bool(until(look, patience_s=patience_s))
    except AssertionError:
        return False


class Bus:
    """The desktop's media keys: what a browser offers by MPRIS on a session bus."""

    def __init__(self, address: str) -> None:
        self.address = address

    def _send(self, *words: str) -> str:
        command = ["dbus-send", f"--bus={self.address}", "--print-reply", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False).stdout

    def players(self) -> list[str]:
        """The names of the players there are."""
        names = self._send("--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")
        return [line.split('"')[1] for line in names.splitlines() if '"org.mpris.MediaPlayer2' in line]

    def press(self, key: str) -> None:
        """Play, Pause or another method of the player's interface, for every player there is."""
        for player in self.players():
            self._send(f"--dest={player}", "/org/mpris/MediaPlayer2", f"org.mpris.MediaPlayer2.Player.{key}")
