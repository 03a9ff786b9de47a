"""Stations of every format: joined in the middle, over track ends and skips, recorded by curl, decoded by ffmpeg."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.ffmpeg import decode
from tests.functional.browser import hears, on_air, visit
from tests.functional.conftest import Start, tone
from tests.server import PASSWORD, Radio
from tests.waiting import until


@dataclass(frozen=True)
class Format:
    """How a station's files are made, and what its stream is."""

    suffix: str
    options: str
    content_type: str
    start: bytes
    codec: str
    rate_hz: int = 44100
    channels: int = 2
    seconds: tuple[float, ...] = (3, 2.2, 2.7)
    cut_bytes: int = 0
    """How much of each file's end is missing."""
    decoding: str = ""
    """Options for ffmpeg."""


TENTHS = (0.1,) * 5
OWN_CLOCK = "-af asetpts=N/SR/TB"
"""ffmpeg's clock stumbles over Vorbis links of 0.1 s and FLAC ones of less than 0.2 s, of any origin; its decoder does
not."""
AAC = partial(Format, content_type="audio/aac", start=b"\xff\xf1", codec="aac")
MP3 = partial(Format, "mp3", content_type="audio/mpeg", codec="mp3")
OGG = partial(Format, content_type="audio/ogg", start=b"OggS")

FORMATS = {
    "mp3": MP3("-b:a 128k", start=b"\xff\xfb"),
    "mp3-vbr": MP3("-q:a 2", start=b"\xff\xfb"),
    "mp3-mono": MP3("-ar 22050 -ac 1 -b:a 32k", start=b"\xff\xf3", rate_hz=22050, channels=1),
    "mp3-8k": MP3("-ar 8000 -ac 1 -b:a 8k", start=b"\xff\xe3", rate_hz=8000, channels=1),
    "mp3-tenths": MP3("-b:a 128k", start=b"\xff\xfb", seconds=TENTHS),
    "mp3-cut": MP3("-b:a 128k", start=b"\xff\xfb", cut_bytes=300),
    "adts": AAC("aac", "-c:a aac -b:a 96k"),
    "adts-cut": AAC("aac", "-c:a aac -b:a 96k", cut_bytes=100),
    "m4a": AAC("m4a", "-c:a aac -b:a 96k"),
    "m4a-faststart": AAC("m4a", "-c:a aac -b:a 96k -movflags +faststart"),
    "m4a-fragmented": AAC("m4a", "-c:a aac -movflags frag_keyframe+empty_moov"),
    "m4a-8k": AAC("m4a", "-c:a aac -ar 8000 -ac 1 -b:a 16k", rate_hz=8000, channels=1),
    "m4a-surround": AAC("m4a", "-c:a aac -ac 6 -ar 48000 -b:a 256k", rate_hz=48000, channels=6),
    "m4a-tenths": AAC("m4a", "-c:a aac", seconds=TENTHS),
    "vorbis": OGG("ogg", "-c:a libvorbis -q:a 3", codec="vorbis"),
    "vorbis-8k": OGG("ogg", "-c:a libvorbis -ar 8000 -ac 1", codec="vorbis", rate_hz=8000, channels=1),
    "vorbis-surround": OGG("ogg", "-c:a libvorbis -ac 6 -ar 48000", codec="vorbis", rate_hz=48000, channels=6),
    "vorbis-tenths": OGG("ogg", "-c:a libvorbis", codec="vorbis", seconds=TENTHS, decoding=OWN_CLOCK),
    "vorbis-cut": OGG("ogg", "-c:a libvorbis", codec="vorbis", cut_bytes=1500),
    "opus": OGG("opus", "-c:a libopus -b:a 64k -ar 48000", codec="opus", rate_hz=48000),
    "opus-8k": OGG("opus", "-c:a libopus -ar 8000 -ac 1", codec="opus", rate_hz=48000, channels=1),
    "opus-surround": OGG(
        "opus", "-c:a libopus -ac 6 -ar 48000 -mapping_family 1", codec="opus", rate_hz=48000, channels=6
    ),
    "opus-tenths": OGG("opus", "-c:a libopus -ar 48000", codec="opus", rate_hz=48000, seconds=TENTHS),
    "opus-cut": OGG("opus", "-c:a libopus -ar 48000", codec="opus", rate_hz=48000, cut_bytes=1500),
    "flac": OGG("oga", "-c:a flac -f ogg", codec="flac"),
    "flac-8k": OGG("oga", "-c:a flac -f ogg -ar 8000 -ac 1", codec="flac", rate_hz=8000, channels=1),
    "flac-surround": OGG("oga", "-c:a flac -f ogg -ar 48000 -ac 6", codec="flac", rate_hz=48000, channels=6),
    "flac-tenths": OGG("oga", "-c:a flac -f ogg", codec="flac", seconds=TENTHS, decoding=OWN_CLOCK),
    "flac-cut": OGG("oga", "-c:a flac -f ogg", codec="flac", cut_bytes=1500),
}
LISTENED_S = 14


def make(directory: Path, form: Format, seconds: tuple[float, ...] = ()) -> None:
    """Tracks of so many seconds, each a tone of its own."""
    for number, length in enumerate(seconds or form.seconds, 1):
        path = directory / f"{number}.{form.suffix}"
        tone(path, length, hz=220 * number, options=form.options, title=f"T{number}")
        os.truncate(path, path.stat().st_size - form.cut_bytes)


@dataclass(frozen=True)
class Recorded:
    """What one listener heard of a station, and what the server says of it."""

    file: Path
    headers: dict[str, str]
    shown: dict[str, Any]
    playing: dict[str, Any]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """A station of each format on one server, all listened to at once by curl."""
    directory = tmp_path_factory.mktemp("formats")
    for name, form in FORMATS.items():
        make(directory / name, form)
    routes = json.dumps({name: str(directory / name) for name in FORMATS})
    radio = Radio(["--port", "0", "--directory-routes", routes], {}, tmp_path_factory.mktemp("cwd"))
    try:
        command = ["curl", "-sS", "--max-time", str(LISTENED_S), "-o"]
        files = {name: directory / f"{name}.got" for name in FORMATS}
        listeners = [subprocess.Popen([*command, str(file), f"{radio.url}/{name}"]) for name, file in files.items()]
        assert {listener.wait(LISTENED_S + 20) for listener in listeners} == {28}
        shown = {station["route"].strip("/"): station for station in radio.json("/streams")["streams"]}
        playing = radio.json("/now-playing")
        heads = {name: radio.ask("HEAD", f"/{name}")[1] for name in FORMATS}
    finally:
        assert radio.stop() == 0
    assert not [line for line in radio.log if "Traceback" in line]
    return {name: Recorded(files[name], heads[name], shown[name], playing[f"/{name}"]) for name in FORMATS}


def noisy(path: Path, hz: int, options: str) -> None:
    """Eight seconds of a tone with some noise: Chromium begins to play with the first 32 KiB, which must come soon."""
    path.parent.mkdir(exist_ok=True)
    source = f"aevalsrc=0.4*sin({hz}*2*PI*t)+0.1*random(0)-0.05:s=44100:d=8"
    layout = "" if "-ac" in options.split() else "-ac 2"
    command = f"ffmpeg -v error -f lavfi -i {source} {layout} {options}"
    subprocess.run([*command.split(), str(path)], check=True)


def seconds_of(file: Path, form: Format) -> float:
    """How much audio ffmpeg decodes from a recording."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(file), "-ac", "1", "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) / 2 / form.rate_hz


def stream_of(file: Path) -> dict[str, Any]:
    """What ffprobe says of the first stream in a recording."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "json", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    streams: list[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return streams[0]


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_decodes_over_track_ends(recordings: dict[str, Recorded], name: str) -> None:
    """Joined in the middle, in real time after the burst, over track ends: not a word from the decoder."""
    form, recorded = FORMATS[name], recordings[name]
    assert recorded.file.read_bytes().startswith(form.start)
    decode(recorded.file, options=form.decoding)
    probed = stream_of(recorded.file)
    assert (probed["codec_name"], int(probed["sample_rate"]), probed["channels"]) == (
        form.codec,
        form.rate_hz,
        form.channels,
    )


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.seconds != TENTHS])
def test_a_stream_comes_in_real_time(recordings: dict[str, Recorded], name: str) -> None:
    """As much audio as there was time, and the burst."""
    form, recorded = FORMATS[name], recordings[name]
    assert LISTENED_S + 7 < seconds_of(recorded.file, form) < LISTENED_S + 20 + 5


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_said_of_a_stream_is_measured(recordings: dict[str, Recorded], name: str) -> None:
    """In its headers, in `/streams` and in `/now-playing`."""
    form, recorded = FORMATS[name], recordings[name]
    shown, headers = recorded.shown, recorded.headers
    assert (shown["content_type"], shown["codec"], shown["sample_rate"], shown["channels"]) == (
        form.content_type,
        form.codec,
        form.rate_hz,
        form.channels,
    )
    assert (headers["content-type"], headers["icy-sr"]) == (form.content_type, str(form.rate_hz))
    if form.codec in ("mp3", "aac", "flac"):  # in the others header pages count for much, and vary
        measured = recorded.file.stat().st_size / 125 / seconds_of(recorded.file, form)
        assert [int(headers["icy-br"]), shown["bitrate"]] == pytest.approx([measured, measured], rel=0.15, abs=1)
    titles = [f"{number}" if form.suffix == "aac" else f"T{number}" for number in range(1, 6)]  # ADTS holds no tags
    assert recorded.playing["title"] in titles


@pytest.mark.parametrize("name", ["m4a", "vorbis", "opus", "flac"])
def test_skips_leave_a_clean_stream(start: Start, tmp_path: Path, name: str) -> None:
    """Tracks that a skip cuts are ended as the format wants it; one connection, one clean recording."""
    form = FORMATS[name]
    make(tmp_path / "station", form, (20, 20, 20))
    radio = start("--audio-dir", tmp_path / "station")
    target = tmp_path / f"got.{form.suffix}"
    player = subprocess.Popen(["curl", "-sS", "--max-time", "9", "-o", str(target), radio.url + "/"])
    until(lambda: radio.json("/streams")["streams"][0]["listeners"] == 1)
    titles = [radio.post("/next-track/")["title"] for _ in range(3)]
    titles += [radio.post("/prev-track/")["title"]]
    assert player.wait(30) == 28
    assert titles == ["T2", "T3", "T1", "T3"]
    decode(target)


PLAY = """
(path) => {
  window.told = [];
  const audio = new Audio(path);
  for (const event of ["ended", "error"]) audio.addEventListener(event, () => told.push(event));
  audio.play();
}
"""


@pytest.mark.parametrize("name", ["mp3", "adts", "m4a", "vorbis", "opus", "flac"])
def test_chromium_plays_on_over_track_ends(browser: Browser, tmp_path: Path, name: str) -> None:
    """An `<audio>` element of anybody's page: each track is heard in its turn on one connection, a chained Ogg's links
    of one shape among them."""
    form = FORMATS[name]
    for number, hz in enumerate((500, 1000, 2000)):
        noisy(tmp_path / "station" / f"{number}.{form.suffix}", hz, form.options)
    with on_air("--audio-dir", str(tmp_path / "station")) as radio, visit(browser, radio) as visitor:
        page = visitor.open("/healthz")
        page.evaluate(PLAY, "/")
        for hz in (500, 1000, 2000, 500):
            hears(page, hz)
        assert page.evaluate("told") == []


@pytest.mark.parametrize("name", ["mp3", "adts", "vorbis", "opus", "flac"])
def test_chromium_is_told_the_end_where_the_shape_changes(browser: Browser, tmp_path: Path, name: str) -> None:
    """A track with other channels ends a browser's stream cleanly: `ended`, no error. The player page joins anew."""
    form = FORMATS[name]
    noisy(tmp_path / "station" / f"1.{form.suffix}", 500, form.options)
    noisy(tmp_path / "station" / f"2.{form.suffix}", 1000, f"{form.options} -ac 1")
    with on_air("--audio-dir", str(tmp_path / "station")) as radio, visit(browser, radio) as visitor:
        page = visitor.open("/healthz")
        page.evaluate(PLAY, "/")
        page.wait_for_function("told.length")
        assert page.evaluate("told") == ["ended"]
        assert 1 < page.evaluate("ear.audio.currentTime") < 17


def test_files_of_another_family_are_listed(start: Start, tmp_path: Path) -> None:
    """Not played, named once in the log and with the reason for the operator."""
    directory = tmp_path / "station"
    make(directory, FORMATS["mp3-mono"])
    make(directory, FORMATS["vorbis"], (2,))
    radio = start("--audio-dir", directory)
    assert radio.json("/streams")["streams"][0]["tracks"] == 3
    left_out = operator(radio)["stations"][0]["left_out"]
    assert [(one["name"], "OGG" in one["reason"]) for one in left_out] == [("1.ogg", True)]
    assert len([line for line in radio.log if "1.ogg" in line]) == 1


def test_a_station_may_say_its_format(start: Start, tmp_path: Path) -> None:
    """In its route, over what the directory holds most of."""
    directory = tmp_path / "both"
    make(directory, FORMATS["mp3-mono"])
    make(directory, FORMATS["vorbis"], (2, 3))
    radio = start("--directory-routes", json.dumps({"both": {"dir": str(directory), "format": "ogg"}}))
    station = next(one for one in radio.json("/streams")["streams"] if one["route"] == "/both")
    assert (station["content_type"], station["tracks"]) == ("audio/ogg", 2)


def operator(radio: Radio) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    """What the status page shows."""
    shown: dict[str, list[dict[str, list[dict[str, str]]]]] = radio.json(
        "/status.json", Authorization=f"Bearer {PASSWORD}"
    )
    return shown
