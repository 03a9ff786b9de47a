"""Chromium, Firefox and WebKitGTK listen to every format; what their listeners hear is measured."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engines import chirps
from tests.engines.browsers import ENGINES
from tests.engines.figures import measure
from tests.engines.report import faults, table
from tests.engines.visit import visit


@pytest.fixture(scope="module")
def stations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A directory of two tracks for each format."""
    return chirps.make(tmp_path_factory.mktemp("chirps"))


@pytest.mark.players
@pytest.mark.serial  # sound is heard as it is played: a machine that is busy with other tests would be heard
def test_what_is_heard(stations: dict[str, Path]) -> None:
    """Press to sound, track ends, titles, a skip, media keys and a server that was killed: nothing to complain of.

    All listen at the same time. Who has something to complain of listens again by itself: a busy machine is heard once,
    a fault again.
    """
    with ThreadPoolExecutor(len(ENGINES)) as pool:
        first = list(pool.map(lambda engine: measure(visit(engine, stations)), ENGINES))
    print(table(first))
    again = [measure(visit(one.engine, stations)) for one in first if faults(one)]
    assert [fault for one in again for fault in faults(one)] == [], table([*first, *again])
