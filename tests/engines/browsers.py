"""Three engines: Chromium, Firefox ESR, and WebKitGTK's own small browser, the nearest to Safari that Debian has.

WebKitGTK is there twice: it plays HLS, as Safari does, where it is told to.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tests.engines.drivers import Driver, Marionette, WebDriver
from tests.server import free_port

_CHROMIUM: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_FIREFOX: Final[dict[str, object]] = {
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}
_SOFTWARE: Final = {
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
}
Begin = Callable[[Path, Mapping[str, str]], "contextlib.AbstractContextManager[Driver]"]


@contextlib.contextmanager
def _started(directory: Path, environ: Mapping[str, str], *command: str) -> Iterator[None]:
    """A program with all that it starts, ended together."""
    with open(directory / "browser.log", "wb") as log:
        process = subprocess.Popen(
            command, env={**environ, **_SOFTWARE}, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)


@contextlib.contextmanager
def _ended(driver: Driver) -> Iterator[Driver]:
    try:
        yield driver
    finally:
        with contextlib.suppress(OSError):
            driver.quit()


@contextlib.contextmanager
def _chromium(directory: Path, environ: Mapping[str, str]) -> Iterator[Driver]:
    port = free_port()
    arguments = [*_CHROMIUM, f"--user-data-dir={directory}/profile"]
    wanted = {"goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments}}
    with _started(directory, environ, "chromedriver", f"--port={port}"), _ended(WebDriver(port, wanted)) as driver:
        yield driver


@contextlib.contextmanager
def _webkit(directory: Path, environ: Mapping[str, str], *, hls: bool = False) -> Iterator[Driver]:
    port = free_port()
    environ = {**environ, **({"WEBKIT_GST_ENABLE_HLS_SUPPORT": "1"} if hls else {})}
    binary = max(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    wanted = {"webkitgtk:browserOptions": {"binary": str(binary), "args": ["--automation"]}}
    with _started(directory, environ, "WebKitWebDriver", f"--port={port}"), _ended(WebDriver(port, wanted)) as driver:
        yield driver


@contextlib.contextmanager
def _firefox(directory: Path, environ: Mapping[str, str]) -> Iterator[Driver]:
    port, profile = free_port(), directory / "profile"
    profile.mkdir()
    settings = {**_FIREFOX, "marionette.port": port}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items())
    (profile / "user.js").write_text("".join(lines))
    command = ("firefox-esr", "--marionette", "--no-remote", "--profile", str(profile))
    with _started(directory, environ, *command), _ended(Marionette(port)) as driver:
        yield driver


HLS: Final = "webkit-hls"
ENGINES: Final[dict[str, Begin]] = {
    "chromium": _chromium,
    "firefox": _firefox,
    "webkit": _webkit,
    HLS: partial(_webkit, hls=True),
}
"""name -> `begin(directory, environ)`: a context that gives the browser's driver. The directory is its home."""
