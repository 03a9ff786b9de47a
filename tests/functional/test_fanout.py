"""Past one machine: nginx as a caching edge for HLS and Icecast as a relay, with the examples that operators copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.functional.conftest import Start
from tests.functional.hls_players import Score, play
from tests.functional.hls_validator import Judge, parse, read
from tests.functional.raw import Exchange, blocks
from tests.server import Radio, free_port, listens
from tests.waiting import every_second, until

ROOT = Path(__file__).parents[2]
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class Edge:
    """nginx with `.ops/nginx-edge.conf`, and a log of what it had to ask the origin for."""

    def __init__(self, origin_port: int, home: Path) -> None:
        program = shutil.which("nginx", path=PATH)
        assert program, "nginx is missing"
        self.port, self._log = free_port(), home / "access.log"
        self.lists = home / "hls-lists"
        example = (ROOT / ".ops/nginx-edge.conf").read_text()
        for written, here in (
            ("radiostream:8000", f"127.0.0.1:{origin_port}"),
            ("listen 8080", f"listen 127.0.0.1:{self.port}"),
            ("access_log off", f"access_log {self._log} asked"),
        ):
            assert example.count(written) == 1, written
            example = example.replace(written, here)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        (home / "nginx.conf").write_text(
            f"daemon off; {'user root;' if os.getuid() == 0 else ''} pid {home}/pid; worker_processes 1;\n"
            "worker_rlimit_nofile 8192; events { worker_connections 4096; }\n"
            f"http {{ {' '.join(f'{kind}_temp_path {home}/{kind};' for kind in kinds)}\n"
            f"log_format asked '$upstream_status $uri';\n{example.replace('/tmp/hls', f'{home}/hls')} }}"
        )
        self._command = [program, "-p", str(home), "-c", "nginx.conf", "-e", str(home / "error.log")]
        self.begin()

    def begin(self) -> None:
        self._running = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until(lambda: listens(self.port))

    def end(self) -> None:
        self._running.terminate()
        assert self._running.wait(10) == 0

    def asked_for(self) -> list[str]:
        """What the origin has been asked for so far."""
        answers = [line.split(" ", 1) for line in self._log.read_text().splitlines()]
        return [uri for status, uri in answers if status != "-"]

    def get(self, path: str, *fields: str) -> tuple[int, str, bytes]:
        """Status, X-Cache and body."""
        lines = [f"GET {path} HTTP/1.1", "Host: edge.example", "Connection: close", *fields]
        with Exchange(self.port, ("\r\n".join(lines) + "\r\n\r\n").encode()) as answer:
            return answer.status, answer.field("X-Cache") or "", answer.rest()


@pytest.fixture
def origin(three_tones: Path, start: Start) -> Radio:
    return start("--audio-dir", three_tones)


@pytest.fixture
def edge(origin: Radio, tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(origin.port, tmp_path)
    yield edge
    edge.end()


def without_errors(score: Score) -> Score:
    assert set(score.answers) == {200}
    assert not +score.errors
    return score


@pytest.mark.serial  # counts what 500 players ask for in a time
def test_five_hundred_players_cost_what_one_does(edge: Edge) -> None:
    """Each gets every segment, the same as all the others; the origin is asked for each once, and for the list once a
    second at most."""
    without_errors(play(f"http://127.0.0.1:{edge.port}/main.m3u8", 1, 10))
    begin_s, before = time.monotonic(), len(edge.asked_for())
    score = without_errors(play(f"http://127.0.0.1:{edge.port}/main.m3u8", 500, 15))
    took_s, asked = time.monotonic() - begin_s, edge.asked_for()[before:]
    assert sum(score.answers.values()) > 500 * 5
    segments = [uri for uri in asked if uri.startswith("/hls/")]
    assert len(segments) == len(set(segments)) <= len(score.segments)
    assert len(asked) - len(segments) <= took_s + 2


def test_an_edge_restarts(edge: Edge) -> None:
    """A player that asks again goes on where it was; the cache of before is still good."""
    judge = Judge()
    for second in every_second(12):
        if second == 6:
            edge.end()
            edge.begin()
        for entry in judge.see(edge.get("/main.m3u8")[2].decode()):
            judge.take(entry, edge.get("/" + entry.uri)[2])
    assert len(judge.known) >= 4
    first = judge.known[min(judge.known)]
    assert edge.get("/" + first.uri)[:2] == (200, "HIT")


def test_the_origin_restarts(edge: Edge, origin: Radio, three_tones: Path, start: Start) -> None:
    """Meanwhile its last list and segments are there. Then the list goes on with higher numbers behind a discontinuity;
    what was told before keeps its content under its name, and what is new has another one."""
    told = parse(edge.get("/main.m3u8")[2].decode())
    contents = {entry.uri: edge.get("/" + entry.uri)[2] for entry in told.entries}
    assert origin.stop() == 0
    for _ in every_second(4):
        status, cached, data = edge.get("/main.m3u8")
        assert (status, parse(data.decode())) == (200, told)
    assert cached == "STALE"
    start("--audio-dir", three_tones, "--port", str(origin.port))
    until(lambda: parse(edge.get("/main.m3u8")[2].decode()) != told)
    now = parse(edge.get("/main.m3u8")[2].decode())
    assert now.sequence > told.entries[-1].number
    assert now.discontinuity_sequence >= told.discontinuity_sequence
    assert now.entries[0].cut
    for entry in now.entries:
        assert entry.uri not in contents
        assert read(edge.get("/" + entry.uri)[2]).seconds == pytest.approx(entry.seconds, abs=0.001)
    for uri, content in contents.items():
        assert edge.get("/" + uri) == (200, "HIT", content)


def test_an_edge_keeps_no_old_list(edge: Edge) -> None:
    """A list that nobody asks for is not kept: who comes after a pause gets the one of now."""
    assert edge.get("/main.m3u8")[1] == "MISS"
    until(lambda: not any(path.is_file() for path in edge.lists.rglob("*")), patience_s=40)
    assert edge.get("/main.m3u8")[1] == "MISS"


def test_an_edge_serves_ranges_and_heads(edge: Edge) -> None:
    """Of what it has, whatever query the request carries."""
    path = "/" + parse(edge.get("/main.m3u8")[2].decode()).entries[0].uri
    whole = edge.get(path)[2]
    assert edge.get(path + "?token=1", "Range: bytes=100-299") == (206, "HIT", whole[100:300])
    with Exchange(edge.port, f"HEAD {path} HTTP/1.0\r\n\r\n".encode()) as answer:
        assert answer.status == 200
        assert answer.field("Content-Length") == str(len(whole))
        assert answer.field("Cache-Control") == "public, max-age=3600, immutable"
        assert answer.field("Access-Control-Allow-Origin") == "*"
    assert edge.asked_for() == ["/main.m3u8", path]


# -- Icecast -----------------------------------------------------------------------------------------------------------

ICECAST = """<icecast>
  <limits><clients>50</clients><sources>4</sources></limits>
  <authentication><source-password>-</source-password><admin-password>-</admin-password></authentication>
  <hostname>127.0.0.1</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  {relay}
  <paths><basedir>/usr/share/icecast2</basedir><logdir>{home}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>2</loglevel></logging>
  <security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security>
</icecast>
"""


@pytest.fixture
def icecast(origin: Radio) -> Iterator[int]:
    """Icecast with `.ops/icecast-relay.xml`, relaying the origin's default station as /humor; its port."""
    program = shutil.which("icecast2", path=PATH)
    assert program, "icecast2 is missing"
    relay = ElementTree.parse(ROOT / ".ops/icecast-relay.xml").getroot()
    for name, text in (("server", "127.0.0.1"), ("port", str(origin.port)), ("mount", "/main")):
        element = relay.find(name)
        assert element is not None
        element.text = text
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)  # started by root it becomes nobody, who must read its configuration
        configuration = Path(home, "icecast.xml")
        text = ICECAST.format(port=port, home=home, relay=ElementTree.tostring(relay, encoding="unicode"))
        configuration.write_text(text)
        with subprocess.Popen([program, "-c", configuration], stderr=subprocess.DEVNULL) as running:
            until(lambda: listens(port))
            yield port
            running.terminate()


def relayed(port: int) -> Exchange:
    """A listener of the relay that asks for titles; Icecast knows the mount once it hears the origin."""
    for _ in every_second(20):
        answer = Exchange(port, b"GET /humor HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n")
        if answer.status == 200:
            named = (f"{name}:{value}".split(":", 1) for name, value in answer.fields)  # some without a space
            answer.fields = [(name, value.strip(": ")) for name, value in named]
            return answer
        with answer:
            pass
    raise AssertionError("Icecast does not relay")


def test_icecast_relays_with_titles(origin: Radio, icecast: int) -> None:
    """Its listeners hear what ours hear, and are told each title; all of them together are one listener to us."""
    with relayed(icecast) as one, relayed(icecast) as other:
        stream = blocks(one)
        heard = next(block.text for block in stream if block.text)
        assert re.match(rb"StreamTitle='Test - Tone \d'", heard or b"")
        playing = origin.post("/next-track/main")["title"]
        next(block for block in stream if f"'Test - {playing}'".encode() in (block.text or b""))
        assert len(other.read(100_000)) == 100_000
        (row,) = origin.json("/streams")["streams"]
        assert row["listeners"] == 1
