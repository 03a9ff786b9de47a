"""How a browser is told what to do: W3C WebDriver over HTTP, and Marionette, the protocol below it in Firefox.

Debian has no geckodriver, which translates one into the other; what is needed of Marionette is no more than this.
"""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import Any, Final, Protocol

from tests.server import listens
from tests.waiting import PATIENCE_S, until

_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, section 12: the key of an element's reference


class Driver(Protocol):
    """One browser with one page."""

    version: str

    def go(self, url: str) -> None:
        """Open a page, and return when it is loaded."""

    def js(self, script: str) -> Any:
        """What a function's body returns in the page."""

    def click(self, css: str) -> None:
        """Click an element as a hand does."""

    def enter_frame(self) -> None:
        """What follows is about the page in the page's first frame."""

    def quit(self) -> None:
        """End the browser."""


class WebDriver:
    """W3C WebDriver, https://www.w3.org/TR/webdriver2/."""

    def __init__(self, port: int, capabilities: dict[str, Any]) -> None:
        until(lambda: listens(port), "the driver")
        self._url = f"http://127.0.0.1:{port}/session"
        answer = self._call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self.version: str = answer["capabilities"]["browserVersion"]
        self._url += f"/{answer['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=2 * PATIENCE_S) as answer:
            return json.load(answer)["value"]

    def go(self, url: str) -> None:
        """Section 10.1."""
        self._call("POST", "/url", {"url": url})

    def js(self, script: str) -> Any:
        """Section 13.2.1."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def click(self, css: str) -> None:
        """Sections 12.3.2 and 12.5.1."""
        element = self._call("POST", "/element", {"using": "css selector", "value": css})[_ELEMENT]
        self._call("POST", f"/element/{element}/click", {})

    def enter_frame(self) -> None:
        """Section 11.6."""
        self._call("POST", "/frame", {"id": 0})

    def quit(self) -> None:
        """Section 8.2."""
        self._call("DELETE", "")


class Marionette:
    """Firefox's own: `length:[0, number, command, parameters]`, answered by `length:[1, number, error, result]`."""

    def __init__(self, port: int) -> None:
        until(lambda: listens(port), "Firefox", 2 * PATIENCE_S)
        self._socket = socket.create_connection(("127.0.0.1", port), 2 * PATIENCE_S)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()  # its greeting
        self.version: str = self._call("NewSession")["capabilities"]["browserVersion"]

    def _read(self) -> Any:
        size = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox hung up"
            size += byte
        return json.loads(self._file.read(int(size)))

    def _call(self, command: str, **parameters: Any) -> Any:
        self._number += 1
        text = json.dumps([0, self._number, f"WebDriver:{command}", parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._read()
        assert not error, error
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def go(self, url: str) -> None:
        """Navigate."""
        self._call("Navigate", url=url)

    def js(self, script: str) -> Any:
        """In the page's own world."""
        return self._call("ExecuteScript", script=script, args=[], sandbox=None)

    def click(self, css: str) -> None:
        """By its own picture of a mouse."""
        element = self._call("FindElement", using="css selector", value=css)[_ELEMENT]
        self._call("ElementClick", id=element)

    def enter_frame(self) -> None:
        """By its number."""
        self._call("SwitchToFrame", id=0)

    def quit(self) -> None:
        """The connection only: the browser is a child that is ended."""
        self._file.close()
        self._socket.close()
