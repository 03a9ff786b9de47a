"""The embedded row in a frame of another site's page, in three engines: it plays when it is pressed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elsewhere import foreign_site
from tests.engines import chirps
from tests.engines.browsers import ENGINES, HLS
from tests.engines.desk import Desk
from tests.server import Radio
from tests.waiting import until

STATION = "mp3"


@pytest.mark.players
@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != HLS])
def test_it_plays_in_a_foreign_frame(engine: str, tmp_path: Path) -> None:
    """A page at another origin, the row in its frame, a press, and the station is heard."""
    stations = chirps.make(tmp_path, STATION)
    (tmp_path / "site").mkdir()
    desk = Desk(tmp_path)
    try:
        with (
            Radio(["--port", "0", "--audio-dir", str(stations[STATION])]) as radio,
            foreign_site(tmp_path / "site") as site,
            ENGINES[engine](tmp_path, desk.environ) as driver,
        ):
            row = f'<iframe src="{radio.url}/embed/main" width="360" height="90" allow="autoplay"></iframe>'
            (tmp_path / "site" / "index.html").write_text(f"<!doctype html><title>A shop</title>{row}")
            driver.go(site)
            driver.enter_frame()
            until(lambda: driver.js("return document.querySelector('#title').textContent.length > 0"), "the row")
            driver.click("#play")
            assert desk.recorder.hears(STATION)
            assert driver.js("return document.querySelector('#row').dataset.phase") == "playing"
    finally:
        desk.close()
