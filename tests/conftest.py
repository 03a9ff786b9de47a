"""For all tests: hypothesis' profiles, which tests need other programs, and which must be alone on the machine."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

HERE: Final = Path(__file__).parent
PLAYER_DIRECTORIES: Final = (HERE / "functional", HERE / "image")
PLAYER_FIXTURES: Final = frozenset(
    (
        *("wav", "mp3", "corpus", "streams", "tagged", "vorbis_preamble"),
        *("mp3_encode", "mp3_frames", "ogg_aac_encode", "ogg_aac_decode"),
    )
)
"""What is made by encoders, or read by decoders."""

settings.register_profile("radiostream", deadline=None)  # how long an example takes says nothing on a busy machine
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("radiostream")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that need players by where they are and which audio they ask for; those that are alone come last."""
    for item in items:
        needs = PLAYER_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if needs or any(place in item.path.parents for place in PLAYER_DIRECTORIES):
            item.add_marker("players")
    items.sort(key=lambda item: item.get_closest_marker("serial") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A `serial` test, its fixtures included, runs while no other one does, in whatever process of this run."""
    with _turn(alone=item.get_closest_marker("serial") is not None):
        return (yield)


def pytest_sessionfinish() -> None:
    """What a worker of pytest-xdist has measured is saved here: it is ended before coverage would do so."""
    coverage = sys.modules.get("coverage")
    if "PYTEST_XDIST_WORKER" in os.environ and coverage is not None and (run := coverage.Coverage.current()):
        run.stop()
        run.save()


@contextmanager
def _turn(*, alone: bool) -> Iterator[None]:
    """Shared by all, or had alone. Whoever waits to be alone holds the gate, so that nobody else comes in meanwhile."""
    with open(HERE / "server.py") as gate, open(HERE / "waiting.py") as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield
