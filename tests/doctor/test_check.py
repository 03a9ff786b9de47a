"""`radiostream check`: what it finds, what it says to do, and that it agrees with the server."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from mutagen.id3 import ID3, TIT2, TPE1

from radiostream import app
from radiostream.doctor.audio import is_misread
from radiostream.doctor.directory import Report, Wanted, check
from radiostream.doctor.findings import TITLES
from radiostream.doctor.programme import meaning
from radiostream.doctor.text import lines
from radiostream.playlist.rules import Jingle, Part, parse
from radiostream.playlist.scan import Directory
from tests.radio.studio import Studio, frame

NOW_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC, a Tuesday."""
OTHER_RATE = b"\xff\xfb\x94\x00"


def write_tags(path: Path, title: str = "Title", artist: str = "Artist") -> None:
    tags = ID3()
    tags.add(TIT2(encoding=3, text=title))
    tags.add(TPE1(encoding=3, text=artist))
    tags.save(path)


def put(path: Path, number: int, frames: int = 500, header: bytes = b"\xff\xfb\x90\x00") -> Path:
    """A track with tags; its number is in its frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(frame(number, index, header) for index in range(frames)))
    write_tags(path, f"Title {number}")
    return path


def checked(root: Path, family: str | None = None, timezone: str = "UTC") -> Report:
    return check(str(root), Wanted(family, timezone), lambda _done, _of: None)


def found(report: Report) -> set[tuple[str, str]]:
    return {(finding.kind, finding.name) for finding in report.findings}


def test_nothing_to_do(tmp_path: Path) -> None:
    """A sound directory has no findings, and the status is 0."""
    for number in (1, 2):
        put(tmp_path / f"{number}.mp3", number)
    report = checked(tmp_path)
    assert (report.findings, len(report.played), report.family) == ([], 2, "mp3")
    assert app.main(["check", str(tmp_path)]) == 0


def zoo(root: Path) -> None:
    """Files of all kinds of which a station of MP3 plays some."""
    for number in (1, 2, 3):
        put(root / f"{number}.mp3", number)
    put(root / "rate.mp3", 4, header=OTHER_RATE)
    whole = (root / "1.mp3").read_bytes()
    (root / "half a frame.mp3").write_bytes(whole[:200])
    (root / "cut.mp3").write_bytes(put(root / "cut.mp3", 9).read_bytes()[:-100])
    (root / "empty.mp3").write_bytes(b"")
    (root / "zeros.mp3").write_bytes(bytes(10_000))
    (root / "page.mp3").write_bytes(b"<html>" * 2000)
    (root / "flac.mp3").write_bytes(b"fLaC" + bytes(5000))
    (root / "ogg.mp3").write_bytes(b"OggS" + bytes(5000))
    (root / "wave.wav").write_bytes(b"RIFF" + bytes(5000))
    (root / "other.ogg").write_bytes(b"OggS" + bytes(5000))
    (root / "notes.txt").write_text("no audio")
    (root / "_every 4").mkdir()
    shutil.copy(root / "2.mp3", root / "_every 4")


def test_agrees_with_the_server(studio: Studio) -> None:
    """Every file of a zoo is played or left out by both, for the same reason."""
    zoo(studio.directory)
    studio.do(studio.station.update(Directory(str(studio.directory)).look(eager=True)))
    studio.run_until(150)
    report = checked(studio.directory)
    played = {entry.track for entry in studio.station.status.history}
    assert {track.name for track, _ in report.played} == played
    left_out = {left.name: left.reason for left in studio.station.status.left_out}
    told = {finding.name: finding.text for finding in report.findings if finding.kind in ("left-out", "rule")}
    assert told == left_out


def test_every_kind_of_finding(tmp_path: Path) -> None:
    """Each is found, once, and says what to do."""
    zoo(tmp_path)
    write_tags(tmp_path / "1.mp3", "FranÃ§ois")
    ID3(tmp_path / "3.mp3").delete(tmp_path / "3.mp3")
    shutil.copy(tmp_path / "2.mp3", tmp_path / "copy.mp3")
    write_tags(tmp_path / "copy.mp3", "Other tags")
    (tmp_path / "2.mp3").chmod(0o600)
    (tmp_path / "_hourly 00").mkdir()
    (tmp_path / "_daily 8").mkdir()
    (tmp_path / "station.toml").write_text('name = "A"\ncolour = "red"\n')
    report = checked(tmp_path)
    assert found(report) >= {
        ("left-out", "zeros.mp3"),
        ("left-out", "wave.wav"),
        ("left-out", "other.ogg"),
        ("mismatched", "rate.mp3"),
        ("tags-encoding", "1.mp3"),
        ("tags-missing", "3.mp3"),
        ("double", "copy.mp3"),
        ("rights", "2.mp3"),
        ("rule", "_every 4"),
        ("rule", "_daily 8"),
        ("rule", "_hourly 00"),
        ("settings", "station.toml"),
    }
    assert len(report.findings) == len(found(report))
    assert all(finding.advice and finding.kind in TITLES for finding in report.findings)
    assert next(one.text for one in report.findings if one.kind == "settings").startswith("line 2")


def test_a_middle_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that plays at first and breaks off is named."""
    from radiostream.audio.frames import AudioError
    from radiostream.radio.deck import Deck

    put(tmp_path / "1.mp3", 1)

    def breaks(*_: object) -> None:
        raise AudioError("is rubbish from here on")

    monkeypatch.setattr(Deck, "seek", breaks)
    assert found(checked(tmp_path)) == {("breaks-off", "1.mp3")}


def test_programme(tmp_path: Path) -> None:
    """What each rule means, and the day to come, in the zone of the directory's own settings."""
    for path in ("1.mp3", "_22-06/2.mp3", "_22-06/_every 3 tracks/3.mp3", "_daily 0800 !/4.mp3"):
        put(tmp_path / path, int(Path(path).stem))
    (tmp_path / "station.toml").write_text('timezone = "Asia/Kathmandu"\n')
    text = list(lines(checked(tmp_path), NOW_S, name_all=False))
    assert text[1:] == [
        "  loudness known of 0 of 4 tracks",
        "  programme",
        "    _22-06: the programme from 22:00 to 06:00",
        "    _22-06/_every 3 tracks: one of its tracks every 3 tracks",
        "    _daily 0800 !: one of its tracks every day at 08:00, at once",
        "  next 24 hours (Asia/Kathmandu)",
        "    Wed 06:00  the music of the station",
        "    Wed 08:00  _daily 0800 !",
        "    Wed 22:00  _22-06",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("_00-24", "the programme all day"),
        ("_mon,sat-sun 2230-0100 !", "the programme from 22:30 to 01:00, Mon Sat Sun, at once"),
        ("_12-24..12-26 06-06", "the programme from 06:00 to 06:00, from 12-24 to 12-26 of each year"),
        ("_hourly 05", "one of its tracks at minute 05 of each hour"),
        ("_every 30 min", "one of its tracks every 30 minutes"),
    ],
)
def test_meaning(name: str, said: str) -> None:
    """A rule, as one would say it."""
    rule = parse(name)
    assert isinstance(rule, Part | Jingle)
    assert meaning(rule) == said


def test_many_alike_are_summed_up(tmp_path: Path) -> None:
    """Twenty are named, and then how many more; `--all` names all, and what is played."""
    for number in range(30):
        (tmp_path / f"{number}.mp3").write_bytes(bytes(3000))
    put(tmp_path / "good.mp3", 1)
    report = checked(tmp_path)
    few, every = (list(lines(report, NOW_S, name_all)) for name_all in (False, True))
    assert "    and 10 more (--all names them)" in few
    assert len([line for line in every if ".mp3: " in line]) == 30
    assert "    good.mp3" in every


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with every file, finding and rule; the status tells whether there is something to do."""
    put(tmp_path / "1.mp3", 1)
    put(tmp_path / "_hourly 00/2.mp3", 2)
    (tmp_path / "bad\udcff\n.mp3").write_bytes(bytes(3000))
    assert app.main(["check", "--json", str(tmp_path), str(tmp_path / "_hourly 00")]) == 1
    first, second = json.loads(capsys.readouterr().out)["directories"]
    assert [(file["file"], file["played"]) for file in first["files"]] == [
        ("1.mp3", True),
        ("_hourly 00/2.mp3", True),
        ("bad\ufffd\n.mp3", False),
    ]
    assert first["rules"] == [
        {"folder": "_hourly 00", "rule": "hourly 00", "meaning": "one of its tracks at minute 00 of each hour"}
    ]
    assert len(first["next"]) == 24
    assert [finding["kind"] for finding in first["findings"]] == ["left-out"]
    assert second["findings"] == []


@pytest.mark.parametrize("words", [["nowhere"], [], ["--no-such-flag", "."], ["--state-dir", "nowhere", "."]])
def test_what_cannot_be_read(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is not there, and a wrong command line: status 2."""
    monkeypatch.chdir(tmp_path)
    try:
        status: object = app.main(["check", *words])
    except SystemExit as error:
        status = error.code
    assert status == 2


def test_a_bar_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress shows where stderr is a terminal, and is wiped off at the end; a name cannot break a line."""
    put(tmp_path / "1.mp3", 1)
    put(tmp_path / "2\n\x1b[31m.mp3", 2)
    (tmp_path / "3\n.mp3").write_bytes(bytes(3000))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    app.main(["check", str(tmp_path)])
    out, err = capsys.readouterr()
    assert err.startswith("\r\x1b[K[##")
    assert err.endswith("\r\x1b[K")
    assert "\x1b" not in out
    assert "3\ufffd.mp3" in out


@pytest.mark.parametrize(
    ("text", "misread"),
    [
        ("François", False),
        ("FranÃ§ois", True),
        ("Bj\ufffdrk", True),
        ("", False),
        ("Ã", False),
        ("Motörhead", False),
        ("Donâ€™t", True),
    ],
)
def test_misread(text: str, misread: bool) -> None:
    """UTF-8 that was taken for Latin-1 or Windows-1252, and characters that are lost; not every foreign letter."""
    assert is_misread(text) is misread


def test_a_directory_of_another_format(tmp_path: Path, tagged: Path) -> None:
    """Without MP3 it is what most files are; with a flag, what that says."""
    for path in tagged.iterdir():
        if path.suffix in (".ogg", ".opus"):
            shutil.copy(path, tmp_path)
    assert checked(tmp_path).family == "ogg"
    assert checked(tmp_path).played
    report = checked(tmp_path, "mp3")
    assert not report.played
    assert all("ffmpeg" in finding.advice for finding in report.findings)


def test_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this user cannot read is named as such."""
    put(tmp_path / "1.mp3", 1).chmod(0o000)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found(checked(tmp_path)) == {("rights", "1.mp3")}
