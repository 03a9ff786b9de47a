"""Directories that change while somebody listens, and what outlives the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.ffmpeg import decode
from tests.functional.conftest import Start, tone
from tests.functional.raw import Exchange
from tests.server import Radio
from tests.waiting import until

FORMATS = {"mp3": "-b:a 192k", "aac": "-b:a 192k", "opus": "-b:a 192k -ar 48000"}


class Ear:
    """A listener who stays to the end."""

    def __init__(self, radio: Radio) -> None:
        self._answer = Exchange(radio.port, b"GET / HTTP/1.0\r\n\r\n")
        self._data = b""
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with self._answer as answer:
            self._data = answer.rest()

    def data(self) -> bytes:
        """All that was heard, once the server has closed."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self._data


def now(radio: Radio) -> Any:
    return radio.json("/now-playing?route=/")


def tracks(radio: Radio) -> int:
    return int(radio.json("/streams")["streams"][0]["tracks"])


@pytest.mark.parametrize("suffix", FORMATS)
def test_one_listener_through_everything(start: Start, tmp_path: Path, suffix: str) -> None:
    """Half a copy and its rest, a file replaced while it plays, the current one deleted, the directory emptied, filled,
    removed and made anew, a thousand files at once: one connection, and a decoder without a word of complaint."""
    first, second, third, short = (
        tone(tmp_path / f"{hz}.{suffix}", seconds, hz=hz, options=FORMATS[suffix])
        for hz, seconds in ((440, 40), (550, 40), (660, 3), (770, 3))
    )
    directory = tmp_path / "audio"
    directory.mkdir()
    shutil.copy(first, directory / f"1.{suffix}")
    radio = start("--audio-dir", directory, "--poll-interval", "0.2", "--burst", "1")
    ear = Ear(radio)

    whole = second.read_bytes()
    copy = directory / f"2.{suffix}"
    copy.write_bytes(whole[: len(whole) // 2])
    with open(copy, "ab") as rest:
        rest.write(whole[len(whole) // 2 :])
    until(lambda: tracks(radio) == 2)
    assert radio.post("/next-track/")["duration"] == pytest.approx(40, abs=1)

    copy.write_bytes(first.read_bytes()[: len(whole) // 3])
    until(lambda: now(radio)["track"] == f"1.{suffix}" or now(radio)["elapsed"] > 7)
    while radio.post("/next-track/")["track"] != f"1.{suffix}":
        pass
    shutil.copy(third, directory / f"3.{suffix}")
    until(lambda: tracks(radio) == 3)
    (directory / f"1.{suffix}").unlink()
    until(lambda: tracks(radio) == 2)
    assert now(radio)["track"] == f"1.{suffix}"
    assert radio.post("/next-track/")["track"] == f"2.{suffix}"
    assert radio.post("/next-track/")["track"] == f"3.{suffix}"

    for path in directory.iterdir():
        path.unlink()
    until(lambda: now(radio)["track"] is None)
    shutil.copy(short, directory)
    until(lambda: now(radio)["track"] == short.name)
    shutil.rmtree(directory)
    until(lambda: now(radio)["track"] is None)
    directory.mkdir()
    for number in range(1000):
        shutil.copy(third, directory / f"{number}.{suffix}")
    until(lambda: now(radio)["track"] is not None)
    until(lambda: tracks(radio) == 1000)
    radio.post("/next-track/")

    assert radio.json("/streams")["streams"][0]["listeners"] == 1
    assert radio.stop() == 0
    assert len([line for line in radio.log if re.search(r": listener \d+ from ", line)]) == 1
    recording = tmp_path / f"heard.{suffix}"
    recording.write_bytes(ear.data())
    decode(recording)


def test_names_of_any_bytes(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Line ends, no UTF-8, quotes, and as long as can be: each file plays, and breaks neither JSON nor log."""
    names = [
        b"a\nb.mp3",
        b"caf\xe9.mp3",
        b"\xff\xfe.mp3",
        b"-rf \"'`$(x)<b>.mp3",
        b"x" * 251 + b".mp3",
        "日本🎵.mp3".encode(),
    ]
    for name in names:
        shutil.copy(three_tones / "1.mp3", tmp_path / os.fsdecode(name))
    radio = start("--audio-dir", tmp_path, "--state-dir", tmp_path / ".state")
    shown = {name.decode("utf-8", "replace") for name in names}
    assert {radio.post("/next-track/")["track"] for _ in names} == shown
    assert {one["track"] for one in radio.json("/history?route=/")["history"]} == shown
    assert radio.stop() == 0
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in radio.log), radio.log
    assert json.loads((tmp_path / ".state/order.json").read_bytes())["route"] == "/"


def test_a_crash_costs_seconds(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Killed without warning, it goes on in shuffle with the same track near its place, and knows what played."""
    for number in range(20):
        shutil.copy(three_tones / "3.mp3", tmp_path / f"{number}.mp3")
    long = tone(tmp_path / "long.mp3", 60)
    options = ("--audio-dir", tmp_path, "--state-dir", tmp_path / "state")
    radio = start(*options)
    radio.post("/shuffle/?on=true")
    while radio.post("/next-track/")["track"] != long.name:
        pass
    history = radio.json("/history?route=/")["history"]
    until(lambda: (tmp_path / "state/place.json").exists())
    radio.process.kill()
    radio.stop()
    place = json.loads((tmp_path / "state/place.json").read_bytes())

    again = start(*options)
    playing = now(again)
    assert playing["track"] == long.name
    assert playing["elapsed"] >= place["elapsed_s"] - 0.1
    assert again.json("/streams")["streams"][0]["shuffle"] is True
    assert again.json("/history?route=/")["history"] == history


@pytest.mark.parametrize("trouble", ["damaged", "a file"])
def test_no_state_is_a_reason_not_to_start(start: Start, three_tones: Path, tmp_path: Path, trouble: str) -> None:
    """Damaged files are put aside, a state directory that cannot be one is reported; the station plays."""
    state = tmp_path / "state"
    if trouble == "damaged":
        state.mkdir()
        for name in ("order.json", "place.json"):
            (state / name).write_bytes(b'{"version": 1, "playl\xff')
    else:
        state.write_text("no directory")
    radio = start("--audio-dir", three_tones, "--state-dir", state)
    assert now(radio)["track"] == "1.mp3"
    assert radio.stop() == 0
    assert [line for line in radio.log if "ERROR" in line and "the state of /" in line]
    if trouble == "damaged":
        assert {path.name for path in state.iterdir() if path.is_file()} == {
            "order.json", "place.json", "order.json.damaged", "place.json.damaged",
        }  # fmt: skip
