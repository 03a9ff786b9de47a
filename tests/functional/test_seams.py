"""Ogg tracks of many encoders, one after another on one station: right sound over every seam, or an end before it.

A station is stepped on a fake clock. Its chunks make the streams that browsers get (each ends where another decoder is
needed) and the one that other players get; Chromium, ffmpeg, oggdec and opusdec say what is heard of them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, Route

from radiostream.audio.frames import OGG, Params
from tests.ffmpeg import complaints
from tests.functional.browser import chromium
from tests.radio.conftest import make_studio
from tests.radio.studio import Studio

__all__ = ["make_studio"]

SECONDS = 1.5
RATE_HZ = 48000
SITE = "http://seams.test/"

OGGENC = ("oggenc", "--quiet", "-o", "{out}", "{wav}")
OPUSENC = ("opusenc", "--quiet", "{wav}", "{out}")
FLAC = ("flac", "--silent", "--ogg", "--lax", "-o", "{out}", "{wav}")
FFMPEG = ("ffmpeg", "-v", "error", "-i", "{wav}")

ENCODERS: dict[str, list[tuple[str, ...]]] = {
    "vorbis": [
        *((*OGGENC, "-q", quality) for quality in ("-1", "10", "0", "9", "1", "8", "2", "7", "3", "6", "4", "5")),
        (*FFMPEG, "-c:a", "libvorbis", "-q:a", "3", "{out}"),
        (*FFMPEG, "-c:a", "vorbis", "-strict", "-2", "{out}"),
    ],
    "opus": [
        *((*OPUSENC, "--framesize", frame_ms) for frame_ms in ("2.5", "60", "5", "40", "10", "20")),
        *((*OPUSENC, "--bitrate", kbps) for kbps in ("16", "320")),
        (*FFMPEG, "-c:a", "libopus", "{out}"),
        (*FFMPEG, "-c:a", "libopus", "-mapping_family", "1", "{out}"),
    ],
    "flac": [
        *((*FLAC, *options) for options in (("-0",), ("-8",), ("-b", "16384"), ("-5",), ("-b", "576"))),
        (*FFMPEG, "-c:a", "flac", "{out}"),
        (*FFMPEG, "-c:a", "flac", "-sample_fmt", "s32", "{out}"),
    ],
}

LISTEN = """async (url) => {
  const data = await (await fetch(url)).arrayBuffer();
  const heard = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(data);
  let peak = 0;
  for (let channel = 0; channel < heard.numberOfChannels; channel++)
    for (const sample of heard.getChannelData(channel)) peak = Math.max(peak, Math.abs(sample));
  return [peak, heard.duration];
}"""


class Stream(NamedTuple):
    """What a browser gets from one join to the end of its stream, and how long that lasts."""

    params: Params
    data: bytes
    seconds: float


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tone and noise that come and go, as tracks do."""
    path = tmp_path_factory.mktemp("seams") / "source.wav"
    tone = ["synth", str(SECONDS), "sine", "440", "synth", "whitenoise", "mix", "gain", "-9", "fade", "0.1", "0", "0.1"]
    subprocess.run(["sox", "-R", "-n", "-r", str(RATE_HZ), "-b", "16", "-c", "2", str(path), *tone], check=True)
    return path


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page in Chromium that may fetch what a test puts on its site."""
    with chromium() as browser:
        yield browser.new_page()


def there_and_back(codec: str, wav: Path, directory: Path) -> list[Path]:
    """A track of each encoder, and then all but the last in the other order: each pair both ways."""
    made = []
    for index, command in enumerate(ENCODERS[codec]):
        made.append(directory / f"{index:02}.ogg")
        filled = [part.format(wav=wav, out=made[-1]) for part in command]
        subprocess.run(filled, check=True, capture_output=True)
    for index, path in enumerate(made[-2::-1], len(made)):
        (directory / f"{index:02}.ogg").write_bytes(path.read_bytes())
    return sorted(directory.glob("*.ogg"))


def streams_of(studio: Studio, paths: list[Path]) -> list[Stream]:
    """What browsers get of a station that plays these once."""
    studio.show(*(studio.listed(path, OGG) for path in paths))
    studio.run_until((len(paths) + 1) * SECONDS)
    streams: list[Stream] = []
    run = None
    for chunk, data in zip(studio.published, studio.data, strict=True):
        if chunk.barrier:
            streams.append(Stream(chunk.run.params, b"", 0.0))
        before = streams.pop()
        preamble = chunk.run.preamble if chunk.run is not run else b""
        run = chunk.run
        streams.append(Stream(before.params, before.data + preamble + data, before.seconds + chunk.duration_s))
    return streams


def decoded(data: bytes) -> tuple[float, float]:
    """Seconds and peak of ffmpeg's decoding."""
    command = ["ffmpeg", "-v", "error", "-i", "-", "-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-"]
    ran = subprocess.run(command, input=data, capture_output=True, check=True)
    samples = memoryview(ran.stdout).cast("f")
    return len(samples) / 2 / RATE_HZ, max(max(samples), -min(samples))


@pytest.mark.parametrize("codec", ENCODERS)
def test_every_pair_both_ways(
    codec: str, wav: Path, page: Page, make_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    """Each stream that a browser gets decodes to what was sent, in Chromium and ffmpeg, and is never over full
    scale."""
    paths = there_and_back(codec, wav, tmp_path)
    streams = streams_of(make_studio(family=OGG), paths)
    assert sum(stream.seconds for stream in streams) >= len(paths) * SECONDS
    served = {f"{SITE}{index}": stream.data for index, stream in enumerate(streams)}

    def serve(route: Route) -> None:
        route.fulfill(body=served.get(route.request.url, b"<!doctype html>"))

    page.route(f"{SITE}**", serve)
    page.goto(SITE)
    for url, stream in zip(served, streams, strict=True):
        seconds, peak = decoded(stream.data)
        assert seconds == pytest.approx(stream.seconds, abs=0.02)
        assert peak <= 1
        peak, seconds = page.evaluate(LISTEN, url)
        assert peak <= 1
        assert seconds == pytest.approx(stream.seconds, abs=0.25)
    page.unroute(f"{SITE}**")


@pytest.mark.parametrize(("codec", "decoder"), [("vorbis", "oggdec"), ("opus", "opusdec")])
def test_players_follow(
    codec: str, decoder: str, wav: Path, make_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    """Reference decoders go through all of it without an end."""
    streams = streams_of(make_studio(family=OGG), there_and_back(codec, wav, tmp_path))
    recording, heard = tmp_path / "all.ogx", tmp_path / "all.wav"
    recording.write_bytes(b"".join(stream.data for stream in streams))
    command: dict[str, list[Any]] = {
        "oggdec": ["oggdec", "--quiet", "-o", heard, recording],
        "opusdec": ["opusdec", "--quiet", recording, heard],
    }
    ran = subprocess.run(command[decoder], capture_output=True, check=True)
    assert complaints(ran.stderr) == []
    seconds, peak = decoded(heard.read_bytes())
    assert seconds == pytest.approx(sum(stream.seconds for stream in streams), abs=0.02 * len(streams))
    assert peak <= 1
