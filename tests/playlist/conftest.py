"""Tracks, directories and small audio files with tags, for the tests of this room."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
"""A picture: PNG, one red dot."""


@pytest.fixture(scope="session")
def cover() -> bytes:
    """A picture, the one that is in the tagged files."""
    return _DOT


@pytest.fixture(scope="session")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one short file of each format, its tags (`Naïve`, `The Band`, `Live`) and its picture."""
    directory = tmp_path_factory.mktemp("tagged")
    (directory / "dot.png").write_bytes(_DOT)

    def run(*command: str) -> None:
        subprocess.run(command, cwd=directory, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    run("sox", "-n", "-r", "44100", "-b", "16", "-c", "2", "a.wav", "synth", "0.2", "sine", "440")
    lame = ("lame", "--quiet", "--tt", "Naïve", "--ta", "The Band", "--tl", "Live")
    run(*lame, "--ti", "dot.png", "a.wav", "id3v2.mp3")
    run(*lame, "--id3v1-only", "a.wav", "id3v1.mp3")
    run("lame", "--quiet", "-t", "a.wav", "bare.mp3")
    run("oggenc", "-Q", "-t", "Naïve", "-a", "The Band", "-l", "Live", "-o", "vorbis.ogg", "a.wav")
    opus = ("opusenc", "--quiet", "--title", "Naïve", "--artist", "The Band", "--album", "Live")
    run(*opus, "--picture", "dot.png", "a.wav", "opus.opus")
    tags = ("-T", "title=Naïve", "-T", "ARTIST=The Band", "-T", "album=Live")
    run("flac", "--silent", "--ogg", *tags, "--picture", "dot.png", "-o", "flac.oga", "a.wav")
    meta = ("-metadata", "title=Naïve", "-metadata", "artist=The Band", "-metadata", "album=Live")
    run("ffmpeg", "-loglevel", "error", "-i", "a.wav", "-c:a", "aac", *meta, "mp4.m4a")
    shutil.copy(directory / "mp4.m4a", directory / "covered.m4a")
    _cover_mp4(directory / "covered.m4a")
    (directory / "a.wav").unlink()
    return directory


def _cover_mp4(path: Path) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    file = MP4(path)
    file["covr"] = [MP4Cover(_DOT, MP4Cover.FORMAT_PNG)]
    file.save()
