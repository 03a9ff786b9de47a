"""Imports go one way: audio <- playlist <- loudness <- radio <- live, plays <- http <- app; leaves are for anyone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "radiostream"
FLOORS = ("leaf", "audio", "playlist", "loudness", "radio", "live", "plays", "http", "app")
LEAVES = (
    "clock",
    "config",
    "log_writer",
    "logs",
    "process",
    "settings",
    "sources",
    "station_names",
    "threads",
    "values",
)
TOP = ("app", "doctor", "health", "metrics", "reporting", "selfcheck", "stations", "__main__")
MODULES = sorted(PACKAGE.rglob("*.py"))


def floor_of(module: str) -> str:
    """The floor that a module of the package lives on."""
    first = module.split(".")[1] if "." in module else "leaf"
    if first in LEAVES or module == "radiostream":
        return "leaf"
    return "app" if first in TOP else first


def imports_of(path: Path) -> set[str]:
    """The package's modules that a file imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= (
                {node.module} if node.module != "radiostream" else {f"radiostream.{one.name}" for one in node.names}
            )
    return {name for name in found if name.split(".")[0] == "radiostream" and not name.endswith(".__version__")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    """No module imports from a floor above its own."""
    parts = [part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__"]
    module = ".".join(["radiostream", *parts])
    own = FLOORS.index(floor_of(module))
    above = {name for name in imports_of(path) if FLOORS.index(floor_of(name)) > own}
    assert not above


HANDLERS = "radiostream.http.handlers"
BENEATH = {"streams": {"listener", "icy"}, "listener": {"icy"}}
"""The only handlers that may import others."""


@pytest.mark.parametrize("path", sorted((PACKAGE / "http/handlers").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_handlers_stand_side_by_side(path: Path) -> None:
    """Whoever reads or adds an endpoint opens one file; what two of them share lies below both."""
    others = {name.split(".")[3] for name in imports_from(path) if name.startswith(f"{HANDLERS}.")}
    assert others <= BENEATH.get(path.stem, set())


def imports_from(path: Path) -> set[str]:
    """Like `imports_of`, and each name that a package gives as if it were a module."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return imports_of(path) | {f"{node.module}.{one.name}" for node in nodes for one in node.names}


@pytest.mark.parametrize(
    "package",
    ["sentry_sdk", "prometheus_client", "mutagen", "asyncio", "argparse", "radiostream.live", "radiostream.plays"],
)
def test_the_server_starts_without(package: str) -> None:
    """What is not needed at the start is not imported then: it costs memory and time."""
    code = f"import sys, radiostream.app; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=False).returncode == 0


def test_a_capability_that_is_off_is_not_there(tmp_path: Path) -> None:
    """A server that keeps nothing and tells nobody has neither the code nor the threads for it."""
    code = """if True:
        import sys, threading
        from radiostream.app import Radio
        from radiostream.config import Config
        radio = Radio(Config.load(["--port", "0", "--host", "127.0.0.1", sys.argv[1]], {}))
        radio.start()
        threads = {one.name for one in threading.enumerate()}
        radio.stop()
        assert not threads & {"plays", "webhooks", "alerts", "state"}, threads
        assert not [name for name in sys.modules if name.startswith("radiostream.plays")]
    """
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, cwd=PACKAGE.parent, check=True, capture_output=True)
