"""A webhook's other end, which does what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Sink:
    """Answers each connection by `answer(request)`; bytes are sent, a function does what it likes with the socket."""

    def __init__(self, answer: Callable[[bytes], bytes | Callable[[socket.socket], None]]) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?key=1"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < _whole(data):
            data += connection.recv(65536)
        self.requests.append(data)
        answer = self._answer(data)
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)


def _whole(data: bytes) -> int:
    head, _, _ = data.partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return len(head) + 4 + int(length.partition(b":")[2])
