"""The process that measures, as the server sees it: asked for one file at a time.

Belongs to the thread "loudness"; only `kill` may be called by any thread. The process is started with the first
question, and ended by `close` when there is nothing more to ask.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiostream.loudness.known import UNMEASURED, Known, known_of

if TYPE_CHECKING:
    from radiostream.playlist.track import Track

PATIENCE_S: Final = 900.0
"""How long one file may take: the process only has the time that nobody else wants."""
_GOODBYE_S: Final = 1.0
_PACKAGES: Final = Path(__file__).parents[2]


class Asker:
    """The process that measures, asked one question at a time by the thread of the levels."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self) -> None:
        """Start the process, for the first question is near."""
        with suppress(OSError):
            self._process = self._process or self._start()

    def ask(self, track: Track, frames: int) -> Known:
        """What can be known of `track`, measured from about so many frames where it has to be; never raises."""
        try:
            process = self._process or self._start()
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write(json.dumps([track.path, track.family, frames]).encode("ascii") + b"\n")
            process.stdin.flush()
            answer = self._line(process.stdout.fileno())
        except OSError as error:
            answer, why = b"", f"{UNMEASURED}: {error.strerror or type(error).__name__}"
        else:
            why = f"{UNMEASURED}: the process that measures failed or took too long"
        try:
            known = known_of(json.loads(answer))
        except ValueError:
            known = None
        if known is None:
            self.kill()
            self._end()
            return Known(trouble=why)
        return known

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "radiostream.loudness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        return self._process

    def _line(self, fd: int) -> bytes:
        """The next line of answer; empty where none comes in time."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            if not poll.poll(self._patience_s * 1000):
                return b""
            part = os.read(fd, 65536)
            if not part:
                return b""
            line += part
        return line

    def kill(self) -> None:
        """End the process at once; a question that waits gets its answer. Any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Let the process end; there is nothing more to ask for now."""
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):  # what was still to be written is of no use to anybody
                    pipe.close()
        process.wait()
