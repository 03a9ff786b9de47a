"""What ffmpeg complains of when it decodes: the sound, whatever its version says of clocks besides."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

_CLOCK: Final = re.compile(
    r"timestamp discontinuity"
    r"|non[- ]monoton(ic|ous|ically)"
    r"|Estimating duration from bitrate"
    r"|Queue input is backward in time"
    r"|Last message repeated",
    re.IGNORECASE,
)
"""Words about time stamps that decide nothing: a chained stream starts over with each link, and ffmpeg 5 and 7 say so
in different words, or not at all. Whoever wants to know whether all sound came compares the samples."""


def complaints(stderr: str | bytes) -> list[str]:
    """The lines of ffmpeg's stderr that speak of what is decoded; none where all is well."""
    text = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else stderr
    return [line for line in text.splitlines() if line.strip() and not _CLOCK.search(line)]


def decode(*files: Path, options: str = "") -> None:
    """Decode each recording as the stream that it was, through a pipe: there is nothing to complain of."""
    for file in files:
        done = subprocess.run(
            ["ffmpeg", "-v", "warning", "-i", "-", *options.split(), "-f", "null", "-"],
            input=file.read_bytes(), capture_output=True, check=True,
        )  # fmt: skip
        found = complaints(done.stderr)
        assert not found, (file, found)
