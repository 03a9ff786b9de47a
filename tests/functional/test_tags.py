"""A directory whose tags want to do harm, beside one that plays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.functional.conftest import Start, tone
from tests.playlist.tag_bytes import HOSTILE
from tests.server import Radio

MAX_MB = 60


def peak_mb(radio: Radio) -> float:
    """The most memory that the server has been resident with so far."""
    status = Path(f"/proc/{radio.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_hostile_tags_cost_no_server(start: Start, tmp_path: Path) -> None:
    """Every one of them on one station: the files' tags beside them are read, memory stays small, all goes on."""
    song = tone(tmp_path / "song.mp3", 3, title="A title")
    for folder in ("hostile", "humor"):
        (tmp_path / folder).mkdir()
    shutil.copy(song, tmp_path / "humor/song.mp3")
    for number, make in enumerate(HOSTILE.values()):
        tag = make()
        behind = not tag.startswith((b"ID3", b"OggS")) and tag[4:8] != b"ftyp"
        suffix = ".ogg" if tag.startswith(b"OggS") else ".m4a" if tag[4:8] == b"ftyp" else ".mp3"
        parts = (song.read_bytes(), tag) if behind else (tag, song.read_bytes())
        (tmp_path / f"hostile/{number:02}{suffix}").write_bytes(b"".join(parts))
    shutil.copy(song, tmp_path / "hostile/zz.mp3")
    routes = json.dumps({"hostile": str(tmp_path / "hostile"), "humor": str(tmp_path / "humor")})
    radio = start("--directory-routes", routes)
    radio.until(lambda: radio.json("/now-playing?route=humor")["title"] == "A title", "the title beside them")
    for _ in HOSTILE:
        radio.post("/next-track/hostile")
    assert peak_mb(radio) < MAX_MB
