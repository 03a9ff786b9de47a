"""The player elsewhere: in a frame on another site, installed, offline, and in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.elsewhere import foreign_site
from tests.functional.browser import axe, hears, on_air, press_play, reads, two_stations, visit
from tests.server import PASSWORD, Radio


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    options = two_stations(tmp_path_factory.mktemp("music"))
    with on_air(*options, "--site-name", "Waves") as server:
        yield server


def test_it_plays_in_a_frame_of_another_origin(browser: Browser, radio: Radio, tmp_path: Path) -> None:
    """By the line that the player's page offers: title, cover, sound on a press; no cookie; three requests
    before anything plays, but for the cover and what plays."""
    with foreign_site(tmp_path) as site, visit(browser, radio) as visitor:
        page = visitor.open("/web#/humor")
        page.locator("#share summary").click()
        code = page.get_by_label("HTML to embed the player").input_value()
        page.close()
        (tmp_path / "index.html").write_text(f"<!doctype html><title>A shop</title>{code}", encoding="utf-8")
        asked: list[str] = []
        visitor.context.on("request", lambda request: asked.append(request.url))
        page = visitor.open(f"{site}/index.html")
        frame = page.frame_locator("iframe")
        frame.get_by_text("Tone of 2000").wait_for()
        files = [url for url in asked if url.startswith(radio.url) and not re.search("now-playing|/cover/", url)]
        assert len(files) == 3, files
        frame.get_by_role("button", name="Play Humour").click()
        frame.locator("#row[data-phase=playing]").wait_for()
        inner = page.frames[1]
        inner.wait_for_function("() => Math.abs(ear.hz() / 2000 - 1) < 0.05", polling=50)
        assert inner.evaluate("violations") == []
        assert visitor.context.cookies() == []
        assert [one for one in visitor.complaints if radio.url in one] == []


def test_nothing_else_may_be_framed(browser: Browser, radio: Radio, tmp_path: Path) -> None:
    """A frame around the player's page stays empty."""
    (tmp_path / "index.html").write_text(f'<iframe src="{radio.url}/web"></iframe>', encoding="utf-8")
    with foreign_site(tmp_path) as site, visit(browser, radio) as visitor:
        page = visitor.open(f"{site}/index.html")
        page.frames[1].wait_for_url("chrome-error://**")


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_axe_finds_nothing_in_it(browser: Browser, radio: Radio, theme: str) -> None:
    """No finding at all, whatever the look that is asked for."""
    with visit(browser, radio) as visitor:
        visitor.context.add_init_script(axe())
        page = visitor.open(f"/embed/main?theme={theme}&accent=ffd700&cover=1")
        reads(page, "#title", "The Oscillators \N{EN DASH} Tone of 500")
        assert page.evaluate("axe.run()")["violations"] == []


def test_the_installed_player_says_that_it_is_offline(browser: Browser, radio: Radio) -> None:
    """Without a network the worker shows a message; it keeps no audio and no JSON, and nothing of the operator's."""
    with visit(browser, radio, worker=True) as visitor:
        page = visitor.open("/web")
        page.evaluate("navigator.serviceWorker.ready")
        page.reload()
        press_play(page)
        hears(page, 500)
        kept = page.evaluate("""async () => {
            const cache = await caches.open((await caches.keys())[0]);
            return (await cache.keys()).map((request) => new URL(request.url).pathname);
        }""")
        assert all(path == "/web" or path.startswith("/static/") for path in kept), kept
        visitor.context.set_offline(True)
        page.reload()
        page.get_by_role("heading", name="You are offline").wait_for()
        visitor.context.set_offline(False)
        page.get_by_role("link", name="Try again").click()
        reads(page, "#now-title", "Tone of 500")


@pytest.mark.parametrize(
    ("locale", "play", "status"),
    [
        ("de-DE", "Main abspielen", "Waves: Status"),
        ("fr-CA", "Écouter Main", "Waves : état"),
        ("ru", "Слушать Main", "Waves: состояние"),
        ("ja", "Main を再生", "Waves の状態"),
        ("nl", "Play Main", "Waves status"),
    ],
)
def test_both_pages_speak_the_readers_language(
    browser: Browser, radio: Radio, locale: str, play: str, status: str
) -> None:
    """What the server draws and what the scripts write is in the language of the browser; axe agrees with it."""
    with visit(browser, radio, locale=locale) as visitor:
        visitor.context.add_init_script(axe())
        page = visitor.open("/web")
        reads(page, "#now-title", "Tone of 500")
        assert page.locator("#play").get_attribute("aria-label") == play
        assert page.evaluate("axe.run()")["violations"] == []
        operator = visitor.open("/status")
        operator.locator("input[type=password]").fill(PASSWORD)
        operator.locator("button[type=submit]").click()
        reads(operator, '.row[data-route="/"] .row-title', "Tone of 500")
        assert (operator.locator("h1").text_content() or "").strip() == status
        assert operator.evaluate("axe.run()")["violations"] == []
        assert visitor.complaints == []
