"""What is heard of the player's page in Chromium, Firefox and WebKitGTK: a press, ends of tracks, a skip, a pause by
the page and by the media keys, and the server's restart; each for MP3, AAC and Ogg."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.functional.engines import Engine
from tests.functional.sound_card import Bus, Card, bus, screen
from tests.server import Radio

TONES_HZ: Final = (500, 1000, 1500)
TRACK_S: Final = 8
ENCODERS: Final = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "aac": ("-c:a", "aac", "-b:a", "128k"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "4"),
}
PADDING_MS: Final = {"mp3": 42, "aac": 43, "ogg": 16}
"""What encoders put before and behind a track, as it is heard where two meet; in Ogg what an engine makes of it."""
SLACK_MS: Final = 25


@pytest.fixture(scope="module")
def display() -> Iterator[dict[str, str]]:
    with screen() as environ:
        yield environ


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def name(request: pytest.FixtureRequest) -> str:
    """The engine's."""
    return str(request.param)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    made = Card(tmp_path)
    yield made
    made.close()


@pytest.fixture
def keys() -> Iterator[Bus]:
    with bus() as made:
        yield made


@pytest.fixture
def engine(name: str, card: Card, keys: Bus, display: dict[str, str]) -> Iterator[Engine]:
    made = Engine(name, {**display, **card.environ, **keys.environ})
    yield made
    made.close()


@pytest.fixture(params=sorted(ENCODERS))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def radio(family: str, tmp_path: Path) -> Iterator[Radio]:
    """Three tones, one after the other; the pitch says which is heard."""
    music = tmp_path / "music"
    music.mkdir()
    for hz in TONES_HZ:
        wave = ("-f", "lavfi", "-i", f"sine=f={hz}:r=44100:d={TRACK_S},volume=4")
        command = ("ffmpeg", "-v", "error", *wave, "-ac", "2", *ENCODERS[family], str(music / f"{hz:05}.{family}"))
        subprocess.run(command, check=True)
    with Radio(["--port", "0", "--audio-dir", str(music)]) as made:
        yield made


def test_what_is_heard(engine: Engine, radio: Radio, card: Card, keys: Bus, family: str) -> None:
    """Every step is heard, within a few seconds on a machine that does other things too; the exact figures are printed.
    At the ends of tracks there is nothing but the encoder's padding, and no peak is above full scale."""
    figures: dict[str, object] = {}
    driver = engine.driver
    driver.go(f"{radio.url}/web")
    engine.reads("document.getElementById('now-title').textContent.length > 0", "a title")

    pressed_s = card.now_s()
    driver.click("#play")
    sounds_s = card.first(None, pressed_s)
    figures["press to sound"] = round(sounds_s - pressed_s, 2)
    engine.reads("document.getElementById('now').dataset.phase === 'playing'", "playing")

    settled_s = card.first(None, sounds_s + 2.5)  # behind the start of an engine's output
    heard_hz = card.pitch_hz(settled_s)
    first = min(TONES_HZ, key=lambda hz: abs(hz - heard_hz))
    second, third = (TONES_HZ[(TONES_HZ.index(first) + n) % len(TONES_HZ)] for n in (1, 2))
    ends_s = [at := card.first(second, settled_s), card.first(third, at)]
    card.until_heard(ends_s[-1] + 0.2)
    gaps = [sum(card.gaps_ms(end_s - 0.4, end_s + 0.1)) for end_s in ends_s]
    figures["track ends (ms)"] = gaps
    assert min(gaps) <= PADDING_MS[family] + SLACK_MS  # the other may have met a busy machine

    skipped_s = card.now_s()
    radio.post("/next-track/")
    figures["skip to sound"] = round(card.first(first, skipped_s) - skipped_s, 2)

    driver.click("#play")
    quiet_s = card.until_quiet(card.now_s())
    again_s = card.now_s()
    driver.click("#play")
    figures["play again"] = round(card.first(None, max(again_s, quiet_s + 0.3)) - again_s, 2)
    engine.reads("document.getElementById('now').dataset.phase === 'playing'", "playing again")

    keys.press("Pause")
    card.until_quiet(card.now_s())
    engine.reads("document.getElementById('now').dataset.phase === 'idle'", "the pause by the media key")
    key_s = card.now_s()
    keys.press("Play")
    figures["media key to sound"] = round(card.first(None, key_s) - key_s, 2)

    radio.kill()
    lost_s = card.until_quiet(card.now_s())
    radio.start()
    back_s = card.now_s()
    figures["back after restart"] = round(card.first(None, max(back_s, lost_s + 0.3)) - back_s, 2)
    engine.reads("document.getElementById('now').dataset.phase === 'playing'", "playing after the restart")

    assert card.loudest() < 32767
    print(engine.name, family, figures)
