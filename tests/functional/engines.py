"""Three browser engines behind one small interface: Chromium and WebKitGTK by W3C WebDriver, Firefox by Marionette,
which geckodriver translates to: nothing has to be downloaded. Each runs on a virtual screen with a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.server import free_port, listens
from tests.waiting import PATIENCE_S, until

ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""The name of an element's id on the wire (W3C WebDriver §12)."""
MINI_BROWSER: Final = "MiniBrowser"
FIREFOX_SETTINGS: Final[dict[str, Any]] = {
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.aboutwelcome.enabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
}
"""A browser that asks nobody but us."""


class Driver:
    """W3C WebDriver over HTTP."""

    def __init__(self, port: int, capabilities: dict[str, Any]) -> None:
        self._base = f"http://127.0.0.1:{port}"
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._base += f"/session/{answer['sessionId']}"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One command; its value."""
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=2 * PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode(errors="replace")[:600]) from None

    def go(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    def script(self, text: str) -> Any:
        return self.call("POST", "/execute/sync", {"script": text, "args": []})

    def click(self, css: str) -> None:
        found = self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]
        self.call("POST", f"/element/{found}/click")

    def end(self) -> None:
        self.call("DELETE", "")


class Marionette:
    """Firefox's own wire: `length:[0, id, command, parameters]`."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 2 * PATIENCE_S)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()
        self.call("WebDriver:NewSession")

    def _read(self) -> Any:
        size = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox is gone"
            size += byte
        return json.loads(self._file.read(int(size)))

    def call(self, command: str, **parameters: Any) -> Any:
        """One command; its value."""
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, answer = self._read()
        assert not error, str(error)[:600]
        return answer["value"] if isinstance(answer, dict) and set(answer) == {"value"} else answer

    def go(self, url: str) -> None:
        self.call("WebDriver:Navigate", url=url)

    def script(self, text: str) -> Any:
        return self.call("WebDriver:ExecuteScript", script=text, args=[], sandbox=None)

    def click(self, css: str) -> None:
        found = self.call("WebDriver:FindElement", using="css selector", value=css)[ELEMENT]
        self.call("WebDriver:ElementClick", id=found)

    def end(self) -> None:
        self.call("Marionette:Quit", flags=["eForceQuit"])
        self._file.close()
        self._socket.close()


class Engine:
    """A browser of one of the three engines. `environ` says where its screen, its sound card and its bus are."""

    def __init__(self, name: str, environ: dict[str, str]) -> None:
        self.name = name
        self._home = Path(tempfile.mkdtemp(prefix=f"engine-{name}-"))
        self._environ = {
            **{key: value for key, value in os.environ.items() if key in ("PATH", "LANG")},
            "HOME": str(self._home),
            "XDG_RUNTIME_DIR": str(self._home),
            "NO_AT_BRIDGE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            **environ,
        }
        starts: dict[str, Callable[[], Driver | Marionette]] = {
            "chromium": self._chromium,
            "firefox": self._firefox,
            "webkit": self._webkit,
        }
        self.driver = starts[name]()

    def _spawn(self, port: int, *command: str) -> None:
        self._process = subprocess.Popen(
            command, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(lambda: listens(port), f"{self.name}'s driver", 2 * PATIENCE_S)

    def _chromium(self) -> Driver:
        port = free_port()
        self._spawn(port, "chromedriver", f"--port={port}")
        quiet = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
        arguments = [*quiet, "--disable-component-update", f"--user-data-dir={self._home}/profile"]
        return Driver(port, {"goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments}})

    def _webkit(self) -> Driver:
        port = free_port()
        self._spawn(port, "WebKitWebDriver", f"--port={port}")
        browser = next(Path("/usr/lib").glob(f"*/webkit2gtk-4.1/{MINI_BROWSER}"))
        return Driver(port, {"webkitgtk:browserOptions": {"binary": str(browser), "args": ["--automation"]}})

    def _firefox(self) -> Marionette:
        port = free_port()
        profile = self._home / "profile"
        profile.mkdir()
        settings = {**FIREFOX_SETTINGS, "marionette.port": port}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items())
        (profile / "user.js").write_text("".join(lines), encoding="utf-8")
        self._spawn(port, "firefox-esr", "--marionette", "--no-remote", "--profile", str(profile))
        return Marionette(port)

    def reads(self, expression: str, what: str) -> Any:
        """The value of a JavaScript expression, once it is true."""
        return until(lambda: self.driver.script(f"return {expression}"), f"{self.name}: {what}")

    def close(self) -> None:
        """End the browser, its driver and all that they have started; their home goes too."""
        with contextlib.suppress(Exception):
            self.driver.end()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        shutil.rmtree(self._home, ignore_errors=True)
