"""Readiness and the facts of the process, on values that the tests make up."""

from __future__ import annotations

import _thread
import os
import resource
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from radiostream import __version__, health
from radiostream.config import Config
from radiostream.health import MB, CpuMeter, Health, thread_count
from radiostream.playlist.library import Library
from radiostream.radio.status import Status

NO_LIMIT_V1 = "9223372036854771712\n"

CGROUPS: list[tuple[str, Mapping[str, str], int | None]] = [
    (
        "version 2, as a container sees it",
        {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "268435456\n"},
        256,
    ),
    ("version 2 without a limit", {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"}, None),
    ("version 2 on a host's root group", {"/proc/self/cgroup": "0::/\n"}, None),
    (
        "version 2, the tightest of the groups above",
        {
            "/proc/self/cgroup": "0::/radio.slice/radiostream.service\n",
            "/sys/fs/cgroup/radio.slice/radiostream.service/memory.max": "209715200\n",
            "/sys/fs/cgroup/radio.slice/memory.max": "104857600\n",
            "/sys/fs/cgroup/memory.max": "max\n",
        },
        100,
    ),
    (
        "version 1, whose path is the host's and whose root is our own",
        {
            "/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/ab12\n0::/\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n",
        },
        128,
    ),
    (
        "version 1 without a limit",
        {"/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT_V1},
        None,
    ),
    ("no /proc", {}, None),
]


def reader(files: Mapping[str, str]) -> Any:
    """A file system of these files only."""

    def read(path: str) -> str:
        try:
            return files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    return read


@pytest.mark.parametrize(("files", "limit_mb"), [case[1:] for case in CGROUPS], ids=[case[0] for case in CGROUPS])
def test_memory_limit(files: Mapping[str, str], limit_mb: int | None) -> None:
    """The tightest limit of the control group and those above it, in both versions."""
    assert health.memory_limit(reader(files)) == (None if limit_mb is None else limit_mb * MB)


def test_memory_limit_of_this_machine() -> None:
    """The real files are read without an error, whatever they say."""
    limit = health.memory_limit()
    assert limit is None or limit > health.rss_bytes()


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
        """The names of the checks that have failed; agrees with the verdict."""
        ready, body = self.health.readiness()
        failed = [name for name, check in body["checks"].items() if not check["ok"]]
        assert ready is body["ready"] is (not failed)
        return failed


def test_ready(tmp_path: Path) -> None:
    """All is well; the names of the checks follow from the routes."""
    ready, body = World(tmp_path, "--state-dir", str(tmp_path)).health.readiness()
    assert ready
    stations = {f"{kind}:{route}" for kind in ("disk:audio", "directory", "producer") for route in ("/", "/humor")}
    assert set(body["checks"]) == {"memory", "library", "disk:state", *stations}
    assert all({"ok", "value"} <= set(check) for check in body["checks"].values())


def test_station_without_its_directory(tmp_path: Path) -> None:
    """That is one failure, and the disk it would be on is not asked."""
    world = World(tmp_path)
    station = world.stations["/humor"]
    station.status = replace(station.status, trouble="is missing")
    assert world.failed() == ["directory:/humor"]
    assert world.health.readiness()[1]["checks"]["disk:audio:/humor"]["value"] is None


def test_producer_that_stands_still(tmp_path: Path) -> None:
    """Only the station whose producer hangs fails."""
    world = World(tmp_path)
    world.now_s += 24
    world.stations["/"].progress_s = world.now_s
    assert world.failed() == ["producer:/humor"]


def test_library_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the directories then would hang too, so nobody does."""
    world = World(tmp_path)
    world.library.last_look_s = None
    monkeypatch.setattr(os, "statvfs", lambda _: pytest.fail("asked"))
    assert world.failed() == ["library"]


def test_full_disk(tmp_path: Path) -> None:
    """Less free space than the threshold fails for each directory; a threshold of 0 never does."""
    most = str(10**9)
    assert World(tmp_path, "--state-dir", str(tmp_path), "--min-free-disk-mb", most).failed() == [
        "disk:state",
        "disk:audio:/",
        "disk:audio:/humor",
    ]
    assert not World(tmp_path, "--min-free-disk-mb", "0").failed()


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


def test_cpu_meter() -> None:
    """A share of one core since the last window; callers within a window get the same figure."""
    clock = SimpleNamespace(now_s=0.0, used_s=5.0)
    meter = CpuMeter(lambda: clock.now_s, lambda: clock.used_s)
    clock.now_s, clock.used_s = 10.0, 6.0
    assert meter.percent() == pytest.approx(10)
    clock.now_s, clock.used_s = 10.5, 6.5
    assert meter.percent() == pytest.approx(10)
    clock.now_s, clock.used_s = 12.0, 9.0
    assert meter.percent() == pytest.approx(150)


def test_cpu_meter_before_any_time_has_passed() -> None:
    """Nothing can be said yet, which is 0."""
    assert CpuMeter(lambda: 1.0, lambda: 1.0).percent() == 0.0


def test_rss_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc, the peak is better than nothing."""

    def refuse(*_: object) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", refuse)
    assert health.rss_bytes() > 0


def test_threads_of_connections_are_counted() -> None:
    """Though they have no `threading.Thread`, as those of the server."""
    gate, begun, ended = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)

    def stay() -> None:
        begun.release()
        with gate:
            ended.release()

    with gate:
        for _ in range(3):
            _thread.start_new_thread(stay, ())
            assert begun.acquire(timeout=20)
        assert thread_count() >= threading.active_count() + 3
    for _ in range(3):
        assert ended.acquire(timeout=20)
