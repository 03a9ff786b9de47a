"""Memory, threads and processor time, on values that the tests make up and on this process."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from radiostream import process
from radiostream.process import CpuMeter, thread_count

MB = 1 << 20
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
    assert process.memory_limit(reader(files)) == (None if limit_mb is None else limit_mb * MB)


def test_memory_limit_of_this_machine() -> None:
    """The real files are read without an error, whatever they say."""
    limit = process.memory_limit()
    assert limit is None or limit > process.rss_bytes()


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
    peak = process.rss_bytes()
    monkeypatch.undo()
    assert MB < process.rss_bytes() <= peak + MB


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
