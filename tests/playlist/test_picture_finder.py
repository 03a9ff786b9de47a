"""Pictures of what is on the air: one look-up for each request, one copy however many show it."""

from __future__ import annotations

import gc
import logging

import pytest

from radiostream.playlist.picture_finder import PictureFinder
from radiostream.playlist.pictures import Picture
from radiostream.playlist.track import Track


def track(name: str) -> Track:
    return Track(f"/music/{name}.mp3", 1, 1, "mp3")


class Album:
    """Finds a picture for each file, whose content is the first letter of the file's name; counts the look-ups."""

    def __init__(self, size: int = 10) -> None:
        self.asked: list[str] = []
        self._size = size

    def find(self, path: str, _root: str) -> Picture | None:
        self.asked.append(path)
        letter = path.removeprefix("/music/")[0]
        return None if letter == "-" else Picture(letter.encode() * self._size, "image/png", letter)


def test_one_look_up_for_each_request() -> None:
    """The thread's step answers one station after another; nobody is told before, nothing is looked up twice."""
    album, delivered = Album(), list[Picture | None]()
    finder = PictureFinder(album.find)
    for route, name in (("/a", "x"), ("/b", "-")):
        finder.request(route, track(name), "/music", delivered.append)
    assert not delivered
    assert [finder.step() for _ in range(3)] == [True, True, False]
    assert [one.version if one else None for one in delivered] == ["x", None]
    assert len(album.asked) == 2


def test_the_latest_requests_of_a_station_count() -> None:
    """While a disk hangs requests do not pile up: what is not on the air any more is not looked up. But the track on
    the air and the one that was read ahead of it are, in this order; no station waits for all of another's."""
    album, delivered = Album(), list[Picture | None]()
    finder = PictureFinder(album.find)
    for number in range(100):
        finder.request("/a", track(f"x{number}"), "/music", delivered.append)
    finder.request("/b", track("y"), "/music", delivered.append)
    while finder.step():
        pass
    assert album.asked == ["/music/x97.mp3", "/music/y.mp3", "/music/x98.mp3", "/music/x99.mp3"]


def test_the_same_picture_is_kept_once() -> None:
    """An album's tracks share one cover, on all stations; it goes when nobody shows it any more."""
    shown = list[Picture | None]()
    finder = PictureFinder(Album().find)
    for route in ("/a", "/b"):
        finder.request(route, track(f"x{route[1]}"), "/music", shown.append)
        finder.step()
    assert shown[0] is shown[1] is not None


def test_pictures_on_the_air_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the bound a picture is left out and that is told once; when others have gone there is room again."""
    caplog.set_level(logging.WARNING)
    shown = dict[str, Picture | None]()
    finder = PictureFinder(Album(10).find, kept_bytes=25)

    def show(name: str) -> None:
        finder.request(name, track(name), "/music", lambda picture: shown.update({name: picture}))
        finder.step()

    for name in "abcd":
        show(name)
    assert [name for name, picture in shown.items() if picture] == ["a", "b"]
    assert len(caplog.records) == 1
    shown.clear()
    gc.collect()
    show("e")
    assert shown["e"] is not None
