"""Stations for the radio's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.radio.studio import Studio


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Studios over the same directory; what they hold open is closed at the end."""
    made: list[Studio] = []

    def make(**options: Any) -> Studio:
        made.append(Studio(tmp_path, **options))
        return made[-1]

    yield make
    for studio in made:
        studio.station.stop()
        studio.station.run()


@pytest.fixture
def studio(make_studio: Callable[..., Studio]) -> Studio:
    return make_studio()
