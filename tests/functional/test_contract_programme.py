"""The programme as promised, on a server whose clock comes to ten in the evening while it is heard.

One server with a station for each promise; what they played is read from their histories.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.functional.conftest import tone
from tests.server import MODULE, Radio
from tests.waiting import until

BEGIN: Final = "2026-11-25 21:59:40"
"""A Wednesday; in Berlin it is an hour later."""
LONG_S: Final = 60
TRACKS: Final = {
    "at-once/own.mp3": LONG_S,
    "at-once/_22-06 !/1.mp3": 4,
    "at-once/_22-06 !/2.mp3": 4,
    "at-once/_22-06 !/_every 2 tracks/j.mp3": 2,
    "at-once/_every 1 tracks/mine.mp3": 2,
    "jingles/1.mp3": 6,
    "jingles/2.mp3": 6,
    "jingles/_hourly 00/h.mp3": 2,
    "jingles/_daily 2200/d.mp3": 2,
    "jingles/_every 3 tracks/t.mp3": 2,
    "berlin/own.mp3": 6,
    "berlin/_23-24/late.mp3": 6,
    "ends/own.mp3": LONG_S,
    "ends/_Mon-Thu 2150-2200 !/1.mp3": LONG_S,
    "wins/_2100-2300/span.mp3": LONG_S,
    "wins/_wed 00-24/day.mp3": LONG_S,
    "wins/_11-20..11-30 00-24/date.mp3": LONG_S,
    "order/a.mp3": 4,
    "order/b.mp3": 4,
    "order/c.mp3": 4,
    "wrong/own.mp3": LONG_S,
    "wrong/_every 3 track/x.mp3": 4,
    "wrong/_sunny/y.mp3": 4,
}


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """Twenty seconds before ten by its own clock; everything else keeps the host's."""
    root = tmp_path_factory.mktemp("programme")
    made = {seconds: tone(root / f"{seconds}.mp3", seconds) for seconds in {*TRACKS.values()}}
    for name, seconds in TRACKS.items():
        path = root / "stations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(made[seconds])
    (root / "stations/berlin/station.toml").write_text('timezone = "Europe/Berlin"\n', encoding="utf-8")
    (root / "stations/order/order.m3u").write_bytes(b"#EXTM3U\r\nc.mp3\r\na.mp3\r\nmissing.mp3\r\n")
    # The program `faketime` itself would stay between: it passes no signal on.
    library = subprocess.run(["faketime", BEGIN, "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True)
    asked = {"LD_PRELOAD": library.stdout.strip(), "FAKETIME": f"@{BEGIN}", "TZ": "UTC"}
    asked |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    options = ["--stations", str(root / "stations"), "--shuffle", "--burst", "2", "--port", "0"]
    with Radio(options, asked) as server:
        yield server
    assert "Traceback" not in server.output()


def played(radio: Radio, route: str, count: int) -> list[tuple[str, str]]:
    """The first tracks that began at ten or later by the server's clock, with the second at which they did."""

    def found() -> list[tuple[str, str]] | None:
        history: list[dict[str, Any]] = radio.json(f"/history?route={route}&limit=100")["history"]
        times = [(one["started_at"][11:19], one["track"]) for one in reversed(history)]
        late = [one for one in times if one[0] >= "22:00:00"]
        return late[:count] if len(late) >= count else None

    return until(found, f"{count} tracks of {route} after ten", 60) or []


def names(radio: Radio, route: str, count: int) -> list[str]:
    return [track for _, track in played(radio, route, count)]


def schedule(radio: Radio, route: str, hours: int = 24) -> Any:
    return radio.json(f"/schedule?route={route}&hours={hours}")


def now(radio: Radio, route: str) -> Any:
    return radio.json(f"/now-playing?route={route}")


def test_what_comes_is_told(radio: Radio) -> None:
    """`/schedule` names rule and folder, by the station's clock."""
    berlin = schedule(radio, "/berlin", 3)
    assert berlin["timezone"] == "Europe/Berlin"
    assert berlin["next"][-2:] == [
        {"at": "2026-11-25T23:00:00+01:00", "rule": "23-24", "folder": "_23-24"},
        {"at": "2026-11-26T00:00:00+01:00", "rule": "music", "folder": ""},
    ] or berlin["now"] == {"part": "_23-24", "until": "2026-11-26T00:00:00+01:00"}
    wins = schedule(radio, "wins")
    assert wins["now"]["part"] == "_11-20..11-30 00-24"
    assert wins["next"] == []


def test_at_once_and_at_a_tracks_end(radio: Radio) -> None:
    """With ` !` on the second; else at the first track end after it. A part's jingles are its own."""
    (began, first), (_, second), (_, jingle) = played(radio, "/at-once", 3)
    assert began in ("22:00:00", "22:00:01", "22:00:02")
    assert {first, second, jingle} == {"1.mp3", "2.mp3", "j.mp3"}
    assert jingle == "j.mp3"
    began, track = played(radio, "/berlin", 1)[0]
    assert track == "late.mp3"
    assert began <= "22:00:08", "a track of six seconds, and a slow machine"
    assert names(radio, "/ends", 1) == ["own.mp3"]
    assert now(radio, "/ends")["part"] is None


def test_each_rule_once_the_longest_due_first(radio: Radio) -> None:
    """What is due at ten comes at one track end, one of each rule, each marked in the history."""
    until(lambda: len(names(radio, "/jingles", 5)) == 5, "the jingles")
    kinds = {one["track"]: one["kind"] for one in radio.json("/history?route=/jingles")["history"]}
    assert kinds["h.mp3"] == kinds["d.mp3"] == "jingle"
    assert kinds["1.mp3"] == "track"
    heard = names(radio, "/jingles", 5)
    assert {"d.mp3", "h.mp3"} <= set(heard[:4])
    assert abs(heard.index("d.mp3") - heard.index("h.mp3")) == 1


def test_dates_win_over_days_over_spans(radio: Radio) -> None:
    """Three parts hold: the one with dates is the programme."""
    assert (now(radio, "/wins")["track"], now(radio, "/wins")["part"]) == ("date.mp3", "_11-20..11-30 00-24")


def test_a_list_gives_the_order(radio: Radio) -> None:
    """Shuffled or not; what it does not name is not played, what is missing is named."""
    heard = names(radio, "/order", 4)
    assert heard in (["c.mp3", "a.mp3"] * 2, ["a.mp3", "c.mp3"] * 2)
    radio.logged(r'/order: "order\.m3u: missing\.mp3" is in the list and not there')


def test_a_wrong_rule_is_named_with_the_nearest(radio: Radio) -> None:
    """It is neither music nor a rule; a folder that only begins like a word is music."""
    radio.logged(r'/wrong: "_every 3 track" .*nearest right name is `_every 3 tracks`')
    assert next(one["tracks"] for one in radio.json("/streams")["streams"] if one["route"] == "/wrong") == 2


def test_check_says_the_same(tmp_path: Path) -> None:
    """`radiostream check` tells findings by its exit status, for scripts as JSON."""
    tone(tmp_path / "m/_every 3 track/x.mp3", 2)
    tone(tmp_path / "m/_hourly 00/h.mp3", 2, title="H", artist="A")
    tone(tmp_path / "m/a.mp3", 2, title="T", artist="A")
    done = subprocess.run([*MODULE, "check", "--json", str(tmp_path / "m")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "_every 3 tracks" in done.stdout
    assert json.loads(done.stdout)
    (tmp_path / "m/_every 3 track").rename(tmp_path / "m/_every 3 tracks")
    gone = subprocess.run([*MODULE, "check", str(tmp_path / "none")], capture_output=True, text=True)
    assert gone.returncode == 2
