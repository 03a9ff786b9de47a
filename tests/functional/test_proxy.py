"""Behind the real nginx, below a sub-path, with the README's own example: nothing is held back, nobody is disguised."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.ffmpeg import decode
from tests.functional.raw import Exchange, blocks, events
from tests.server import PASSWORD, Radio, free_port, listens
from tests.waiting import until

ROOT = Path(__file__).parents[2]
HOST = "radio.example:8080"
CLIENT = "127.0.0.2"
"""Where a listener comes from: loopback too, but not the address of the proxy."""


@pytest.fixture(scope="module")
def radio(three_tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    """Started as the example says."""
    routes = json.dumps({"humor": str(three_tones)})
    arguments = ["--port", "0", "--audio-dir", str(three_tones), "--directory-routes", routes, "--log-format", "json"]
    environ = {"BASE_PATH": "/radio", "TRUSTED_PROXIES": "127.0.0.1/32"}
    running = Radio(arguments, environ, tmp_path_factory.mktemp("cwd"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def proxy(radio: Radio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """nginx with the example in a server block; its port."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "nginx is missing"
    prefix, port = tmp_path_factory.mktemp("nginx"), free_port()
    example = (ROOT / ".ops/nginx-proxy.conf").read_text()
    assert example.count("127.0.0.1:8000") == 1
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (prefix / "nginx.conf").write_text(
        f"daemon off; {'user root;' if os.getuid() == 0 else ''} pid {prefix}/pid; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; {' '.join(f'{kind}_temp_path {prefix}/{kind};' for kind in kinds)}\n"
        f"server {{ listen 127.0.0.1:{port};\n{example.replace('127.0.0.1:8000', f'127.0.0.1:{radio.port}')} }} }}"
    )
    log = prefix / "error.log"
    with subprocess.Popen([program, "-p", prefix, "-c", "nginx.conf", "-e", log], stderr=subprocess.DEVNULL) as running:
        until(lambda: listens(port))
        yield port
        running.terminate()
    assert running.returncode == 0
    assert not re.search(r"\[(crit|alert|emerg)\]", log.read_text())


def ask(proxy: int, path: str, *lines: str, method: str = "GET", body: str = "", source: str = CLIENT) -> Exchange:
    """A request from another address than the proxy's own; the connection ends with its answer."""
    fields = [f"Host: {HOST}", "Connection: close", *([f"Content-Length: {len(body)}"] if body else []), *lines]
    request = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in fields) + "\r\n" + body
    return Exchange(proxy, request.encode(), source)


def test_the_readme_shows_the_example() -> None:
    """Its shorter form has the same proxy_pass and the same headers."""
    (shown,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    said = {line.strip() for line in (ROOT / ".ops/nginx-proxy.conf").read_text().splitlines()}
    assert {line.strip() for line in shown.splitlines()} <= said
    (backend,) = re.findall(r"```haproxy\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert backend in (ROOT / ".ops/haproxy.cfg").read_text()


def first_audio_s(proxy: int, path: str) -> float:
    """Seconds from the request to the first kilobyte."""
    before = time.monotonic()
    with ask(proxy, path) as answer:
        assert answer.read(1024)[:2] == b"\xff\xfb"
        return time.monotonic() - before


@pytest.mark.serial  # the second is measured
@pytest.mark.parametrize("path", ["/radio/", "/radio/humor", "/radio/humor.mp3", "/radio/main"])
def test_a_stream_begins_at_once(proxy: int, path: str) -> None:
    """First audio within a second, the best of three on a busy machine."""
    assert any(first_audio_s(proxy, path) < 1 for _ in range(3))


def test_a_stream_is_not_held_back(proxy: int, radio: Radio) -> None:
    """A listener behind the proxy has what one without it has, chunk by chunk: no buffer fills up first."""
    with ask(proxy, "/radio/humor") as behind, Exchange(radio.port, b"GET /humor HTTP/1.0\r\n\r\n") as before:
        size = 200_000  # more than the burst: the last of it is published while we listen
        assert len(before.read(size)) == size
        behind.socket.settimeout(2)
        assert len(behind.read(size)) == size


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_real_curl_hears_it(proxy: int, tmp_path: Path, version: str) -> None:
    """In either version of HTTP what arrives is the stream, which ffmpeg decodes without a word."""
    command = ["curl", "-sS", f"--http{version}", "--max-time", "2", "-o", str(tmp_path / "got.mp3")]
    done = subprocess.run([*command, f"http://127.0.0.1:{proxy}/radio/humor"], capture_output=True, text=True)
    assert done.returncode == 28, done.stderr
    assert (tmp_path / "got.mp3").stat().st_size > 100_000
    decode(tmp_path / "got.mp3")


def test_titles_pass(proxy: int, radio: Radio) -> None:
    """ICY through the proxy: the interval, the first title, and the next one after a skip."""
    with ask(proxy, "/radio/humor", "Icy-MetaData: 1") as answer:
        assert answer.field("icy-name") == "Humor"
        stream = blocks(answer)
        next(stream)
        first = next(stream).text
        playing = radio.post("/next-track/humor")["title"]
        title = next(block.text for block in stream if block.text)
        assert title.startswith(f"StreamTitle='Test - {playing}';".encode())
        assert first is not None
        assert first != title


def test_an_event_arrives_when_it_happens(proxy: int, radio: Radio) -> None:
    """The whole state at once, and a skip's event before the next heartbeat could push it through a buffer."""
    with ask(proxy, "/radio/events") as answer:
        assert answer.field("Content-Type") == "text/event-stream"
        assert answer.field("Content-Encoding") == "identity"
        told = events(answer)
        state = next(told)
        assert state.name == "state"
        assert {one["url"] for one in state.data["streams"]} == {f"http://{HOST}/radio{end}" for end in ("/", "/humor")}
        playing = radio.post("/next-track/humor")["track"]
        answer.socket.settimeout(5)
        event = next(one for one in told if one.name == "track" and one.data["skip"])
        assert (event.data["route"], event.data["track"]) == ("/humor", playing)
        assert event.data["cover"] is None


@pytest.mark.parametrize("ending", ["m3u", "pls", "xspf"])
def test_playlists_name_the_proxy(proxy: int, ending: str) -> None:
    """The absolute URL has the host that was asked for, the scheme and the sub-path."""
    with ask(proxy, f"/radio/humor.{ending}") as answer:
        assert re.findall(r"http://radio[^\s<]*", answer.rest().decode()) == [f"http://{HOST}/radio/humor.mp3"]


def test_icecasts_face_names_the_proxy(proxy: int) -> None:
    """So do the URLs that widgets find."""
    with ask(proxy, "/radio/status-json.xsl") as answer:
        sources = json.loads(answer.rest())["icestats"]["source"]
    assert [one["listenurl"] for one in sources] == [f"http://{HOST}/radio{end}" for end in ("/", "/humor")]


@pytest.mark.parametrize("forged", [[], ["X-Forwarded-For: 203.0.113.9"], ["X-Forwarded-For: 127.0.0.1, 10.0.0.1"]])
def test_the_log_shows_the_listener(proxy: int, radio: Radio, forged: list[str]) -> None:
    """Its own address, whatever it claims to come from."""
    agent = f"agent {len(radio.log)}"
    with ask(proxy, "/radio/humor", f"User-Agent: {agent}", *forged) as answer:
        answer.read(1000)
    until(lambda: any(agent in line for line in list(radio.log)))
    begun = next(json.loads(line) for line in radio.log if agent in line)
    assert begun["address"] == CLIENT


def test_who_is_not_the_proxy_is_not_believed(radio: Radio) -> None:
    """A client that goes round it, from an address that is not trusted, is logged as what it is."""
    request = b"GET /humor HTTP/1.0\r\nUser-Agent: sneak\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    with Exchange(radio.port, request, CLIENT) as answer:
        answer.read(1000)
    until(lambda: any("sneak" in line for line in list(radio.log)))
    assert next(json.loads(line) for line in radio.log if "sneak" in line)["address"] == CLIENT


def test_wrong_passwords_count_for_the_client(proxy: int) -> None:
    """One guesser behind the proxy does not lock out everybody behind it."""

    def skip(password: str, source: str) -> int:
        bearer = f"Authorization: Bearer {password}"
        with ask(proxy, "/radio/next-track/humor", bearer, method="POST", source=source) as answer:
            return answer.status

    assert [skip("wrong", "127.0.0.9") for _ in range(6)] == [401] * 5 + [429]
    assert skip(PASSWORD, CLIENT) == 200


def test_pages_load_below_the_sub_path(proxy: int) -> None:
    """The player and the login, with everything they refer to and everything that refers to in turn."""
    seen: set[str] = set()
    todo = ["/radio/web", "/radio/status"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        with ask(proxy, path) as answer:
            assert answer.status == 200, path
            text = answer.rest().decode("latin-1")
        links = re.findall(r'(?:src|href|from)[=:]? ?"(\.?/?static/[^"]+|\./[a-z-]+\.js|[a-z0-9-]+\.png)"', text)
        todo += [urljoin(path, link) for link in links]
    assert {f"/radio/static/{name}" for name in ("player.js", "shared.js", "style.css")} <= seen
    assert all(path.startswith("/radio/") for path in seen)


def test_the_way_in(proxy: int) -> None:
    """The sub-path itself leads to the player, on the host that was asked for."""
    with ask(proxy, "/radio") as answer:
        assert answer.status == 301
        assert urljoin(f"http://{HOST}/radio", answer.field("Location") or "").endswith("/radio/web")


def test_login_command_and_logout(proxy: int) -> None:
    """The session's cookie is for the sub-path only; our own page may command with it, another site's may not."""
    form = "Content-Type: application/x-www-form-urlencoded"
    password = f"password={PASSWORD.replace(' ', '+')}"
    with ask(proxy, "/radio/status", form, method="POST", body=password) as answer:
        assert (answer.status, answer.field("Location")) == (303, "status")
        name, *attributes = (answer.field("Set-Cookie") or "").split("; ")
    assert {"Path=/radio", "HttpOnly", "SameSite=Strict"} <= set(attributes)
    assert "Secure" not in attributes
    cookie = f"Cookie: {name}"
    for origin, status in ((f"http://{HOST}", 200), ("http://evil.example", 403)):
        with ask(proxy, "/radio/next-track/humor", cookie, f"Origin: {origin}", method="POST") as command:
            assert command.status == status
    with ask(
        proxy, "/radio/next-track/humor", cookie, f"Origin: http://{HOST}", "Accept: text/html", method="POST"
    ) as to:
        assert urljoin(f"http://{HOST}/radio/next-track/humor", to.field("Location") or "") == (
            f"http://{HOST}/radio/status"
        )
    with ask(proxy, "/radio/logout", cookie, method="POST") as answer:
        assert "Path=/radio" in (answer.field("Set-Cookie") or "")
    with ask(proxy, "/radio/status.json", cookie) as answer:
        assert answer.status == 401
