"""What a request of an HLS player costs: CPU of the server for a playlist and for a segment, one after another.

`python -m tests.bench.hls` prints microseconds of CPU a request, kernel included: the median of `ROUNDS`.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench import audio, measures
from tests.bench.servers import Radio

ROUNDS = 5
REQUESTS = 1000
FILL_S = 14.0
"""Until then there is no whole list of segments."""


class Player:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._buffer = bytearray(1 << 18)

    def ask(self, path: str) -> bytes:
        """The body of the answer, which must be 200."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode())
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._socket.recv(1 << 16)
        head = bytes(data[:end])
        assert b" 200 " in head[:16], head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += self._socket.recv(1 << 16)
        return bytes(data[end + 4 :])


def price_us(pid: int, player: Player, path: str) -> float:
    """Microseconds of CPU that one of many such requests costs the server."""
    began_s = measures.cpu_s(pid)
    for _ in range(REQUESTS):
        player.ask(path)
    return (measures.cpu_s(pid) - began_s) / REQUESTS * 1e6


def newest(playlist: bytes) -> str:
    return "/" + playlist.decode().splitlines()[-1]


def main() -> None:
    """Print both prices."""
    with tempfile.TemporaryDirectory() as home:
        folder = audio.directory(Path(home, "audio"), audio.track(128, 240))
        with Radio(folder) as radio:
            player = Player(radio.port)
            time.sleep(2)
            player.ask("/main.m3u8")
            time.sleep(FILL_S)
            lists, segments = [], []
            for _ in range(ROUNDS):
                lists.append(price_us(radio.pid, player, "/main.m3u8"))
                segments.append(price_us(radio.pid, player, newest(player.ask("/main.m3u8"))))
    print(f"a playlist {statistics.median(lists):.0f} us ({min(lists):.0f}-{max(lists):.0f})")
    print(f"a segment {statistics.median(segments):.0f} us ({min(segments):.0f}-{max(segments):.0f})")


if __name__ == "__main__":
    main()
