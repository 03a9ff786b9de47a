"""What both pages keep to, whatever plays: foreign text stays text, the policy holds, everybody can use them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.functional.browser import Visitor, axe, on_air, press_play, reads, tone, visit
from tests.server import Radio
from tests.waiting import PATIENCE_S

HOSTILE = (
    "<img src=x onerror=\"window.caught='tag'\">",
    "\"'><script>window.caught='script'</script>",
    "</title></textarea><svg onload=\"window.caught='svg'\">",
    "${window.caught='template'} $name &lt;b&gt; %s",
    "\u202eright to left\u202c مرحبا بالعالم שלום",
    "long " * 1000,
)


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """A station for each hostile text, as its name, its title and its artist. None has a picture."""
    directory = tmp_path_factory.mktemp("hostile")
    routes: dict[str, Any] = {}
    for number, text in enumerate(HOSTILE):
        (directory / str(number)).mkdir()
        tone(directory / str(number) / "a.mp3", 500, 20, text, text)
        routes[str(number)] = {"dir": str(directory / str(number)), "name": text[:200], "description": text[:200]}
    (directory / "main").mkdir()
    tone(directory / "main" / "<b onclick=alert(1)>'\".mp3", 500, 20)
    (directory / "main" / "<a>broken.mp3").write_bytes(bytes(2000))
    with on_air("--audio-dir", str(directory / "main"), "--directory-routes", json.dumps(routes)) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, radio: Radio) -> Iterator[Visitor]:
    with visit(browser, radio) as person:
        yield person


def says(radio: Radio) -> dict[str, Any]:
    """Every station's `/now-playing`: the server tidies texts up, and what it says is what the pages must show."""
    with urllib.request.urlopen(f"{radio.url}/now-playing", timeout=PATIENCE_S) as answer:
        now: dict[str, Any] = json.load(answer)
    assert [now[f"/{number}"]["title"] for number in range(4)] == list(HOSTILE[:4])
    return now


def unharmed(page: Page, visitor: Visitor) -> None:
    """Nothing of the foreign text has become markup, and nothing broke the policy."""
    assert page.evaluate("window.caught ?? null") is None
    assert page.evaluate("violations") == []
    assert page.locator("img[src=x], [onload], [onerror], [onclick], b, body :not(.bars) > i, body script").count() == 0
    assert visitor.complaints == []


def fits(page: Page) -> None:
    """Nothing sticks out to the side."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [320, 1280])
def test_hostile_text_stays_text_on_the_player(visitor: Visitor, radio: Radio, width: int) -> None:
    """Every hostile name and title is shown letter by letter, chosen and played, and does nothing."""
    page = visitor.open("/web")
    page.set_viewport_size({"width": width, "height": 700})
    page.wait_for_selector("#now:not([hidden])")
    for route, now in says(radio).items():
        card = page.locator(f'.station[data-route="{route}"]')
        card.locator(".station-body").click()
        reads(page, "#now-title", now["title"])
        assert card.locator(".station-name bdi").text_content() == now["name"]
        fits(page)
    press_play(page)
    unharmed(page, visitor)


def test_hostile_text_stays_text_on_the_status_page(visitor: Visitor, radio: Radio) -> None:
    """The same on the operator's page, with history and left-out files open."""
    page = visitor.log_in()
    page.wait_for_selector('.row[data-route="/"] .row-left-out:not([hidden])')
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for route, now in says(radio).items():
        reads(page, f'.row[data-route="{route}"] .row-title', now["title"])
    page.set_viewport_size({"width": 320, "height": 700})
    fits(page)
    unharmed(page, visitor)


def test_the_player_trusts_no_server(visitor: Visitor, radio: Radio) -> None:
    """Texts that nobody has tidied up, 5,000 characters and writing directions among them, are shown as they are."""
    now = {route: {**entry, "cover": None} for route, entry in says(radio).items()}
    for number, text in enumerate(HOSTILE):
        now[f"/{number}"] |= {"title": text, "artist": text, "track": text}
    visitor.context.route("**/events", lambda route: route.abort())
    visitor.context.route("**/now-playing", lambda route: route.fulfill(json=now))
    page = visitor.open("/web")
    page.set_viewport_size({"width": 320, "height": 700})
    for number, text in enumerate(HOSTILE):
        page.locator(f'.station[data-route="/{number}"] .station-body').click()
        reads(page, "#now-title", text)
        fits(page)
    visitor.complaints.clear()  # the events that could not be had
    unharmed(page, visitor)


def test_hostile_text_stays_text_without_a_script(browser: Browser, radio: Radio) -> None:
    """What the server itself renders holds no foreign markup either."""
    with visit(browser, radio, scripts=False) as visitor:
        for page in (visitor.open("/web"), visitor.log_in(), visitor.open("/<img src=x onerror=alert(1)>")):
            assert page.locator("img[src=x], [onload], [onerror], [onclick], body script").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["web", "status", "login", "nothing/here"])
def test_axe_finds_no_serious_fault(browser: Browser, radio: Radio, path: str, theme: str) -> None:
    """axe-core has nothing serious or critical to say, in either theme, details open."""
    with visit(browser, radio) as visitor:
        visitor.context.add_init_script(axe())
        page = visitor.log_in() if path == "status" else visitor.open("/status" if path == "login" else f"/{path}")
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        if path in ("web", "status"):
            page.wait_for_selector(".cover svg")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = page.evaluate("axe.run()")
        faults = [fault for fault in found["violations"] if fault["impact"] in ("serious", "critical")]
        assert faults == [], json.dumps(faults, indent=1)[:4000]
        assert found["passes"]
