"""Holds thousands of listeners in one thread: connects, reads, and tells how they fared.

`python -m tests.bench.load --port 8000 --listeners 1000` prints JSON lines: `{"event": "start"}`, `"joined"` once
everybody has audio, `"rest"` when the measured time begins, and `"done"` with the result. Everything is driven by
one epoll loop; the bytes go to one shared buffer and nowhere else. The driver watches itself: where it was too busy
to be a fair judge, the result says so.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import resource
import select
import socket
import sys
import time
from collections import Counter, deque

from tests.bench.measures import percentile
from tests.bench.player import Player

IP_BIND_ADDRESS_NO_PORT = 24
"""ip(7): the port is chosen at connect, so that it only has to be free towards this server."""
LISTENERS_AN_ADDRESS = 250
JOIN_LIMIT_S = 60.0
TICK_S = 0.25
"""How often slow listeners read."""
TIGHT_PACE, TIGHT_BYTES = 1.1, 64 << 10
"""A listener who reads barely faster than he plays, through a small buffer."""
REPORT_S = 1.0
BUSY_CPU_PERCENT, BUSY_LAG_MS = 85.0, 250.0
"""Above these the driver itself delays what it measures."""

_BUFFER = bytearray(1 << 18)


class Listener:
    """One connection, and what its player heard. `pace` is the share of the stream's rate that it reads."""

    __slots__ = ("asked_s", "closed", "head", "heard", "pace", "player", "sock", "started_s", "status")

    def __init__(self, sock: socket.socket, player: Player, pace: float, asked_s: float) -> None:
        self.sock, self.player, self.pace, self.asked_s = sock, player, pace, asked_s
        self.head: bytes | None = b""
        self.started_s = 0.0
        self.heard = 0
        self.status = ""
        self.closed = False

    def read(self, limit: int, now_s: float) -> None:
        """Take what has arrived, `limit` bytes at most."""
        try:
            count = self.sock.recv_into(_BUFFER, limit)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count == 0:
            self.closed = True
        elif self.head is None:
            self.heard += count
            self.player.receive(count, now_s)
        else:
            self._read_head(bytes(_BUFFER[:count]), now_s)

    def _read_head(self, data: bytes, now_s: float) -> None:
        head, found, body = ((self.head or b"") + data).partition(b"\r\n\r\n")
        if not found:
            self.head = head
            return
        self.status = head[:12].partition(b" ")[2].decode("ascii", "replace")
        # An answer without audio is a head that never ends: it counts as not started.
        self.head = None if self.status == "200" else head
        if self.head is None and body:
            self.heard = len(body)
            self.player.receive(len(body), now_s)

    def note_start(self, now_s: float) -> bool:
        """True once: with the first byte of audio."""
        if self.started_s or not self.heard:
            return False
        self.started_s = now_s
        return True


class Load:
    """The loop. One thread; owns every socket."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.poll = select.epoll()
        self.connecting: dict[int, Listener] = {}
        self.reading: dict[int, Listener] = {}
        self.everyone: list[Listener] = []
        self.slow: deque[Listener] = deque()
        self.waiting = 0
        self.lags_s: list[float] = []
        self.next_tick_s = self.slow_s = 0.0
        self.next_report_s = math.inf

    def run(self) -> None:
        """All phases: join, settle, rest; then the result."""
        count = self.options.listeners
        began_s = time.monotonic()
        say(event="start")
        while len(self.everyone) < count or (self.waiting and time.monotonic() < began_s + JOIN_LIMIT_S):
            due = min(count, int((time.monotonic() - began_s) / max(self.options.join, 1e-3) * count) + 1)
            while len(self.everyone) < due and self.waiting < self.options.pressing:
                self._connect(len(self.everyone))
            self._turn(0.02)
        say(event="joined", seconds=round(time.monotonic() - began_s, 3), **self._sums())
        self._hold(self.options.settle)
        before = self._sums()
        say(event="rest", **before)
        self.lags_s.clear()
        cpu_s, rest_s = time.process_time(), time.monotonic()
        if self.options.report:
            self.next_report_s = rest_s
        self._hold(self.options.hold)
        self.next_report_s = math.inf
        self._result(before, time.process_time() - cpu_s, time.monotonic() - rest_s)

    def _connect(self, number: int) -> None:
        options = self.options
        sock = socket.socket()
        sock.setblocking(False)
        share = number * 100 // options.listeners
        pace = self._pace(share)
        if pace < 1:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # what backs up, backs up at the server
        elif pace > 1:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TIGHT_BYTES // 2)  # the kernel doubles it
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        address = options.first_address + number // LISTENERS_AN_ADDRESS
        sock.bind((f"127.1.{address >> 8}.{address & 255}", 0))
        listener = Listener(sock, Player(options.kbps), pace, time.monotonic())
        sock.connect_ex(("127.0.0.1", options.port))
        self.everyone.append(listener)
        self.connecting[sock.fileno()] = listener
        self.waiting += pace > 0
        self.poll.register(sock, select.EPOLLOUT)

    def _pace(self, percent: int) -> float:
        """The pace of the listener before whom so many percent come."""
        options, paces = self.options, ((self.options.stalled, 0.0), (self.options.slow, 1 / 3))
        for share, pace in (*paces, (options.tight, TIGHT_PACE)):
            if percent < share:
                return pace
            percent -= share
        return 1.0

    def _turn(self, wait_s: float) -> None:
        """Serve what is ready, at most `wait_s` from now, and note how long the last one of the batch waited."""
        events = self.poll.poll(wait_s, 4096)
        began_s = now_s = time.monotonic()
        for fd, _ in events:
            listener = self.reading.get(fd)
            if listener is None:
                self._ask(fd, self.connecting.pop(fd))
            else:
                self._read(listener, len(_BUFFER), now_s)
            now_s = time.monotonic()
        if events:
            self.lags_s.append(now_s - began_s)
        if now_s >= self.next_tick_s:
            self.next_tick_s = now_s + TICK_S
            self._read_slowly(now_s)
        if now_s >= self.next_report_s:
            self.next_report_s = now_s + REPORT_S
            self._report(now_s)

    def _report(self, now_s: float) -> None:
        """How many of those who keep up have nothing to play just now."""
        good = [one for one in self.everyone if one.pace >= 1]
        for one in good:
            one.player.look(now_s)
        starving = sum(not one.player.playing or one.closed for one in good)
        say(event="tick", at_s=now_s, starving=starving, lost=sum(one.closed for one in good))

    def _ask(self, fd: int, listener: Listener) -> None:
        route = self.options.routes[len(self.reading) % len(self.options.routes)]
        icy = "Icy-MetaData: 1\r\n" if self.options.icy else ""
        try:
            listener.sock.send(f"GET {route} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n{icy}\r\n".encode())
        except OSError:
            self._lose(fd, listener)
            return
        self.reading[fd] = listener
        if listener.pace == 1:
            self.poll.modify(fd, select.EPOLLIN)
            return
        self.poll.unregister(fd)
        if listener.pace:
            self.slow.append(listener)

    def _read(self, listener: Listener, limit: int, now_s: float) -> None:
        listener.read(limit, now_s)
        if not listener.started_s and listener.note_start(now_s):
            self.waiting -= 1
        if listener.closed:
            self._lose(listener.sock.fileno(), listener)

    def _read_slowly(self, now_s: float) -> None:
        rate, passed_s = self.options.kbps * 125, min(1.0, now_s - self.slow_s)
        self.slow_s = now_s
        for _ in range(len(self.slow)):
            listener = self.slow.popleft()
            self._read(listener, int(rate * passed_s * listener.pace), now_s)
            if not listener.closed:
                self.slow.append(listener)

    def _lose(self, fd: int, listener: Listener) -> None:
        listener.closed = True
        self.waiting -= not listener.started_s and listener.pace > 0
        self.reading.pop(fd, None)
        listener.sock.close()

    def _hold(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._turn(min(left_s, TICK_S))
        for listener in self.everyone:
            if not listener.closed:
                listener.player.look(end_s)

    def _sums(self) -> dict[str, int]:
        good = [one for one in self.everyone if one.pace >= 1]
        return {"underruns": sum(one.player.underruns for one in good), "bytes": sum(one.heard for one in good)}

    def _result(self, before: dict[str, int], cpu_s: float, wall_s: float) -> None:
        after = self._sums()
        first_ms = [(one.started_s - one.asked_s) * 1000 for one in self.everyone if one.started_s]
        good = sum(one.pace >= 1 for one in self.everyone)
        expected = good * self.options.kbps * 125 * wall_s
        cpu_percent, lag_ms = cpu_s / wall_s * 100, percentile(self.lags_s, 99) * 1000
        say(
            event="done",
            started=len(first_ms),
            lost=sum(one.closed for one in self.everyone),
            answers=Counter(one.status for one in self.everyone if one.pace),
            underruns_joining=before["underruns"],
            underruns=after["underruns"] - before["underruns"],
            heard_percent=round((after["bytes"] - before["bytes"]) / expected * 100, 1) if good else None,
            first_byte_ms={f"p{p}": round(percentile(first_ms, p), 1) for p in (50, 99, 100)},
            driver={"cpu_percent": round(cpu_percent, 1), "lag_p99_ms": round(lag_ms, 1)},
            driver_is_bottleneck=cpu_percent > BUSY_CPU_PERCENT or lag_ms > BUSY_LAG_MS,
        )


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--routes", nargs="+", default=["/"], help="the stations they share out among themselves")
    parser.add_argument("--kbps", type=int, default=128, help="the constant bitrate of what is played")
    parser.add_argument("--join", type=float, default=1.0, help="seconds within which everybody connects")
    parser.add_argument("--pressing", type=int, default=1 << 20, help="how many may wait for audio at a time")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds between joining and measuring")
    parser.add_argument("--hold", type=float, default=20.0, help="seconds measured")
    parser.add_argument("--stalled", type=int, default=0, help="percent who never read")
    parser.add_argument("--slow", type=int, default=0, help="percent who read a third of the rate")
    parser.add_argument("--tight", type=int, default=0, help="percent who read barely in time, little at once")
    parser.add_argument("--report", action="store_true", help="tell each second who has nothing to play")
    parser.add_argument("--icy", action="store_true")
    parser.add_argument("--linger", action="store_true", help="stay connected after the result until stdin closes")
    parser.add_argument("--first-address", type=int, default=0, help="a second driver begins at other addresses")
    return parser.parse_args(argv)


def main() -> None:
    """Run one load; the collector would only stop the loop, and nothing here makes cycles."""
    options = parse(sys.argv[1:])
    wanted = options.listeners + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    gc.disable()
    load = Load(options)
    load.run()
    if options.linger:
        sys.stdin.read()


if __name__ == "__main__":
    main()
