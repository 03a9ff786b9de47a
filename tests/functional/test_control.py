"""The operator's commands on the running server: who may, what is heard, and what a hundred a second do."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.ffmpeg import decode
from tests.functional.conftest import Start, tone
from tests.functional.raw import Exchange, blocks
from tests.server import PASSWORD, Radio
from tests.waiting import until

BEARER = {"Authorization": f"Bearer {PASSWORD}"}


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """One server with /humor."""
    routes = json.dumps({"humor": str(three_tones)})
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", routes, "--log-level", "debug"]
    running = Radio(arguments, {}, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0
    assert not [line for line in running.log if PASSWORD in line or "wrong one" in line]


def curl(radio: Radio, path: str, *options: str, source: str = "127.0.0.1") -> tuple[int, str]:
    """What real curl gets for a POST from that address: status and body."""
    command = ["curl", "-sS", "-X", "POST", "--interface", source, "-w", "\n%{http_code}", *options, radio.url + path]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), body


# -- who may ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        ("-H", f"Authorization: Bearer {PASSWORD}"),
        ("-H", f"authorization: bearer {PASSWORD}"),
        ("-u", f":{PASSWORD}"),
        ("-u", f"admin:{PASSWORD}"),
        ("-u", f"Ж:{PASSWORD}"),
    ],
)
def test_the_password_opens(radio: Radio, options: tuple[str, str]) -> None:
    """As Bearer, or as Basic with any user."""
    status, body = curl(radio, "/next-track/humor", *options)
    assert (status, json.loads(body)["route"]) == (200, "/humor")


def test_without_it_nothing_happens(radio: Radio) -> None:
    """401 in plain words, what it takes is named, and the track plays on."""
    before = radio.json("/history?route=humor&limit=1")
    status, headers, body = radio.ask("POST", "/next-track/humor", b"")
    assert (status, json.loads(body)) == (401, {"error": "the operator's password is needed"})
    assert headers["www-authenticate"] == 'Bearer realm="radiostream"'
    assert curl(radio, "/next-track/humor", "-u", ":wrong one", source="127.0.0.3")[0] == 401
    after = radio.json("/history?route=humor")["history"]
    assert before["history"][0]["started_at"] in [entry["started_at"] for entry in after]
    assert "skipped" not in [one["ended"] for one in after if one["started_at"] >= before["history"][0]["started_at"]]


def test_five_wrong_passwords_lock_their_address_out(radio: Radio) -> None:
    """429 with Retry-After then, the right password and the login included; from everywhere else it is open."""
    guesser = "127.0.0.4"
    wrong = [curl(radio, "/next-track/humor", "-u", ":wrong one", source=guesser)[0] for _ in range(6)]
    assert wrong == [401] * 5 + [429]
    assert curl(radio, "/next-track/humor", "-u", f":{PASSWORD}", source=guesser)[0] == 429
    status, page = curl(radio, "/status", "--data-urlencode", f"password={PASSWORD}", source=guesser)
    assert status == 429
    assert "Too many wrong passwords" in page
    request = b"POST /next-track/humor HTTP/1.0\r\nAuthorization: Bearer " + PASSWORD.encode() + b"\r\n\r\n"
    with Exchange(radio.port, request, guesser) as answer:
        assert 0 < int(answer.field("Retry-After") or 0) <= 30
    assert curl(radio, "/next-track/humor", "-u", f":{PASSWORD}")[0] == 200


def test_the_session_of_the_page(radio: Radio, tmp_path: Path) -> None:
    """Login, a command of our own page, one of another site's, logout: with curl and its cookie jar."""
    jar = ("-b", str(tmp_path / "jar"), "-c", str(tmp_path / "jar"))
    assert curl(radio, "/status", *jar, "--data-urlencode", "password=wrong one", source="127.0.0.5")[0] == 401
    assert curl(radio, "/status", *jar, "--data-urlencode", f"password={PASSWORD}")[0] == 303
    kept = (tmp_path / "jar").read_text()
    assert "#HttpOnly_127.0.0.1" in kept
    assert PASSWORD not in kept
    own = ("-H", f"Origin: {radio.url}")
    table: list[tuple[tuple[str, ...], int]] = [
        (own, 200),
        (("-H", "Sec-Fetch-Site: same-origin"), 200),
        ((*own, "-H", "Sec-Fetch-Site: cross-site"), 403),
        (("-H", "Origin: http://evil.example"), 403),
        (("-H", f"Origin: http://127.0.0.1:{radio.port + 1}"), 403),
        (("-H", "Origin: null"), 403),
        ((), 403),
    ]
    for options, status in table:
        assert curl(radio, "/next-track/humor", *jar, *options)[0] == status, options
    assert curl(radio, "/logout", *jar, *own)[0] == 303
    assert "radiostream_session" not in (tmp_path / "jar").read_text()
    stolen = ("-H", "Cookie: " + "=".join(kept.split()[-2:]))
    assert curl(radio, "/next-track/humor", *stolen, *own)[0] == 401


def test_a_password_from_a_file(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """As container secrets come: the line's end is not part of it."""
    (tmp_path / "secret").write_text("from a file\n")
    radio = start("--audio-dir", three_tones, STATUS_PASSWORD="", STATUS_PASSWORD_FILE=str(tmp_path / "secret"))
    assert curl(radio, "/next-track/", "-u", ":from a file")[0] == 200
    assert curl(radio, "/next-track/", "-u", ":1234554321")[0] == 401


# -- what is heard ---------------------------------------------------------------------------------------------


def frames_of(track: Path) -> bytes:
    """A run of the track's first frames, long enough to be its own: the tag and the frame with the index left out."""
    data = track.read_bytes()
    tag = 10 + sum(byte << 7 * at for at, byte in enumerate(reversed(data[6:10])))
    index = re.compile(rb"\xff\xfb[\x90-\x93][\x00-\xff]").finditer(data, tag)
    starts = [found.start() for found in index]
    return data[starts[1] : starts[1] + 4 * 417]


def test_the_answer_comes_when_it_is_heard(radio: Radio, three_tones: Path) -> None:
    """At the answer /now-playing agrees, and a listener gets the new track's frames next, its title with them."""
    with Exchange(radio.port, b"GET /humor HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n") as answer:
        stream = blocks(answer)
        next(stream)
        before = next(stream)
        playing = radio.post("/next-track/humor")
        now = radio.json("/now-playing?route=humor")
        assert {name: now[name] for name in playing.keys() & now.keys()} == {
            name: playing[name] for name in playing.keys() & now.keys()
        }
        assert now["skip"] is True
        assert -0.1 <= now["elapsed"] < 2
        opening = frames_of(three_tones / playing["track"])
        audio, announced_at = b"", 0
        for block in stream:
            if block.text and block.text != before.text:
                assert block.text.startswith(f"StreamTitle='Test - {playing['title']}';".encode())
                announced_at = len(audio)
            audio += block.audio
            if announced_at:
                break
        begun_at = audio.index(opening)
        assert begun_at <= announced_at < begun_at + 16000


def test_back_is_where_one_came_from(radio: Radio) -> None:
    """Forward twice and back twice: the same tracks again, each heard by who joins then."""
    first = radio.json("/now-playing?route=humor")["track"]
    second, third = (radio.post("/next-track/humor")["track"] for _ in range(2))
    assert len({first, second, third}) == 3
    assert [radio.post("/prev-track/humor")["track"] for _ in range(2)] == [second, first]
    with Exchange(radio.port, b"GET /humor HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n") as answer:
        stream = blocks(answer)
        next(stream)
        assert f"Tone {first[0]}".encode() in (next(stream).text or b"")
    assert [one["ended"] for one in radio.json("/history?route=humor&limit=5")["history"]] == [
        "playing", *["skipped"] * 4,
    ]  # fmt: skip


def test_a_signal_looks_at_the_directories(start: Start, three_tones: Path, tmp_path: Path) -> None:
    """SIGHUP: a new file is taken long before the next look is due, and who listens goes on listening."""
    shutil.copytree(three_tones, tmp_path / "tones")
    radio = start("--audio-dir", tmp_path / "tones", "--poll-interval", "3600")
    with Exchange(radio.port, b"GET / HTTP/1.0\r\n\r\n") as listener:
        listener.read(1000)
        shutil.copy(three_tones / "1.mp3", tmp_path / "tones/4.mp3")

        def taken() -> bool:
            radio.process.send_signal(signal.SIGHUP)
            return bool(radio.json("/streams")["streams"][0]["tracks"] == 4)

        until(taken)
        assert len(listener.read(100_000)) == 100_000


# -- a hundred a second ----------------------------------------------------------------------------------------

SKIPS = 300
LISTENERS = 20


def skip_at_a_hundred_a_second(radio: Radio) -> list[dict[str, Any]]:
    """So many skips on one connection, each in its hundredth of a second or as soon as the one before is answered."""
    connection = HTTPConnection("127.0.0.1", radio.port, timeout=20)
    pace = threading.Event()
    answers, begun_s = [], time.monotonic()
    for number in range(SKIPS):
        pace.wait(max(0.0, begun_s + number / 100 - time.monotonic()))
        connection.request("POST", "/next-track/", headers=BEARER)
        with connection.getresponse() as answer:
            assert answer.status == 200
            answers.append(json.load(answer))
    connection.close()
    return answers


@pytest.mark.serial  # asks 100 times a second
def test_a_hundred_skips_a_second(start: Start, tmp_path: Path) -> None:
    """Answers in order, every stream decodes without a word, and afterwards the clock is right."""
    for number in range(1, 6):
        tone(tmp_path / f"music/{number}.mp3", 60, hz=200 * number, title=f"T{number}")
    radio = start("--audio-dir", tmp_path / "music")
    files = [tmp_path / f"{number}.mp3" for number in range(LISTENERS)]
    command = ["curl", "-sS", "--max-time", "60", radio.url + "/", "-o"]
    players = [subprocess.Popen([*command, str(file)], stderr=subprocess.PIPE) for file in files]
    until(lambda: radio.json("/streams")["streams"][0]["listeners"] == LISTENERS)
    answers = skip_at_a_hundred_a_second(radio)
    skipped_s = time.monotonic()
    assert [answer["track"] for answer in answers] == [f"{(1 + at) % 5 + 1}.mp3" for at in range(SKIPS)]
    starts = [answer["started_at"] for answer in answers]
    assert starts == sorted(starts)
    until(lambda: radio.json("/now-playing?route=/")["elapsed"] > 2)
    now = radio.json("/now-playing?route=/")
    assert now["track"] == answers[-1]["track"]
    assert abs(now["elapsed"] - (time.monotonic() - skipped_s)) < 0.5
    assert radio.json("/streams")["streams"][0]["listeners"] == LISTENERS
    assert radio.stop() == 0
    for player in players:
        _, complaint = player.communicate(timeout=20)
        assert (player.returncode, complaint) == (0, b"")
    assert all(file.stat().st_size > 100_000 for file in files)
    decode(*files)
    assert not [line for line in radio.log if " ERROR " in line]
