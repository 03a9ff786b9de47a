"""Which stations there should be: routes from names, directories that come and go, and their settings."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.playlist import roster
from radiostream.playlist.roster import GRACE_S, Roster, Wanted, route_of_directory
from radiostream.settings import StationConfig
from radiostream.station_names import RESERVED, route_problem


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def now_s(self) -> float:
        return self.now

    def unix_s(self) -> float:
        return self.now

    def wait(self, _condition: object, _timeout_s: float | None) -> None:
        raise AssertionError("a roster does not wait")


class Shelf:
    """A directory of stations and the roster that looks at it."""

    def __init__(self, directory: Path, *fixed: StationConfig) -> None:
        self.directory = directory
        self.clock = Clock()
        self.roster = Roster(Wanted(fixed, directory), self.clock)

    def make(self, *names: str) -> None:
        for name in names:
            (self.directory / name).mkdir()

    def routes(self) -> list[str]:
        return sorted(self.roster.look())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("humor", "/humor"),
        ("Jazz", "/jazz"),
        ("Rock Night", "/rock-night"),
        ("rock_night", "/rock-night"),
        ("90s-rock", "/90s-rock"),
        ("Café del Mar", "/cafe-del-mar"),
        ("Cafe\u0301", "/cafe"),
        ("Ångström", "/angstrom"),
        ("Smørrebrød & Ærø", "/smorrebrod--aero"),
        ("Łódź", "/lodz"),
        ("Straße", "/strasse"),
        ("Jazz & Blues", "/jazz--blues"),
        ("v1.5", "/v15"),
        ("R&B", "/rb"),
        ("Радио Маяк", "/радио-маяк"),
        ("Ёлка", "/елка"),
        ("हिन्दी", "/हिन्दी"),
        ("東京", "/東京"),
        ("!!!", "/"),
        ("- _", "/"),
        ("..", "/"),
    ],
)
def test_route_of_a_directory(name: str, route: str) -> None:
    """Lower case, blanks and underscores as dashes, letters without accents, everything else left out."""
    assert route_of_directory(name) == route


@given(st.text(max_size=30))
def test_route_of_any_name(name: str) -> None:
    """Whatever a directory is called, its route is one that may be taken, is reserved, or is too long; never broken."""
    problem = route_problem(route_of_directory(name))
    assert not problem or "taken" in problem or "longer" in problem


def test_stations_come_and_go(shelf: Shelf) -> None:
    """A new directory is a station at the next look; one that is gone, and files, are none after the grace."""
    shelf.make("one")
    (shelf.directory / "file.mp3").write_bytes(b"x")
    assert shelf.routes() == ["/one"]
    shelf.make("two")
    assert shelf.routes() == ["/one", "/two"]
    (shelf.directory / "one").rmdir()
    assert shelf.routes() == ["/one", "/two"]
    shelf.clock.now += GRACE_S - 0.1
    assert shelf.routes() == ["/one", "/two"]
    shelf.clock.now += 0.2
    assert shelf.routes() == ["/two"]


def test_a_mount_that_is_away_for_a_moment(shelf: Shelf) -> None:
    """What comes back within the grace was never gone."""
    shelf.make("one")
    shelf.routes()
    for _ in range(5):
        (shelf.directory / "one").rmdir()
        shelf.clock.now += 4
        assert shelf.routes() == ["/one"]
        shelf.make("one")
        shelf.clock.now += 4
        assert shelf.routes() == ["/one"]


def test_a_directory_of_stations_that_cannot_be_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All stay where nothing can be told; where it is gone itself, they go. Each is said once."""
    shelf.make("one")
    shelf.routes()

    def scandir(_path: object) -> object:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        for _ in range(3):
            shelf.clock.now += GRACE_S
            assert shelf.routes() == ["/one"]
    assert len(caplog.records) == 1
    shutil.rmtree(shelf.directory)
    shelf.routes()
    shelf.clock.now += GRACE_S
    assert shelf.routes() == []


def test_nothing_new_is_the_same_table(shelf: Shelf) -> None:
    """Who follows the table knows by its identity that nothing has changed."""
    shelf.make("one", "two")
    table = shelf.roster.look()
    assert shelf.roster.look() is table
    (shelf.directory / "two" / "station.toml").write_text('name = "Other"')
    shelf.roster.look()
    assert shelf.roster.look() is not table


def test_names_that_make_no_station(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Reserved, alike, empty, taken by the command line: told once, and left out; the system's own are not told."""
    fixed = StationConfig("/taken", Path("/t"), "T"), StationConfig("/alias.mp3", Path("/u"), "U")
    shelf = Shelf(tmp_path, *fixed)
    shelf.make("A B", "a_b", "Status", "!!!", "Taken", "alias", ".hidden", "@eaDir", "c~")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert shelf.routes() == ["/a-b", "/alias.mp3", "/taken"]
    assert len(caplog.messages) == 5
    for word in ('"a_b"', '"Status"', '"!!!"', '"Taken"', '"alias"'):
        assert sum(word in message for message in caplog.messages) == 1, word


def test_who_was_first_keeps_the_route(shelf: Shelf) -> None:
    """A new directory does not take a station's place, whatever their order; it gets it once it is free."""
    shelf.make("b c")
    assert shelf.roster.look()["/b-c"].config.directory.name == "b c"
    shelf.make("B C")
    assert shelf.roster.look()["/b-c"].config.directory.name == "b c"
    (shelf.directory / "b c").rmdir()
    shelf.roster.look()
    shelf.clock.now += GRACE_S
    assert shelf.roster.look()["/b-c"].config.directory.name == "B C"


@pytest.mark.parametrize("first", sorted(RESERVED))
def test_the_servers_own_names(first: str) -> None:
    """No directory hides a page."""
    route = route_of_directory(first)
    assert route_problem(route) or route.strip("/") != first


def test_what_a_station_is_called(shelf: Shelf) -> None:
    """As its directory is, on one line, also where that is no UTF-8."""
    os.mkdir(os.fsencode(shelf.directory) + b"/caf\xe9_x\n")
    shelf.make("jazz & blues")
    names = {entry.config.name for entry in shelf.roster.look().values()}
    assert names == {"Caf\ufffd x", "Jazz & blues"}


def test_what_all_have_in_common(tmp_path: Path) -> None:
    """Format, shuffle, level and the like of the command line are those of each station that does not say otherwise."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "station.toml").write_text("shuffle = false\nlevel = -23")
    model = StationConfig("/", Path(), "", family="ogg", shuffle=True, level_lufs=-16.0)
    table = Roster(Wanted((), tmp_path, model), Clock()).look()
    said = [(one.config.family, one.config.shuffle, one.config.level_lufs) for one in table.values()]
    assert said == [("ogg", True, -16.0), ("ogg", False, -23.0)]


def test_beside_main(tmp_path: Path) -> None:
    """The default station gives up the name `main` where a directory is called so."""
    shelf = Shelf(tmp_path, StationConfig("/", Path("/m"), "M"))
    assert shelf.roster.look()["/"].config.stem == "main"
    shelf.make("Main")
    assert shelf.roster.look()["/"].config.stem == ""


# -- settings beside the music -----------------------------------------------------------------------------------------


def test_settings_are_taken_once_they_stand_still(shelf: Shelf) -> None:
    """A file that is still being written is not half taken; a rescan takes it at once; one that goes is forgotten."""
    shelf.make("a")
    file = shelf.directory / "a" / "station.toml"
    assert shelf.roster.look()["/a"].config.name == "A"
    file.write_text('name = "One"')
    assert shelf.roster.look()["/a"].config.name == "A"
    assert shelf.roster.look()["/a"].config.name == "One"
    file.write_text('name = "Two, longer"')
    assert shelf.roster.look(eager=True)["/a"].config.name == "Two, longer"
    file.unlink()
    shelf.roster.look()
    assert shelf.roster.look()["/a"].config.name == "A"


def test_a_broken_file_changes_nothing(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """What was taken before stays; the mistake is told once, and shown until it is mended."""
    shelf.make("a")
    file = shelf.directory / "a" / "station.toml"
    file.write_text('name = "One"')
    shelf.roster.look()
    file.write_text('name = "Two"\nlevel = 3')
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            entry = shelf.roster.look()["/a"]
    assert (entry.config.name, entry.settings_error[:13]) == ("One", "line 2: level")
    (message,) = caplog.messages
    assert message.startswith("/a: station.toml changes nothing: line 2: level")
    file.write_text('name = "Three"')
    shelf.roster.look(eager=True)
    entry = shelf.roster.look()["/a"]
    assert (entry.config.name, entry.settings_error) == ("Three", "")


def test_forty_broken_files(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """Each is named in one line, and costs its own station nothing but the settings."""
    broken = [b"name =", b"\xff", b"level = 99", b"x = 1", b"name = 3", b"[", b'country = "DEU"', b"a = " + b"[" * 9999]
    for number in range(40):
        shelf.make(f"s{number}")
        (shelf.directory / f"s{number}" / "station.toml").write_bytes(broken[number % len(broken)])
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert len(shelf.routes()) == 40
    assert len(caplog.messages) == 40
    assert all(message.isprintable() and len(message) < 400 for message in caplog.messages)


def test_what_is_no_file_is_not_opened(shelf: Shelf) -> None:
    """A pipe would hang whoever opens it."""
    shelf.make("a", "b")
    os.mkfifo(shelf.directory / "a" / "station.toml")
    (shelf.directory / "b" / "station.toml").mkdir()
    table = shelf.roster.look()
    assert [entry.settings_error for entry in table.values()] == ["is not a regular file"] * 2


def test_settings_of_a_directory_that_is_away(shelf: Shelf) -> None:
    """A mount that is away for a moment does not rename its station."""
    shelf.make("a")
    (shelf.directory / "a" / "station.toml").write_text('name = "One"')
    shelf.roster.look()
    shutil.move(shelf.directory / "a", shelf.directory.parent / "away")
    for _ in range(3):
        assert shelf.roster.look()["/a"].config.name == "One"
    shutil.rmtree(shelf.directory.parent / "away")


def test_words_of_the_command_line_change(shelf: Shelf) -> None:
    """Settings that are read again count from the next look on; without a directory there are none of its stations."""
    shelf.make("a")
    shelf.routes()
    shelf.roster.wanted = Wanted((StationConfig("/x", Path("/x"), "X"),))
    assert shelf.routes() == ["/x"]


def test_settings_that_cannot_be_read(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """They are told once; the station is there without them."""
    shelf.make("a")
    (shelf.directory / "a" / "station.toml").symlink_to("station.toml")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            entry = shelf.roster.look()["/a"]
    (message,) = caplog.messages
    assert message == f"/a: station.toml changes nothing: {entry.settings_error}"


def test_more_stations_than_there_may_be(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that were there first stay; the others are told."""
    monkeypatch.setattr(roster, "MOST_STATIONS", 2)
    shelf.make("b", "c")
    assert shelf.routes() == ["/b", "/c"]
    shelf.make("a")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert shelf.routes() == ["/b", "/c"]
    (message,) = caplog.messages
    assert "one more than 2 stations" in message


def test_a_disk_that_fails_while_settings_are_read(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken before stays."""

    def fail(path: Path) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error", str(path))

    shelf.make("a")
    file = shelf.directory / "a" / "station.toml"
    file.write_text('name = "One"')
    shelf.roster.look()
    file.write_text('name = "Two, longer"')
    monkeypatch.setattr(roster, "read_station_toml", fail)
    entry = shelf.roster.look(eager=True)["/a"]
    assert (entry.config.name, bool(entry.settings_error)) == ("One", True)
