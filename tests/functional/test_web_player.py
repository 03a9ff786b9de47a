"""The player page in a real browser, on a real server: what a listener presses, hears and finds again."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.functional.browser import Visitor, hears, on_air, press_play, reads, tone, two_stations, visit
from tests.server import PASSWORD, Radio
from tests.waiting import PATIENCE_S, until


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
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
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


@pytest.mark.serial  # the second is measured in a browser
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


def test_a_pause_keeps_the_media_keys_and_goes_on_live(visitor: Visitor) -> None:
    """Pausing keeps the element's source, without which Chromium's media keys are gone; another press joins anew."""
    page = visitor.open("/web")
    press_play(page)
    hears(page, 500)
    page.locator("#play").click()
    page.wait_for_selector("#now[data-phase=idle]")
    page.wait_for_function("() => ear.audio.paused && !ear.hz()")
    held = page.evaluate("ear.audio.src")
    assert held
    reads(page, "#now-phase", "Paused")
    press_play(page)
    hears(page, 500)
    assert page.evaluate("ear.audio.src") != held


def test_a_pause_that_lasts_gives_the_connection_back(visitor: Visitor, radio: Radio) -> None:
    """After five minutes nobody comes back: the stream is dropped, and the listener is no longer counted."""
    page = visitor.open("/web")
    page.clock.install()
    press_play(page)
    page.clock.run_for(3000)
    reads(page, "#now-listeners", "1 listener")
    page.locator("#play").click()
    page.clock.run_for(301_000)
    assert not page.evaluate("ear.audio.hasAttribute('src')")
    until(lambda: not any(one["listeners"] for one in ask(radio, "streams")["streams"]), "no listener")


def test_one_tab_at_a_time(visitor: Visitor) -> None:
    """Playing in a second tab pauses the first."""
    first, second = visitor.open("/web"), visitor.open("/web")
    press_play(first)
    press_play(second)
    first.wait_for_selector("#now[data-phase=idle]")
    second.wait_for_selector("#now[data-phase=playing]")


def test_a_station_has_an_address(visitor: Visitor, radio: Radio) -> None:
    """`#/humor` opens with that station, choosing writes it, and the line to share leads there."""
    page = visitor.open("/web#/humor")
    reads(page, "#now-station", "Humour")
    page.locator('.station[data-route="/"] .station-body').click()
    assert page.url == f"{radio.url}/web#/"
    page.locator('.station[data-route="/humor"] .station-body').click()
    assert page.url.endswith("#/humor")
    page.locator("#share summary").click()
    address = page.get_by_label("Address of this page").input_value()
    assert address == f"{radio.url}/web?route=%2Fhumor#/humor"
    again = visitor.open(address)
    reads(again, "#now-station", "Humour")
    again.evaluate("location.hash = '#/'")
    reads(again, "#now-station", "Main")
    assert f'src="{radio.url}/embed/humor"' in page.get_by_label("HTML to embed the player").input_value()


def test_the_lock_screen_knows_how_far_the_track_is(visitor: Visitor) -> None:
    """Duration and position are told, so that no length is made up."""
    visitor.context.add_init_script("""
        MediaSession.prototype.setPositionState = function (state) { window.told = state; };
    """)
    page = visitor.open("/web")
    press_play(page)
    page.wait_for_function("() => window.told?.duration > 140 && told.position >= 0 && told.position < told.duration")


def test_the_first_picture_does_not_jump(visitor: Visitor) -> None:
    """On a telephone the layout stays where it was first drawn: a cumulative shift under 0.05."""
    visitor.context.add_init_script("""
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });
    """)
    page = visitor.context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/web")
    page.wait_for_selector('.station[data-route="/"] .cover img')
    page.wait_for_function("() => document.querySelector('.progress-duration').textContent")
    print("layout shift:", page.evaluate("shift"))
    assert page.evaluate("shift") < 0.05


def test_the_bar_on_a_telephone(visitor: Visitor) -> None:
    """Once the panel has been scrolled away, a bar with the title and the button is there; above it is not."""
    page = visitor.open("/web")
    page.set_viewport_size({"width": 390, "height": 300})
    press_play(page)
    page.evaluate("document.body.style.minHeight = '3000px'; scrollTo(0, 2000)")
    page.locator("#bar").wait_for()
    reads(page, "#bar-title", "Tone of 500")
    page.locator("#bar-play").click()
    page.wait_for_selector("#now[data-phase=idle]")
    page.evaluate("scrollTo(0, 0)")
    page.locator("#now-controls").scroll_into_view_if_needed()
    page.locator("#bar").wait_for(state="hidden")


def test_the_sleep_timer_stops_the_player(visitor: Visitor) -> None:
    """After the minutes chosen the player pauses, and the timer is off again."""
    page = visitor.open("/web")
    page.clock.install()
    press_play(page)
    page.get_by_label("Sleep timer").select_option("15")
    page.clock.run_for(15 * 60_000 + 1000)
    page.wait_for_selector("#now[data-phase=idle]")
    assert page.get_by_label("Sleep timer").input_value() == "0"


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


def test_without_events_a_skip_is_heard_too(browser: Browser, radio: Radio) -> None:
    """The poll tells of the skip, and the page joins anew behind it."""
    with visit(browser, radio) as visitor:
        visitor.context.route("**/events", lambda route: route.abort())
        page = visitor.open("/web")
        press_play(page)
        hears(page, 500)
        page.evaluate("window.address = ear.audio.src")
        ask(radio, "next-track/main", "POST")
        page.wait_for_function("() => ear.audio.src !== address")
        hears(page, 1000)


def test_pauses_between_tries_grow(browser: Browser, radio: Radio) -> None:
    """A stream that cannot be had is tried again at once, then after 1, 2 and 4 s: nobody hammers a sick server."""
    with visit(browser, radio) as visitor:
        visitor.context.add_init_script("""
            window.pauses = [];
            const later = setTimeout;
            window.setTimeout = (call, ms, ...rest) => { pauses.push(ms); return later(call, ms, ...rest); };
        """)
        visitor.context.route(re.compile("player=web"), lambda route: route.abort())
        page = visitor.open("/web")
        reads(page, "#now-title", "Tone of 500")
        page.evaluate("pauses.length = 0")
        page.locator("#play").click()
        page.wait_for_function("() => pauses.includes(4000)")
        assert [ms for ms in page.evaluate("pauses") if ms in (0, 1000, 2000, 4000)] == [0, 1000, 2000, 4000]
        assert page.locator("#now-phase").text_content() == "Joining again…"


def test_pictures_and_patterns(visitor: Visitor) -> None:
    """A station with a picture shows it, one without its own pattern, and nobody asks for what is not there."""
    page = visitor.open("/web")
    page.wait_for_selector('.station[data-route="/"] .cover img')
    page.wait_for_function("""() => document.querySelector('.station[data-route="/"] .cover img').naturalWidth > 0""")
    assert page.locator('.station[data-route="/humor"] .cover svg').count() == 1
    assert page.locator('.station[data-route="/humor"] .cover img').count() == 0
    assert visitor.complaints == []


def test_recent_tracks_and_what_a_screen_reader_is_told(visitor: Visitor, radio: Radio) -> None:
    """After a skip the track before it is among the recent ones, and the new one is announced."""
    page = visitor.open("/web")
    press_play(page)
    ask(radio, "next-track/main", "POST")
    reads(page, "#announce[role=status]", "Main: Tone of 1000, by The Oscillators")
    reads(page, "#recent-list li bdi", "Tone of 500 \N{EN DASH} The Oscillators")
    page.locator("#play").click()
    reads(page, "#announce", "Paused")


def test_the_lock_screen_has_its_buttons(visitor: Visitor) -> None:
    """Play, pause and the two arrows of the Media Session do what the page's own do."""
    visitor.context.add_init_script("""
        window.keys = {};
        const register = MediaSession.prototype.setActionHandler;
        MediaSession.prototype.setActionHandler = function (name, action) {
            if (name === "stop") throw new TypeError("an older browser");
            keys[name] = action;
            return register.call(this, name, action);
        };
    """)
    page = visitor.open("/web")
    reads(page, "#now-title", "Tone of 500")
    page.evaluate("keys.play()")
    hears(page, 500)
    page.evaluate("keys.nexttrack()")
    hears(page, 2000)
    assert page.evaluate("navigator.mediaSession.metadata.album") == "Humour"
    page.evaluate("keys.pause()")
    page.wait_for_selector("#now[data-phase=idle]")
    assert page.evaluate("navigator.mediaSession.playbackState") == "paused"


def test_the_address_is_copied(visitor: Visitor, radio: Radio) -> None:
    """One press puts the stream's address on the clipboard, and says so."""
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.open("/web")
    reads(page, "#now-title", "Tone of 500")
    page.get_by_text("Listen in another player").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    reads(page, "#copy", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{radio.url}/"


def test_a_station_with_nothing_to_play_says_so(browser: Browser, tmp_path: Path) -> None:
    """It is grey and off the air on the player, and its silence is explained to the operator; then music comes."""
    (tmp_path / "main").mkdir()
    tone(tmp_path / "main" / "a.mp3", 500, 40, "Tone of 500")
    routes = json.dumps({"later": str(tmp_path / "later")})
    options = ("--audio-dir", str(tmp_path / "main"), "--directory-routes", routes, "--poll-interval", "0.2")
    later = '.station[data-route="/later"]'
    with on_air(*options) as radio, visit(browser, radio) as visitor:
        page, status = visitor.open("/web"), visitor.log_in()
        reads(page, f"{later}.off .station-title", "Off the air")
        assert page.locator(f"{later} .station-play").is_disabled()
        reads(status, '.row[data-route="/later"] .trouble', "The directory is missing.")
        (tmp_path / "later").mkdir()
        reads(status, '.row[data-route="/later"] .row-artist', "There is no audio in the directory yet.")
        tone(tmp_path / "later" / "b.mp3", 1000, 40, "Tone of 1000")
        reads(page, f"{later}:not(.off) .station-title", "Tone of 1000")
        assert visitor.complaints == []


def test_safari_is_given_hls_first(visitor: Visitor) -> None:
    """A browser that says it is Safari and knows HLS asks for it; where that fails, the endless stream is heard."""
    visitor.context.add_init_script("""
        const safari = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15";
        Object.defineProperty(Navigator.prototype, "userAgent", { get: () => safari });
        HTMLMediaElement.prototype.canPlayType = () => "maybe";
    """)
    asked: list[str] = []
    visitor.context.on("request", lambda request: asked.append(request.url))
    visitor.context.route("**/*.m3u8", lambda route: route.abort())
    page = visitor.open("/web")
    press_play(page)
    hears(page, 500)
    media = [url for url in asked if url.endswith(".m3u8") or "player=web" in url]
    assert media[0].endswith("/main.m3u8")
    assert "player=web" in media[-1]


def test_with_hls_the_title_changes_when_it_is_heard(visitor: Visitor, radio: Radio) -> None:
    """HLS is seconds behind what the server tells: the page waits as long with title and progress. A skip is joined at
    where it begins, by a list of its own."""
    visitor.context.add_init_script("""
        const safari = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15";
        Object.defineProperty(Navigator.prototype, "userAgent", { get: () => safari });
        HTMLMediaElement.prototype.canPlayType = () => "maybe";
    """)
    # Chromium has an HLS player of its own by now: it is given the endless stream in its place.
    visitor.context.add_init_script("""
        const { get, set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "src");
        const other = (url) => (url.includes(".m3u8") ? "./?player=web" : url);
        window.sources = [];
        const mapped = { get, set(url) { sources.push(url); set.call(this, other(url)); } };
        Object.defineProperty(HTMLMediaElement.prototype, "src", mapped);
        HTMLMediaElement.prototype.getStartDate = function () {
            return new Date(Date.now() - this.currentTime * 1000 - 4500);
        };
    """)
    page = visitor.open("/web")
    press_play(page)
    reads(page, "#now-title", "Tone of 500")
    page.evaluate("""() => {
        window.asked = performance.now();
        new MutationObserver(() => { window.shown ??= performance.now(); })
            .observe(document.getElementById("now-title"), { childList: true, characterData: true, subtree: true });
    }""")
    ask(radio, "next-track/main", "POST")
    reads(page, "#now-title", "Tone of 1000")
    print("a skip to its title:", page.evaluate("shown - asked"))
    assert page.evaluate("shown - asked") > 4000
    assert [url for url in page.evaluate("sources") if ".m3u8?since=" in url]


def test_finding_one_among_many(browser: Browser, tmp_path: Path) -> None:
    """From ten stations on there is a filter, which `/` leads to; a favourite stands first, also on the next visit."""
    (tmp_path / "tone").mkdir()
    tone(tmp_path / "tone" / "a.mp3", 500, 60, "Tone of 500")
    described = {"dir": str(tmp_path / "tone"), "genre": "Jazz", "description": "Slow music"}
    routes = {f"s{n}": {**described, "name": f"Station {n}"} for n in range(10)}
    routes["s7"]["genre"] = "Polka"
    options = ("--audio-dir", str(tmp_path / "tone"), "--directory-routes", json.dumps(routes))
    with on_air(*options) as radio, visit(browser, radio) as visitor:
        page = visitor.open("/web")
        page.get_by_role("button", name="Favourite Station 7").click()
        reads(page, ".station:first-child .station-name", "Station 7")
        page.keyboard.press("/")
        page.keyboard.type("polka")
        page.wait_for_function("() => document.querySelectorAll('.station').length === 1")
        page.keyboard.type(" nowhere")
        page.get_by_text("No station matches.").wait_for()
        again = visitor.open("/web#/s7")
        reads(again, ".station:first-child .station-name", "Station 7")
        reads(again, "#now-about", "Slow music")
        assert visitor.complaints == []


def test_a_press_before_the_state_has_come(visitor: Visitor) -> None:
    """The server draws the page; who presses at once is served as soon as the page knows how."""
    page = visitor.context.new_page()
    page.route("**/events", lambda route: route.abort())
    held: list[Any] = []
    page.route("**/streams", lambda route: held.append(route))
    page.goto("/web")
    reads(page, "#now-title", "Tone of 500")
    page.locator("#play").click()
    while not held:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    page.unroute("**/streams")
    page.wait_for_selector("#now[data-phase=playing]")


def test_links_for_other_players(visitor: Visitor, radio: Radio) -> None:
    """The address and the playlists that the page offers lead to the stream."""
    page = visitor.open("/web")
    reads(page, "#now-station", "Main")
    page.get_by_text("Listen in another player").click()
    assert page.get_by_label("Stream address").input_value() == f"{radio.url}/"
    for name in ("M3U playlist", "PLS playlist"):
        address = page.get_by_role("link", name=name).get_attribute("href")
        with urllib.request.urlopen(f"{radio.url}/{address}", timeout=PATIENCE_S) as answer:
            assert answer.status == 200, name


def test_without_a_script_there_are_native_players(browser: Browser, radio: Radio) -> None:
    """With scripting off each station has the browser's own player, its links and its title."""
    with visit(browser, radio, scripts=False) as visitor:
        page = visitor.open("/web")
        players = page.locator("audio[controls][preload=none]")
        assert players.count() == 2
        assert players.first.is_visible()
        assert page.locator("#stations").get_by_text("Tone of 500").is_visible()
        assert not page.locator("#now").is_visible()
        assert page.get_by_role("link", name="M3U").count() == 2
