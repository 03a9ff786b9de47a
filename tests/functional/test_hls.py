"""HLS on the air: by the rules, with ffmpeg and with hls.js in a browser, over track ends, skips and restarts."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from array import array
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page

from tests.elsewhere import foreign_site, npm_package
from tests.ffmpeg import complaints
from tests.functional.browser import EAR, chromium
from tests.functional.conftest import Start, tone
from tests.functional.hls_validator import Entry, Judge, parse
from tests.server import Radio
from tests.waiting import every_second

HLS_JS_VERSION = "1.7.4"
HZ = 44100 / 64
"""A whole number of waves in each frame, of MP3 and of AAC: the tone goes on from any frame to any other."""


def seams(directory: Path, suffix: str, options: str) -> Path:
    """One long tone, cut into tracks between two frames: whoever plays them gapless hears no end of a track. An encoder
    begins and ends with some silence, which would be heard where the last track meets the first: neither is kept."""
    directory.mkdir()
    whole = tone(directory.parent / f"whole.{suffix}", 43, hz=HZ, options=options)
    cut = ("-c", "copy", "-f", "segment", "-segment_times", "1,7.3,14.1,21.9,32.2,42", "-write_xing", "0")
    parts = str(directory / f"%d.{suffix}")
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", str(whole), *cut, parts], check=True)
    for silent in (0, 6):
        (directory / f"{silent}.{suffix}").unlink()
    return directory


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By station: a tone in MP3 and in AAC, tracks of variable bitrate, tracks of several sample rates, and noise."""
    home = tmp_path_factory.mktemp("hls")
    for number, rate in enumerate((44100, 48000, 22050)):
        tone(home / "mixed" / f"{number}.mp3", 6 + number, hz=HZ, options=f"-b:a 128k -ar {rate}")
    for number in (1, 2, 3):
        tone(home / "vbr" / f"{number}.mp3", 8 + number, hz=HZ, options="-q:a 2", title=f"Title {number}")
    noise = ("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "anoisesrc=d=90:a=0.3", "-ac", "2", "-b:a", "128k")
    (home / "noise").mkdir()
    subprocess.run((*noise, str(home / "noise" / "noise.mp3")), check=True)
    return {
        "main": seams(home / "mp3", "mp3", "-b:a 128k -reservoir 0"),
        "aac": seams(home / "aac", "aac", "-b:a 96k"),
        "vbr": home / "vbr",
        "mixed": home / "mixed",
        "noise": home / "noise",
    }


def arguments(music: dict[str, Path]) -> list[str]:
    routes = {name: {"dir": str(path)} for name, path in music.items() if name != "main"}
    return ["--audio-dir", str(music["main"]), "--directory-routes", json.dumps(routes)]


@pytest.fixture(scope="module")
def radio(music: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """One server for the tests that only listen."""
    running = Radio(["--port", "0", *arguments(music)], {}, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0


def fetch(radio: Radio, entry: Entry) -> bytes:
    status, _, data = radio.get("/" + entry.uri)
    assert status == 200
    return data


def test_it_keeps_the_rules(radio: Radio) -> None:
    """40 s of three stations, with skips on one of them; what has left a list can still be had as long as it must."""
    judges = {"main": Judge(), "aac": Judge(), "mixed": Judge()}
    gone: dict[tuple[str, Entry], float] = {}
    for second in every_second(40):
        if second in (15, 16, 30):
            radio.post("/next-track/aac")
        for name, judge in judges.items():
            known = len(judge.removed)
            for entry in judge.see(radio.get(f"/{name}.m3u8")[2].decode()):
                judge.take(entry, fetch(radio, entry))
            for entry, seconds in judge.removed[known:]:
                gone[name, entry] = time.monotonic() + seconds
    for name, judge in judges.items():
        assert len(judge.known) >= 9, name
        assert judge.removed, name
    for (_, entry), until_s in gone.items():
        if time.monotonic() < until_s:
            fetch(radio, entry)
    assert sum(entry.cut for entry in judges["main"].known.values()) <= 1
    assert sum(entry.cut for entry in judges["aac"].known.values()) >= 2
    assert sum(entry.cut for entry in judges["mixed"].known.values()) >= 3


def test_ffmpeg_plays_it_without_a_word(radio: Radio, tmp_path: Path) -> None:
    """A minute of three stations at once, over many ends of tracks: nothing to complain about, no sample too few, and
    not a hole in the tones that have none."""
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-t", "60", "-i"]
    form = ["-ac", "1", "-ar", "44100", "-f", "s16le"]
    playing = {
        station: subprocess.Popen(
            [*command, f"{radio.url}/{station}.m3u8", *form, str(tmp_path / station)], stderr=subprocess.PIPE, text=True
        )
        for station in ("main", "aac", "vbr")
    }
    for station, player in playing.items():
        assert complaints(player.communicate(timeout=120)[1]) == [], station
        samples = array("h", (tmp_path / station).read_bytes())
        assert len(samples) > 59.8 * 44100, station  # by a clock that may run ahead by the few frames of a block
        if station != "vbr":
            peaks = [max(samples[at : at + 220]) for at in range(4410, len(samples) - 220, 220)]
            assert min(peaks) > 0.8 * max(peaks), station


def test_the_date_is_when_others_hear_it(radio: Radio) -> None:
    """The first frame of one who joins the plain stream now is dated now."""
    begin = time.time()
    with socket.create_connection(("127.0.0.1", radio.port), 20) as stream:
        stream.sendall(b"GET /noise HTTP/1.0\r\n\r\n")
        with stream.makefile("rb") as file:
            while file.readline().strip():
                pass
            data = file.read(4000)
    for entry in parse(radio.get("/noise.m3u8")[2].decode()).entries:
        content = fetch(radio, entry)
        at = content.find(data[:1200])
        if at >= 0:
            heard = entry.at.timestamp() + entry.seconds * at / len(content)
            assert abs(heard - begin) < 0.5
            return
    raise AssertionError("what was heard is in no segment")


def test_players_are_counted(radio: Radio) -> None:
    """Apart from the listeners, in /streams and for Prometheus."""
    for agent in ("one", "two", "one"):
        radio.get("/noise.m3u8", User_Agent=agent)
    (row,) = [row for row in radio.json("/streams")["streams"] if row["route"] == "/noise"]
    assert (row["hls_listeners"] >= 2, row["listeners"]) == (True, 0)
    assert row["hls"] == "noise.m3u8"
    assert b'audio_hls_listeners{stream="/noise"}' in radio.get("/metrics")[2]


def test_restarts_go_on(music: dict[str, Path], start: Start) -> None:
    """Later numbers, other names, however soon after one another; nothing is found under the old ones."""
    radio = start(*arguments(music))
    before = parse(radio.get("/main.m3u8")[2].decode())
    for _ in range(3):
        port = radio.port
        radio.stop()
        radio = start("--port", str(port), *arguments(music))
        after = parse(radio.get("/main.m3u8")[2].decode())
        assert after.sequence > before.entries[-1].number
        assert after.discontinuity_sequence >= before.discontinuity_sequence
        assert after.entries[0].cut
        assert not {entry.uri for entry in before.entries} & {entry.uri for entry in after.entries}
        status, headers, _ = radio.get("/" + before.entries[0].uri)
        assert status == 404
        assert headers["cache-control"] == "no-store"
        before = after


# -- in a browser ------------------------------------------------------------------------------------------------------

PAGE = "<!doctype html><title>player</title><audio></audio>"

PLAY = """
(url) => {
  const audio = document.querySelector("audio");
  Object.assign(window, { errors: [], heard: [], titles: [], hls: new Hls() });
  hls.on(Hls.Events.ERROR, (_, data) =>
    errors.push(`${data.details} ${data.fatal} ${data.reason || data.error || ""}`));
  hls.on(Hls.Events.FRAG_CHANGED, () => {
    const cues = [...audio.textTracks].flatMap((track) => [...(track.cues || [])]);
    titles.push(...cues.filter((cue) => cue.value?.key === "TIT2").map((cue) => cue.value.data));
  });
  audio.addEventListener("playing", () => setInterval(() => heard.push(ear.hz()), 100), { once: true });
  hls.loadSource(url);
  hls.attachMedia(audio);
  audio.play();
}
"""


@pytest.fixture
def open_player(tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Pages of somebody else's site, each playing a playlist with hls.js."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text(PAGE)
    script = (npm_package("hls.js", HLS_JS_VERSION) / "dist" / "hls.min.js").read_text(encoding="utf-8")
    with foreign_site(tmp_path / "site") as site, chromium() as browser:

        def begin(url: str) -> Page:
            page = browser.new_context().new_page()
            page.add_init_script(EAR)
            page.goto(site)
            page.add_script_tag(content=script)
            page.evaluate(PLAY, url)
            return page

        yield begin


def test_hls_js_plays_it(radio: Radio, open_player: Callable[[str], Page]) -> None:
    """MP3, AAC and changing sample rates, 25 s over ends of tracks: the right pitch, without a hole."""
    pages = {name: open_player(f"{radio.url}/{name}.m3u8") for name in ("main", "aac", "mixed")}
    for name, page in pages.items():
        page.wait_for_function("window.heard && heard.length >= 250", timeout=90_000)
        seen = page.evaluate("({ errors, heard, titles, ranges: document.querySelector('audio').buffered.length })")
        assert [error for error in seen["errors"] if "bufferStalledError" not in error] == [], name
        right = sum(abs(hz / HZ - 1) < 0.05 for hz in seen["heard"])
        wrong = sum(hz > 0 and abs(hz / HZ - 1) >= 0.05 for hz in seen["heard"])
        assert wrong <= len(seen["heard"]) * 0.02, (name, seen["heard"])
        assert right >= len(seen["heard"]) * 0.9, (name, seen["heard"])
        assert seen["ranges"] == 1, name
        told = [title for title in seen["titles"] if title.isdigit()]
        assert len(set(told)) >= 2, (name, seen["titles"])


def test_hls_js_goes_on_over_a_restart(
    music: dict[str, Path], start: Start, open_player: Callable[[str], Page]
) -> None:
    """The server goes away and comes back: the player plays on by itself, what is new."""
    radio = start(*arguments(music))
    page = open_player(f"{radio.url}/main.m3u8")
    page.wait_for_function("window.heard && heard.length >= 20", timeout=60_000)
    old = {entry.number for entry in parse(radio.get("/main.m3u8")[2].decode()).entries}
    port = radio.port
    radio.stop()
    start("--port", str(port), *arguments(music))
    playing = f"hls.levels[0]?.details && hls.streamController.fragPlaying?.sn > {max(old)}"
    page.wait_for_function(playing, timeout=90_000)
    before = page.evaluate("document.querySelector('audio').currentTime")
    page.wait_for_function(f"document.querySelector('audio').currentTime > {before} + 3", timeout=60_000)


def test_urls_need_no_base(radio: Radio) -> None:
    """Every URL of a list is relative to it."""
    listing = parse(radio.get("/aac.m3u8")[2].decode())
    for entry in listing.entries:
        assert urljoin("http://edge.example/radio/aac.m3u8", entry.uri).startswith("http://edge.example/radio/hls/aac/")
    assert all(then.number == one.number + 1 for one, then in pairwise(listing.entries))
