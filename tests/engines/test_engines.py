"""Chromium, Firefox and WebKitGTK listen to every format; what their listeners hear is measured."""

from __future__ import annotations

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
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_heard(engine: str, stations: dict[str, Path]) -> None:
    """Press to sound, track ends, a skip, media keys and a server that was killed: nothing to complain of twice."""
    figures = measure(visit(engine, stations))
    if faults(figures):  # a busy machine is heard once, a fault again
        print(table([figures]), *faults(figures), sep="\n")
        figures = measure(visit(engine, stations))
    assert faults(figures) == [], table([figures])
