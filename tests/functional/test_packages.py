"""What pip installs, tried as a stranger uses it: built from the source archive, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Radio

ROOT = Path(__file__).parents[2]
PAGES = ("/web", "/status", "/static/style.css", "/static/player.js", "/favicon.ico", "/streams", "/healthz")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built out of the source archive: what is missing there is missing here too. Out of a copy of the
    checkout, as setuptools writes into it: two builds at a time would be in each other's way."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]  # a tree without a commit will do
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--outdir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deprecated" not in done.stderr + done.stdout
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, nothing else; its `bin`."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    # From elsewhere, and without a path that leads to the checkout: pip would take what it finds there for installed.
    install = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(install, cwd=home, env=without_the_checkout(), check=True)
    return home / "bin"


def without_the_checkout() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture
def radio(installed: Path, tmp_path: Path) -> Iterator[Radio]:
    """The console script, started somewhere that knows nothing of the checkout, with no audio of its own."""
    one = Radio([], {"PORT": "0", "PYTHONPATH": ""}, tmp_path, command=[str(installed / "radiostream")])
    yield one
    one.stop()


def test_the_wheel_holds_all_files(wheel: Path) -> None:
    """Every module, page and demo track of the checkout is in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("radiostream/")}
    sources = [path.relative_to(ROOT) for path in (ROOT / "radiostream").rglob("*") if path.is_file()]
    pages = [Path("radiostream") / path.relative_to(ROOT) for path in (ROOT / "web").rglob("*") if path.is_file()]
    wanted = {str(path) for path in [*sources, *pages] if "__pycache__" not in path.parts}
    assert wanted == inside


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_the_wheel(radio: Radio, path: str) -> None:
    """Every page, script and style is served."""
    assert radio.get(path)[0] == 200


def test_demo_of_the_wheel(radio: Radio) -> None:
    """The first run makes sound."""
    assert radio.json("/now-playing?route=/")["track"]
    with urllib.request.urlopen(radio.url + "/", timeout=10) as stream:
        assert stream.read(2) == b"\xff\xfb"


def test_module_and_script_are_one(installed: Path, tmp_path: Path) -> None:
    """`python -m radiostream` and `radiostream` say the same."""
    commands = ([installed / "radiostream"], [installed / "python", "-m", "radiostream"])
    environ = without_the_checkout()
    said = {
        subprocess.run([*command, "--help"], cwd=tmp_path, env=environ, capture_output=True, check=True).stdout
        for command in commands
    }
    assert len(said) == 1
