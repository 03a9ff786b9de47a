"""Makes the audio that the bench plays: pink noise, so that no two frames are alike, tagged as real files are.

Cached in the temporary directory: encoding takes longer than many a case.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "radiostream-bench"


def track(kbps: int, seconds: int, seed: int = 1, *, vbr: bool = False) -> Path:
    """An MP3 of `seconds` at 44.1 kHz stereo: CBR, or VBR (lame's V2) whatever `kbps` says; with ID3v1 and ID3v2."""
    CACHE.mkdir(exist_ok=True)
    kind = ["-V", "2"] if vbr else ["--cbr", "-b", str(kbps)]
    path = CACHE / f"{''.join(kind).strip('-')}-{seconds}s-{seed}.mp3"
    if not path.exists():
        made = path.with_suffix(f".{os.getpid()}")
        _encode(made, seconds, seed, [*kind, "--add-id3v2", "--tt", f"Noise {seed}", "--ta", "The Bench"])
        made.rename(path)
    return path


def _encode(path: Path, seconds: int, seed: int, options: list[str]) -> None:
    # The tremolo makes VBR vary: a steady noise has frames of one size.
    noise = f"anoisesrc=color=pink:sample_rate=44100:amplitude=0.4:duration={seconds}:seed={seed},tremolo=f=0.3:d=0.9"
    with subprocess.Popen(
        ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", noise, "-ac", "2", "-f", "wav", "-"],
        stdout=subprocess.PIPE,
    ) as source:
        subprocess.run(["lame", "--quiet", *options, "-", str(path)], stdin=source.stdout, check=True)


def directory(at: Path, *tracks: Path) -> Path:
    """A station's directory of hard links to `tracks`, played in this order."""
    at.mkdir(parents=True)
    for number, source in enumerate(tracks, 1):
        os.link(source, at / f"{number:02} {source.stem}.mp3")
    return at
