"""Files of many encoders' settings: what is sent is what ffmpeg copies, byte by byte, and lasts as long."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from radiostream.audio.formats import open_reader
from radiostream.audio.frames import AAC, MP3
from tests.audio.conftest import Play

LAME = {
    "CBR": "-b 128",
    "CBR, the loudest": "-b 320",
    "CBR, the quietest": "-b 32 -m m",
    "CBR without a reservoir": "-b 96 --nores",
    "ABR": "--abr 140",
    "VBR, the best": "-V 0",
    "VBR, the worst": "-V 9",
    "VBR, the old way": "-V 4 --vbr-old",
    "joint stereo": "-m j -b 128",
    "forced mid/side stereo": "-m f -b 128",
    "plain stereo": "-m s -b 160",
    "dual channel": "-m d -b 160",
    "mono": "-m m -V 4",
    "CRC": "-p -b 128",
    "CRC, VBR, mono": "-p -V 5 -m m",
    "48 kHz": "--resample 48 -V 4",
    "32 kHz": "--resample 32 -b 64",
    "MPEG-2, 24 kHz": "--resample 24 -V 6",
    "MPEG-2, 16 kHz, CRC": "--resample 16 -b 40 -p",
    "MPEG-2.5, 12 kHz": "--resample 12 -m m -b 16",
    "MPEG-2.5, 8 kHz": "--resample 8 -V 9",
    "no info frame": "-t -b 128",
    "copyright, private, not original": "-c -o -e n -b 128",
    "ISO": "--strictly-enforce-ISO -b 320",
    "tags": "--add-id3v2 --id3v1-only --tt Title -b 128",
}
AAC_OPTIONS = {
    "96 kbps": "-b:a 96k",
    "24 kbps, mono": "-b:a 24k -ac 1",
    "fast coder": "-aac_coder fast -b:a 128k",
    "without tools": "-aac_tns 0 -aac_pns 0 -aac_is 0 -aac_ms 0",
    "8 kHz": "-ar 8000 -ac 1",
    "22,050 Hz": "-ar 22050",
    "48 kHz, six channels": "-ar 48000 -ac 6",
    "96 kHz": "-ar 96000",
    "Main profile": "-profile:a aac_main -aac_pred 1 -strict -2",
    "LTP": "-profile:a aac_ltp -aac_ltp 1 -strict -2",
    "MPEG-2": "-profile:a mpeg2_aac_low -write_mpeg2 1",
    "quality": "-q:a 0.5",
}
MUXINGS = {
    "moov at the end": "m4a",
    "moov at the front": "m4a -movflags faststart",
    "audiobook": "m4b -f ipod",
    "QuickTime": "mov",
    "3GP": "3gp",
    "fragments": "mp4 -movflags frag_keyframe+empty_moov -frag_duration 300000",
    "fragments without a base": "mp4 -movflags frag_keyframe+empty_moov+omit_tfhd_offset -frag_duration 300000",
    "DASH": "mp4 -movflags dash -frag_duration 300000",
    "CMAF": "mp4 -movflags cmaf+delay_moov -frag_duration 300000",
    "hybrid of fragments and an index": "mp4 -movflags frag_custom+faststart",
    "no edit list": "m4a -use_editlist 0",
    "short chunks": "m4a -max_delay 0 -chunk_duration 40000",
}


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a sweep and noise that get louder, in stereo: frames of many sizes."""
    out = tmp_path_factory.mktemp("corpus") / "source.wav"
    sweep = ["synth", "2", "sine", "200:9000", "synth", "2", "pinknoise", "mix"]
    louder = ["fade", "l", "1.5", "2", "0.2", "gain", "-6"]
    subprocess.run(["sox", "-R", "-n", "-r", "44100", "-b", "16", "-c", "2", out, *sweep, *louder], check=True)
    return out


def copied(path: Path, *options: str) -> bytes:
    """The packets that ffmpeg takes from a file, one behind the other."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-c", "copy", *options, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def check(path: Path, family: str, expected: bytes, play: Play) -> None:
    """The reader's bytes are those; its duration and bitrate are those of what it sends."""
    with path.open("rb", buffering=0) as file:
        reader = open_reader(file, family)
        played = play(reader)
        seconds = played.ticks / reader.tick_hz
        assert played.data == expected
        assert reader.duration_s == pytest.approx(seconds, rel=0.02)
        assert reader.kbps == pytest.approx(len(expected) / 125 / seconds, rel=0.02, abs=1)


@pytest.mark.parametrize("options", LAME.values(), ids=LAME)
def test_lame(options: str, wav: Path, tmp_path: Path, ogg_aac_play: Play) -> None:
    """MP3 of every version, mode and way to choose bitrates."""
    path = tmp_path / "made.mp3"
    subprocess.run(["lame", "--quiet", *options.split(), wav, path], check=True)
    frames = copied(path, "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")
    check(path, MP3, frames, ogg_aac_play)


@pytest.mark.parametrize("options", AAC_OPTIONS.values(), ids=AAC_OPTIONS)
@pytest.mark.parametrize("suffix", ["aac", "m4a"])
def test_ffmpeg_aac(options: str, suffix: str, wav: Path, tmp_path: Path, ogg_aac_play: Play) -> None:
    """AAC of the profiles, rates and channels that ADTS can tell, in ADTS and in MP4."""
    path = tmp_path / f"made.{suffix}"
    chosen = [word for word in options.split() if suffix == "aac" or word != "-write_mpeg2"]
    encode(wav, path, *(chosen if len(chosen) == len(options.split()) else chosen[:-1]))
    check(path, AAC, copied(path, "-f", "adts") if suffix == "m4a" else path.read_bytes(), ogg_aac_play)


@pytest.mark.parametrize("muxing", MUXINGS.values(), ids=MUXINGS)
def test_ffmpeg_muxings(muxing: str, wav: Path, tmp_path: Path, ogg_aac_play: Play) -> None:
    """MP4 in all the ways in which its tables can be written."""
    suffix, *options = muxing.split()
    path = tmp_path / f"made.{suffix}"
    encode(wav, path, "-b:a", "96k", *options)
    check(path, AAC, copied(path, "-f", "adts"), ogg_aac_play)


def encode(wav: Path, path: Path, *options: str) -> None:
    """AAC by ffmpeg."""
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", "aac", *options, path], check=True, capture_output=True)


def test_beside_video(wav: Path, tmp_path: Path, ogg_aac_play: Play) -> None:
    """The audio of a film, its tables and fragments mingled with those of the picture."""
    for number, flags in enumerate(("faststart", "frag_keyframe+empty_moov", "empty_moov+omit_tfhd_offset", "dash")):
        path = tmp_path / f"{number}.mp4"
        picture = ["-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=25", "-c:v", "mpeg4", "-g", "12", "-c:a", "aac"]
        layout = ["-movflags", flags, "-frag_duration", "400000"]
        command = ["ffmpeg", "-v", "error", "-i", str(wav), *picture, *layout, str(path)]
        subprocess.run(command, check=True, capture_output=True)
        check(path, AAC, copied(path, "-f", "adts"), ogg_aac_play)
