"""Folders that are rules, on the running server and under its listeners."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from tests.functional.conftest import Start, tone
from tests.server import Radio

WAIT_S = 20.0
POLL_S = 0.3


def listen(radio: Radio, **headers: str) -> tuple[HTTPConnection, HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", radio.port, timeout=WAIT_S)
    connection.request("GET", "/", headers=headers)
    return connection, connection.getresponse()


def until_plays(radio: Radio, **wanted: Any) -> dict[str, Any]:
    """What is on the air, once it is what is wanted."""
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        now: dict[str, Any] = radio.json("/now-playing?route=/")
        if all(now[key] == value for key, value in wanted.items()):
            return now
    raise AssertionError(f"{wanted} did not come: {now}")


def far_away() -> str:
    """The name of a part that holds on one day half a year from now."""
    day = datetime.now(UTC) + timedelta(days=180)
    return f"_{day:%m-%d}..{day:%m-%d} 00-24"


def test_a_folder_is_renamed_under_listeners(start: Start, tmp_path: Path) -> None:
    """The programme changes within two looks and a second, `!` in mid-track; nobody's stream ends."""
    tone(tmp_path / "m/own.mp3", 60)
    tone(tmp_path / f"m/{far_away()}/part.mp3", 60)
    radio = start("--audio-dir", tmp_path / "m", "--poll-interval", str(POLL_S))
    listeners = [listen(radio) for _ in range(5)]
    assert until_plays(radio, track="own.mp3")["part"] is None
    began_s = time.monotonic()
    (tmp_path / "m" / far_away()).rename(tmp_path / "m/_00-24 !")
    until_plays(radio, track="part.mp3", part="_00-24 !")
    assert time.monotonic() - began_s < 2 * POLL_S + 1.0 + 2.0, "two looks, a second, and a slow machine"
    for connection, answer in listeners:
        assert len(answer.read(200_000)) == 200_000
        connection.close()
    assert radio.json("/history")["history"][1]["ended"] == "skipped"
    assert radio.json("/schedule?route=/")["now"] == {"part": "_00-24 !", "until": None}


def test_a_jingle_changes_no_title(start: Start, tmp_path: Path) -> None:
    """Players go on showing the track before it; the history marks it, skip leaves it and previous passes it."""
    tone(tmp_path / "m/1.mp3", 60, title="One", artist="Band")
    tone(tmp_path / "m/2.mp3", 60, title="Two", artist="Band")
    tone(tmp_path / "m/_every 1 tracks/j.mp3", 30, title="Buy this")
    radio = start("--audio-dir", tmp_path / "m")
    until_plays(radio, title="One", kind="track")
    radio.post("/next-track/")
    now = until_plays(radio, track="j.mp3")
    assert (now["kind"], now["title"], now["artist"], now["part"]) == ("jingle", "One", "Band", None)
    radio.logged(r'on the air: jingle "j\.mp3"$')
    connection, answer = listen(radio, **{"Icy-MetaData": "1"})
    answer.read(16000)
    assert b"StreamTitle='Band - One';" in answer.read(answer.read(1)[0] * 16)
    connection.close()
    radio.post("/next-track/")
    until_plays(radio, title="Two", kind="track")
    radio.post("/prev-track/")
    until_plays(radio, title="One", kind="track")
    history = [(entry["title"], entry["kind"]) for entry in radio.json("/history")["history"]]
    assert history == [("One", "track"), ("Two", "track"), ("Buy this", "jingle"), ("One", "track")]
    assert radio.json("/streams")["streams"][0]["tracks"] == 2


def test_a_list_is_written_while_it_plays(start: Start, tmp_path: Path) -> None:
    """`order.m3u` gives the order from the next track on, shuffled or not; taken away, all files play again."""
    for name in "abcd":
        tone(tmp_path / f"m/{name}.mp3", 30, title=name)
    radio = start("--audio-dir", tmp_path / "m", "--shuffle", "--poll-interval", str(POLL_S))
    until_plays(radio, kind="track")
    (tmp_path / "m/order.m3u").write_text("#EXTM3U\nc.mp3\na.mp3\n", encoding="utf-8")
    while radio.json("/streams")["streams"][0]["tracks"] != 2:
        radio.post("/reload-playlist")
    heard = [radio.post("/next-track/")["title"] for _ in range(4)]
    assert heard in (["c", "a", "c", "a"], ["a", "c", "a", "c"])
    (tmp_path / "m/order.m3u").unlink()
    while radio.json("/streams")["streams"][0]["tracks"] != 4:
        radio.post("/reload-playlist")
    shutil.rmtree(tmp_path / "m")
