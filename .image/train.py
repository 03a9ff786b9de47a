"""What the interpreter is trained on while it is built: a small copy of the server's day, run by `build-python.sh`.

Listeners on a condition that send a shared buffer, short requests, frames found in bytes, JSON and text. Only what it
runs becomes fast; what it does not run becomes small.
"""

import http.server
import json
import random
import re
import select
import socket
import struct
import threading
import time
import urllib.request
from dataclasses import dataclass

AUDIO = random.Random(1).randbytes(65536)


@dataclass(frozen=True, slots=True)
class Chunk:
    number: int
    audio: memoryview


class Handler(http.server.BaseHTTPRequestHandler):
    """A short answer, as /streams gives it."""

    def do_GET(self) -> None:
        streams = [
            {"route": f"/{n}", "listeners": n, "on_air": n % 2 == 0, "title": "Café, s'il vous plaît"}
            for n in range(20)
        ]
        body = json.dumps({"streams": streams}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the build's log is for errors."""


def short_requests(count: int = 200) -> None:
    """Ask, answer, read the answer."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(count):
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/streams?route=a%20b") as answer:
                json.load(answer)
        server.shutdown()


def listeners(count: int = 50, chunks: int = 60) -> None:
    """Threads that wait for the next chunk and send it without blocking, waiting again where the socket is full."""
    ring: list[Chunk] = []
    published = threading.Condition()

    def listen(out: socket.socket) -> None:
        for number in range(chunks):
            with published:
                while len(ring) <= number:
                    published.wait()
                chunk = ring[number]
                published.notify()
            sent = 0
            while sent < len(chunk.audio):
                try:
                    sent += out.send(chunk.audio[sent:])
                except BlockingIOError:
                    select.select([], [out], [], 5)
        out.close()

    def swallow(end: socket.socket) -> None:
        while end.recv(65536):
            pass

    threads = []
    for _ in range(count):
        near, far = socket.socketpair()
        near.setblocking(False)
        threads.append(threading.Thread(target=listen, args=(near,)))
        threads.append(threading.Thread(target=swallow, args=(far,)))
    for thread in threads:
        thread.start()
    for number in range(chunks):
        with published:
            ring.append(Chunk(number, memoryview(AUDIO)))
            published.notify(4)
        time.sleep(0.01)
    for thread in threads:
        thread.join()


def frames(rounds: int = 40) -> None:
    """Headers looked for in bytes, and text cut out of them."""
    for _ in range(rounds):
        at, found = 0, []
        while 0 <= (at := AUDIO.find(b"\xff", at + 1)) < len(AUDIO) - 4:
            (head,) = struct.unpack_from(">I", AUDIO, at)
            if head >> 21 == 0x7FF and (head >> 17) & 3 and (head >> 12) & 15 != 15:
                found.append((at, (head >> 10) & 3, int.from_bytes(AUDIO[at : at + 4], "big")))
        "".join(f"{at}:{rate};" for at, rate, _ in sorted(found, key=lambda entry: -entry[0]))
        re.findall(rb"[a-z]{2,}=[^;]*", AUDIO[:4096])
        AUDIO[:512].decode("latin-1").encode("utf-8", "replace")


short_requests()
listeners()
frames()
