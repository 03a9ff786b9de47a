"""The image, run: `make image-test`. Not collected by its name: it needs the image, and an engine or root."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import radiostream
from tests.image.conftest import Container, Engine, Run

MOST_MB = 17.1
"""What was measured, and 0.2. Below 19.5 in any case; MB = 10^6 bytes."""
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
REPAIRING = tuple(f"--cap-add={name}" for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"))
COUNTED = re.compile(r'audio_stream_listeners\{stream="/"\} (\S+)')


# What is inside


def test_size(files: dict[str, bytes], engine: Engine) -> None:
    """One layer, no larger than was measured."""
    total = sum(map(len, files.values()))
    packed = sum(len(gzip.compress(data, 6)) for data in files.values())
    for name, data in sorted(files.items(), key=lambda entry: -len(entry[1]))[:12]:
        print(f"{len(data) / 1e6:7.2f} {name}")
    print(f"{total / 1e6:7.2f} MB in all, {packed / 1e6:.2f} MB compressed")
    assert total / 1e6 < MOST_MB < 19.5
    assert len(engine.inspect()["RootFS"]["Layers"]) == 1


def test_labels(engine: Engine) -> None:
    """Name, version, licence and commit, as scanners and people look for them."""
    labels = engine.inspect()["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "radiostream"
    assert labels["org.opencontainers.image.version"] == radiostream.__version__
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    is_checkout = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True).returncode == 0
    assert re.fullmatch("[0-9a-f]{40}" if is_checkout else "", labels["org.opencontainers.image.revision"])
    assert "@" not in labels["org.opencontainers.image.source"].partition("://")[2]


def test_list_of_what_is_inside(files: dict[str, bytes], engine: Engine) -> None:
    """The SBOM has name, version, address and licence of each part, and the label names the same parts."""
    listed = json.loads(files["usr/share/sbom/radiostream.cdx.json"])
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    assert all(
        part["version"] and part["licenses"] and part["purl"].startswith("pkg:") for part in listed["components"]
    )
    names = {part["name"].lower() for part in listed["components"]}
    packages = {"mutagen", "prometheus_client", "sentry-sdk", "urllib3", "certifi"}
    assert names >= {"radiostream", "python3.11", "libssl3", "libc6", "busybox"} | packages
    label = engine.inspect()["Config"]["Labels"]["radiostream.contains"]
    assert all(name.replace("_", "-") in label for name in packages)


def test_nothing_of_the_builder_is_inside(files: dict[str, bytes]) -> None:
    """No source, no package manager, no settings of the machine that built it, and nothing left in /tmp."""
    assert not [
        name for name in files if name.endswith(".py") or name.startswith(("tmp/", "root/", "etc/apt", "usr/bin"))
    ]
    assert not [name for name in files if "pip" in Path(name).name.split(".")]


# Running


def test_streams_from_a_directory_closed_to_it(run: Run, audio: Path) -> None:
    """Root's own files of mode 600 are made readable and heard, by a server that is nobody in particular."""
    container = run(*CONFINED, *REPAIRING, "--volume", f"{audio}:/app/audio")
    with container.asked("/") as answer:
        assert answer.getheader("Content-Type") == "audio/mpeg"
        assert len(answer.read(65536)) == 65536
    assert container.first_process()["Uid"].split() == ["10001"] * 4
    assert int(container.first_process()["CapEff"], 16) == 0
    assert "/app/audio: made 4 files and directories readable" in container.log()
    assert json.loads(container.get("/streams")[1])["streams"][0]["tracks"] == 3


def test_routes(run: Run, audio: Path) -> None:
    """`docker run -v … -e DIRECTORY_ROUTES=…`, a second station in a directory of its own."""
    container = run("--volume", f"{audio}:/home/humor", DIRECTORY_ROUTES='{"humor": "/home/humor"}')
    with container.asked("/humor") as answer:
        assert len(answer.read(1000)) == 1000


def test_unprivileged_from_the_start(run: Run) -> None:
    """As user 10001, with a read-only root and none of root's powers, the demo station plays."""
    container = run(*CONFINED, "--user", "10001:10001")
    with container.asked("/") as answer:
        assert answer.read(1) == b"\xff"


def test_read_only_audio(run: Run, audio: Path) -> None:
    """Files that cannot be mended cost one line and no station."""
    container = run("--volume", f"{audio}:/app/audio:ro")
    assert container.get("/healthz")[0] == 200
    assert container.log().count("entrypoint:") == 1
    assert "stay unreadable" in container.log()


def test_arguments_reach_the_server(run: Run) -> None:
    """What follows the image's name is the server's."""
    container = run(arguments=("--log-format", "json"))
    with container.asked("/") as answer:
        assert answer.read(1) == b"\xff"
    assert all(json.loads(line) for line in container.log().splitlines() if line.startswith("{"))
    assert "{" in container.log()


def test_state_is_kept(run: Run, tmp_path: Path) -> None:
    """STATE_DIR on a volume of root's is made the server's, and written."""
    state = tmp_path / "state"
    state.mkdir()
    container = run(
        *CONFINED, *REPAIRING, "--volume", f"{state}:/var/lib/radiostream", STATE_DIR="/var/lib/radiostream"
    )
    with container.asked("/") as answer:
        assert answer.read(1) == b"\xff"
    assert container.stop()[0] == 0
    assert state.stat().st_uid == 10001
    assert list(state.iterdir())


def test_ready_and_measured(run: Run, audio: Path) -> None:
    """/readyz says yes, /metrics counts the listener."""
    container = run("--volume", f"{audio}:/app/audio")
    with container.asked("/") as answer:
        answer.read(1)
        status, body = container.get("/readyz")
        assert status == 200, body
        counted = COUNTED.search(container.get("/metrics")[1].decode())
        assert counted
        assert float(counted[1]) == 1


def test_health_command(run: Run, engine: Engine) -> None:
    """The image's own check succeeds inside, and starts no Python."""
    check = engine.inspect()["Config"].get("Healthcheck") or engine.inspect()["Healthcheck"]
    command = check["Test"][1:]
    assert "python" not in " ".join(command)
    run(*CONFINED, "--user", "10001").execute(*command)


def listen(container: Container, stack: ExitStack, count: int) -> None:
    """So many listeners, each with its burst taken."""
    for _ in range(count):
        stack.enter_context(container.asked("/")).read(100)


def test_ends_in_time(run: Run) -> None:
    """SIGTERM with listeners: under 3 s, exit status 0."""
    container = run()
    with ExitStack() as stack:
        listen(container, stack, 50)
        status, took_s = container.stop()
    assert status == 0, container.log()
    assert took_s < 3


def test_memory(run: Run) -> None:
    """The figures of the closing note, and the promise of 100 MB."""
    container = run()
    print(f"{container.first_answer_s:.2f} s from the command to an open port")
    with container.asked("/") as answer:
        answer.read(1)
    print(f"{container.rss_mb():.1f} MB resident without listeners")
    with ExitStack() as stack:
        listen(container, stack, 200)
        print(f"{container.rss_mb():.1f} MB resident with 200 listeners")
        assert container.rss_mb() < 100


# Sentry over TLS


class Sink(http.server.ThreadingHTTPServer):
    """Takes what Sentry would take, over TLS with a certificate of its own."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), SinkHandler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.envelopes: list[bytes] = []
        self.arrived = threading.Event()


class SinkHandler(http.server.BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers["Content-Encoding"] == "gzip"
        self.server.envelopes.append(gzip.decompress(body) if packed else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.arrived.set()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost with its key, which is its own authority."""
    path = tmp_path / "sink.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    made = subprocess.run([*command.split(), "-keyout", "-"], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    path.chmod(0o644)
    return path


@pytest.fixture
def sink(certificate: Path) -> Iterator[Sink]:
    with Sink(certificate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_sentry_over_tls(run: Run, sink: Sink, certificate: Path, audio: Path) -> None:
    """A broken file is reported to an address that is looked up by name and whose certificate is checked."""
    (audio / "0 broken.mp3").write_bytes(os.urandom(5000))
    run(
        *("--volume", f"{audio}:/app/audio", "--volume", f"{certificate}:/etc/ssl/cert.pem:ro"),
        SENTRY_DSN=f"https://key@localhost:{sink.server_port}/1",
    )
    assert sink.arrived.wait(20)
    header, _, event = sink.envelopes[0].split(b"\n")[:3]
    assert json.loads(header)["event_id"] == json.loads(event)["event_id"]
    assert json.loads(event)["release"] == f"radiostream@{radiostream.__version__}"
    assert "0 broken.mp3" in event.decode()


def test_sentry_checks_the_certificate(run: Run, sink: Sink, audio: Path) -> None:
    """With the image's own authorities a certificate that none of them signed gets nothing."""
    (audio / "0 broken.mp3").write_bytes(os.urandom(5000))
    container = run("--volume", f"{audio}:/app/audio", SENTRY_DSN=f"https://key@localhost:{sink.server_port}/1")
    with container.asked("/") as answer:
        answer.read(1)
    container.stop()
    assert sink.envelopes == []
