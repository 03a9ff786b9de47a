"""Every page in every language and both themes: nothing that axe-core finds, nothing wider than a small telephone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from radiostream.http.views.editions import LANGUAGES
from tests.functional.browser import axe, on_air, two_stations, visit
from tests.server import PASSWORD, Radio

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    with on_air(*two_stations(tmp_path_factory.mktemp("music")), "--site-name", "Waves") as server:
        yield server


def agrees(page: Page, theme: str) -> None:
    """axe has no finding of any weight, with everything folded out; and the page is as narrow as the screen."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = page.evaluate("axe.run()")
    assert found["violations"] == [], (page.url, theme, json.dumps(found["violations"], indent=1)[:3000])
    assert found["passes"]
    page.set_viewport_size(NARROW)  # type: ignore[arg-type] # a TypedDict
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"], (page.url, width)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_fault_in_any_language(browser: Browser, radio: Radio, language: str) -> None:
    """The player, a station's page, the embedded row, the login, the status page and the page for a wrong address."""
    with visit(browser, radio, locale=language) as visitor:
        visitor.context.add_init_script(axe())
        pages = {path: visitor.open(path) for path in ("/web", "/web#/humor", "/embed/main", "/status", "/web/nothing")}
        for theme in ("light", "dark"):
            for page in pages.values():
                assert page.locator("html").get_attribute("lang") == language
                agrees(page, theme)
        status = pages["/status"]
        status.locator("input[type=password]").fill(PASSWORD)
        status.locator("button[type=submit]").click()
        status.wait_for_selector('.row[data-route="/"]')
        for theme in ("light", "dark"):
            agrees(status, theme)
