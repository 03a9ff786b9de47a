"""A station at one level: what is recorded from it is as loud as was asked for, and is told so."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path

import mutagen.id3
import mutagen.oggopus
import pytest

from radiostream.threads import Deadline
from tests.functional.browser import chromium, on_air, press_play, visit
from tests.functional.conftest import Start
from tests.loudness.makers import frames_of
from tests.server import Radio


def noise(path: Path, gain_db: float, *, pad_s: float = 0.0, options: str = "-b:a 128k") -> Path:
    """Twenty seconds of pink noise, and silence before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = ["sox", "-R", "-n", "-r", "44100", "-c", "2", "-b", "16", "-t", "wav", "-", "synth", "20", "pinknoise"]
    wav = subprocess.run([*made, "gain", str(gain_db), "pad", str(pad_s)], check=True, capture_output=True).stdout
    encode = ["ffmpeg", "-v", "error", "-i", "-", *options.split(), str(path)]
    subprocess.run(encode, input=wav, check=True)
    return path


def recorded(radio: Radio, path: Path) -> bytes:
    """Some seconds of the stream, up to the end of a frame."""
    with urllib.request.urlopen(f"{radio.url}/", timeout=30) as stream:
        path.write_bytes(stream.read(120_000))
    return b"".join(frames_of(path))


def loudness(data: bytes) -> float:
    """Integrated loudness by ffmpeg, which must have no complaint."""
    command = ["ffmpeg", "-nostats", "-hide_banner", "-f", "mp3", "-i", "-", "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, input=data, check=True, capture_output=True).stderr.decode()
    assert not re.search("error|invalid|missing|overread", told, re.IGNORECASE)
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def await_known(radio: Radio, tracks: int) -> None:
    """Return when the loudness of so many tracks is known."""
    deadline = Deadline(60)
    while deadline.left_s:
        body = radio.get("/metrics")[2].decode()
        states = dict(re.findall(r'audio_tracks_loudness\{.*?state="(\w+)".*?\} ([\d.]+)', body))
        if sum(float(count) for state, count in states.items() if state != "unknown") >= tracks:
            return
    raise AssertionError("what is known of the tracks' loudness is not told")


def test_measured_and_tagged_tracks_are_at_the_level(start: Start, tmp_path: Path) -> None:
    """Within a step of what was asked for, without the silence before them; told in /now-playing."""
    noise(tmp_path / "audio" / "1.mp3", -3)
    noise(tmp_path / "audio" / "2.mp3", -9, pad_s=4)
    tagged = noise(tmp_path / "audio" / "3.mp3", -6)
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TXXX(3, "REPLAYGAIN_TRACK_GAIN", "-4.00 dB"))
    tags.save(tagged)
    radio = start("--audio-dir", tmp_path / "audio", "--level", "-24", "--trim", "--state-dir", tmp_path / "state")
    await_known(radio, 3)
    for name, source in (("2.mp3", "measured"), ("3.mp3", "replaygain"), ("1.mp3", "measured")):
        assert radio.post("/next-track/")["track"] == name
        told = radio.json("/now-playing?route=/")
        data = recorded(radio, tmp_path / "recorded.mp3")
        assert told["loudness_source"] == source
        if source == "measured":
            assert loudness(data) == pytest.approx(-24, abs=1.0)
            assert told["loudness_lufs"] + told["gain_db"] == pytest.approx(-24, abs=0.8)
        else:
            assert told["loudness_lufs"] == -14.0
            assert told["gain_db"] == pytest.approx(-10.54, abs=0.01)
    assert radio.stop() == 0
    assert len(json.loads((tmp_path / "state" / "loudness.json").read_bytes())["tracks"]) == 3


def test_off_nothing_is_told(start: Start, tmp_path: Path) -> None:
    """Without a level the JSON is what it was, and no process measures."""
    noise(tmp_path / "audio" / "1.mp3", -3)
    radio = start("--audio-dir", tmp_path / "audio")
    assert "gain_db" not in radio.json("/now-playing?route=/")
    assert "audio_tracks_loudness" not in radio.get("/metrics")[2].decode()


def test_the_page_turns_opus_down(tmp_path: Path) -> None:
    """A browser's stream has the file's own headers: the page's volume does what they do for others."""
    path = noise(tmp_path / "audio" / "1.opus", -6, options="-c:a libopus")
    tags = mutagen.oggopus.OggOpus(path)
    tags["R128_TRACK_GAIN"] = str(-6 * 256)  # it is at -17 LUFS, then
    tags.save()
    options = ("--audio-dir", str(path.parent), "--level", "-29", "--stream-format", "ogg")
    with chromium() as browser, on_air(*options) as radio, visit(browser, radio) as person:
        person.context.add_init_script(
            "const play = HTMLMediaElement.prototype.play;"
            "HTMLMediaElement.prototype.play = function () { window.played = this; return play.call(this); };"
        )
        page = person.open("/web")
        press_play(page)
        page.wait_for_function("window.played && Math.abs(window.played.volume - 0.8 ** 2 * 10 ** (-12 / 20)) < 0.01")
