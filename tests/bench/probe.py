"""Asks for `/healthz` at a steady pace from a thread of its own, and remembers how long each answer took."""

from __future__ import annotations

import socket
import threading
import time

LOST_MS = 10_000.0


class Probe:
    """A context manager; `latencies_ms` holds what was seen since `restart`.

    Each request is made when it is due, whatever became of the one before: a server that hangs for a second delays
    every request of that second, and one that takes 300 ms takes 300 ms.
    """

    def __init__(self, port: int, pace_s: float = 0.1, path: str = "/healthz") -> None:
        self._address = ("127.0.0.1", port)
        self._pace_s = pace_s
        self._request = f"GET {path} HTTP/1.0\r\nHost: bench\r\n\r\n".encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._asking: list[threading.Thread] = []
        self.latencies_ms: list[float] = []

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for one in self._asking:
            one.join()

    def restart(self) -> list[float]:
        """What was seen so far; from now on a new list is filled."""
        seen, self.latencies_ms = self.latencies_ms, []
        return seen

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.wait(max(0.0, due_s - time.monotonic())):
            self._asking = [one for one in self._asking if one.is_alive()]
            self._asking.append(threading.Thread(target=self._note, args=(due_s,), daemon=True))
            self._asking[-1].start()
            due_s += self._pace_s

    def _note(self, due_s: float) -> None:
        answered = self._ask()
        self.latencies_ms.append((time.monotonic() - due_s) * 1000 if answered else LOST_MS)

    def _ask(self) -> bool:
        """Whether the answer is 200."""
        try:
            with socket.create_connection(self._address, LOST_MS / 1000) as sock:
                sock.sendall(self._request)
                return b" 200 " in sock.recv(256)
        except OSError:
            return False
