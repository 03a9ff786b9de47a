"""Levels as promised: what encoders and taggers make is brought to the target in steps, never over a known peak.

One server with a station for each file; all are recorded at once and measured by ffmpeg's ebur128.
"""

from __future__ import annotations

import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import mutagen.apev2
import mutagen.id3
import pytest

from tests.loudness.makers import lame, make_wav
from tests.server import Radio
from tests.waiting import until

TARGET: Final = -23.0
STEP: Final = 1.505
SECONDS: Final = 16
LOUD: Final = {
    "vbr": ("-V", "3"),
    "mono": ("-b", "96", "-m", "m"),
    "crc": ("-b", "128", "-p"),
    "mpeg2": ("-b", "64", "--resample", "22.05"),
    "rva2": ("-b", "128"),
    "ape": ("-b", "128"),
}
"""LAME's options by station."""
QUIET: Final = ("boosted", "peaks", "unknown")
"""Stations of a file that is too quiet: with room below its peak, without, and with a peak that nobody knows."""


def loudness(path: Path) -> float:
    """Integrated loudness by ffmpeg."""
    command = ["ffmpeg", "-nostats", "-hide_banner", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def tag(stations: Path) -> None:
    """What taggers write: RVA2, APE, ReplayGain with a peak."""
    own = loudness(stations / "ape/1.mp3")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.RVA2("track", 1, -18 - own, 0.9))
    tags.save(stations / "rva2/1.mp3")
    ape = mutagen.apev2.APEv2()
    ape["REPLAYGAIN_TRACK_GAIN"] = f"{-18 - own:.2f} dB"
    ape.save(stations / "ape/1.mp3")
    own = loudness(stations / "boosted/1.mp3")
    for name, peak in (("boosted", "0.2"), ("peaks", "0.95")):
        tags = mutagen.id3.ID3()
        tags.add(mutagen.id3.TXXX(3, "replaygain_track_gain", f"{-18 - own:+.2f} dB"))
        tags.add(mutagen.id3.TXXX(3, "replaygain_track_peak", peak))
        tags.save(stations / name / "1.mp3")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[float, float, float]]]:
    """By station: the loudness of the file, that of what was recorded, and the gain that was told."""
    root = tmp_path_factory.mktemp("levels")
    loud = make_wav(root / "loud.wav", "pinknoise", "gain", "-4", seconds=30, channels=2)
    quiet = make_wav(root / "quiet.wav", "pinknoise", "gain", "-22", seconds=30, channels=2)
    for name in (*LOUD, *QUIET):
        (root / "stations" / name).mkdir(parents=True)
        lame(loud if name in LOUD else quiet, root / "stations" / name / "1.mp3", *LOUD.get(name, ("-b", "128")))
    tag(root / "stations")
    with Radio(["--stations", str(root / "stations"), "--level", str(TARGET), "--burst", "2", "--port", "0"]) as radio:
        until(lambda: all_known(radio), "the loudness of all", 60)
        yield {name: one(radio, root, name, found) for name, found in recorded(radio, root).items()}
    assert "Traceback" not in radio.output()


def all_known(radio: Radio) -> bool:
    """Whether no track's loudness is unknown any more."""
    counts = re.findall(r'audio_tracks_loudness\{.*?state="(\w+)".*?\} ([\d.]+)', radio.get("/metrics")[2].decode())
    known = sum(float(count) for state, count in counts if state != "unknown")
    return known == len(LOUD) + len(QUIET)


def recorded(radio: Radio, root: Path) -> dict[str, Path]:
    """What each station sends for a while, from a track's begin that knows its level."""
    found: dict[str, Path] = {}

    def record(name: str) -> None:
        radio.post(f"/next-track/{name}")
        kbps = bitrate(radio, name)
        with urllib.request.urlopen(f"{radio.url}/{name}", timeout=60) as stream:
            found[name] = root / f"{name}.mp3"
            found[name].write_bytes(stream.read(kbps * 125 * SECONDS))

    threads = [threading.Thread(target=record, args=(name,)) for name in (*LOUD, *QUIET)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def bitrate(radio: Radio, name: str) -> int:
    return next(int(one["bitrate"]) for one in radio.json("/streams")["streams"] if one["route"] == f"/{name}")


def one(radio: Radio, root: Path, name: str, path: Path) -> tuple[float, float, float]:
    told = radio.json(f"/now-playing?route={name}")
    return loudness(root / "stations" / name / "1.mp3"), loudness(path), told["gain_db"]


@pytest.mark.parametrize("name", LOUD)
def test_loud_tracks_are_at_the_level(measured: dict[str, tuple[float, float, float]], name: str) -> None:
    """Within half a step, and what the measuring is off by; what is told is what is done."""
    own, heard, gain_db = measured[name]
    assert heard == pytest.approx(TARGET, abs=STEP / 2 + 0.5)
    assert heard - own == pytest.approx(gain_db, abs=0.3)


def test_boosts_end_at_six_decibels_and_at_the_peak(measured: dict[str, tuple[float, float, float]]) -> None:
    """Four steps would be more than 6 dB; over a peak that is near or unknown there is none."""
    own, heard, gain_db = measured["boosted"]
    assert own < TARGET - 7, "too quiet to be brought there"
    assert gain_db == pytest.approx(3 * STEP, abs=0.01)
    assert heard - own == pytest.approx(gain_db, abs=0.3)
    for name in ("peaks", "unknown"):
        own, heard, gain_db = measured[name]
        assert gain_db == 0
        assert heard == pytest.approx(own, abs=0.3)
