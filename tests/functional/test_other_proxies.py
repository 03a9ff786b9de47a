"""Behind the real Caddy, which compresses, and the real HAProxy, which takes what is not ready out of service."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.raw import Exchange, events
from tests.server import ROOT, Radio, free_port, listens
from tests.waiting import every_second, until

HOST = "radio.example"


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """Started as the examples say; of its two further stations one has no directory."""
    routes = json.dumps({"humor": str(three_tones), "missing": str(three_tones / "nowhere")})
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", routes]
    environ = {"BASE_PATH": "/radio", "TRUSTED_PROXIES": "127.0.0.1/32"}
    running = Radio(arguments, environ, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def caddy(radio: Radio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The example, without a certificate and with `encode`; its port."""
    port, home = free_port(), tmp_path_factory.mktemp("caddy")
    text = (ROOT / ".ops/Caddyfile").read_text().replace(":8000", f":{radio.port}")
    site = text.replace("example.org {", f"http://:{port} {{\n\tencode zstd gzip")
    (home / "Caddyfile").write_text("{\n\tadmin off\n}\n" + site)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(home / "Caddyfile")]
    with subprocess.Popen(command, env={**os.environ, "HOME": str(home)}, stderr=subprocess.DEVNULL) as running:
        until(lambda: listens(port), "Caddy")
        yield port
        running.terminate()


@pytest.fixture(scope="module")
def haproxy(radio: Radio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The example, checking three times a second; its port."""
    port, home = free_port(), tmp_path_factory.mktemp("haproxy")
    text = (ROOT / ".ops/haproxy.cfg").read_text()
    assert text.count("bind :80") == text.count("127.0.0.1:8000 check") == 1
    text = text.replace("bind :80", f"bind 127.0.0.1:{port}\n    monitor-uri /alive\n    monitor fail if no_server")
    text = text.replace("monitor fail", "acl no_server nbsrv(radiostream) lt 1\n    monitor fail")
    text = text.replace("127.0.0.1:8000 check", f"127.0.0.1:{radio.port} check inter 300 rise 1 fall 1")
    text = text.replace("httpchk GET /readyz", "httpchk GET /radio/readyz\n    timeout check 5s")
    (home / "haproxy.cfg").write_text(text)
    command = ["haproxy", "-db", "-f", str(home / "haproxy.cfg")]
    environ = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as running:
        until(lambda: listens(port), "HAProxy")
        yield port
        running.terminate()


def ask(proxy: int, path: str, *lines: str) -> Exchange:
    fields = "".join(f"{line}\r\n" for line in (f"Host: {HOST}", "Connection: close", *lines))
    return Exchange(proxy, f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode())


def is_in_service(haproxy: int) -> bool:
    with ask(haproxy, "/alive") as answer:
        return answer.status == 200


@pytest.mark.parametrize("coding", ["gzip", "zstd", "gzip, zstd, br"])
def test_caddy_holds_no_event_back(caddy: int, radio: Radio, coding: str) -> None:
    """The state and a skip arrive when they are sent, whatever a browser would take compressed."""
    with ask(caddy, "/radio/events", f"Accept-Encoding: {coding}") as answer:
        assert answer.field("Content-Encoding") in (None, "identity")
        told = events(answer)
        assert next(told).name == "state"
        playing = radio.post("/radio/next-track/humor")["track"]
        event = next(one for one in told if one.name == "track" and one.data["skip"])
        assert event.data["track"] == playing


@pytest.mark.parametrize("path", ["/radio/humor", "/radio/humor.mp3"])
def test_caddy_passes_the_sound_as_it_is(caddy: int, path: str) -> None:
    """Not compressed, and at once."""
    with ask(caddy, path, "Accept-Encoding: gzip, zstd") as answer:
        assert answer.field("Content-Encoding") is None
        assert answer.read(1024)[:2] == b"\xff\xfb"


def test_caddy_compresses_pages(caddy: int) -> None:
    """What is text still is."""
    with ask(caddy, "/radio/web", "Accept-Encoding: gzip") as answer:
        assert answer.field("Content-Encoding") == "gzip"


def test_haproxy_keeps_a_radio_with_one_missing_directory(haproxy: int, radio: Radio) -> None:
    """Its check says ready, with the directory in the body; every other station is heard."""
    assert not radio.json("/radio/readyz")["ok"]
    assert {is_in_service(haproxy) for _ in every_second(3)} == {True}
    for path in ("/radio/", "/radio/humor"):
        with ask(haproxy, path) as answer:
            assert answer.status == 200
            assert answer.read(50_000)[:2] == b"\xff\xfb"


def test_haproxy_passes_no_forged_name(haproxy: int) -> None:
    """Playlists name the host that was asked for, whatever a client says was forwarded."""
    forged = ("X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /evil", "X-Forwarded-Port: 666")
    with ask(haproxy, "/radio/humor.m3u", *forged) as answer:
        assert re.findall(r"http://\S+", answer.rest().decode()) == [f"http://{HOST}/radio/humor.mp3"]


def test_haproxy_takes_a_radio_that_is_not_there_out(haproxy: int, radio: Radio) -> None:
    """Stopped it is out of service, and back once it is started again."""
    radio.stop()
    until(lambda: not is_in_service(haproxy), "the server out of service")
    radio.start()
    until(lambda: is_in_service(haproxy), "the server in service")
