"""The real server in a process of its own, and audio to play on it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server import Radio

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Start = Callable[..., Radio]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests of a file."""
    from tests.functional.browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with `start("--audio-dir", path, PORT="0")`; it is stopped at the end, and no bug was logged."""
    running: list[Radio] = []

    def begin(*arguments: str | Path, cwd: Path = tmp_path, **environ: str) -> Radio:
        radio = Radio([*(["--port", "0"] if "--port" not in arguments else []), *map(str, arguments)], environ, cwd)
        running.append(radio)
        return radio

    yield begin
    for radio in running:
        if radio.is_running:
            radio.stop()
        assert not [line for line in radio.log if "Traceback" in line], "\n".join(radio.log)


def tone(path: Path, seconds: float, *, hz: float = 440, options: str = "-b:a 128k", **tags: str) -> Path:
    """A tone with a little noise, encoded by ffmpeg in the format of the file's suffix; 44.1 kHz stereo by default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"sine=frequency={hz}:duration={seconds},volume=0.25"
    metadata = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    layout = [] if "-ac" in options.split() else ["-ac", "2"]
    rate = [] if "-ar" in options.split() else ["-ar", "44100"]
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *layout, *rate, *options.split(), *metadata, str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def three_tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of three tagged MP3 files of 6, 7 and 8 seconds."""
    directory = tmp_path_factory.mktemp("tones")
    for number, hz in enumerate((440, 660, 880), 1):
        tone(directory / f"{number}.mp3", 5 + number, hz=hz, title=f"Tone {number}", artist="Test")
    return directory
