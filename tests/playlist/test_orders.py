"""Lists that give an order."""

from __future__ import annotations

from pathlib import Path

import pytest

from radiostream.playlist.orders import OrderFiles, entries
from radiostream.playlist.scan import Directory


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"#EXTM3U\r\n#EXTINF:1,A\r\na.mp3\r\n\r\nb.mp3", ["/s/a.mp3", "/s/b.mp3"]),
        (b"\xef\xbb\xbfn\xc3\xa4.mp3\n", ["/s/nä.mp3"]),
        (b"n\xe4.mp3\n", ["/s/nä.mp3"]),
        (b"Rock\\a.mp3\n./x/../b.mp3\n/t/c.mp3\n../d.mp3\n", ["/s/Rock/a.mp3", "/s/b.mp3", "/t/c.mp3", "/d.mp3"]),
        (b"a\0b.mp3\n\xff\xfe\n", ["/s/ÿþ"]),
    ],
)
def test_entries(data: bytes, expected: list[str]) -> None:
    """Paths relative to the list; comments, empty lines and what can be no name are passed over."""
    assert list(entries(data, "/s")) == expected


def test_a_list_settles_like_a_file(tmp_path: Path) -> None:
    """It is taken once two looks have found the same; until then the one before counts. Unchanged, it is the same."""
    path, lists = tmp_path / "order.m3u", OrderFiles()
    path.write_text("a.mp3\n")
    (first,) = lists.look([str(path)], eager=True)
    assert first.entries == (f"{tmp_path}/a.mp3",)
    path.write_text("a.mp3\nb.mp3\n")
    assert lists.look([str(path)], eager=False) == (first,)
    (second,) = found = lists.look([str(path)], eager=False)
    assert len(second.entries) == 2
    assert lists.look([str(path)], eager=False) is found
    path.unlink()
    assert lists.look([str(path)], eager=False) == ()


def test_lists_of_a_directory(tmp_path: Path) -> None:
    """Its own and those of folders that may be parts, whatever the letters' case; not those that lie deeper."""
    for path in ("Order.M3U", "_22-06/order.m3u8", "rock/order.m3u", "_22-06/rock/order.m3u"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("a.mp3\n")
    (tmp_path / "a.mp3").write_bytes(b"x")
    directory = Directory(str(tmp_path))
    listing = directory.look()
    assert sorted(order.path for order in listing.orders) == [f"{tmp_path}/Order.M3U", f"{tmp_path}/_22-06/order.m3u8"]
    assert directory.look() is listing
    (tmp_path / "Order.M3U").unlink()
    (tmp_path / "_22-06").rename(tmp_path / "_21-06")
    assert [order.path for order in directory.look(eager=True).orders] == [f"{tmp_path}/_21-06/order.m3u8"]


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    """It names nothing; and one that was never there is not taken at the first look."""
    (tmp_path / "order.m3u").mkdir()
    (order,) = OrderFiles().look([str(tmp_path / "order.m3u"), str(tmp_path / "gone.m3u")], eager=True)
    assert order.entries == ()
    assert OrderFiles().look([str(tmp_path / "order.m3u")], eager=False) == ()
