"""Real players behind a remote control, MPD and cmus: from playlists, over skips and pauses.

`RADIOSTREAM_PAUSE_S` makes the pause as long as a listener's would be.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.conftest import Start
from tests.server import Radio, free_port
from tests.waiting import every_second, until

PAUSE_S = int(os.environ.get("RADIOSTREAM_PAUSE_S", "3"))
MPD_CONF = """
music_directory "{home}"
bind_to_address "127.0.0.1"
port "{port}"
log_file "{home}/log"
audio_output {{
    type "null"
    name "nobody's ears"
}}
"""
CMUS_RC = "set output_plugin=ao\nset mpris=false\n"
LIBAO = "default_driver=null\n"


class Mpd:
    """A Music Player Daemon that plays for nobody, in real time."""

    def __init__(self, home: Path) -> None:
        self._port = free_port()
        (home / "mpd.conf").write_text(MPD_CONF.format(home=home, port=self._port))
        command = ["mpd", "--no-daemon", str(home / "mpd.conf")]
        self._process = subprocess.Popen(command, env={**os.environ, "HOME": str(home)}, stderr=subprocess.DEVNULL)
        until(lambda: subprocess.run(self._mpc("status"), capture_output=True).returncode == 0, "MPD")

    def _mpc(self, *words: str) -> list[str]:
        return ["mpc", "--host", "127.0.0.1", "--port", str(self._port), *words]

    def __call__(self, *words: str) -> str:
        done = subprocess.run(self._mpc(*words), capture_output=True, text=True, check=True)
        return done.stdout

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def mpd(tmp_path: Path) -> Iterator[Mpd]:
    daemon = Mpd(tmp_path)
    yield daemon
    daemon.close()


@pytest.fixture
def cmus(tmp_path: Path) -> Iterator[list[str]]:
    """The words that control a cmus in a terminal of its own."""
    (tmp_path / "rc").write_text(CMUS_RC)
    (tmp_path / ".libao").write_text(LIBAO)
    environ = {**os.environ, "HOME": str(tmp_path), "CMUS_HOME": str(tmp_path), "TERM": "xterm"}
    socket = tmp_path / "socket"
    terminal = ["script", "--quiet", "--flush", "--return", "--command", f"cmus --listen {socket}", "/dev/null"]
    with subprocess.Popen(
        terminal, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        until(socket.exists, "cmus")
        remote = ["cmus-remote", "--server", str(socket)]
        yield remote
        subprocess.run([*remote, "-C", "quit"], check=False)
        running.terminate()


def title_on_air(radio: Radio) -> str:
    now = radio.json("/now-playing?route=/")
    return f"{now['artist']} - {now['title']}"


@pytest.mark.parametrize("ending", ["m3u", "pls", "xspf"])
def test_mpd_plays_a_playlist(start: Start, mpd: Mpd, three_tones: Path, ending: str) -> None:
    """It takes each form, and shows the station's name and the title."""
    radio = start("--audio-dir", three_tones)
    mpd("load", f"{radio.url}/main.{ending}")
    mpd("play")
    radio.until(lambda: "Main" in mpd("-f", "%name%", "current"), "the name")
    radio.until(lambda: "Test - Tone" in mpd("-f", "%title%", "current"), "a title")


def test_mpd_goes_on_after_a_pause(start: Start, mpd: Mpd, three_tones: Path) -> None:
    """Paused while tracks change, it plays on in the same connection, and comes to the title of what is on the air."""
    radio = start("--audio-dir", three_tones)
    mpd("load", f"{radio.url}/main.m3u")
    mpd("play")
    radio.logged("listener 1 from")
    radio.until(lambda: "Test - Tone" in mpd("-f", "%title%", "current"), "a title")
    mpd("pause")
    for _ in every_second(PAUSE_S):
        pass
    radio.post("/next-track/main")
    mpd("play")
    radio.until(lambda: mpd("-f", "%title%", "current").strip() == title_on_air(radio), "the title on the air")
    assert "[playing]" in mpd("status")
    assert not [line for line in radio.log if "listener 1 gone" in line]


@pytest.mark.parametrize("ending", ["m3u", "pls", "mp3"])
def test_cmus_plays_it(start: Start, cmus: list[str], three_tones: Path, ending: str) -> None:
    """Either playlist, whose type it compares letter by letter, and the stream; with titles."""
    radio = start("--audio-dir", three_tones)
    play = (["-q", f"{radio.url}/main.{ending}"], ["-C", "player-next"], ["-C", "player-play"])

    def shown() -> str:
        return subprocess.run([*cmus, "-Q"], check=True, capture_output=True, text=True).stdout

    for second in every_second(30):
        if "status playing" in shown() and "stream Test - Tone" in shown():
            break
        for words in play if second % 5 == 0 else ():  # a queue that was not read yet plays nothing
            subprocess.run([*cmus, *words], check=True, capture_output=True)
    assert "stream Test - Tone" in shown()
    assert [line for line in radio.log if "listener 1 from" in line and "cmus" in line]
