"""Folders that are rules, on the air: a station stepped by hand, whose clock shows 22:13:20 at the start."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from radiostream.playlist.history import JINGLE, SKIPPED, TRACK
from radiostream.playlist.scan import Directory
from radiostream.playlist.state import Saved
from radiostream.playlist.track import Tags
from tests.radio.studio import FRAME_S, Studio, frame

MINUTE_FRAMES = round(60 / FRAME_S)


class Folders:
    """A station's directory of rules, and the studio that plays it."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.root = studio.directory
        self.looks = Directory(str(self.root))

    def put(self, path: str, frames: int = MINUTE_FRAMES) -> None:
        """A track by its path; its name is its number, and in each of its frames."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        number = int(file.stem)
        file.write_bytes(b"".join(frame(number, index) for index in range(frames)))

    def look(self) -> None:
        self.studio.do(self.studio.station.update(self.looks.look(eager=True)))

    def heard(self, minutes: float) -> list[int]:
        """What was on the air, from the start until now, once so many minutes have passed since then."""
        self.studio.run_until(minutes * 60)
        return [int(entry.track.removesuffix(".mp3")) for entry in reversed(self.studio.station.status.history)]

    @property
    def now(self) -> int:
        on_air = self.studio.station.status.on_air
        assert on_air is not None
        assert on_air.track is not None
        return int(on_air.track.stem)


@pytest.fixture
def folders(studio: Studio) -> Folders:
    return Folders(studio)


def music(folders: Folders, *numbers: int, below: str = "") -> None:
    for number in numbers:
        folders.put(f"{below}{number}.mp3")


def test_a_jingle_every_two_tracks(folders: Folders) -> None:
    """It is put between, is in no bag, counts as no track and changes no title; the history marks it."""
    music(folders, 1, 2, 3)
    for number in (90, 91):
        folders.put(f"_every 2 tracks/{number}.mp3", 800)
    folders.studio.tagger.tags = {"2.mp3": Tags("Two", "Artist"), "90.mp3": Tags("Buy this")}
    folders.look()
    assert folders.heard(2.05) == [1, 2, 90]
    status = folders.studio.station.status
    assert (status.tracks, status.on_air and status.on_air.title) == (3, "Artist - Two")
    assert [(entry.title, entry.kind) for entry in status.history[:2]] == [("Buy this", JINGLE), ("Two", TRACK)]
    assert folders.heard(4.5) == [1, 2, 90, 3, 1, 91]
    titles = {chunk.title for chunk in folders.studio.published if chunk.run.track and chunk.run.track.name == "90.mp3"}
    assert titles == {"Artist - Two"}


def test_a_part_begins_at_the_first_track_end_as_it_is_heard(folders: Folders) -> None:
    """Not at the first whose end is published, a burst earlier; after it the station's own music goes on."""
    music(folders, 1, 2, 3, 4, 5)
    music(folders, 11, 12, below="_2215-2217/")
    folders.put("_2215-2217/_every 1 tracks/90.mp3", 200)
    folders.look()
    # 22:13:20, 22:14:20, then 22:15:20
    assert folders.heard(6) == [1, 2, 11, 90, 12, 3, 4]
    plan = folders.studio.station.status.plan
    assert plan is not None
    assert plan.state.scope == ""


def test_at_once(folders: Folders) -> None:
    """Within a second: a part's begin and end, and a jingle of the full minute; what was cut has been skipped."""
    folders.put("1.mp3", 10 * MINUTE_FRAMES)
    folders.put("2.mp3", 10 * MINUTE_FRAMES)
    folders.put("_2215-2217 !/11.mp3", 10 * MINUTE_FRAMES)
    folders.put("_hourly 18 !/90.mp3", 200)
    folders.look()
    folders.heard(6)
    entries = [(entry.track, entry.ended) for entry in reversed(folders.studio.station.status.history)]
    assert entries[:3] == [("1.mp3", SKIPPED), ("11.mp3", SKIPPED), ("2.mp3", SKIPPED)]
    starts = [entry.started_at - 1_700_000_000 for entry in reversed(folders.studio.station.status.history)]
    assert starts[:4] == pytest.approx([0, 100, 220, 280], abs=1.0)
    assert [entry[0] for entry in entries[3:]] == ["90.mp3", "1.mp3"]


def test_a_rule_without_anything_to_play_is_none(folders: Folders) -> None:
    """Broken jingles and an empty part hold nobody up, at once or not."""
    folders.put("1.mp3", 10 * MINUTE_FRAMES)
    for path in ("_hourly 15 !/90.mp3", "_2216-2230 !/91.mp3", "_every 1 tracks/92.mp3"):
        folders.put(path)
        (folders.root / path).write_bytes(bytes(5000))
    folders.look()
    assert folders.heard(9) == [1, 1, 1]
    assert len(folders.studio.published) < 300
    assert {left.name for left in folders.studio.station.status.left_out} >= {"90.mp3", "91.mp3"}


def test_previous_passes_jingles_and_skip_leaves_them(folders: Folders) -> None:
    """Back from the track behind a jingle, and from the jingle itself, is the track before it."""
    music(folders, 1, 2, 3)
    folders.put("_every 1 tracks/90.mp3", 400)
    folders.look()
    assert folders.heard(1.05) == [1, 90]
    station, studio = folders.studio.station, folders.studio
    studio.do(station.next_track())
    assert folders.now == 2
    studio.do(station.previous_track())
    assert folders.now == 1
    studio.do(station.next_track())
    assert folders.now == 90
    studio.do(station.previous_track())
    assert folders.now == 1


def test_previous_over_the_begin_of_a_part(folders: Folders) -> None:
    """What really played before, and then the part goes on with the track that was left."""
    music(folders, 1, 2, 3)
    music(folders, 11, 12, below="_2215-2300/")
    folders.look()
    assert folders.heard(2.1) == [1, 2, 11]
    station, studio = folders.studio.station, folders.studio
    for expected in (2, 1):
        studio.do(station.previous_track())
        assert folders.now == expected
    for expected in (11, 12, 11):
        studio.do(station.next_track())
        assert folders.now == expected


def test_a_folder_is_renamed(folders: Folders) -> None:
    """The programme changes with the look that finds it, and the folder goes on at its place."""
    music(folders, 1, 2, 3)
    music(folders, 11, 12, 13, below="_2214-2217/")
    folders.look()
    assert folders.heard(2.1) == [1, 11, 12]
    ring = folders.studio.station.ring
    (folders.root / "_2214-2217").rename(folders.root / "_2300-2400")
    folders.looks.look()
    folders.look()
    assert folders.heard(4.1) == [1, 11, 12, 2, 3]
    (folders.root / "_2300-2400").rename(folders.root / "_22-06 !")
    folders.look()
    assert folders.heard(4.2) == [1, 11, 12, 2, 3, 13], "at once, as its time has come"
    assert folders.studio.station.ring is ring


def test_a_name_that_is_no_rule(folders: Folders, caplog: pytest.LogCaptureFixture) -> None:
    """It is left out, and named once with the nearest right one; other folders are music."""
    music(folders, 1, below="rock/")
    music(folders, 2, below="_every 4/")
    music(folders, 3, below="_22-06/_06-10/")
    for _ in range(2):
        folders.look()
    left = {left.name: left.reason for left in folders.studio.station.status.left_out}
    assert "`_every 4 tracks`" in left["_every 4"]
    assert "cannot lie in another" in left["_22-06/_06-10"]
    assert folders.studio.station.status.tracks == 1
    assert len([record for record in caplog.records if "_every 4" in record.getMessage()]) == 1


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_order_of_ones_own(make_studio: Callable[..., Studio], shuffle: bool) -> None:
    """`order.m3u` gives the order, shuffled or not; what it does not name is not played, what is not there is named."""
    folders = Folders(make_studio(shuffle=shuffle))
    music(folders, 1, 2, 3, 4)
    music(folders, 5, below="sub/")
    (folders.root / "order.m3u").write_text("#EXTM3U\n3.mp3\nsub\\5.mp3\n\n./1.mp3\r\nnone.mp3\n", encoding="utf-8")
    folders.look()
    assert folders.heard(4.1) == [3, 5, 1, 3, 5]
    left = {left.name: left.reason for left in folders.studio.station.status.left_out}
    assert left["order.m3u: none.mp3"] == "is in the list and not there"
    assert "2 of the files" in left["order.m3u"]


def test_a_list_that_names_a_file_again(make_studio: Callable[..., Studio]) -> None:
    """It plays once a round, where it is named first; whoever wrote the list is told."""
    folders = Folders(make_studio())
    music(folders, 1, 2, 3)
    (folders.root / "order.m3u").write_text("3.mp3\n1.mp3\n3.mp3\n2.mp3\n3.mp3\n", encoding="utf-8")
    folders.look()
    assert folders.heard(3.1) == [3, 1, 2, 3]
    assert [left.reason for left in folders.studio.station.status.left_out if left.name == "order.m3u"] == [
        "names files again in 2 of its lines; each plays once, where it is named first"
    ]


Restart = Callable[[Folders], Folders]


@pytest.fixture
def restarted(make_studio: Callable[..., Studio]) -> Restart:
    """The same directory in another process."""

    def restart(folders: Folders) -> Folders:
        saved = folders.studio.do(folders.studio.station.snapshot())
        playlist = json.loads(json.dumps(saved.playlist))
        return Folders(make_studio(saved=Saved(playlist, saved.history, saved.track, saved.elapsed_s)))

    return restart


def test_restart_in_a_part(folders: Folders, restarted: Restart) -> None:
    """Part, place and what is due are found again."""
    music(folders, 1, 2, 3)
    music(folders, 11, 12, 13, below="_2214-2300/")
    folders.put("_2214-2300/_every 2 tracks/90.mp3", 200)
    folders.put("_2214-2300/_hourly 15/91.mp3", 200)
    folders.look()
    assert folders.heard(1.9) == [1, 11]
    other = restarted(folders)
    other.studio.clock.wall += 115
    other.look()
    assert other.heard(2.5)[:6] == [1, 11, 91, 12, 90, 13]


def test_restart_in_a_jingle(folders: Folders, restarted: Restart) -> None:
    """It is not gone on with; the next track is."""
    music(folders, 1, 2, 3)
    folders.put("_every 1 tracks/90.mp3", 1000)
    folders.look()
    assert folders.heard(1.1) == [1, 90]
    other = restarted(folders)
    other.look()
    assert other.heard(0.1) == [1, 90, 2]


def test_a_jingle_and_nothing_else(folders: Folders) -> None:
    """It is heard when it is due, and silence behind it; one that comes at once has nothing to cut then."""
    folders.put("_hourly 15/90.mp3", 200)
    folders.put("_hourly 17 !/91.mp3", 200)
    folders.look()
    assert folders.heard(6) == [90, 91]
