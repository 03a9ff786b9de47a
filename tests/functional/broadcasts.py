"""Broadcasts for tests: what is sent in which format, the folders that play meanwhile, and what was heard."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.ffmpeg import complaints
from tests.server import PASSWORD, Radio
from tests.waiting import until

SECRET = "hackme"
SOUND = "anoisesrc=color=pink:amplitude=0.2"
ENCODERS = {
    "mp3": ("-c:a libmp3lame -b:a 128k -reservoir 0 -f mp3", "audio/mpeg"),
    "aac": ("-c:a aac -b:a 128k -f adts", "audio/aac"),
    "vorbis": ("-c:a libvorbis -b:a 128k -f ogg", "application/ogg"),
    "flac": ("-c:a flac -ac 1 -f ogg", "audio/ogg"),
}
"""ffmpeg's options and the content type of a broadcast. Without a reservoir each MP3 frame is decoded by itself, so
that a decoder has nothing to say of where it joins."""
FAMILY = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "flac": "ogg"}
SUFFIX = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "flac": "oga"}


def encoded(path: Path, name: str, seconds: float) -> Path:
    """Pink noise in the format of a broadcast."""
    options, _ = ENCODERS[name]
    sound = ["-f", "lavfi", "-i", SOUND, "-t", str(seconds), "-ac", "2", "-ar", "44100"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *sound, *options.split(), str(path)], check=True)
    return path


def make_folders(root: Path, *names: str) -> dict[str, Path]:
    """A folder with one file of 40 s for each format."""
    made = {}
    for name in names or ENCODERS:
        (root / name).mkdir()
        encoded(root / name / f"1.{SUFFIX[name]}", name, 40)
        made[name] = root / name
    return made


def routes(folders: dict[str, Path], names: dict[str, str], **more: dict[str, str]) -> str:
    """`--directory-routes`: route to format."""
    stations: dict[str, Any] = {
        route: {"dir": str(folders[name]), "format": FAMILY[name]} for route, name in names.items()
    }
    return json.dumps({**stations, **more})


@contextmanager
def running(
    *command: str | Path | int, stdin: IO[bytes] | None = None, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended at the end."""
    words, env = [str(word) for word in command], {**os.environ, **environ}
    with subprocess.Popen(
        words, stdin=stdin, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def now(radio: Radio, route: str) -> Any:
    return radio.json(f"/now-playing?route={route}")


def is_live(radio: Radio, route: str) -> Callable[[], bool]:
    return lambda: bool(now(radio, route)["live"])


def ffmpeg(radio: Radio, route: str, name: str, *tags: str) -> list[str]:
    """A broadcast by ffmpeg, in its own time."""
    options, content_type = ENCODERS[name]
    url = f"icecast://source:{SECRET}@127.0.0.1:{radio.port}{route}"
    source = ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", SOUND, "-ac", "2", "-ar", "44100", *tags]
    return [*source, *options.split(), "-content_type", content_type, url]


def listener(radio: Radio, path: str, target: Path) -> list[str]:
    return ["curl", "-sS", "-o", str(target), radio.url + path]


def decoded(recording: Path) -> list[str]:
    """What ffmpeg has to say about a recording, decoded as the stream it was."""
    with open(recording, "rb") as stream:
        done = subprocess.run(
            ["ffmpeg", "-v", "warning", "-i", "-", "-f", "null", "-"], stdin=stream, capture_output=True, text=True
        )
    return complaints(done.stderr)


def sources(radio: Radio, route: str) -> list[dict[str, Any]]:
    """Who sends to the station, as the operator sees it."""
    status = json.loads(radio.get("/status.json", Authorization=f"Bearer {PASSWORD}")[2])
    return next(one["live"] for one in status["stations"] if one["route"] == route)


def hear(recording: Path, size: int) -> None:
    """Wait until so many bytes more have been recorded."""
    so_far = recording.stat().st_size
    until(lambda: recording.stat().st_size >= so_far + size, "nothing is heard")
