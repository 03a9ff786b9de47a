"""The log on the disk: months, what a crash leaves, a full disk, old months."""

from __future__ import annotations

import gzip
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from radiostream.plays import log as logs
from radiostream.plays import months, record
from radiostream.plays.log import PlayLog, mended_size
from tests.plays.makers import at, play


def files(directory: Path) -> list[str]:
    """The names in the log's folder."""
    return sorted(path.name for path in (directory / "log").iterdir())


def test_a_month_is_the_stations_own(tmp_path: Path) -> None:
    """A play belongs to the month that the station's clock showed when it began."""
    log = PlayLog(tmp_path, 24)
    for begin in ("2026-10-31T22:59:59+00:00", "2026-10-31T23:00:00+00:00", "2026-11-30T22:59:00+00:00"):
        log.append(play(begin))
    log.append(play("2026-11-30T23:30:00+00:00", timezone="UTC", route="/"))
    assert files(tmp_path) == ["jazz-2026-10.csv", "jazz-2026-11.csv", "main-2026-11.csv"]
    assert (tmp_path / "log/jazz-2026-11.csv").read_bytes().count(b"\r\n") == 3
    assert (tmp_path / "log/jazz-2026-11.csv").read_bytes().startswith(record.HEADER)
    assert log.written == 4


def test_no_two_stations_share_a_file() -> None:
    """The default station's file is `main`, whatever else is called so."""
    stems = [months.stem_of(route) for route in ("/", "/main", "/a-b", "/a/b", "/ä", "/-2026-01")]
    assert len(set(stems)) == len(stems)
    assert stems[0] == "main"
    assert not any("/" in stem for stem in stems)


WHOLE = record.HEADER + record.line(play("2026-11-01T10:00:00+00:00"), logs.zone_of("UTC"))


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (WHOLE, WHOLE),
        (WHOLE + b"2026-11-01T11:0", WHOLE),
        (WHOLE + b"\0" * 4096, WHOLE),
        (WHOLE + b"\0" * (3 * logs.TAIL_BYTES + 5), WHOLE),
        (WHOLE + b"2026\0\0\n\0", WHOLE),
        (b"start,en", b""),
        (b"\0" * 512, b""),
        (b"", b""),
    ],
)
def test_what_a_crash_left_is_cut_off(tmp_path: Path, left: bytes, kept: bytes) -> None:
    """The next line stands on a line of its own, behind all that are whole."""
    path = tmp_path / "log/jazz-2026-11.csv"
    path.parent.mkdir()
    path.write_bytes(left)
    with open(path, "a+b", buffering=0) as file:
        assert mended_size(file, path.name) == len(kept)
    assert path.read_bytes() == kept
    PlayLog(tmp_path, 24).append(play("2026-11-02T10:00:00+00:00"))
    after = path.read_bytes()
    assert after.startswith(kept or record.HEADER)
    assert [record.parse(raw) is not None for raw in after.splitlines(True)][1:] == [True] * (after.count(b"\n") - 1)


def test_a_full_disk_costs_lines_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written of a line is taken back; when there is room again, that is told, too."""
    caplog.set_level(logging.INFO)
    log = PlayLog(tmp_path, 24)
    log.append(play("2026-11-01T10:00:00+00:00"))
    before = (tmp_path / "log/jazz-2026-11.csv").read_bytes()

    def half(file: Any, data: bytes) -> None:
        file.write(data[:40])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(logs, "_write_whole", half)
        for _ in range(3):
            log.append(play("2026-11-01T11:00:00+00:00"))
    assert (tmp_path / "log/jazz-2026-11.csv").read_bytes() == before
    log.append(play("2026-11-01T12:00:00+00:00"))
    assert (log.written, log.lost) == (2, 3)
    assert [one.levelname for one in caplog.records] == ["ERROR", "INFO"]


def test_a_directory_that_cannot_be_made_costs_lines(tmp_path: Path) -> None:
    """A file where the folder should be is no end of the world."""
    (tmp_path / "log").write_text("")
    log = PlayLog(tmp_path, 24)
    log.append(play("2026-11-01T10:00:00+00:00"))
    log.tidy(at("2026-11-01T10:00:00+00:00"))
    assert log.lost == 1


def test_old_months_go(tmp_path: Path) -> None:
    """So many months are kept besides the current one; what is no file of the log stays."""
    folder = tmp_path / "log"
    folder.mkdir()
    for name in ("a-2026-11.csv", "a-2026-09.csv", "a-2026-08.csv", "b-2020-01.csv.gz", "notes-2020-01.txt"):
        (folder / name).write_text("x")
    PlayLog(tmp_path, 2).tidy(at("2026-11-15T12:00:00+00:00"))
    assert files(tmp_path) == ["a-2026-09.csv", "a-2026-11.csv", "notes-2020-01.txt"]


def test_large_months_that_are_over_are_packed(tmp_path: Path) -> None:
    """Ten days later. A packed month reads as before; what comes later for it is read, and packed, with it."""
    path = months.path_of(tmp_path, "/jazz", "2026-10")
    path.parent.mkdir()
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    begins = [(begin + timedelta(minutes=4 * number)).isoformat() for number in range(3000)]
    rows = [record.line(play(at, file=f"{at[-8:]}.mp3"), logs.zone_of("Europe/Berlin")) for at in begins]
    path.write_bytes(record.HEADER + b"".join(rows))
    log = PlayLog(tmp_path, 24)
    log.tidy(at("2026-11-09T12:00:00+00:00"))
    assert files(tmp_path) == ["jazz-2026-10.csv"]
    log.tidy(at("2026-11-12T12:00:00+00:00"))
    assert files(tmp_path) == ["jazz-2026-10.csv.gz"]
    assert list(months.lines(path)) == [record.HEADER, *rows]
    log.append(play("2026-10-25T10:00:00+00:00"))
    assert len(list(months.lines(path))) == 3003
    logs.pack(path)
    assert files(tmp_path) == ["jazz-2026-10.csv.gz"]
    assert list(months.lines(path))[:-1] == [record.HEADER, *rows]


def test_a_damaged_pack_is_read_as_far_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning, and the rest of the report."""
    path = months.path_of(tmp_path, "/jazz", "2026-08")
    path.parent.mkdir()
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(b"line\n" * 1000)[:-12])
    assert set(months.lines(path)) <= {b"line\n"}
    assert len(caplog.records) == 1
