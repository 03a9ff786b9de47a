"""`radiostream check`: loudness and dead air, where tags or the server's table know them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mutagen.id3 import ID3, TIT2, TPE1, TXXX

from radiostream import app
from radiostream.audio.frames import Params
from radiostream.doctor.audio import Heard
from radiostream.doctor.loudness import (
    Loudness,
    Spread,
    dead_air_findings,
    loudness_findings,
    loudness_of,
    spread_of,
)
from radiostream.loudness.known import FILE_NAME, Known, Table
from radiostream.playlist.scan import Directory
from radiostream.playlist.track import TagGain, Tags
from tests.radio.studio import frame

MP3 = Params("mp3", 44100, 2)
MP3_MPEG2 = Params("mp3", 22050, 2)
OPUS = Params("opus", 48000, 2)
FLAC = Params("flac", 44100, 2)
TAGGED = Tags(gain=TagGain(-12.0))


@pytest.mark.parametrize(
    ("params", "tags", "known", "expected"),
    [
        (MP3, None, None, Loudness()),
        (MP3, Tags(), None, Loudness()),
        (MP3, TAGGED, None, Loudness(-12.0, "tagged")),
        (MP3, TAGGED, Known(-15.0, None, "measured"), Loudness(-15.0, "measured", 0.0, 0.0)),
        (MP3, None, Known(-15.0, 0.9, "r128"), Loudness(-15.0, "tagged", 0.0, 0.0)),
        (MP3, None, Known(-15.0, None, "lame", 1225, 6125), Loudness(-15.0, "tagged", 32.0, 20.0)),
        (MP3_MPEG2, None, Known(-15.0, None, "measured", 1225, 6125), Loudness(-15.0, "measured", 32.0, 20.0)),
        (MP3, None, Known(trouble="is silent", head=1225), Loudness(None, "", 32.0, 0.0)),
        (MP3, None, Known(trouble="cannot be read"), Loudness()),
        (MP3, TAGGED, Known(trouble="cannot be read"), Loudness(-12.0, "tagged")),
        (OPUS, None, Known(-15.0, None, "r128"), Loudness(-15.0, "tagged")),
    ],
)
def test_what_is_known(params: Params, tags: Tags | None, known: Known | None, expected: Loudness) -> None:
    """The table beats tags; dead air is known of MP3s that were looked through."""
    found = loudness_of(Heard(params=params, tags=tags, duration_s=180.0), known)
    assert (found.lufs, found.source) == (expected.lufs, expected.source)
    assert found.begin_s == pytest.approx(expected.begin_s)
    assert found.end_s == pytest.approx(expected.end_s)


def test_dead_air_at_an_end_that_nobody_knows() -> None:
    """Without a duration the end is not known; behind it there is none."""
    known = Known(-15.0, None, "measured", 0, 6125)
    assert loudness_of(Heard(params=MP3), known).end_s is None
    assert loudness_of(Heard(params=MP3, duration_s=100.0), known).end_s == 0.0


@pytest.mark.parametrize(
    ("levels", "spread"),
    [
        ((), None),
        ((None, None), None),
        ((-14.0,), Spread(1, -14.0, -14.0, -14.0)),
        ((-20.0, None, -10.0), Spread(2, -20.0, -15.0, -10.0)),
        ((-9.0, -30.0, -14.0), Spread(3, -30.0, -14.0, -9.0)),
    ],
)
def test_spread(levels: tuple[float | None, ...], spread: Spread | None) -> None:
    """Of what is known."""
    assert spread_of([Loudness(level) for level in levels]) == spread


@pytest.mark.parametrize(
    ("params", "lufs", "said"),
    [
        (MP3, -20.0, None),
        (MP3, -8.0, None),
        (MP3, None, None),
        (MP3, -7.9, ("is at -7.9 LUFS, 6.1 LU louder than the median", "--level brings them to one loudness")),
        (OPUS, -24.0, ("is at -24.0 LUFS, 10.0 LU quieter than the median", "--level brings them to one loudness; it")),
        (FLAC, -7.0, ("is at -7.0 LUFS, 7.0 LU louder than the median", "encode it again")),
    ],
)
def test_far_from_the_median(params: Params, lufs: float | None, said: tuple[str, str] | None) -> None:
    """More than 6 LU; the advice is what helps this format."""
    files = {str(number): (Heard(params=MP3), Loudness(-14.0)) for number in range(3)}
    files["odd"] = (Heard(params=params), Loudness(lufs))
    found = [(one.name, one.text, one.advice) for one in loudness_findings(files)]
    if said is None:
        assert found == []
    else:
        assert [one[:2] for one in found] == [("odd", said[0])]
        assert found[0][2].startswith(said[1])


@pytest.mark.parametrize(
    ("begin_s", "end_s", "said"),
    [
        (None, None, []),
        (2.0, 2.0, []),
        (2.1, 0.0, ["begins with 2.1 s of dead air"]),
        (0.5, 30.0, ["ends with 30.0 s of dead air"]),
        (3.0, 4.0, ["begins with 3.0 s and ends with 4.0 s of dead air"]),
    ],
)
def test_dead_air(begin_s: float | None, end_s: float | None, said: list[str]) -> None:
    """More than 2 s at an end."""
    found = list(dead_air_findings({"a": (Heard(), Loudness(-14.0, "measured", begin_s, end_s))}))
    assert [one.text for one in found] == said
    assert all(one.advice == "--trim leaves it out" for one in found)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Four tracks: three say in their tags how loud they are, one of them 8 LU more."""
    for number, gain in enumerate(("-4 dB", "-4 dB", "-12 dB", "")):
        path = tmp_path / "music" / f"{number}.mp3"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(frame(number, index) for index in range(500)))
        tags = ID3()
        tags.add(TIT2(encoding=3, text=f"Title {number}"))
        tags.add(TPE1(encoding=3, text="Artist"))
        if gain:
            tags.add(TXXX(encoding=3, desc="REPLAYGAIN_TRACK_GAIN", text=gain))
        tags.save(path)
    return tmp_path / "music"


@pytest.fixture
def state(tmp_path: Path, music: Path) -> Path:
    """A state directory whose table knows the fourth track: 4 s of dead air at its begin."""
    table = Table(tmp_path / FILE_NAME)
    fourth = Directory(str(music)).look(eager=True).tracks[3]
    table.put(fourth, Known(-14.0, None, "measured", 154))
    table.save()
    return tmp_path


LOUD, DEAD = ("loudness", "2.mp3"), ("dead-air", "3.mp3")


@pytest.mark.parametrize(
    ("settings", "environ", "has_state", "findings", "known"),
    [
        ("", {}, False, [LOUD], 3),
        ("", {}, True, [LOUD, DEAD], 4),
        ("level = -18\n", {}, True, [DEAD], 4),
        ("trim = true\n", {}, True, [LOUD], 4),
        ("", {"LEVEL": "-18", "TRIM": "yes"}, True, [], 4),
        ("", {"LEVEL": "loud", "TRIM": "maybe"}, True, [LOUD, DEAD], 4),
    ],
)
def test_command(
    settings: str,
    environ: dict[str, str],
    has_state: bool,
    findings: list[tuple[str, str]],
    known: int,
    music: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By flag or environment; what is seen to already is no finding; the table is left as it is."""
    (music / "station.toml").write_text(settings)
    for name in ("LEVEL", "TRIM", "STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = (state / FILE_NAME).read_bytes()
    flags = ["--state-dir", str(state)] if has_state else []
    assert app.main(["check", "--json", *flags, str(music)]) == bool(findings)
    report = json.loads(capsys.readouterr().out)["directories"][0]
    assert [(one["kind"], one["file"]) for one in report["findings"]] == findings
    assert report["loudness"] == {"known": known, "quietest": -14.0, "median": -14.0, "loudest": -6.0}
    fourth = report["files"][3]
    told = (fourth["loudness_lufs"], fourth["loudness_source"], fourth["dead_air_begin_s"], fourth["dead_air_end_s"])
    assert told == ((-14.0, "measured", 4.02, 0.0) if has_state else (None, "", None, None))
    assert (state / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "  loudness known of 4 of 4 tracks: -14.0 to -6.0 LUFS, median -14.0"),
        ("{", "  loudness known of 3 of 4 tracks: -14.0 to -6.0 LUFS, median -14.0"),
    ],
)
def test_summary(
    content: str | None,
    line: str,
    music: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line a directory, by STATE_DIR; a damaged table is none."""
    if content is not None:
        (state / FILE_NAME).write_text(content)
    monkeypatch.setenv("STATE_DIR", str(state))
    app.main(["check", str(music)])
    assert capsys.readouterr().out.splitlines()[1] == line
