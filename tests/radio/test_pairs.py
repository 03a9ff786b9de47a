"""Files of many encoders' settings on one station, each before and behind each other: the whole stream decodes."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from radiostream.audio.formats import open_reader
from tests.ffmpeg import complaints
from tests.radio.studio import Studio

LAME = {
    "cbr": "-b 128",
    "vbr": "-V 2",
    "abr": "--abr 160",
    "mid/side": "-m f -b 96",
    "crc": "-p -b 128",
    "mono": "-m m -b 64",
    "48 kHz": "--resample 48 -b 320",
    "MPEG-2": "--resample 22.05 -V 5",
    "MPEG-2.5": "--resample 11.025 -m m -V 7",
}
FFMPEG = {
    "96k.m4a": "-b:a 96k",
    "fragments.mp4": "-b:a 192k -movflags frag_keyframe+empty_moov -frag_duration 300000",
    "adts.aac": "-b:a 128k -aac_coder fast",
    "mono.m4a": "-ac 1 -b:a 48k",
    "48k.aac": "-ar 48000",
    "22k.m4a": "-ar 22050 -b:a 40k",
}
SECONDS = 0.6


def every_pair(count: int) -> list[int]:
    """Numbers below `count` in an order in which each follows each, itself too (a de Bruijn sequence of order 2)."""
    order = [other for one in range(count) for other in ([one] + [n for k in range(one + 1, count) for n in (one, k)])]
    return [*order, 0]


def test_every_pair() -> None:
    """The order of the tests below has all pairs, each once."""
    order = every_pair(7)
    pairs = list(itertools.pairwise(order))
    assert len(pairs) == len(set(pairs)) == 49


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loud tone with noise: frames that lean on what came before them."""
    out = tmp_path_factory.mktemp("pairs") / "source.wav"
    tone = ["synth", str(SECONDS), "sine", "300:6000", "synth", str(SECONDS), "whitenoise", "mix", "gain", "-3"]
    subprocess.run(["sox", "-R", "-n", "-r", "44100", "-b", "16", "-c", "2", out, *tone], check=True)
    return out


def made_with_lame(wav: Path, directory: Path) -> list[Path]:
    paths = [directory / f"{number}.mp3" for number in range(len(LAME))]
    for path, options in zip(paths, LAME.values(), strict=True):
        subprocess.run(["lame", "--quiet", *options.split(), wav, path], check=True)
    return paths


def made_with_ffmpeg(wav: Path, directory: Path) -> list[Path]:
    for name, options in FFMPEG.items():
        command = ["ffmpeg", "-v", "error", "-i", str(wav), "-c:a", "aac", *options.split(), str(directory / name)]
        subprocess.run(command, check=True, capture_output=True)
    return [directory / name for name in FFMPEG]


@pytest.mark.parametrize(("family", "make"), [("mp3", made_with_lame), ("aac", made_with_ffmpeg)])
def test_all_pairs_decode(
    family: str,
    make: Callable[[Path, Path], list[Path]],
    wav: Path,
    tmp_path: Path,
    make_studio: Callable[..., Studio],
) -> None:
    """Every frame of every track comes, and no decoder complains of a seam."""
    paths = make(wav, tmp_path)
    order = every_pair(len(paths))
    studio = make_studio(family=family)
    copies = [tmp_path / f"track {place:03}{paths[number].suffix}" for place, number in enumerate(order)]
    for copy, number in zip(copies, order, strict=True):
        copy.hardlink_to(paths[number])
    studio.show(*(studio.listed(copy, family) for copy in copies))
    studio.run_until(len(order) * SECONDS)
    sent = b"".join(studio.data)
    tracks = [everything(path, family) for path in paths]
    expected = b"".join(tracks[number] for number in order)
    assert sent[: len(expected)] == expected[: len(sent)]
    assert len(sent) > 0.9 * len(expected)
    decode = ["ffmpeg", "-v", "error", "-f", family, "-i", "-", "-f", "s16le", "-"]
    ran = subprocess.run(decode, input=sent, capture_output=True, check=False)
    assert complaints(ran.stderr) == []


def everything(path: Path, family: str) -> bytes:
    """All that is sent of one file."""
    view = memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        return bytes(view[: open_reader(file, family).fill(view, 1 << 30).length])
