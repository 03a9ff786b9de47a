"""The order of play, on examples; `test_playlist_rules.py` has the random sequences."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise

import pytest

from radiostream.playlist.line import STEPS_BACK
from radiostream.playlist.natural import natural_key
from radiostream.playlist.track import Track
from tests.playlist.heard import Heard

Names = str | list[str]


def listing(names: Names, size: int = 1) -> list[Track]:
    """Tracks called so, in natural order."""
    return [Track(path, size, 1, "mp3") for path in sorted((f"/s/{name}.mp3" for name in names), key=natural_key)]


def playlist(names: Names, shuffle: bool = False, seed: int = 1) -> Heard:
    made = Heard(random.Random(seed), shuffle)
    made.update(listing(names))
    return made


def name(track: Track | None) -> str:
    return "-" if track is None else track.name.removesuffix(".mp3")


def play(made: Heard, count: int) -> str:
    return "".join(name(made.next()) for _ in range(count))


def back(made: Heard, count: int) -> str:
    return "".join(name(made.previous()) for _ in range(count))


def test_circle() -> None:
    """In sequence, the first follows the last."""
    assert play(playlist("bca"), 7) == "abcabca"


def test_nothing_to_play() -> None:
    """Without tracks there is no next, no previous and nothing current."""
    empty = playlist("")
    assert (empty.next(), empty.previous(), empty.peek(), empty.current, len(empty)) == (None, None, None, None, 0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_only_one(shuffle: bool) -> None:
    """A single track follows itself, forward and back."""
    alone = playlist("a", shuffle)
    assert play(alone, 3) + back(alone, 2) + play(alone, 2) == "aaaaaaa"


@pytest.mark.parametrize("seed", range(20))
def test_shuffle_plays_each_once_a_cycle(seed: int) -> None:
    """Every cycle is a permutation, and no track comes twice in a row over the seam."""
    heard = play(playlist("abcd", shuffle=True, seed=seed), 40)
    for start in range(0, 40, 4):
        assert sorted(heard[start : start + 4]) == list("abcd")
    assert all(one != two for one, two in pairwise(heard))


def test_shuffle_differs_from_cycle_to_cycle() -> None:
    """It is not one permutation again and again."""
    heard = play(playlist("abcdefgh", shuffle=True), 80)
    assert len({heard[start : start + 8] for start in range(0, 80, 8)}) > 1


@pytest.mark.parametrize("seed", range(20))
def test_no_artist_twice_in_a_row(seed: int) -> None:
    """Also over the seam, also where the artists become known only once the first track plays."""
    known = False
    made = Heard(random.Random(seed), True, lambda track: track.name[0] if known else "")
    made.update(listing(["a1", "a2", "a3", "b1", "b2", "c1"]))
    made.peek()
    heard = name(made.next())[0]
    known = True
    heard += "".join(name(made.next())[0] for _ in range(30))
    assert all(one != two for one, two in pairwise(heard))


def test_artist_of_nearly_everything() -> None:
    """Where the directory does not allow it, every track still plays once a cycle."""
    made = Heard(random.Random(3), True, lambda track: track.name[0])
    made.update(listing([f"a{number}" for number in range(20)] + ["b1", "b2"]))
    assert set(Counter(name(made.next()) for _ in range(66)).values()) == {3}


def test_previous_goes_back_through_what_played() -> None:
    """Also in shuffle; then next goes forward again through the same, before something new comes."""
    made = playlist("abcdef", shuffle=True)
    heard = play(made, 5)
    assert back(made, 4) == heard[3::-1]
    assert play(made, 4) == heard[1:]
    assert play(made, 1) not in heard


def test_nothing_further_back() -> None:
    """At the beginning, previous means the track in front in sequence, the same once more in shuffle."""
    sequence, shuffled = playlist("abc"), playlist("abc", shuffle=True)
    assert play(sequence, 1) + back(sequence, 2) + play(sequence, 3) == "acbcab"
    assert len(set(play(shuffled, 1) + back(shuffled, 2))) == 1


def test_previous_of_nothing_is_a_beginning() -> None:
    """A station that has played nothing begins with the first track."""
    assert back(playlist("abc"), 1) == "a"


def test_back_is_bounded() -> None:
    """What was played long ago is forgotten."""
    made = playlist("abc", shuffle=True)
    play(made, 2 * STEPS_BACK)
    back(made, STEPS_BACK)
    stays = name(made.current)
    assert back(made, 5) == stays * 5


def test_peek_is_next() -> None:
    """Looking ahead changes nothing."""
    for shuffle in (False, True):
        made = playlist("abcde", shuffle)
        for _ in range(20):
            ahead = made.peek()
            assert (made.peek(), made.next()) == (ahead, ahead)


@pytest.mark.parametrize("seed", range(20))
def test_peek_is_a_promise(seed: int) -> None:
    """An artist who becomes known between peek and next, in another thread, does not make them differ."""
    artists: dict[str, str] = {}
    made = Heard(random.Random(seed), True, lambda track: artists.get(track.name, ""))
    made.update(listing(["a1", "a2", "b1", "b2"]))
    made.next()
    ahead = made.peek()
    artists.update({"a1.mp3": "a", "a2.mp3": "a", "b1.mp3": "b", "b2.mp3": "b"})
    assert made.next() is ahead


def test_added_in_sequence() -> None:
    """A new file comes in its place in the order; one in front of the current, when the circle comes round."""
    made = playlist("bdf")
    assert play(made, 2) == "bd"
    made.update(listing("abcdef"))
    assert play(made, 7) == "efabcde"


@pytest.mark.parametrize("seed", range(20))
def test_added_in_shuffle(seed: int) -> None:
    """New files still play in the running cycle, in which nothing plays twice."""
    made = playlist("abcdef", shuffle=True, seed=seed)
    heard = play(made, 3)
    made.update(listing("abcdefgh"))
    assert sorted(heard + play(made, 5)) == list("abcdefgh")


def test_added_at_random_slots() -> None:
    """A new file does not always come at the same slot of the cycle."""
    slots = set()
    for seed in range(40):
        made = playlist("abcd", shuffle=True, seed=seed)
        play(made, 1)
        made.update(listing("abcde"))
        slots.add(play(made, 4).index("e"))
    assert slots == {0, 1, 2, 3}


def test_current_removed() -> None:
    """It stays current until it ends; the one behind its place follows."""
    made = playlist("abcd")
    play(made, 2)
    made.update(listing("acd"))
    assert name(made.current) == "b"
    assert play(made, 4) == "cdac"


def test_current_renamed() -> None:
    """Renaming is removing and adding: the new name has its own place in the order."""
    made = playlist("abc")
    play(made, 2)
    made.update(listing("acx"))
    assert play(made, 4) == "cxac"


def test_removed_from_what_was_played() -> None:
    """Previous passes over what is gone, and never answers with the track that is on the air."""
    made = playlist("abc")
    play(made, 4)
    made.update(listing("ab"))
    assert name(made.previous()) == "b"
    made.update(listing("bc"))
    assert name(made.previous()) != "b"


@pytest.mark.parametrize(("left", "follow"), [("ab", "b"), ("a", "bc")])
def test_gone_back_over_the_seam(left: str, follow: str) -> None:
    """A track gone back to, which the new cycle has still to play, does not follow itself when its successor went."""
    made = Heard(random.Random(1), shuffle=True)
    paths = {letter: f"/s/{letter}.mp3" for letter in "abc"}
    done = [paths[letter] for letter in "abc" if letter not in left]
    made.restore({"current": paths["a"], "pending": [paths[letter] for letter in left], "done": done})
    made.update(listing("abc"))
    assert play(made, 1) in follow


def test_replaced() -> None:
    """A file with another size or time takes the place of the one before it, and next gives the new one."""
    made = playlist("abc")
    play(made, 1)
    made.update(listing("abc", size=2))
    assert made.current == listing("a")[0]
    assert made.next() == listing("b", size=2)[0]


def test_away_for_a_while() -> None:
    """When a directory comes back, the cycle goes on: nothing of it plays again before the rest has."""
    made = playlist("abcdef", shuffle=True)
    heard = play(made, 3)
    made.update([])
    assert (made.peek(), made.next(), made.current) == (None, None, None)
    made.update(listing("abcdef"))
    assert sorted(heard + play(made, 3)) == list("abcdef")


def test_shuffle_switched() -> None:
    """The current track stays; what has played in this cycle does not play again in it."""
    made = playlist("abcdefgh")
    heard = play(made, 3)
    made.set_shuffle(True)
    assert (made.shuffle, name(made.current)) == (True, "c")
    heard += play(made, 2)
    made.set_shuffle(False)
    rest = play(made, 3)
    assert sorted(heard + rest) == list("abcdefgh")
    following = sorted(set("abcdefgh") - set(heard), key=lambda letter: (letter < heard[-1], letter))
    assert rest == "".join(following)


def restarted(made: Heard, names: Names, first: bool = True) -> Heard:
    """The playlist of another process that knows the state of `made`."""
    state = json.loads(json.dumps(made.state()))
    other = Heard(random.Random(99))
    if first:
        other.restore(state)
    other.update(listing(names))
    if not first:
        other.restore(state)
    return other


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_restart(shuffle: bool, first: bool) -> None:
    """It goes on with the same track, order and way back, whether the state or the listing comes first."""
    made = playlist("abcdefgh", shuffle)
    heard = play(made, 6)
    back(made, 2)
    other = restarted(made, "abcdefgh", first)
    assert (name(other.current), other.shuffle) == (heard[3], shuffle)
    assert back(other, 2) == heard[2:0:-1]
    assert play(other, 6) == play(made, 0) + heard[2:6] + play(made, 4)[2:]


def test_restart_with_another_directory() -> None:
    """What came while the process was away joins the cycle; what went is passed over."""
    made = playlist("bcde")
    play(made, 2)
    other = restarted(made, "abdef")
    assert other.current is None
    assert play(other, 5) == "defab"


def test_restart_before_the_directory_is_there() -> None:
    """A mount that comes late finds the track that was current."""
    made = playlist("abcd")
    play(made, 2)
    other = restarted(made, "")
    assert other.next() is None
    other.update(listing("abcd"))
    assert name(other.current) == "b"
    assert play(other, 3) == "cda"


def test_names_of_any_bytes_in_the_state() -> None:
    """A name that is no UTF-8 survives JSON."""
    made = playlist(["\udcff\udc80", "b"])
    made.next()
    made.next()
    assert restarted(made, ["\udcff\udc80", "b"]).current == made.current


def test_gone_back_to_while_its_successor_goes() -> None:
    """In shuffle the next cycle may have had it next: it does not follow itself."""
    for seed in range(30):
        made = playlist("abc", shuffle=True, seed=seed)
        play(made, 3)
        then = play(made, 1)
        before = back(made, 1)
        made.update(listing([one for one in "abc" if one != then]))
        assert play(made, 1) not in (before, then)


def test_all_by_one_artist() -> None:
    """Nothing can be put between; all the same no track follows itself."""
    for seed in range(30):
        made = Heard(random.Random(seed), True, lambda _: "The Band")
        made.update(listing("abc"))
        assert all(one != then for one, then in pairwise(play(made, 30)))
