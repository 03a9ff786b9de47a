"""What a file's tags tell of its loudness, what is measured where they do not, and what is kept of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mutagen.apev2
import mutagen.id3
import mutagen.mp4
import mutagen.oggopus
import mutagen.oggvorbis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.loudness.finding import find_out
from radiostream.loudness.known import Known, Table, known_of
from radiostream.loudness.tags import told_by_lame
from radiostream.playlist.track import Track
from tests.loudness.makers import lame, make_wav


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wav(tmp_path_factory.mktemp("wav") / "a.wav", "pinknoise", "gain", "-9", seconds=2)


@pytest.fixture
def mp3(wav: Path, tmp_path: Path) -> Path:
    return lame(wav, tmp_path / "a.mp3", "-b", "128")


def ogg(wav: Path, path: Path, *, codec: str) -> Path:
    options = [str(wav), str(path)] if codec == "opus" else ["-o", str(path), str(wav)]
    encoder = ["opusenc" if codec == "opus" else "oggenc", "--quiet", *options]
    subprocess.run(encoder, check=True)
    return path


@pytest.mark.parametrize(
    ("gain", "reference", "lufs"),
    [
        ("-6.54 dB", "", -11.46),
        ("+3,5 dB", "", -21.5),
        ("-2.00", "89.0 dB", -16.0),
        ("-2.00 dB", "83.0 dB", -22.0),
        ("-5.00 dB", "-23.00 LUFS", -18.0),
    ],
)
def test_replaygain_in_id3(mp3: Path, gain: str, reference: str, lufs: float) -> None:
    """The gain leads to -18 LUFS, or to the reference that is told; names in any case."""
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TXXX(3, "REPLAYGAIN_Track_Gain", gain))
    tags.add(mutagen.id3.TXXX(3, "replaygain_track_peak", "0.912"))
    if reference:
        tags.add(mutagen.id3.TXXX(3, "replaygain_reference_loudness", reference))
    tags.save(mp3)
    known = find_out(str(mp3), "mp3")
    assert known.lufs == pytest.approx(lufs)
    assert (known.peak, known.source) == (0.912, "replaygain")


@pytest.mark.parametrize("gain", ["", "loud", "-99 dB", "1e9", "nan", "-6.5 dB and more"])
def test_tags_that_make_no_sense(mp3: Path, gain: str) -> None:
    """Are no tags: the file is measured."""
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TXXX(3, "REPLAYGAIN_TRACK_GAIN", gain))
    tags.save(mp3)
    assert find_out(str(mp3), "mp3").source == "measured"


def test_rva2(mp3: Path) -> None:
    """ID3v2.4's own frame, for the master volume of the track."""
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.RVA2("album", 1, -1.0, 0.5))
    tags.add(mutagen.id3.RVA2("track", 1, -4.0, 0.5))
    tags.save(mp3)
    known = find_out(str(mp3), "mp3")
    assert (known.lufs, known.source) == (-14.0, "rva2")
    assert known.peak == pytest.approx(0.5, abs=0.01)


def test_ape_on_an_mp3(mp3: Path) -> None:
    """As mp3gain writes them, behind the audio."""
    tags = mutagen.apev2.APEv2()
    tags["REPLAYGAIN_TRACK_GAIN"] = "-3.0 dB"
    tags.save(mp3)
    assert find_out(str(mp3), "mp3").lufs == -15.0


def test_vorbis_and_opus(wav: Path, tmp_path: Path) -> None:
    """Vorbis comments; Opus's own tag counts in 1/256 dB to -23 LUFS."""
    vorbis, opus = ogg(wav, tmp_path / "a.ogg", codec="vorbis"), ogg(wav, tmp_path / "a.opus", codec="opus")
    one = mutagen.oggvorbis.OggVorbis(vorbis)
    one["replaygain_track_gain"] = "-2.50 dB"
    one.save()
    other = mutagen.oggopus.OggOpus(opus)
    other["R128_TRACK_GAIN"] = "-1280"
    other.save()
    assert find_out(str(vorbis), "ogg") == Known(-15.5, None, "replaygain")
    assert find_out(str(opus), "ogg") == Known(-18.0, None, "r128")


def test_m4a(wav: Path, tmp_path: Path) -> None:
    """As free-form atoms."""
    path = tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", "aac", path], check=True)
    tags = mutagen.mp4.MP4(path)
    tags["----:com.apple.iTunes:REPLAYGAIN_TRACK_GAIN"] = [b"-7.00 dB"]
    tags.save()
    assert find_out(str(path), "aac") == Known(-11.0, None, "replaygain")


def test_what_cannot_be_measured_says_so(wav: Path, tmp_path: Path) -> None:
    """Untagged Ogg and AAC, silence, and what is no audio or not there."""
    assert "only tags tell" in find_out(str(ogg(wav, tmp_path / "a.ogg", codec="vorbis")), "ogg").trouble
    (tmp_path / "x.mp3").write_bytes(b"no audio at all" * 100)
    assert find_out(str(tmp_path / "x.mp3"), "mp3").trouble == "holds no MP3 frames"
    assert "No such file" in find_out(str(tmp_path / "none.mp3"), "mp3").trouble


def test_lame_tells_when_nothing_else_does(wav: Path, tmp_path: Path) -> None:
    """The info frame's gain is some dB near what is measured, which is nearer: it is only the last resort."""
    path = tmp_path / "a.mp3"
    subprocess.run(["lame", "--quiet", "-b", "128", wav, path], check=True)
    with open(path, "rb") as file:
        lame_says = told_by_lame(file)
    known = find_out(str(path), "mp3")
    assert lame_says is not None
    assert known.source == "measured"
    assert known.lufs == pytest.approx(lame_says.lufs, abs=6)


@given(st.binary(max_size=300))
def test_any_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Never raises, whatever the file holds."""
    path = tmp_path_factory.mktemp("any") / "a.mp3"
    path.write_bytes(b"ID3\4\0\0" + data)
    assert find_out(str(path), "mp3").lufs is None


def track(path: Path | str, size: int = 1, mtime_ns: int = 2) -> Track:
    return Track(str(path), size, mtime_ns, "mp3")


def test_the_table_knows_a_file_in_one_state(tmp_path: Path) -> None:
    """By path, size and time, over a restart; another state of the file is unknown."""
    table = Table(tmp_path / "loudness.json")
    table.put(track("/a/b\udcff.mp3"), Known(-14.2, 0.9, "replaygain", 3, 4))
    table.put(track("/c.mp3"), Known(trouble="is silent"))
    table.put(track("/d.mp3"), Known(trouble="cannot be read: No such file or directory"))
    table.save()
    again = Table(tmp_path / "loudness.json")
    again.load()
    assert again.get(track("/a/b\udcff.mp3")) == Known(-14.2, 0.9, "replaygain", 3, 4)
    assert again.get(track("/c.mp3")) == Known(trouble="is silent")
    assert again.get(track("/d.mp3")) is None
    assert again.get(track("/a/b\udcff.mp3", size=2)) is None
    assert again.get(track("/a/b\udcff.mp3", mtime_ns=3)) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"version":1}', b'{"version":1,"tracks":{"/a.mp3":7}}', b'{"version":9,"tracks":{}}'],
)
def test_a_damaged_table_is_empty(tmp_path: Path, content: bytes) -> None:
    """All of it can be found out again."""
    (tmp_path / "loudness.json").write_bytes(content)
    table = Table(tmp_path / "loudness.json")
    table.load()
    assert table.get(track("/a.mp3")) is None


@given(
    st.dictionaries(
        st.sampled_from(["lufs", "peak", "source", "head", "end", "trouble"]), st.none() | st.floats() | st.text()
    )
)
def test_any_entry(item: dict[str, object]) -> None:
    """An entry of any values is a sound one or none."""
    known = known_of(item)
    assert known is None or known_of(known.as_json()) == known


def test_the_process_answers_each_question(mp3: Path) -> None:
    """One line of JSON for one line of JSON, until its stdin ends."""
    asked = "".join(json.dumps([str(path), "mp3"]) + "\n" for path in (mp3, mp3.with_name("none.mp3")))
    command = [sys.executable, "-m", "radiostream.loudness"]
    ran = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    first, second = (known_of(json.loads(line)) for line in ran.stdout.splitlines())
    assert first is not None
    assert first.source == "measured"
    assert second is not None
    assert second.trouble.startswith("cannot be read")
    assert ran.stderr == ""
