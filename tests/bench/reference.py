"""The floor: one thread that sends the same bytes to everybody by epoll, and does nothing else a radio must.

What the real server costs is told as a ratio to this, measured on the same machine in the same minute. It also
stands in for a server where only the load driver is tried. `python -m tests.bench.reference FILE KBPS` prints its
port.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from pathlib import Path

CHUNK = 65536
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"


class Sender:
    """Listeners get two chunks at once and one whenever another is due. One thread; owns the sockets."""

    def __init__(self, audio: bytes, kbps: int) -> None:
        self.audio = memoryview(audio)
        self.pace_s = CHUNK * 8 / (kbps * 1000)
        self.at = 2 * CHUNK
        self.asking: dict[int, socket.socket] = {}
        self.socks: dict[int, socket.socket] = {}
        self.poll = select.epoll()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.server.setblocking(False)
        self.poll.register(self.server, select.EPOLLIN)
        print(f"http://127.0.0.1:{self.server.getsockname()[1]}/", flush=True)

    def run(self) -> None:
        due_s = time.monotonic() + self.pace_s
        while True:
            for fd, _ in self.poll.poll(max(0.0, due_s - time.monotonic())):
                self._accept() if fd == self.server.fileno() else self._answer(fd)
            if time.monotonic() >= due_s:
                due_s += self.pace_s
                self._publish()

    def _accept(self) -> None:
        try:
            sock = self.server.accept()[0]
        except OSError:
            return
        sock.setblocking(False)
        self.asking[sock.fileno()] = sock
        self.poll.register(sock, select.EPOLLIN)

    def _answer(self, fd: int) -> None:
        """The request of a new listener, or the end of one who leaves."""
        sock = self.asking.pop(fd, None) or self.socks.pop(fd)
        try:
            if sock.recv(4096):
                self.socks[fd] = sock
                self._send(fd, HEAD + bytes(self.audio[self.at - 2 * CHUNK : self.at]))
                return
        except OSError:
            pass  # a reset is a way of leaving
        sock.close()

    def _publish(self) -> None:
        chunk = self.audio[self.at : self.at + CHUNK]
        self.at = self.at + CHUNK if self.at + 2 * CHUNK <= len(self.audio) else 2 * CHUNK
        for fd in list(self.socks):
            self._send(fd, chunk)

    def _send(self, fd: int, data: bytes | memoryview) -> None:
        try:
            self.socks[fd].send(data)
        except BlockingIOError:
            return
        except OSError:
            self.socks.pop(fd).close()


if __name__ == "__main__":
    Sender(Path(sys.argv[1]).read_bytes(), int(sys.argv[2])).run()
