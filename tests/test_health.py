"""Readiness and the facts of the server, on values that the tests make up."""

from __future__ import annotations

import resource
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from radiostream import __version__, health
from radiostream.config import Config
from radiostream.health import MB, Health, Probe
from radiostream.playlist.library import Library
from radiostream.playlist.roster import Roster, Wanted
from radiostream.radio.status import Status


@pytest.mark.parametrize(
    ("used_mb", "limit_mb", "ok", "warns"),
    [(40, None, True, False), (101, None, True, True), (89, 100, True, False), (91, 100, False, False)],
)
def test_memory_check(used_mb: int, limit_mb: int | None, ok: bool, warns: bool) -> None:
    """Near the limit it fails; without a limit, the promise is a warning."""
    check = health.memory_check(used_mb * MB, None if limit_mb is None else limit_mb * MB)
    assert check["ok"] is ok
    assert ("warning" in check) is warns
    assert check["value"] == used_mb


@pytest.mark.parametrize(
    ("free_mb", "minimum_mb", "read_only", "ok"),
    [(50, 50, False, True), (49.9, 50, False, False), (0, 0, False, True), (0, 50, True, True), (10, 50, True, False)],
)
def test_free_check(free_mb: float, minimum_mb: int, read_only: bool, ok: bool) -> None:
    """Too little fails; a threshold of 0 and an image that is full by nature do not."""
    assert health.free_check(free_mb, minimum_mb, read_only=read_only)["ok"] is ok


def test_disk_check_of_a_directory_to_be_made(tmp_path: Path) -> None:
    """A directory that does not exist yet lies where its nearest parent does."""
    there, coming = (health.disk_check(path, 1) for path in (tmp_path, tmp_path / "not" / "yet"))
    assert coming["ok"]
    assert coming["value"] == pytest.approx(there["value"], abs=100)


def test_disk_check_fails_where_nothing_can_be_asked(tmp_path: Path) -> None:
    """A path that leads nowhere is a failure with its reason."""
    check = health.disk_check(tmp_path / ("x" * 300), 1)
    assert (check["ok"], check["value"], check["note"]) == (False, None, "File name too long")


@pytest.mark.parametrize(("age_s", "ok"), [(0, True), (23, True), (23.2, False)])
def test_producer_check(age_s: float, ok: bool) -> None:
    """A producer may be silent for the burst, a chunk, and ten seconds."""
    assert health.producer_check(age_s, 8.0)["ok"] is ok


@pytest.mark.parametrize(("age_s", "ok"), [(None, False), (0, True), (36, True), (36.1, False)])
def test_library_check(age_s: float | None, ok: bool) -> None:
    """A look may take its time; the first one has to be done."""
    assert health.library_check(age_s, 2.0)["ok"] is ok


@pytest.mark.parametrize(
    ("trouble", "required", "ok"),
    [
        ("", True, True),
        ("is missing", True, False),
        ("is missing", False, True),
        ("may not be read", False, False),
    ],
)
def test_directory_check(trouble: str, required: bool, ok: bool) -> None:
    """A directory in trouble fails, unless nobody asked for it and it is not there; its reason is told in any case."""
    status = Status("/", "", "", "", "mp3", None, 3, shuffle=False, trouble=trouble)
    check = health.directory_check(status, required=required)
    assert check["ok"] is ok
    assert check["value"] == (trouble or "readable")


class World:
    """A server of two stations whose clock stands at `now_s`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.now_s = 1000.0
        routes = '{"humor": "%s"}' % directory  # noqa: UP031 - braces of JSON
        self.config = Config.load(["--audio-dir", str(directory), "--directory-routes", routes, *arguments], {})
        self.library = SimpleNamespace(last_look_s=self.now_s)
        self.stations: dict[str, Any] = {one.route: self._station(one) for one in self.config.stations}
        self.health = Health(self.config, self.stations, cast(Library, self.library), lambda: self.now_s)

    def _station(self, config: Any) -> Any:
        status = Status(config.route, config.name, "", "", "mp3", None, 3, shuffle=False)
        return SimpleNamespace(config=config, status=status, progress_s=self.now_s, burst_s=8.0)

    def failed(self) -> list[str]:
        """The names of the checks that have failed; agrees with what is said of all."""
        _, body = self.health.readiness()
        failed = [name for name, check in body["checks"].items() if not check["ok"]]
        assert body["ok"] is (not failed)
        return failed

    @property
    def ready(self) -> bool:
        """The verdict."""
        is_ready, body = self.health.readiness()
        assert body["ready"] is is_ready
        return bool(is_ready)


def test_the_directory_of_stations(tmp_path: Path) -> None:
    """Where there is one, a check tells of it and of the names in it that are no stations; it takes nothing away."""
    world = World(tmp_path)
    roster = world.health.roster = Roster(Wanted((), tmp_path / "none"))
    roster.look()
    ready, body = world.health.readiness()
    assert ready
    assert body["checks"]["stations"] == {"ok": False, "value": "is missing", "left_out": {}}
    (tmp_path / "none" / "status").mkdir(parents=True)
    roster.look()
    check = world.health.readiness()[1]["checks"]["stations"]
    assert (check["ok"], list(check["left_out"])) == (True, ["status"])


def test_ready(tmp_path: Path) -> None:
    """All is well; the names of the checks follow from the routes."""
    ready, body = World(tmp_path, "--state-dir", str(tmp_path)).health.readiness()
    assert ready
    assert body["ok"]
    stations = {f"{kind}:{route}" for kind in ("directory", "producer") for route in ("/", "/humor")}
    assert set(body["checks"]) == {"memory", "library", "disk:state", *stations}
    assert all({"ok", "value"} <= set(check) for check in body["checks"].values())


def test_station_without_its_directory(tmp_path: Path) -> None:
    """That is one failure, told; the server serves all the same."""
    world = World(tmp_path)
    station = world.stations["/humor"]
    station.status = replace(station.status, trouble="is missing")
    assert world.failed() == ["directory:/humor"]
    assert world.ready


def test_producers_that_stand_still(tmp_path: Path) -> None:
    """One that hangs is told; where all do, nothing can be served."""
    world = World(tmp_path)
    world.now_s += 24
    world.stations["/"].progress_s = world.now_s
    assert world.failed() == ["producer:/humor"]
    assert world.ready
    world.now_s += 24
    world.library.last_look_s = world.now_s
    assert world.failed() == ["producer:/", "producer:/humor"]
    assert not world.ready


def test_a_server_that_stops_is_not_ready(tmp_path: Path) -> None:
    """Though its stations still play."""
    world = World(tmp_path)
    world.health.stop()
    assert not world.failed()
    assert not world.ready


def test_a_server_without_stations_is_ready(tmp_path: Path) -> None:
    """Those of a directory of stations may still come."""
    world = World(tmp_path)
    world.stations.clear()
    assert world.ready


def test_library_that_hangs(tmp_path: Path) -> None:
    """It is told; what is on the air stays there."""
    world = World(tmp_path)
    world.library.last_look_s = None
    assert world.failed() == ["library"]
    assert world.ready


def test_full_disk(tmp_path: Path) -> None:
    """Less free space for the state than the threshold fails, and 0 never does; music is on no disk of ours."""
    most = str(10**9)
    world = World(tmp_path, "--state-dir", str(tmp_path), "--min-free-disk-mb", most)
    assert world.failed() == ["disk:state"]
    assert world.ready
    assert not World(tmp_path, "--state-dir", str(tmp_path), "--min-free-disk-mb", "0").failed()
    assert not World(tmp_path, "--min-free-disk-mb", most).failed()


def test_a_disk_that_hangs_is_not_waited_for() -> None:
    """It fails with what it said last; one thread hangs in it, however many ask; it is asked again when it is back."""
    hangs, asked = threading.Event(), []

    def check() -> dict[str, Any]:
        asked.append(1)
        if len(asked) == 2:
            assert hangs.wait(20)
        return {"ok": True, "value": len(asked)}

    probe = Probe(check)
    assert probe.ask(20) == {"ok": True, "value": 1}
    for _ in range(3):
        assert probe.ask(0.01) == {"ok": False, "value": 1, "note": "the disk does not answer"}
    assert len(asked) == 2
    hangs.set()
    while not (answer := probe.ask(20))["ok"]:
        pass
    assert answer["value"] in (2, 3)


def test_a_check_that_fails_fails_whoever_asks() -> None:
    """A bug is not taken for a disk."""

    def check() -> dict[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Probe(check).ask(20)


def test_facts(tmp_path: Path) -> None:
    """Version, uptime, memory, processor and threads of this process."""
    world = World(tmp_path)
    world.now_s += 90.25
    facts = world.health.facts()
    assert facts["version"] == __version__
    assert facts["uptime_s"] == 90.2
    assert 5 < facts["rss_mb"] < resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + 10
    assert facts["threads"] >= 1
    assert facts["cpu_percent"] >= 0
