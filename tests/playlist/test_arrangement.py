"""Which folder a track belongs to, and what becomes of lists."""

from __future__ import annotations

from radiostream.playlist.arrangement import OWN, Arrangement, arrange
from radiostream.playlist.listing import Listing
from radiostream.playlist.orders import Order
from radiostream.playlist.track import Track

ROOT = "/srv/radio"


def arranged(paths: list[str], list_path: str, *entries: str) -> Arrangement:
    """These tracks, with one list."""
    order = Order(f"{ROOT}/{list_path}", tuple(f"{ROOT}/{entry}" for entry in entries))
    return arrange(ROOT, Listing(tuple(Track(f"{ROOT}/{path}", 1, 1, "mp3") for path in paths), orders=(order,)))


def names(made: Arrangement, folder: str) -> list[str]:
    return [track.path.removeprefix(f"{ROOT}/") for track in made.folders[folder].tracks]


def test_a_file_is_no_rule() -> None:
    """Only directories make rules, whatever a file is called; a list puts it where it likes."""
    made = arranged(["_22-06.mp3", "a.mp3"], "order.m3u", "a.mp3", "_22-06.mp3")
    assert list(made.folders) == [OWN]
    assert names(made, OWN) == ["a.mp3", "_22-06.mp3"]


def test_a_list_of_jingles_gives_no_order() -> None:
    """They come as they would without it, and nothing is said to be left out."""
    made = arranged(["_hourly 20/a.mp3", "_hourly 20/b.mp3"], "_hourly 20/order.m3u", "_hourly 20/b.mp3")
    assert names(made, "_hourly 20") == ["_hourly 20/a.mp3", "_hourly 20/b.mp3"]
    assert made.left_out == ()


def test_a_list_of_nothing_that_is_there() -> None:
    """It is not used, and that is said."""
    made = arranged(["a.mp3"], "order.m3u", "b.mp3")
    assert names(made, OWN) == ["a.mp3"]
    (told,) = made.left_out
    assert (told.name, told.reason.partition(",")[0]) == ("order.m3u", "names no file that is there")


def test_a_list_of_much_that_is_not_there() -> None:
    """A hundred names are told, and how many more there are."""
    made = arranged(["a.mp3"], "order.m3u", "a.mp3", *(f"{number}.mp3" for number in range(150)))
    assert len(made.left_out) == 101
    assert made.left_out[-1].reason == "and 50 more that are not there"
