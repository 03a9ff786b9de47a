"""The player page in a real browser, on a real server: what a listener presses, hears and finds again."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.functional.browser import (
    PASSWORD,
    WAIT_S,
    Radio,
    Visitor,
    chromium,
    hears,
    on_air,
    press_play,
    reads,
    two_stations,
    visit,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return two_stations(tmp_path_factory.mktemp("music"))


@pytest.fixture
def radio(options: tuple[str, ...]) -> Iterator[Radio]:
    with on_air(*options) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, radio: Radio) -> Iterator[Visitor]:
    with visit(browser, radio) as person:
        yield person


def ask(radio: Radio, path: str, method: str = "GET") -> Any:
    """The operator, from a shell."""
    bearer = {"Authorization": f"Bearer {PASSWORD}"}
    asked = urllib.request.Request(f"{radio.url}/{path}", method=method, headers=bearer)
    with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
        return json.load(answer)


def test_a_press_plays_and_is_heard(visitor: Visitor) -> None:
    """Pressing play moves the time on and sends the track's own tone through the audio graph, without a complaint."""
    page = visitor.open("/web")
    press_play(page)
    hears(page, 500)
    before = page.evaluate("ear.audio.currentTime")
    page.wait_for_function("(before) => ear.audio.currentTime > before + 1", arg=before)
    reads(page, "#now-title", "Tone of 500")
    reads(page, "#now-artist", "The Oscillators")
    reads(page, "#now-listeners", "1 listener")
    assert page.title() == "Tone of 500 · Main"
    assert page.evaluate("navigator.mediaSession.metadata.title") == "Tone of 500"
    assert page.evaluate("violations") == []
    assert visitor.complaints == []


def test_a_press_is_heard_within_a_second(visitor: Visitor) -> None:
    """From the press to the first sound on loopback: under a second, the best of three pages."""
    took: list[float] = []
    for _ in range(3):
        page = visitor.open("/web")
        press_play(page)
        page.wait_for_function("() => ear.heard > 0", polling=20)
        took.append(page.evaluate("ear.heard - ear.pressed"))
        page.close()
    print("press to sound:", ", ".join(f"{milliseconds:.0f} ms" for milliseconds in took))
    assert min(took) < 1000


def test_a_pause_drops_the_stream(visitor: Visitor) -> None:
    """Pausing closes the connection, so that nothing stale plays later; another press is live again."""
    page = visitor.open("/web")
    press_play(page)
    reads(page, "#now-listeners", "1 listener")
    page.locator("#play").click()
    reads(page, "#now-listeners", "0 listeners")
    assert not page.evaluate("ear.audio.hasAttribute('src')")
    press_play(page)
    hears(page, 500)


def test_a_skip_is_heard_at_once(visitor: Visitor, radio: Radio) -> None:
    """After a skip the page joins anew: the new track is heard although the browser held seconds of the old one."""
    page = visitor.open("/web")
    press_play(page)
    hears(page, 500)
    page.wait_for_function("() => ear.audio.buffered.length && ear.audio.buffered.end(0) - ear.audio.currentTime > 2")
    began = page.evaluate("performance.now()")
    assert ask(radio, "next-track/", "POST")["title"] == "Tone of 1000"
    hears(page, 1000)
    print(f"skip to sound: {page.evaluate('performance.now()') - began:.0f} ms")
    reads(page, "#now-title", "Tone of 1000")
    page.wait_for_selector("#now[data-phase=playing]")
    assert visitor.complaints == []


def test_another_station_and_what_is_remembered(visitor: Visitor) -> None:
    """A card's button changes the station; station and volume are found again on the next visit."""
    page = visitor.open("/web")
    press_play(page)
    page.get_by_role("button", name="Play Humour", exact=True).first.click()
    hears(page, 2000)
    reads(page, "#now-station", "Humour")
    page.get_by_role("slider", name="Volume").fill("35")
    assert page.evaluate("ear.audio.volume") == pytest.approx(0.1225)
    page.close()
    again = visitor.open("/web")
    reads(again, "#now-station", "Humour")
    assert again.get_by_role("slider", name="Volume").input_value() == "35"


def test_the_keyboard_does_it_all(visitor: Visitor) -> None:
    """Space plays and pauses, left and right change the station, up and down the volume, M mutes."""
    page = visitor.open("/web")
    reads(page, "#now-station", "Main")
    page.keyboard.press("Space")
    hears(page, 500)
    page.keyboard.press("ArrowRight")
    hears(page, 2000)
    page.keyboard.press("ArrowLeft")
    hears(page, 500)
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("slider", name="Volume").input_value() == "75"
    page.keyboard.press("m")
    assert page.evaluate("ear.audio.muted")
    page.keyboard.press("m")
    assert not page.evaluate("ear.audio.muted")
    page.keyboard.press("Space")
    page.wait_for_selector("#now[data-phase=idle]")


def test_the_server_dies_and_comes_back(visitor: Visitor, radio: Radio) -> None:
    """The power goes and returns: the page says so, finds its way back by itself, and the station is heard again."""
    page = visitor.open("/web")
    page.evaluate("window.kept = true")
    press_play(page)
    hears(page, 500)
    radio.kill()
    page.wait_for_selector("#link-state:not([hidden])")
    radio.start()
    page.wait_for_selector("#link-state", state="hidden")
    page.wait_for_selector("#now[data-phase=playing]")
    before = page.evaluate("ear.audio.currentTime")
    page.wait_for_function("(before) => ear.audio.currentTime > before + 1", arg=before)
    hears(page, 500)
    assert page.evaluate("window.kept")


def test_a_stream_that_stands_still_is_joined_anew(visitor: Visitor) -> None:
    """A browser that freezes without an event (Firefox does) is noticed by the time not moving."""
    page = visitor.open("/web")
    press_play(page)
    hears(page, 500)
    address = page.evaluate("ear.audio.src")
    # Stands still and says nothing: what the element's own clock tells the page stays what it is.
    page.evaluate("Object.defineProperty(ear.audio, 'currentTime', { value: 7, configurable: true })")
    page.wait_for_function("(address) => ear.audio.src !== address", arg=address)
    page.evaluate("delete ear.audio.currentTime")
    page.wait_for_selector("#now[data-phase=playing]")
    hears(page, 500)


@pytest.mark.parametrize("encoder", ["mp3 -c:a libmp3lame", "ogg -c:a libvorbis", "ogg -c:a flac"])
def test_a_change_of_parameters_is_survived(browser: Browser, tmp_path: Path, encoder: str) -> None:
    """Tracks of different channels and rates, which end or break a browser's stream, are all heard in their turn."""
    family, *codec = encoder.split()
    for hz, channels, rate in ((500, 2, 48000), (1000, 1, 32000)):
        # With some noise, for Chromium begins to play with the first 32 KiB: of a mere tone that is half a minute.
        wave = ("-f", "lavfi", "-i", f"aevalsrc=0.4*sin({hz}*2*PI*t)+0.1*random(0)-0.05:s=48000:d=12")
        file = str(tmp_path / f"{hz:05}.{family}")
        ffmpeg = ("ffmpeg", "-v", "error", *wave, *codec, "-b:a", "96k", "-ac", str(channels), "-ar", str(rate), file)
        subprocess.run(ffmpeg, check=True)
    audio = ("--audio-dir", str(tmp_path), "--stream-format", family)
    with on_air(*audio) as radio, visit(browser, radio) as visitor:
        page = visitor.open("/web")
        press_play(page)
        for hz in (500, 1000, 500):
            hears(page, hz)
        page.wait_for_selector("#now[data-phase=playing]")
        assert page.evaluate("violations") == []


def test_without_events_the_page_polls(browser: Browser, radio: Radio) -> None:
    """Behind a proxy that swallows server-sent events the page asks every few seconds."""
    with visit(browser, radio) as visitor:
        visitor.context.route("**/events", lambda route: route.abort())
        page = visitor.open("/web")
        reads(page, "#now-title", "Tone of 500")
        ask(radio, "next-track/main", "POST")
        reads(page, "#now-title", "Tone of 1000")


def test_links_for_other_players(visitor: Visitor, radio: Radio) -> None:
    """The address and the playlists that the page offers lead to the stream."""
    page = visitor.open("/web")
    reads(page, "#now-station", "Main")
    page.get_by_text("Listen in another player").click()
    assert page.get_by_label("Stream address").input_value() == f"{radio.url}/"
    for name in ("M3U playlist", "PLS playlist"):
        address = page.get_by_role("link", name=name).get_attribute("href")
        with urllib.request.urlopen(f"{radio.url}/{address}", timeout=WAIT_S) as answer:
            assert answer.status == 200, name


def test_without_a_script_there_are_native_players(browser: Browser, radio: Radio) -> None:
    """With scripting off each station has the browser's own player, its links and its title."""
    with visit(browser, radio, scripts=False) as visitor:
        page = visitor.open("/web")
        players = page.locator("audio[controls][preload=none]")
        assert players.count() == 2
        assert players.first.is_visible()
        assert page.get_by_text("Tone of 500").is_visible()
        assert page.get_by_role("link", name="M3U").count() == 2
