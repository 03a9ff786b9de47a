"""Many HLS players in one process: each asks for the playlist every target duration, and fetches what is new in it.

By hand: `python -m tests.functional.hls_players http://127.0.0.1:8000/main.m3u8 2000 30` prints what they got.
Loopback addresses only.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tests.waiting import PATIENCE_S

EVERY_S = 5.0
AGAIN_S = 0.5
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Score:
    """What all players together have seen."""

    answers: Counter[int] = field(default_factory=Counter)
    bytes_taken: int = 0
    segments: dict[str, int] = field(default_factory=dict)
    """Path to length: what differs between two players is counted as an error."""
    errors: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0


class Player:
    """One player, on one connection that it opens again when it has been closed."""

    def __init__(self, url: str, number: int, score: Score) -> None:
        parts = urlsplit(url)
        assert parts.hostname in ("127.0.0.1", "localhost"), "loopback only"
        self._host, self._port = parts.hostname, parts.port or 80
        self._url, self._number, self._score = url, number, score
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._seen: set[str] = set()

    async def play(self, until_s: float, begin_s: float) -> None:
        """Follow the playlist until the clock says `until_s`."""
        await asyncio.sleep(begin_s)
        while time.monotonic() < until_s:
            due_s = time.monotonic() + EVERY_S
            status, body = await self._get(self._url)
            if status == 200:
                await self._fetch([line for line in body.decode().splitlines() if line and line[0] != "#"])
            await asyncio.sleep(max(0.0, min(due_s, until_s) - time.monotonic()))
        self._close()

    async def _fetch(self, uris: list[str]) -> None:
        for uri in uris if self._seen else uris[-3:]:
            url = urljoin(self._url, uri)
            if url in self._seen:
                continue
            self._seen.add(url)
            status, body = await self._get(url)
            if status == 200:
                whole = body[:3] == b"ID3" and self._score.segments.setdefault(url, len(body)) == len(body)
                self._score.errors["not the same"] += not whole

    async def _get(self, url: str) -> tuple[int, bytes]:
        begin_s = time.monotonic()
        for _ in range(3):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    status, body = await self._ask(urlsplit(url).path)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                last = type(error).__name__
                self._close()
                await asyncio.sleep(AGAIN_S)
                continue
            self._score.answers[status] += 1
            self._score.bytes_taken += len(body)
            self._score.slowest_s = max(self._score.slowest_s, time.monotonic() - begin_s)
            return status, body
        self._score.errors[last] += 1
        return 0, b""

    async def _ask(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            own = f"127.0.{self._number // 250}.{1 + self._number % 250}"  # listeners share no address
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 18, local_addr=(own, 0))
        reader, writer = self._streams
        agent = f"player {self._number}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nUser-Agent: {agent}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if b"connection: close" in head.lower():
            self._close()
        return int(head.split(None, 2)[1]), body

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _play(url: str, count: int, seconds: float) -> Score:
    score = Score()
    until_s = time.monotonic() + seconds
    players = [Player(url, number, score) for number in range(count)]
    await asyncio.gather(*(player.play(until_s, EVERY_S * at / count) for at, player in enumerate(players)))
    return score


def play(url: str, count: int, seconds: float) -> Score:
    """So many players follow `url` for so many seconds."""
    return asyncio.run(_play(url, count, seconds))


if __name__ == "__main__":
    print(play(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
