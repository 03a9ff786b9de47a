"""What was played, and who is told, on the running server: a log that a crash does not hurt, and webhooks."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.functional.conftest import Start
from tests.plays.sink import OK, Sink
from tests.server import PASSWORD
from tests.waiting import PATIENCE_S, until


def rows(state: Path) -> list[dict[str, str]]:
    """The plays in the log."""
    (path,) = (state / "log").glob("*.csv")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def asked(url: str) -> Any:
    """What the operator's curl gets."""
    command = ["curl", "-sS", "--fail", "-u", f":{PASSWORD}", url]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S).stdout)


def hang(connection: socket.socket) -> None:
    """Say nothing until the other end is gone."""
    connection.recv(1)


def test_a_crash_costs_the_play_on_the_air_at_most(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """Skipped plays are in the log at once, those before the crash too; what it left of a line is cut off."""
    state = tmp_path / "state"
    radio = start("--audio-dir", three_tones, "--state-dir", state)
    for _ in range(3):
        subprocess.run(["curl", "-sS", "-X", "POST", "-u", f":{PASSWORD}", radio.url + "/next-track/"], check=True)
    until(lambda: (state / "log").is_dir() and len(rows(state)) == 3, "three lines")
    radio.process.send_signal(signal.SIGKILL)
    radio.process.wait(PATIENCE_S)
    (path,) = (state / "log").glob("main-*.csv")
    with open(path, "ab") as file:
        file.write(b"2026-11-26T02:0")
    again = start("--audio-dir", three_tones, "--state-dir", state)
    said = asked(again.url + "/report")
    assert [play["ended"] for play in said["plays"]] == ["skipped"] * 3
    assert asked(again.url + "/statistics?range=week")["samples"]
    assert again.stop() == 0
    assert [row["ended"] for row in rows(state)] == ["skipped"] * 3 + ["played"]
    assert {row["artist"] for row in rows(state)} == {"Test"}


def test_silence_is_told_and_its_end(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """To a webhook that takes it, whatever another one does; the server ends in time all the same."""
    music = tmp_path / "music"
    shutil.copytree(three_tones, music)
    with Sink(lambda _: OK) as sink, Sink(lambda _: hang) as hanging:
        radio = start("--audio-dir", music, "--webhook", sink.url, "--webhook", hanging.url, "--poll-interval", "0.2")

        def told() -> list[dict[str, Any]]:
            return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in sink.requests]

        until(lambda: "track" in [event["event"] for event in told()], "a track")
        shutil.move(music, tmp_path / "away")
        until(lambda: "station-silent" in [event["event"] for event in told()], "silence")
        shutil.move(tmp_path / "away", music)
        until(lambda: "station-back" in [event["event"] for event in told()], "its end")
        assert radio.stop() == 0
    events = [event["event"] for event in told()]
    assert events.count("station-silent") == events.count("station-back") == 1
    assert {event["route"] for event in told()} == {"/"}
    assert hanging.requests
