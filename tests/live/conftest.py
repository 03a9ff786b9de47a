"""Streams for the tests of live sources, made once by the encoders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.live.encoders import ENCODERS, SECONDS
from tests.radio.conftest import make_studio, studio

__all__ = ["make_studio", "streams", "studio"]


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One stream of 12 s for each of `ENCODERS`, titled `Ann - Song`."""
    directory: Path = tmp_path_factory.mktemp("streams")
    made = {}
    for name, (_, options) in ENCODERS.items():
        path = directory / name
        source = f"sine=frequency=440:duration={SECONDS},volume=0.2"
        command = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", source]
        tags = ["-metadata", "title=Song", "-metadata", "artist=Ann"]
        subprocess.run([*command, *options.split(), *tags, str(path)], check=True)
        made[name] = path.read_bytes()
    return made
