"""The programs that people broadcast with, each as it comes from Debian."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engines.desk import card
from tests.functional.broadcasts import SECRET, encoded, is_live, make_folders, routes, running, sources
from tests.functional.conftest import Start
from tests.waiting import until


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_folders(tmp_path_factory.mktemp("folders"), "mp3", "vorbis")


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
        (source,) = sources(radio, "/show")
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


def test_oggfwd_broadcasts(start: Start, folders: dict[str, Path]) -> None:
    """What `libshout` sends of a pipe."""
    radio = start("--directory-routes", routes(folders, {"show": "vorbis"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    talk = folders["vorbis"] / "1.ogg"
    with (
        open(talk, "rb") as stream,
        running("oggfwd", "127.0.0.1", radio.port, SECRET, "/show", stdin=stream) as program,
    ):
        until(is_live(radio, "/show"), f"it does not go on the air: {program.poll()}")
        assert "libshout" in sources(radio, "/show")[0]["agent"]


def test_ices_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """Xiph's own source client, in Vorbis, from a playlist."""
    radio = start("--directory-routes", routes(folders, {"show": "vorbis"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    (tmp_path / "list.txt").write_text(f"{folders['vorbis'] / '1.ogg'}\n")
    settings = tmp_path / "ices.xml"
    settings.write_text(f"""<ices><background>0</background><logpath>{tmp_path}</logpath><logfile>ices.log</logfile>
      <stream><metadata><name>Ann's show</name></metadata>
        <input><module>playlist</module><param name="type">basic</param>
          <param name="file">{tmp_path}/list.txt</param></input>
        <instance><hostname>127.0.0.1</hostname><port>{radio.port}</port><password>{SECRET}</password>
          <mount>/show</mount></instance></stream></ices>""")
    with running("ices2", settings) as program:
        until(is_live(radio, "/show"), f"it does not go on the air: {program.poll()}")
        assert sources(radio, "/show")[0]["name"] == "Ann's show"


def test_darkice_broadcasts(start: Start, folders: dict[str, Path], tmp_path: Path) -> None:
    """From a sound card, in MP3."""
    radio = start("--directory-routes", routes(folders, {"show": "mp3"}), "--burst", "4", SOURCE_PASSWORD=SECRET)
    settings = tmp_path / "darkice.cfg"
    settings.write_text(f"""[general]
duration = 0
bufferSecs = 1
reconnect = no
realtime = no
[input]
device = pulseaudio
sampleRate = 44100
bitsPerSample = 16
channel = 2
paSourceName = ear.monitor
[icecast2-0]
format = mp3
bitrateMode = cbr
bitrate = 128
server = 127.0.0.1
port = {radio.port}
password = {SECRET}
mountPoint = show
name = Ann's show
""")
    home = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with card(tmp_path, home) as pulse, running("darkice", "-c", settings, PULSE_SERVER=pulse) as program:
        until(is_live(radio, "/show"), f"it does not go on the air: {program.poll()}")
        assert sources(radio, "/show")[0]["agent"].startswith("DarkIce")
