"""The README keeps its word: each command of its Control chapter is run, each setting and path is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.conftest import Start
from tests.functional.raw import Exchange
from tests.server import Radio

README = (Path(__file__).parents[2] / "README.md").read_text()
PASSWORD = "s3cret"
TRIES = 100
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def chapter(name: str) -> str:
    """The text between a heading and the next one, code left out."""
    text = re.split(r"\n###? ", README.partition(f"\n## {name}\n")[2])[0]
    assert text, name
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the console block that is said to be tested, and the answer below it."""
    (block,) = re.findall(r"<!-- tested by [^\n]*-->\n```console\n(.*?)```", README, re.DOTALL)
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, answer = part.partition("\n")
        yield command, answer


def table(name: str) -> list[list[str]]:
    """The rows of a chapter's table, its head left out, each as its cells."""
    rows = [line.strip("|").split("|") for line in chapter(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """What the README's answers suppose: the station /humor with three tracks, and a picture."""
    humor = tmp_path_factory.mktemp("music") / "humor"
    shutil.copytree(three_tones, humor)
    (humor / "cover.png").write_bytes(PNG)
    routes = json.dumps({"humor": str(humor)})
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", routes]
    running = Radio(arguments, {"STATUS_PASSWORD": PASSWORD}, humor.parent)
    yield running
    assert running.stop() == 0


def run(command: str, port: int) -> str:
    """What the command prints; it has nothing to complain of."""
    done = subprocess.run(
        command.replace("localhost:8000", f"127.0.0.1:{port}"),
        shell=True, env={**os.environ, "STATUS_PASSWORD": PASSWORD}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_each_command_answers_as_it_is_written(radio: Radio) -> None:
    """By real curl, in order; `…` stands for anything. A question may be asked again: pictures come a moment later."""
    ran = 0
    for command, answer in commands():
        assert command.startswith("curl ")
        assert "localhost:8000" in command
        expected = re.compile(".+".join(map(re.escape, answer.split("…"))))
        tries = 1 if "-X POST" in command else TRIES
        said = next((text for _ in range(tries) if expected.fullmatch(text := run(command, radio.port))), "")
        assert said, f"{command}\n{run(command, radio.port)}"
        ran += 1
    assert ran >= 8


def documented() -> dict[str, tuple[str, str]]:
    """Flag and default by variable, as the table of settings has them; a row may hold two settings."""
    settings = {}
    for flags, variables, defaults, _ in table("Configure"):
        names = quoted(variables)
        values = defaults.split(",") if len(names) > 1 and defaults else [defaults] * len(names)
        for flag, name, value in zip(quoted(flags) or [""] * len(names), names, values, strict=True):
            settings[name] = flag, value.strip()
    return settings


def helped() -> dict[str, tuple[str, str]]:
    """The same, as `--help` has them."""
    done = subprocess.run([sys.executable, "-m", "radiostream", "--help"], capture_output=True, text=True, check=True)
    text = " ".join(done.stdout.split())
    settings = {}
    for part in re.split(r" (?=--)", text[text.index("--port [") : text.index(" The operator's password")]):
        found = re.match(r"(--[a-z-]+) \[VALUE\] (.*) \(([A-Z_]+)(?:; default (\S+))?\)", part)
        assert found, part
        unset = re.search(r"unset: (\w+)", found[2])
        settings[found[3]] = found[1], found[4] or (unset[1] if unset else "")
    return settings


def test_each_setting_is_documented_with_its_default() -> None:
    """The table and `--help` say the same, none has a row more but what only the environment has."""
    table_, help_ = documented(), helped()
    only_environment = {name for name, (flag, _) in table_.items() if not flag}
    assert only_environment == {
        "STATUS_PASSWORD",
        "SOURCE_PASSWORD",
        "WEBHOOK_SECRET",
        "SENTRY_DSN",
        "SENTRY_ENVIRONMENT",
    }
    assert {name: row for name, row in table_.items() if name not in only_environment} == help_


def test_the_documented_password_is_the_default(start: Start, three_tones: Path) -> None:
    """The one setting whose default no help shows."""
    radio = start("--audio-dir", three_tones, STATUS_PASSWORD="1234554321")
    assert documented()["STATUS_PASSWORD"] == ("", "1234554321")
    assert radio.ask("POST", "/next-track/", b"", Authorization="Bearer 1234554321")[0] == 200
    assert radio.stop() == 0
    assert any("everybody knows" in line for line in radio.log)


def paths() -> list[str]:
    """What the chapters for listeners and operators name as a path; suffixes go with the path before them."""
    found = []
    for name in ("Listen", "Control", "Operate"):
        before = ""
        for word in (text.removeprefix("GET ") for text in quoted(chapter(name))):
            if word.startswith("/"):
                before = word
                found.append(word.replace("<route>", "humor"))
            elif word in (".pls", ".xspf"):
                found.append(before.rpartition(".")[0] + word)
    return found


@pytest.mark.parametrize("path", sorted(set(paths())))
def test_each_path_is_there(radio: Radio, path: str) -> None:
    """Whatever it answers, it is not "there is nothing here"."""
    radio.until(lambda: asked(radio.port, path) in (200, 401), path)  # a picture comes a moment after its track


def asked(port: int, path: str) -> int:
    with Exchange(port, f"GET {path} HTTP/1.0\r\n\r\n".encode()) as answer:
        return answer.status


def test_the_paths_are_found_in_the_text() -> None:
    """The test above has something to look at."""
    assert {"/web", "/", "/humor", "/humor.mp3", "/humor.m3u", "/humor.pls", "/humor.xspf", "/humor.m3u8"} <= set(
        paths()
    )
    assert {"/streams", "/cover/humor", "/events", "/status-json.xsl", "/status", "/metrics"} <= set(paths())
