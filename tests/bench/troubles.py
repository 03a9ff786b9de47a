"""What happens to a server in its life: each trouble is a function that makes it and says what it did.

They run one at a time in the soak's thread, and leave the directories playable.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.server import PASSWORD


@dataclass(slots=True)
class Victim:
    """The server and what it plays. `/` is never skipped, so that its clock can be checked over the whole run."""

    pid: int
    port: int
    main: Path
    humor: Path
    spare: Path
    """A track that is in neither directory yet."""
    suspend_s: float
    random: random.Random
    disturbed_s: list[float] = field(default_factory=list)
    """When the clock of `/` had reason to be reset, monotonic: the beginning and the end of each time."""

    def post(self, path: str) -> str:
        """Operate the server; raises where it does not answer 200."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method="POST", headers={"Authorization": f"Bearer {PASSWORD}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return f"{path}: {answer.status}"


def skip(victim: Victim) -> str:
    return victim.post(victim.random.choice(["/next-track/humor", "/prev-track/humor"]))


def skip_wildly(victim: Victim) -> str:
    for _ in range(20):
        victim.post("/next-track/humor")
    return "20 skips in a row"


def reload(victim: Victim) -> str:
    return victim.post("/reload-playlist")


def shuffle(victim: Victim) -> str:
    return victim.post(f"/shuffle/humor?on={victim.random.choice(['true', 'false'])}")


def add_slowly(victim: Victim) -> str:
    """A copy that takes its time, as over a slow network."""
    data = victim.spare.read_bytes()
    with (victim.humor / "04 added.mp3").open("wb") as file:
        for at in range(0, len(data), len(data) // 4 + 1):
            file.write(data[at : at + len(data) // 4 + 1])
            file.flush()
            time.sleep(1)
    return "a file copied in four parts"


def remove(victim: Victim) -> str:
    (victim.humor / "04 added.mp3").unlink(missing_ok=True)
    return "a file removed"


def replace(victim: Victim) -> str:
    """Another file under an old name, while the old one may be playing."""
    target = sorted(victim.main.glob("*.mp3"))[0]
    made = target.with_suffix(".part")
    shutil.copy(victim.spare, made)
    made.rename(target)
    return f"{target.name} replaced"


def rename(victim: Victim) -> str:
    source = victim.random.choice(sorted(victim.main.glob("*.mp3")))
    source.rename(source.with_name(f"{source.name[:2]} renamed {victim.random.randrange(1000)}.mp3"))
    return f"{source.name} renamed"


def break_files(victim: Victim) -> str:
    """Files that are none, in the middle of the playlist."""
    whole = victim.spare.read_bytes()
    broken = {
        "empty": b"",
        "noise": victim.random.randbytes(200_000),
        "cut": whole[: len(whole) // 3],
        "lying tag": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + whole[:50_000],
        "torn": whole[:90_000] + victim.random.randbytes(5000) + whole[120_000:],
    }
    for name, data in broken.items():
        (victim.humor / f"02 {name}.mp3").write_bytes(data)
    return f"{len(broken)} broken files"


def mend_files(victim: Victim) -> str:
    for path in victim.humor.glob("02 [a-z]*.mp3"):
        path.unlink()
    return "broken files removed"


def hide_directory(victim: Victim) -> str:
    """A directory that goes away, as one does that is mounted, and comes back."""
    away = victim.main.with_name("away")
    victim.disturbed_s.append(time.monotonic())
    victim.main.rename(away)
    time.sleep(8)
    away.rename(victim.main)
    victim.disturbed_s.append(time.monotonic())
    return "the directory was gone for 8 s"


def suspend(victim: Victim) -> str:
    """The process stands still, as on a laptop or in a paused container."""
    victim.disturbed_s.append(time.monotonic())
    os.kill(victim.pid, signal.SIGSTOP)
    time.sleep(victim.suspend_s)
    os.kill(victim.pid, signal.SIGCONT)
    victim.disturbed_s.append(time.monotonic())
    return f"suspended for {victim.suspend_s:.0f} s"


TROUBLES: list[Callable[[Victim], str]] = [
    skip, reload, add_slowly, skip_wildly, break_files, replace, suspend, shuffle, hide_directory, rename, mend_files,
    remove,
]  # fmt: skip
"""In the order of a short run; a long one draws them by lot afterwards."""
