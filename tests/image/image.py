"""The image, run: `make image-test`. Not collected by its name: it needs the image, and an engine or root."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

import radiostream
from tests.image.conftest import Container, Engine, Run
from tests.server import ROOT, free_port
from tests.waiting import POLL_S

MOST_MB = 19.0
"""What was measured (18.4), and room for some modules. Below 19.5 in any case; MB = 10^6 bytes."""
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


@pytest.mark.parametrize(
    ("flags", "environ"),
    [((), {}), (("--port", "PORT"), {}), (("--host", "127.0.0.2"), {}), ((), {"BASE_PATH": "/radio", "HOST": "::"})],
)
def test_health_command(run: Run, engine: Engine, flags: tuple[str, ...], environ: dict[str, str]) -> None:
    """The image's own check succeeds inside, wherever flags or variables have the server listen; elsewhere it fails."""
    check = engine.inspect()["Config"].get("Healthcheck") or engine.inspect()["Healthcheck"]
    command = check["Test"][1:]
    port, host = free_port(), "127.0.0.2" if "127.0.0.2" in flags else "127.0.0.1"
    if "PORT" in flags:
        environ = {"PORT": "1", **environ}
    arguments = tuple(str(port) if word == "PORT" else word for word in flags)
    container = run(*CONFINED, "--user", "10001", arguments=arguments, port=port, host=host, **environ)
    container.execute(*command)
    with pytest.raises(AssertionError, match="no answer from"):
        container.execute(*command, "--port", str(free_port()))


def test_what_compose_says(run: Run, audio: Path, tmp_path: Path) -> None:
    """With the powers, the read-only root, the volumes and the environment of docker-compose.yml it plays."""
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["radiostream"]
    options = [f"--cap-drop={name}" for name in service["cap_drop"]]
    options += [f"--cap-add={name}" for name in service["cap_add"]]
    options += [f"--security-opt={one.removesuffix(':true')}" for one in service["security_opt"]]
    (empty := tmp_path / "empty").mkdir()
    options += ["--read-only"] * service["read_only"] + [f"--tmpfs={path}" for path in service["tmpfs"]]
    for number, volume in enumerate(service["volumes"]):
        source = tmp_path / str(number)
        shutil.copytree(audio if "/app/" in volume else empty, source)
        options.append(f"--volume={source}:{volume.split(':')[1]}")
    environ = {name: value for name, value in service["environment"].items() if "${" not in value}
    container = run(*options, STATUS_PASSWORD="x", **environ)
    container.execute(*service["healthcheck"]["test"][1:])
    tracks = {one["route"]: one["tracks"] for one in json.loads(container.get("/streams")[1])["streams"]}
    assert tracks == {"/": 3, "/humor": 3, "/science": 3}
    assert container.stop()[0] == 0


def test_what_kubernetes_says(run: Run, tmp_path: Path) -> None:
    """With the pod's user, its confinement and fresh volumes without a file, both probes say yes, the demo plays."""
    documents = yaml.safe_load_all((ROOT / "kubernetes.yaml").read_text())
    pod = next(one for one in documents if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    (spec,), user = pod["containers"], pod["securityContext"]
    assert spec["securityContext"]["readOnlyRootFilesystem"]
    options = ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--read-only", *CONFINED[3:]]
    for mount in spec["volumeMounts"]:
        source = tmp_path / mount["name"]
        source.mkdir()
        os.chown(source, 0, user["fsGroup"])
        source.chmod(0o2775)
        options.append(f"--volume={source}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}")
    container = run(*options, STATUS_PASSWORD="x", STATE_DIR="/var/lib/radiostream")
    for probe in ("livenessProbe", "readinessProbe"):
        assert container.get(spec[probe]["httpGet"]["path"])[0] == 200
    with container.asked("/") as answer:
        assert answer.read(1) == b"\xff"
    assert container.stop()[0] == 0


def test_an_early_end_of_process_1(run: Run, audio: Path) -> None:
    """SIGTERM as soon as there is a container, also while the entrypoint works or Python starts, ends it."""
    for _ in range(5):
        container = run("--volume", f"{audio}:/app/audio", wait=False)
        status, took_s = container.stop_early()
        assert status in (0, 143), container.log()
        assert took_s < 5


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
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
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
