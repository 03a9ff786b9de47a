"""Loudness read from MP3 spectra against ffmpeg's ebur128, and where dead air ends."""

from __future__ import annotations

import io
import math
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.audio.frames import AudioError
from radiostream.loudness.meter import Measured, gated, measure
from radiostream.loudness.sideinfo import Format, parse_side_info
from tests.loudness.makers import frames_of, lame, make_wav

WORDS = "Good evening, and welcome. First the news, then the weather; after that two hours of music without a break. "

SOURCES = {
    "pink": ("pinknoise", "gain", "-9"),
    "near full scale": ("whitenoise", "gain", "-n", "-0.3"),
    "tone": ("sine", "1000", "gain", "-20"),
    "quiet": ("pinknoise", "gain", "-26"),
    "beats": ("sine", "110:90", "fade", "0", "0.3", "0.25", "repeat", "11", "gain", "-n", "-4"),
    "sparse": ("pluck", "C3", "fade", "0", "0.6", "0.5", "pad", "0", "1.4", "repeat", "5", "gain", "-n", "-3"),
}
ENCODINGS = {
    "128": ("-b", "128"),
    "320": ("-b", "320"),
    "VBR": ("-V", "3"),
    "mono": ("-m", "m", "-b", "64"),
    "plain stereo 48 kHz": ("-m", "s", "--resample", "48", "-b", "160"),
    "32 kHz": ("--resample", "32", "-b", "96"),
    "MPEG-2": ("--resample", "22.05", "-b", "64"),
    "MPEG-2 mono": ("--resample", "16", "-m", "m", "-b", "32"),
    "MPEG-2.5": ("--resample", "11.025", "-b", "32"),
}


def ebur128(path: Path) -> float:
    """Integrated loudness by ffmpeg."""
    command = ["ffmpeg", "-nostats", "-hide_banner", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def lufs(path: Path) -> float:
    with open(path, "rb") as file:
        measured = measure(file).lufs
    assert measured is not None
    return measured


@pytest.mark.players
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("source", SOURCES)
def test_as_loud_as_ebur128_says(source: str, encoding: str, tmp_path: Path) -> None:
    """Within 0.7 LU for every sound in every kind of MP3."""
    seconds = {"beats": 1.0, "sparse": 0.6}.get(source, 8)
    wav = make_wav(tmp_path / "a.wav", *SOURCES[source], seconds=seconds)
    path = lame(wav, tmp_path / "a.mp3", *ENCODINGS[encoding])
    assert lufs(path) == pytest.approx(ebur128(path), abs=0.7)


@pytest.mark.players
@pytest.mark.parametrize("encoding", ["128", "mono", "MPEG-2"])
def test_speech_is_gated(encoding: str, tmp_path: Path) -> None:
    """Words with pauses between them, and short blocks."""
    subprocess.run(["espeak-ng", "-w", tmp_path / "a.wav", WORDS * 2], check=True)
    subprocess.run(["sox", "-R", tmp_path / "a.wav", "-r", "44100", "-c", "2", tmp_path / "b.wav"], check=True)
    path = lame(tmp_path / "b.wav", tmp_path / "a.mp3", *ENCODINGS[encoding])
    assert lufs(path) == pytest.approx(ebur128(path), abs=0.5)


@pytest.mark.players
def test_silence_has_no_loudness(tmp_path: Path) -> None:
    """Nothing above the absolute gate: no figure, and nothing to leave out."""
    path = lame(make_wav(tmp_path / "a.wav", "sine", "0", "vol", "0"), tmp_path / "a.mp3", "-b", "128")
    with open(path, "rb") as file:
        assert measure(file) == Measured(None, 0, 0)


@pytest.mark.players
@pytest.mark.parametrize(
    ("silent_s", "options", "expected_s"),
    [
        (12, ("-b", "128"), [2, 14, 16, 28]),
        (12, ("-V", "5"), [2, 14, 16, 28]),
        (12, ("--resample", "22.05", "-b", "56"), [2, 14, 16, 28]),
        (9, ("-b", "128"), []),
    ],
)
def test_silences(tmp_path: Path, silent_s: int, options: tuple[str, ...], expected_s: list[float]) -> None:
    """Inside a track and at its end, where they are longer than ten seconds."""
    noise = ("pinknoise", "vol", "0.3", "pad", "0", str(silent_s), "repeat", "1")
    path = lame(make_wav(tmp_path / "a.wav", *noise, seconds=2, channels=2), tmp_path / "a.mp3", *options)
    with open(path, "rb") as file:
        found = measure(file, 480).silences
    assert [moment for span in found for moment in span] == pytest.approx(expected_s, abs=0.6)


def test_the_gates() -> None:
    """What is 10 LU below the mean, or below -70 LUFS, counts for nothing."""
    loud = gated([(1.0, 1.0)] * 10)
    assert loud is not None
    assert gated([(1.0, 1.0)] * 10 + [(0.005, 1.0)] * 90) == loud
    assert gated([(1.0, 2.0), (0.5, 1.0)]) == pytest.approx(gated([(1.0, 1.0), (1.0, 1.0), (0.5, 1.0)]))
    assert gated([(1e-9, 1.0), (0.0, 1.0)]) is None
    assert gated([]) is None


@pytest.mark.players
def test_parts_count_by_their_time(tmp_path: Path) -> None:
    """Two parts of other rates, whose frames are not of one length: as loud as both of them together."""
    parts = []
    for rate_hz, gain_db in ((48000, -6), (32000, -14)):
        wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", str(gain_db), seconds=8, rate_hz=rate_hz)
        parts.append(lame(wav, tmp_path / f"{rate_hz}.mp3", "-b", "96"))
    (tmp_path / "both.mp3").write_bytes(b"".join(part.read_bytes() for part in parts))
    powers = [10 ** (ebur128(part) / 10) for part in parts]
    assert lufs(tmp_path / "both.mp3") == pytest.approx(10 * math.log10(sum(powers) / 2), abs=0.4)


def as_bits(data: bytes) -> str:
    return bin(int.from_bytes(b"\1" + data, "big"))[3:]


def in_intensity_stereo(path: Path, position: int) -> bytes:
    """A file whose right channel is silent, with its left one's sound at an intensity position in both.

    Each frame is written anew at the highest bitrate, with main data of its own: the left channel's bits, and for the
    right one 21 scale factors of three bits, which are positions.
    """
    data, before = [], b""
    for frame in frames_of(path):
        form = Format(44100, 2)
        side, main = parse_side_info(frame[4:36], form), before + frame[36:]
        begin = len(before) - side.main_begin
        before = main[-511:]
        if begin < 0:
            continue
        bits, words, at = as_bits(main[begin:]), [], 0
        info = list(as_bits(frame[4:36]))
        info[:9] = "0" * 9
        info[16:20] = "0" * 4
        for number, granule in enumerate(side.granules):
            word = bits[at : at + granule.bits]
            at += granule.bits
            if number % 2:
                word = f"{position:03b}" * 21
                # part2_3_length, no big values, scalefac_compress 13 (three bits each), long windows
                fields = f"{len(word):012b}" + "0" * 9 + f"{210:08b}" + "1101" + "0" * 26
                info[20 + 59 * number : 20 + 59 * (number + 1)] = fields
            words.append(word)
        payload = "".join(words).ljust((1044 - 36) * 8, "0")
        whole = "".join(info) + payload
        header = bytes([0xFF, 0xFB, 0xE0, 0x50])
        data.append(header + int(whole, 2).to_bytes(len(whole) // 8, "big"))
    return b"".join(data)


@pytest.mark.players
@pytest.mark.parametrize("position", [0, 1, 3, 5, 6, 7])
def test_intensity_stereo(position: int, tmp_path: Path) -> None:
    """One channel's spectrum that stands for both, at each kind of position, is as loud as decoders make it."""
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-12", "remix", "1", "0", seconds=5)
    path = tmp_path / "intensity.mp3"
    path.write_bytes(in_intensity_stereo(lame(wav, tmp_path / "a.mp3", "-m", "s", "-b", "96"), position))
    assert lufs(path) == pytest.approx(ebur128(path), abs=0.5)


@pytest.mark.players
@pytest.mark.parametrize("head_s", [0.3, 3.0])
@pytest.mark.parametrize("tail_s", [0.0, 2.0])
@pytest.mark.parametrize("noise_db", [None, -66])
def test_dead_air_is_found(head_s: float, tail_s: float, noise_db: float | None, tmp_path: Path) -> None:
    """Silence and faint noise at both ends are left out but for a quarter of a second; the sound is all there."""
    wav = make_wav(tmp_path / "a.wav", "pinknoise", "gain", "-15", "pad", str(head_s), str(tail_s), seconds=3)
    if noise_db is not None:
        noise = make_wav(tmp_path / "n.wav", "whitenoise", "gain", str(noise_db), seconds=3 + head_s + tail_s)
        subprocess.run(["sox", "-R", "-m", "-v", "1", wav, "-v", "1", noise, tmp_path / "b.wav"], check=True)
        wav = tmp_path / "b.wav"
    path = lame(wav, tmp_path / "a.mp3", "-b", "128")
    with open(path, "rb") as file:
        measured = measure(file)
    frame_s, frames = 1152 / 44100, len(frames_of(path))
    left_s = head_s + 0.05 - measured.head * frame_s
    assert 0.02 <= left_s <= 0.25 + 0.05
    sound_ends_s = 0.05 + head_s + 3
    assert -0.06 <= (measured.end or frames) * frame_s - sound_ends_s <= 0.25 + frame_s


@pytest.mark.players
def test_quiet_beginnings_stay(tmp_path: Path) -> None:
    """An introduction at -50 dBFS is music, however loud the rest."""
    quiet = make_wav(tmp_path / "q.wav", "sine", "300", "gain", "-50", seconds=3)
    loud = make_wav(tmp_path / "l.wav", "pinknoise", "gain", "-3", seconds=3)
    subprocess.run(["sox", "-R", quiet, loud, quiet, tmp_path / "a.wav"], check=True)
    with open(lame(tmp_path / "a.wav", tmp_path / "a.mp3", "-b", "128"), "rb") as file:
        measured = measure(file)
    assert measured.head == 0
    assert measured.end == 0


@given(st.binary(max_size=400), st.sampled_from([b"\xff\xfb\x90\x00", b"\xff\xf3\x80\x40", b"\xff\xfb\x90\x70"]))
def test_hostile_frames(noise: bytes, header: bytes) -> None:
    """Frames of any bytes are measured or refused, and nothing else happens."""
    size = {0x90: 417, 0x80: 208}[header[2]]
    frame = (header + noise).ljust(size, b"\xaa")[:size]
    with suppress(AudioError):
        measure(io.BytesIO(frame * 5))
