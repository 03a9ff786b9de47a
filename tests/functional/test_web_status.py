"""The operator's page in a real browser, on a real server: login, buttons, figures, with and without a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.functional.browser import Visitor, on_air, press_play, reads, tone, two_stations, visit
from tests.server import PASSWORD, Radio

DEFAULT_STATION = '.row[data-route="/"]'
DEFAULT_PASSWORD = "1234554321"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    directory = tmp_path_factory.mktemp("music")
    made = two_stations(directory)
    (directory / "main" / "broken.mp3").write_bytes(b"\xff\xfbnothing of an MP3" * 40)
    return made


@pytest.fixture
def radio(options: tuple[str, ...]) -> Iterator[Radio]:
    with on_air(*options) as server:
        yield server


@pytest.fixture
def operator(browser: Browser, radio: Radio) -> Iterator[Visitor]:
    with visit(browser, radio) as person:
        yield person


def notice(page: Page, text: str) -> None:
    reads(page, "#notice", text)


def test_a_skip_changes_both_pages_without_a_reload(operator: Visitor) -> None:
    """Next on the status page: the new title is on the status page and on the player, in the same documents."""
    player, status = operator.open("/web"), operator.log_in()
    press_play(player)
    for page in (player, status):
        page.evaluate("window.kept = true")
    reads(status, f"{DEFAULT_STATION} .row-title", "Tone of 500")
    status.get_by_role("button", name="Next track on Main").click()
    reads(status, f"{DEFAULT_STATION} .row-title", "Tone of 1000")
    notice(status, "Main: now Tone of 1000.")
    reads(player, "#now-title", "Tone of 1000")
    status.get_by_role("button", name="Back").click()
    reads(status, f"{DEFAULT_STATION} .row-title", "Tone of 500")
    reads(player, "#now-title", "Tone of 500")
    assert all(page.evaluate("window.kept && violations.length === 0") for page in (player, status))
    assert operator.complaints == []


def test_stations_and_their_figures(operator: Visitor) -> None:
    """Stations stand in alphabetical order, with listeners, peak, history, left-out files and the server's figures."""
    player, status = operator.open("/web"), operator.log_in()
    press_play(player)
    reads(status, f"{DEFAULT_STATION} .row-listeners", "1")
    reads(status, f"{DEFAULT_STATION} .row-peak", "peak 1")
    assert status.locator(".row-route").all_text_contents() == ["/", "/humor"]
    for title in ("Tone of 1000", "Tone of 500"):  # between the two the broken file is tried, and left out
        status.get_by_role("button", name="Next track on Main").click()
        reads(status, f"{DEFAULT_STATION} .row-title", title)
    status.locator(f"{DEFAULT_STATION} .row-history summary").click()
    reads(status, f"{DEFAULT_STATION} tbody tr:last-child [data-ended]", "Skipped")
    reads(status, f"{DEFAULT_STATION} tbody tr:nth-child(1) [data-ended]", "On the air")
    status.wait_for_selector(f"{DEFAULT_STATION} .row-left-out:not([hidden])")
    assert "broken.mp3" in (status.locator(f"{DEFAULT_STATION} .row-left-out li").first.text_content() or "")
    for fact in ("listeners", "uptime", "memory", "cpu", "drift"):
        assert any(char.isdigit() for char in status.locator(f"#fact-{fact}").text_content() or ""), fact


def test_shuffle_and_reload(operator: Visitor) -> None:
    """The shuffle button shows what is set and changes it; reload says that it has been done."""
    status = operator.log_in()
    shuffle = status.get_by_role("button", name="Shuffle Main")
    assert shuffle.get_attribute("aria-pressed") == "false"
    shuffle.click()
    notice(status, "Main: shuffle is on.")
    status.wait_for_selector(f'{DEFAULT_STATION} form[data-action=shuffle] button[aria-pressed="true"]')
    shuffle.click()
    notice(status, "Main: shuffle is off.")
    status.get_by_role("button", name="Reload the playlist of Humour").click()
    notice(status, "Humour: playlist reloaded.")
    status.get_by_role("button", name="Reload all").click()
    notice(status, "All stations: playlist reloaded.")


def test_a_wrong_password_and_logout(operator: Visitor) -> None:
    """A wrong password is told plainly; after the logout the page is the login again, in every tab."""
    page = operator.log_in("not this one")
    assert page.get_by_role("alert").text_content() == "Wrong password."
    status, other = operator.log_in(), operator.open("/status")
    other.wait_for_selector(DEFAULT_STATION)
    status.get_by_role("button", name="Log out").click()
    status.get_by_label("Password").wait_for()
    other.get_by_label("Password").wait_for()


def test_the_default_password_is_warned_about(browser: Browser, options: tuple[str, ...]) -> None:
    """While the documented password is in use, login and status page say so; with another one they do not."""
    with on_air(*options, password=DEFAULT_PASSWORD) as radio, visit(browser, radio) as operator:
        status = operator.open("/status")
        assert status.get_by_text("The default password is in use").is_visible()
        status = operator.log_in(DEFAULT_PASSWORD)
        status.get_by_text("The default password is in use.").wait_for()
    with on_air(*options) as radio, visit(browser, radio) as operator:
        status = operator.log_in()
        status.wait_for_selector(DEFAULT_STATION)
        assert not status.get_by_text("The default password is in use.").is_visible()


def test_the_server_dies_and_comes_back(operator: Visitor, radio: Radio) -> None:
    """The power goes and returns: the page says so, and shows the login, for the sessions are gone."""
    status = operator.log_in()
    status.wait_for_selector(DEFAULT_STATION)
    radio.kill()
    status.wait_for_selector("#link-state:not([hidden])")
    status.get_by_role("button", name="Next track on Main").click()
    notice(status, "Main: the server cannot be reached.")
    radio.start()
    status.get_by_label("Password").wait_for()
    assert "Your session has ended" in (status.get_by_role("alert").text_content() or "")
    status.get_by_label("Password").fill(PASSWORD)
    status.get_by_role("button", name="Log in").click()
    reads(status, f"{DEFAULT_STATION} .row-title", "Tone of 500")


def test_without_a_script_a_lost_session_is_told(browser: Browser, radio: Radio) -> None:
    """A form that is sent after the session's end changes nothing, says so, and leads to the login."""
    with visit(browser, radio, scripts=False) as operator:
        page = operator.log_in()
        operator.context.clear_cookies()
        page.get_by_role("button", name="Next track on Humour").click()
        assert page.get_by_role("heading", name="Please log in").is_visible()
        page.get_by_role("link", name="To the login").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        assert page.locator('.row[data-route="/humor"] .row-title').text_content() == "Tone of 2000"
        assert page.locator("#fact-memory").text_content() != ""


def test_without_a_script_the_forms_work(browser: Browser, radio: Radio) -> None:
    """With scripting off: login, next, shuffle and logout by forms, each leading back to the page."""
    with visit(browser, radio, scripts=False) as operator:
        page = operator.log_in()
        title = page.locator(f"{DEFAULT_STATION} .row-title")
        assert title.text_content() == "Tone of 500"
        page.get_by_role("button", name="Next track on Main").click()
        assert page.url.endswith("/status")
        assert title.text_content() == "Tone of 1000"
        page.get_by_role("button", name="Next track on Humour").click()
        assert page.url.endswith("/status")
        page.get_by_role("button", name="Shuffle Humour").click()
        assert page.get_by_role("button", name="Shuffle Humour").get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="Reload the playlist of Humour").click()
        page.get_by_role("button", name="Log out").click()
        assert page.get_by_label("Password").is_visible()


def test_many_stations_are_a_table_with_trouble_first(browser: Browser, tmp_path: Path) -> None:
    """From eight stations on the silent ones stand first, and the tab's title counts them and who listens."""
    for name in ("music", "quiet"):
        (tmp_path / name).mkdir()
    tone(tmp_path / "music" / "a.mp3", 500, 60, "Tone of 500")
    routes = {f"s{n}": str(tmp_path / "music") for n in range(8)} | {"zero": str(tmp_path / "quiet")}
    options = ("--audio-dir", str(tmp_path / "music"), "--directory-routes", json.dumps(routes))
    with on_air(*options) as radio, visit(browser, radio) as operator:
        player, status = operator.open("/web"), operator.log_in()
        press_play(player)
        reads(status, ".row:first-child .row-route", "/zero")
        status.wait_for_function("() => document.title === '1 silent · 1 listening · Radio status'")
        assert status.locator("body.many .row.silent").count() == 1
        status.set_viewport_size({"width": 320, "height": 700})
        assert status.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert operator.complaints == []
