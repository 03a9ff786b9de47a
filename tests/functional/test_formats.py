"""Stations of every format: joined in the middle, over track ends and skips, recorded by curl, decoded by ffmpeg."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.functional.conftest import Radio, Start, tone
from tests.functional.test_stream import decode, listen, wait_for


@dataclass(frozen=True)
class Format:
    """How its files are made, and what its stream is."""

    suffix: str
    options: str
    content_type: str
    start: bytes
    codec: str
    rate_hz: int = 44100


FORMATS = {
    "adts": Format("aac", "-c:a aac -b:a 96k", "audio/aac", b"\xff\xf1", "aac"),
    "m4a": Format("m4a", "-c:a aac -b:a 96k", "audio/aac", b"\xff\xf1", "aac"),
    "m4a-faststart": Format("m4a", "-c:a aac -b:a 96k -movflags +faststart", "audio/aac", b"\xff\xf1", "aac"),
    "m4a-fragmented": Format("m4a", "-c:a aac -movflags frag_keyframe+empty_moov", "audio/aac", b"\xff\xf1", "aac"),
    "vorbis": Format("ogg", "-c:a libvorbis -q:a 3", "audio/ogg", b"OggS", "vorbis"),
    "opus": Format("opus", "-c:a libopus -b:a 64k -ar 48000", "audio/ogg", b"OggS", "opus", 48000),
    "flac": Format("oga", "-c:a flac -f ogg", "audio/ogg", b"OggS", "flac"),
    "mp3-mono": Format("mp3", "-ar 22050 -ac 1 -b:a 32k", "audio/mpeg", b"\xff\xf3", "mp3", 22050),
    "mp3-8k": Format("mp3", "-ar 8000 -ac 1 -b:a 8k", "audio/mpeg", b"\xff\xe3", "mp3", 8000),
    "aac-5.1": Format("m4a", "-c:a aac -ac 6 -ar 48000 -b:a 256k", "audio/aac", b"\xff\xf1", "aac", 48000),
    "opus-5.1": Format("opus", "-c:a libopus -ac 6 -ar 48000 -mapping_family 1", "audio/ogg", b"OggS", "opus", 48000),
}


def make(directory: Path, form: Format, seconds: tuple[float, ...] = (4, 5, 6)) -> None:
    """Tracks of so many seconds, each a tone of its own."""
    for number, length in enumerate(seconds, 1):
        tone(directory / f"{number}.{form.suffix}", length, hz=220 * number, options=form.options, title=f"T{number}")


def stream_of(file: Path) -> dict[str, str]:
    """What ffprobe says of the first stream in a recording."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "json", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    streams: list[dict[str, str]] = json.loads(done.stdout)["streams"]
    return streams[0]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_a_stream_decodes_over_track_ends(start: Start, tmp_path: Path, form: Format) -> None:
    """Joined in the middle, in real time after the burst, two track ends and more, not a word from the decoder."""
    make(tmp_path / "station", form)
    radio = start("--audio-dir", tmp_path / "station")
    data = listen(radio, "/", 12, tmp_path / f"got.{form.suffix}")
    assert data.startswith(form.start)
    decode(tmp_path / f"got.{form.suffix}")
    probed = stream_of(tmp_path / f"got.{form.suffix}")
    assert (probed["codec_name"], int(probed["sample_rate"])) == (form.codec, form.rate_hz)
    status, headers, _ = radio.ask("HEAD", "/")
    assert (status, headers["content-type"]) == (200, form.content_type)
    (shown,) = radio.json("/streams")["streams"]
    assert (shown["content_type"], shown["codec"], shown["sample_rate"]) == (
        form.content_type,
        form.codec,
        form.rate_hz,
    )
    titles = "123" if form.suffix == "aac" else ("T1", "T2", "T3")  # raw ADTS holds no tags
    assert radio.json("/now-playing?route=/")["title"] in titles


@pytest.mark.parametrize("name", ["m4a", "vorbis", "opus", "flac"])
def test_skips_leave_a_clean_stream(start: Start, tmp_path: Path, name: str) -> None:
    """Tracks that a skip cuts are ended as the format wants it; one connection, one clean recording."""
    form = FORMATS[name]
    make(tmp_path / "station", form, (20, 20, 20))
    radio = start("--audio-dir", tmp_path / "station")
    target = tmp_path / f"got.{form.suffix}"
    player = subprocess.Popen(["curl", "-sS", "--max-time", "9", "-o", str(target), radio.url + "/"])
    wait_for(lambda: radio.json("/streams")["streams"][0]["listeners"] == 1)
    titles = [radio.post("/next-track/")["title"] for _ in range(3)]
    titles += [radio.post("/prev-track/")["title"]]
    assert player.wait(30) == 28
    assert titles == ["T2", "T3", "T1", "T3"]
    decode(target)


@pytest.mark.parametrize("name", ["mp3-mono", "m4a", "vorbis", "opus", "flac"])
def test_tracks_of_a_tenth_of_a_second(start: Start, tmp_path: Path, name: str) -> None:
    """As many as there are, one after the other, as clean as long ones."""
    form = FORMATS[name]
    make(tmp_path / "station", form, (0.1,) * 5)
    radio = start("--audio-dir", tmp_path / "station")
    listen(radio, "/", 6, tmp_path / f"got.{form.suffix}")
    # ffmpeg's own clock stumbles over Vorbis links this short, of any origin; the decoder does not.
    decode(tmp_path / f"got.{form.suffix}", options="-af asetpts=N/SR/TB")


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
    from tests.functional.conftest import PASSWORD

    shown: dict[str, list[dict[str, list[dict[str, str]]]]] = radio.json(
        "/status.json", Authorization=f"Bearer {PASSWORD}"
    )
    return shown
