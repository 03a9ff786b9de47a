"""The tagger: by hand, and with its thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from radiostream.playlist.picture_finder import PictureFinder
from radiostream.playlist.tagger import MANY, Tagger
from radiostream.playlist.track import Tags, Track
from tests.waiting import PATIENCE_S


def track(name: str, size: int = 1) -> Track:
    return Track(f"/s/{name}.mp3", size, 1, "mp3")


class Reader:
    """Stands in for `read_tags`; notes what was read."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, path: str) -> Tags:
        self.gate.wait(PATIENCE_S)
        self.read.append(path[3:-4])
        if path[3:-4] == "bad":
            raise RuntimeError("a bug")
        return Tags(path[3:-4], "".join(["The", " Band"]), "")


@pytest.fixture
def reader() -> Reader:
    return Reader()


def work(tagger: Tagger) -> None:
    while tagger.step():
        pass


def test_requested_first(reader: Reader) -> None:
    """What somebody wants to know now is read before the rest."""
    tagger = Tagger(read=reader)
    tagger.enqueue("/", [track(name) for name in "abcd"])
    tagger.step()
    assert tagger.request(track("d")) is None
    work(tagger)
    assert reader.read == ["a", "d", "b", "c"]
    assert tagger.get(track("c")) == Tags("c", "The Band")
    assert tagger.request(track("c")) == Tags("c", "The Band")
    assert (tagger.artist_of(track("c")), tagger.artist_of(track("x"))) == ("The Band", "")


def test_pictures_come_between(reader: Reader) -> None:
    """Tags that somebody waits for come first, then pictures on the air, then everybody's tags."""
    found = []
    finder = PictureFinder(lambda path, _root: found.append((path, list(reader.read))))
    tagger = Tagger(read=reader, pictures=finder)
    tagger.enqueue("/", [track("a"), track("b")])
    tagger.request_picture("/", track("c"), "/s", lambda _: None)
    tagger.request(track("d"))
    work(tagger)
    assert found == [("/s/c.mp3", ["d"])]
    assert reader.read == ["d", "a", "b"]


def test_told_only_who_asked(reader: Reader) -> None:
    """`on_tags` hears of the tracks that were asked for, once, not of all others."""
    told: list[tuple[Track, Tags]] = []
    tagger = Tagger(lambda *what: told.append(what), read=reader)
    tagger.enqueue("/", [track(name) for name in "abc"])
    tagger.request(track("b"))
    tagger.request(track("b"))
    work(tagger)
    assert told == [(track("b"), Tags("b", "The Band"))]


def test_replaced_file_is_read_again(reader: Reader) -> None:
    """Another size is another track, and the old one's tags are forgotten."""
    tagger = Tagger(read=reader)
    tagger.enqueue("/", [track("a"), track("b")])
    work(tagger)
    tagger.enqueue("/", [track("a", size=2), track("b")])
    work(tagger)
    assert reader.read == ["a", "b", "a"]
    assert tagger.get(track("a")) is None
    assert tagger.get(track("a", size=2)) is not None


def test_forgets_what_no_station_has(reader: Reader) -> None:
    """A track stays known as long as one station lists it."""
    tagger = Tagger(read=reader)
    tagger.enqueue("/", [track("a"), track("b")])
    tagger.enqueue("/b", [track("b")])
    work(tagger)
    tagger.enqueue("/", [])
    work(tagger)
    assert (tagger.get(track("a")), tagger.get(track("b"))) == (None, Tags("b", "The Band"))


def test_one_string_an_artist(reader: Reader) -> None:
    """A thousand tracks of one artist share its name."""
    tagger = Tagger(read=reader)
    tagger.enqueue("/", [track("a"), track("b")])
    work(tagger)
    one, two = tagger.get(track("a")), tagger.get(track("b"))
    assert one is not None
    assert two is not None
    assert one.artist is two.artist


def test_reader_that_fails(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """A bug costs the tags of that track, and is logged."""
    tagger = Tagger(read=reader)
    tagger.enqueue("/", [track("bad"), track("a")])
    with caplog.at_level(logging.ERROR):
        work(tagger)
    assert (tagger.get(track("bad")), tagger.get(track("a"))) == (Tags(), Tags("a", "The Band"))
    assert len(caplog.records) == 1


def test_progress_in_the_log(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """A long first reading is visible: its begin, every ten seconds, its end; a short one is not."""
    now_s = [0.0]
    tagger = Tagger(read=reader, now=lambda: now_s[0])
    with caplog.at_level(logging.INFO):
        tagger.enqueue("/", [track(str(number)) for number in range(MANY)])
        work(tagger)
        assert caplog.messages == []
        tagger.enqueue("/", [track(f"x{number}") for number in range(MANY + 1)])
        tagger.step()
        tagger.step()
        now_s[0] = 10.0
        tagger.step()
        tagger.step()
        work(tagger)
    assert caplog.messages == [
        f"reading the tags of {MANY + 1} files",
        f"reading tags: {MANY - 2} files to go",
        "all tags read",
    ]


@pytest.fixture
def running(reader: Reader) -> Iterator[Tagger]:
    tagger = Tagger(read=reader)
    tagger.start()
    yield tagger
    reader.gate.set()
    tagger.stop(PATIENCE_S)


def test_wait(running: Tagger) -> None:
    """Who waits gets the tags as soon as they are read, at once where they are known."""
    for _ in range(2):
        assert running.wait(track("a"), PATIENCE_S) == Tags("a", "The Band")


def test_wait_in_vain(running: Tagger, reader: Reader) -> None:
    """A file that takes long holds up nobody longer than he wants to wait."""
    reader.gate.clear()
    assert running.wait(track("a"), 0) is None
    assert running.get(track("a")) is None


def test_thread_reads_all(running: Tagger) -> None:
    """In the background it comes to the last one without being asked."""
    tracks = [track(name) for name in "abcdef"]
    running.enqueue("/", tracks)
    assert running.wait(track("g"), PATIENCE_S) is not None
    assert running.wait(tracks[-1], PATIENCE_S) is not None


def test_station_that_fails(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """What `on_tags` raises is logged, and the thread goes on."""

    def on_tags(_track: Track, _tags: Tags) -> None:
        raise RuntimeError("a bug")

    tagger = Tagger(on_tags, read=reader)
    tagger.start()
    with caplog.at_level(logging.ERROR):
        assert tagger.wait(track("a"), PATIENCE_S) is not None
        assert tagger.wait(track("b"), PATIENCE_S) is not None
        tagger.stop(PATIENCE_S)
    assert {record.getMessage() for record in caplog.records} == {"a step of the thread tagger failed; it goes on"}


def test_stopped(reader: Reader) -> None:
    """Nobody waits for a tagger that has stopped."""
    tagger = Tagger(read=reader)
    tagger.stop()
    assert tagger.wait(track("a"), PATIENCE_S) is None
