"""Live sources as people have them: real broadcasters' programs, a relay of a relay, under listeners that stay."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ffmpeg import complaints
from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.server import Radio
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
TAKEOVER_S = 20.0


def encoded(path: Path, name: str, seconds: float) -> Path:
    """Pink noise in the format of a broadcast."""
    options, _ = ENCODERS[name]
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        SOUND,
        "-t",
        str(seconds),
        "-ac",
        "2",
        "-ar",
        "44100",
    ]
    subprocess.run([*command, *options.split(), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with one file of 40 s for each format."""
    root = tmp_path_factory.mktemp("folders")
    made = {}
    for name in ENCODERS:
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
def running(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended at the end."""
    words = [str(word) for word in command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
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


@pytest.mark.parametrize("name", ENCODERS)
def test_ffmpeg_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    """It goes on the air, is heard, and the folder goes on when it is killed; one listener hears all of it."""
    radio = start("--directory-routes", routes(folders, {"show": name}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    recording = tmp_path / "recording"
    with running(*listener(radio, "/show", recording)) as listening:
        with running(*ffmpeg(radio, "/show", name, "-metadata", "title=News", "-metadata", "artist=Ann")):
            until(is_live(radio, "/show"), "it does not go on the air", 30)
            if FAMILY[name] == "ogg":
                assert (now(radio, "/show")["title"], now(radio, "/show")["artist"]) == ("News", "Ann")
            time.sleep(3)  # so much of it is recorded
        until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
        time.sleep(2)
        assert listening.poll() is None
        kinds = [entry["kind"] for entry in radio.json("/history?route=show")["history"]]
        assert kinds == ["track", "live", "track"]
        radio.stop()  # ends the stream at a frame
        listening.wait(10)
    assert not decoded(recording)


def test_libshout_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """ezstream, as DarkIce, butt and Mixxx, speaks through libshout or as it does; its titles come out of band."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = encoded(tmp_path / "talk.mp3", "mp3", 40)
    settings = tmp_path / "ezstream.xml"
    settings.write_text(f"""<ezstream>
      <servers><server><protocol>HTTP</protocol><hostname>127.0.0.1</hostname><port>{radio.port}</port>
        <password>{SECRET}</password></server></servers>
      <streams><stream><mountpoint>/show</mountpoint><format>MP3</format>
        <stream_name>Ann's show</stream_name></stream></streams>
      <intakes><intake><type>file</type><filename>{talk}</filename></intake></intakes></ezstream>""")
    settings.chmod(0o600)
    with running("ezstream", "-c", settings) as program:
        until(is_live(radio, "/show"), f"it does not go on the air: {program.poll()}")
        status = json.loads(radio.get("/status.json", Authorization="Bearer open sesame")[2])
        station = next(one for one in status["stations"] if one["route"] == "/show")
        (source,) = station["live"]
        assert source["name"] == "Ann's show"
        assert "libshout" in source["agent"] or "ezstream" in source["agent"]
        assert source["kbps"] in range(126, 131)


def test_liquidsoap_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """Liquidsoap's `output.icecast`, in MP3, with a title."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    script = tmp_path / "show.liq"
    script.write_text(f"""settings.init.allow_root.set(true)
      show = metadata.map(insert_missing=true, fun (_) -> [("title", "News"), ("artist", "Ann")], noise())
      output.icecast(%mp3(bitrate=128),
        host="127.0.0.1", port={radio.port}, password="{SECRET}", mount="/show", show)""")
    with running("liquidsoap", script) as program:
        until(is_live(radio, "/show"), f"it does not go on the air: {program.poll()}", 40)


def test_curl_broadcasts_in_chunks(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """`curl -T -` sends a chunked body behind `Expect: 100-continue`; a file that comes faster than it plays is held
    back, and what the broadcaster says by `/admin/metadata` reaches players."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = encoded(tmp_path / "talk.mp3", "mp3", 60)
    upload = ["curl", "-sS", "-u", f"ann:{SECRET}", "-H", "Expect: 100-continue", "-H", "Content-Type: audio/mpeg"]
    with (
        open(talk, "rb") as stream,
        subprocess.Popen([*upload, "-T", "-", radio.url + "/show"], stdin=stream) as program,
    ):
        until(is_live(radio, "/show"), "it does not go on the air")
        basic = {"Authorization": "Basic " + base64.b64encode(f"x:{SECRET}".encode()).decode()}
        assert radio.get("/admin/metadata?mount=/show&mode=updinfo&song=T%F6ne&charset=latin1", **basic)[0] == 200
        time.sleep(1)
        assert program.poll() is None
        until(lambda: now(radio, "/show")["title"] == "Töne", "the title does not come", 30)
        assert radio.post("/end-live/show") == {"route": "/show", "ended": "broadcaster"}
        assert program.wait(10) is not None
    until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
    assert radio.ask("PUT", "/show", b"x", Content_Type="audio/mpeg", **basic)[0] == 403


def test_radiostream_relays_radiostream(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """One connection upstream for all listeners, by way of a playlist; titles go along. When the first server dies, the
    second one's listeners stay, and it goes on when that is back."""
    first = start("--directory-routes", routes(folders, {"show": "mp3", "ogg": "vorbis"}), "--burst", "4")
    relays = {
        route: {"dir": str(folders[name]), "format": FAMILY[name], "relay": f"{first.url}/{route}{ending}"}
        for route, name, ending in (("show", "mp3", ".m3u"), ("ogg", "vorbis", ""))
    }
    second = start("--directory-routes", json.dumps(relays), "--burst", "4")
    recordings = {route: tmp_path / route for route in relays}
    with (
        running(*listener(second, "/show", recordings["show"])) as one,
        running(*listener(second, "/ogg", recordings["ogg"])) as other,
    ):
        for route in relays:
            until(is_live(second, f"/{route}"), f"the relay of {route} does not come", 30)
        until(lambda: bool(now(second, "/show")["title"] == "1"), "the title does not come")
        assert now(first, "/show")["listeners"] == 1
        first.stop()
        for route in relays:
            until(lambda route=route: not is_live(second, f"/{route}")(), "the folder does not go on")  # type: ignore[misc]
        again = ("--directory-routes", routes(folders, {"show": "mp3", "ogg": "vorbis"}), "--port", str(first.port))
        start(*again)
        until(is_live(second, "/show"), "the relay does not come back", 75)
        assert second.post("/end-live/show") == {"route": "/show", "ended": "relay"}
        until(lambda: not is_live(second, "/show")(), "the relay is not paused")
        assert second.post("/resume-relay/show") == {"route": "/show", "resumed": "relay"}
        assert (one.poll(), other.poll()) == (None, None)
        second.stop()
        one.wait(10)
        other.wait(10)
    for recording in recordings.values():
        assert not decoded(recording)


def test_sources_that_break_under_listeners(start: Start, folders: dict[str, Path]) -> None:
    """Killed, reset and stalled in turn under twenty listeners: nobody is disconnected, and sound comes at every time.

    The many times over are a matter of the unit tests' clock; this is the real sockets'.
    """
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = (folders["mp3"] / "1.mp3").read_bytes()
    head = base64.b64encode(f"source:{SECRET}".encode())
    request = b"SOURCE /show ICE/1.0\r\nContent-Type: audio/mpeg\r\nAuthorization: Basic " + head + b"\r\n\r\n"
    listeners = [Exchange(radio.port, b"GET /show HTTP/1.0\r\n\r\n") for _ in range(20)]
    gaps = [0.0] * len(listeners)
    ended = threading.Event()

    def listen(number: int) -> None:
        last_s = time.monotonic()
        while not ended.is_set() and listeners[number].read(4096):
            gaps[number] = max(gaps[number], time.monotonic() - last_s)
            last_s = time.monotonic()

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(len(listeners))]
    for thread in threads:
        thread.start()
    for way in ("killed", "reset", "stalled"):
        with Exchange(radio.port, request) as source:
            assert source.status == 200
            for at in range(0, 16 * 12, 2):  # 12 s in 0.125 s of sound at a time, twice as fast as it plays
                source.socket.sendall(talk[at * 1000 : at * 1000 + 2000])
                time.sleep(0.06)
            until(is_live(radio, "/show"), f"{way}: it does not go on the air")
            if way == "stalled":
                until(lambda: not is_live(radio, "/show")(), "the folder does not go on")
            if way == "reset":
                source.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of 0 s: a reset instead of an end
        until(lambda: not is_live(radio, "/show")(), f"{way}: the folder does not go on")
    assert now(radio, "/show")["listeners"] == len(listeners)
    ended.set()
    for thread in threads:
        thread.join(15)
    for one in listeners:
        one.socket.close()
    assert max(gaps) < 8  # a chunk, and what two seconds of silence would add
