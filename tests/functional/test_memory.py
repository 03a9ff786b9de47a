"""Crowds that ask and do not read, against the server's memory, in a control group such as Compose makes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from radiostream.health import MB
from tests.bench.servers import raise_descriptor_limit
from tests.functional.raw import Exchange
from tests.server import MODULE, Radio

PAGES = 250
COVERS = 60
LISTENERS = 1000
LIMIT_MB = 256
"""What our deployment files give it."""
PROMISED_MB = 80
"""Of that."""
SKIP_S = 1.0
COVER = b"\xff\xd8\xff" + bytes(range(256)) * 7500
"""A picture of 1.9 MB."""
GROUPS = {"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"}
"""Where a control group may be made, and which file limits it: version 1 and version 2."""


class Group(NamedTuple):
    """A control group of `LIMIT_MB`."""

    path: Path

    def command(self) -> tuple[str, ...]:
        """The server, started inside."""
        return ("sh", "-c", f'echo $$ >"{self.path}/cgroup.procs" && exec "$0" "$@"', *MODULE)

    def kills(self) -> int:
        """How often the kernel has ended a process of it for want of memory."""
        events = next(one for one in (self.path / "memory.events", self.path / "memory.oom_control") if one.exists())
        found = re.search(r"^oom_kill (\d+)$", events.read_text(), re.MULTILINE)
        return int(found[1]) if found else 0


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group | None]:
    """None where none can be made (without root, or in a container): resident memory is looked at all the same."""
    made = None
    for root, limit in GROUPS.items():
        path = Path(root, f"radiostream-{tmp_path.name}")
        if made is None and Path(root, "cgroup.procs").exists():
            with suppress(OSError):
                path.mkdir()
                made = path
                (path / limit).write_text(str(LIMIT_MB * MB))
    yield Group(made) if made else None
    if made:
        made.rmdir()


def peak_mb(pid: int) -> float:
    """The most resident memory that another process has had (proc(5): VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / MB


def asks(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: radio\r\n\r\n".encode()


@pytest.mark.serial  # a skip under a crowd is timed, 1,310 clients connect
def test_a_crowd_that_does_not_read_and_a_track_change(group: Group | None, three_tones: Path, tmp_path: Path) -> None:
    """Open pages, readers of a large picture and listeners, all of whom stop reading; a skip is answered at once."""
    raise_descriptor_limit()
    (tmp_path / "music").mkdir()
    for file in three_tones.iterdir():
        (tmp_path / "music" / file.name).symlink_to(file)
    (tmp_path / "music/cover.jpg").write_bytes(COVER)
    arguments = ["--port", "0", "--audio-dir", str(tmp_path / "music"), "--max-clients", str(LISTENERS)]
    with Radio(arguments, cwd=tmp_path, command=group.command() if group else MODULE) as radio, ExitStack() as crowd:
        radio.until(lambda: radio.get("/cover/main")[0] == 200, "the picture")
        for path, count in (("/events", PAGES), ("/cover/main", COVERS), ("/", LISTENERS)):
            for number in range(count):
                source = f"127.0.0.{2 + number // 50}"  # an address may have so many pages open, and more
                assert crowd.enter_context(Exchange(radio.port, asks(path), source)).status == 200
        for _ in range(3):
            began_s = time.monotonic()
            radio.post("/next-track/")
            assert time.monotonic() - began_s < SKIP_S
        assert radio.get("/healthz")[0] == 200
        assert peak_mb(radio.pid) < PROMISED_MB
        assert not group or not group.kills()
