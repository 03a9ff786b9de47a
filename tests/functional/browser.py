"""A real server and a real browser: the radio as a process of its own, Chromium with an ear in its audio graph.

The pages are looked at as a listener's browser shows them; nothing here knows how the server is built.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mutagen.id3 import ID3, TIT2, TPE1
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.elsewhere import npm_package
from tests.server import PASSWORD, ROOT, Radio
from tests.waiting import PATIENCE_S

AXE_VERSION: Final = "4.14.1"

CHROMIUM: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)

EAR: Final = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (!window.ear) {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaElementSource(this).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    window.ear = {
      audio: this,
      // The loudest frequency in Hz, 0 in silence.
      hz() {
        analyser.getFloatFrequencyData(bins);
        let loudest = 0;
        bins.forEach((level, i) => { if (level > bins[loudest]) loudest = i; });
        return bins[loudest] > -60 ? (loudest * context.sampleRate) / analyser.fftSize : 0;
      },
    };
  }
  ear.pressed = performance.now();
  ear.heard = 0;
  const listen = setInterval(() => {
    if (!ear.hz()) return;
    ear.heard = performance.now();
    clearInterval(listen);
  }, 10);
  return play.call(this);
};
"""
"""Runs before the page's own script: puts an analyser behind the first element that plays."""


def tone(path: Path, hz: int, seconds: float, title: str = "", artist: str = "") -> None:
    """An MP3 of one tone, tagged."""
    wave = ("sox", "-n", "-r", "44100", "-c", "2", "-b", "16", "-t", "wav", "-", "synth", str(seconds), "sine", str(hz))
    made = subprocess.run((*wave, "gain", "-6"), check=True, capture_output=True)
    lame = ("lame", "--quiet", "-q", "9", "-b", "128", "-", str(path))
    subprocess.run(lame, input=made.stdout, check=True, capture_output=True)
    tags = ID3()
    if title:
        tags.add(TIT2(encoding=3, text=title))
    if artist:
        tags.add(TPE1(encoding=3, text=artist))
    tags.save(path)


def two_stations(directory: Path) -> tuple[str, ...]:
    """Options for a default station with a picture and `/humor` without one, two tones each: the pitch tells which
    track is heard."""
    for station, tones in {"main": (500, 1000), "humor": (2000, 3000)}.items():
        (directory / station).mkdir()
        for hz in tones:
            tone(directory / station / f"{hz:05}.mp3", hz, 150, f"Tone of {hz}", "The Oscillators")
    (directory / "main" / "cover.png").write_bytes((ROOT / "web" / "icon-192.png").read_bytes())
    routes = json.dumps({"humor": {"dir": str(directory / "humor"), "name": "Humour"}})
    return ("--audio-dir", str(directory / "main"), "--directory-routes", routes)


@contextmanager
def on_air(*options: str, password: str = PASSWORD) -> Iterator[Radio]:
    """A radio that runs as long as it is needed, and not longer."""
    with Radio(["--port", "0", *options], {"STATUS_PASSWORD": password}) as radio:
        yield radio


class Visitor:
    """One person's browser: its pages, and everything that it complained about."""

    def __init__(
        self, browser: Browser, radio: Radio, *, scripts: bool = True, locale: str = "en-GB", worker: bool = False
    ) -> None:
        self._radio = radio
        self.context: BrowserContext = browser.new_context(
            base_url=radio.url,
            java_script_enabled=scripts,
            viewport={"width": 1280, "height": 900},
            locale=locale,
            service_workers="allow" if worker else "block",  # requests of a page with one are not seen by `route`
        )
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.complaints: list[str] = []
        if scripts:
            self.context.add_init_script(EAR)

    def open(self, path: str) -> Page:
        """A new tab, marked so that a reload would show."""
        page = self.context.new_page()
        page.on("console", lambda message: self._complain(message.type, f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.goto(path)
        return page

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "assert") and "registration blocked by Playwright" not in text:
            self.complaints.append(text)

    def log_in(self, password: str = PASSWORD) -> Page:
        """The status page, by its login."""
        page = self.open("/status")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        return page


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless, that asks nobody but us."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(CHROMIUM), ignore_default_args=["--mute-audio"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser, radio: Radio, *, scripts: bool = True, locale: str = "en-GB", worker: bool = False
) -> Iterator[Visitor]:
    """Somebody's visit; what is open is closed behind them."""
    person = Visitor(browser, radio, scripts=scripts, locale=locale, worker=worker)
    try:
        yield person
    finally:
        person.context.close()


def axe() -> str:
    """The source of axe-core."""
    return (npm_package("axe-core", AXE_VERSION) / "axe.min.js").read_text(encoding="utf-8")


def hears(page: Page, hz: int) -> None:
    """Return when the page's audio is a tone of `hz` (within a twentieth)."""
    page.wait_for_function("(hz) => window.ear && Math.abs(ear.hz() / hz - 1) < 0.05", arg=hz, polling=50)


def reads(page: Page, selector: str, text: str) -> None:
    """Return when the first element of `selector` reads `text`."""
    check = "([selector, text]) => document.querySelector(selector)?.textContent === text"
    page.wait_for_function(check, arg=[selector, text])


def press_play(page: Page) -> None:
    """Press the large button, and return when the station is heard live."""
    page.locator("#play").click()
    page.wait_for_selector("#now[data-phase=playing]")
