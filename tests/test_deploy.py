"""What operators copy (Compose, Kubernetes, systemd, nginx, Prometheus, Grafana), checked by programs or schemas."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email.message import Message
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import kubernetes_validate  # type: ignore[import-untyped] # ships no types
import pytest
import yaml

from radiostream.metrics import STREAM_SERIES
from tests.server import free_port, listens
from tests.waiting import POLL_S, until

pytestmark = pytest.mark.players  # programs that check what operators copy

ROOT = Path(__file__).parents[1]
OPS = ROOT / ".ops"
DOCUMENTS = list(yaml.safe_load_all((ROOT / "kubernetes.yaml").read_text()))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["radiostream"]
SERIES = {series.name for series in STREAM_SERIES} | {
    *("audio_check_ok", "audio_listeners_limit", "audio_refused_total", "audio_wrong_passwords_total"),
    *("audio_plays_lost_total", "audio_webhooks_dropped_total"),
}


def succeed(*command: str | Path) -> str:
    """Run a program that has to be content; what it said otherwise."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def document(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in DOCUMENTS if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


# Compose


def test_compose_keeps_to_the_specification() -> None:
    """The schema of the Compose specification has nothing to object to."""
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    succeed(*checker, ROOT / "docker-compose.yml")


def test_compose_client_takes_it() -> None:
    """So has the client itself."""
    command = ["docker-compose", "--file", str(ROOT / "docker-compose.yml"), "config"]
    done = subprocess.run(command, env={**os.environ, "STATUS_PASSWORD": "x"}, capture_output=True, check=True)
    resolved = yaml.safe_load(done.stdout)
    assert resolved["services"]["radiostream"]["environment"]["DIRECTORY_ROUTES"].startswith('{"humor"')


def test_compose_repeats_no_known_password() -> None:
    """Without a password of the operator's own nothing starts, and it says what is missing."""
    environ = {name: value for name, value in os.environ.items() if name != "STATUS_PASSWORD"}
    command = ["docker-compose", "--file", str(ROOT / "docker-compose.yml"), "config"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "STATUS_PASSWORD" in done.stderr


def test_compose_gives_away_no_power() -> None:
    """Read-only, no new privileges, and only what the entrypoint needs before it becomes user 10001."""
    assert COMPOSE["read_only"]
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert set(COMPOSE["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    assert "no-new-privileges:true" in COMPOSE["security_opt"]
    assert not COMPOSE.get("privileged")
    assert COMPOSE["deploy"]["resources"]["limits"] == {"cpus": "1", "memory": "256M"}
    assert COMPOSE["pids_limit"] > 2 * int(COMPOSE["environment"]["MAX_CLIENTS"])


def test_compose_mounts_what_its_routes_name() -> None:
    """Each directory of DIRECTORY_ROUTES is a volume."""
    mounted = {volume.split(":")[1] for volume in COMPOSE["volumes"]}
    assert set(json.loads(COMPOSE["environment"]["DIRECTORY_ROUTES"]).values()) <= mounted
    assert COMPOSE["environment"]["STATE_DIR"] in mounted


# Kubernetes


@pytest.mark.parametrize("one", DOCUMENTS, ids=lambda one: f"{one['kind']}/{one['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.27", "1.34"])
def test_kubernetes_schema(one: dict[str, Any], version: str) -> None:
    """Every object is valid, with no field that Kubernetes does not know."""
    kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("name", ["radiostream", "radiostream-edge"])
def test_kubernetes_pods_are_confined(name: str) -> None:
    """Not root, not privileged, nothing writable but the volumes, within one CPU and 256 MB."""
    pod = document("Deployment", name)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "256Mi"}


def test_kubernetes_probes() -> None:
    """Alive is /healthz, ready is /readyz: a full disk takes the station out of service, and restarts nothing."""
    container = document("Deployment", "radiostream")["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_kubernetes_has_one_origin_and_edges_that_scale() -> None:
    """A second origin would be a second station."""
    origin = document("Deployment", "radiostream")["spec"]
    assert (origin["replicas"], origin["strategy"]["type"]) == (1, "Recreate")
    scaler = document("HorizontalPodAutoscaler", "radiostream-edge")["spec"]
    edge = document("Deployment", scaler["scaleTargetRef"]["name"])["spec"]
    assert "replicas" not in edge
    assert edge["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("name", ["radiostream", "radiostream-edge"])
def test_kubernetes_names_lead_somewhere(name: str) -> None:
    """Selectors match the pods' labels, and each volume, setting and port that is named exists."""
    spec = document("Deployment", name)["spec"]
    pod, labels = spec["template"]["spec"], spec["template"]["metadata"]["labels"]
    container = pod["containers"][0]
    assert spec["selector"]["matchLabels"] == labels == document("Service", name)["spec"]["selector"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    for volume in pod["volumes"]:
        if "persistentVolumeClaim" in volume:
            document("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        if "configMap" in volume:
            document("ConfigMap", volume["configMap"]["name"])
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            document("ConfigMap", source["configMapRef"]["name"])


def test_kubernetes_repeats_no_known_password() -> None:
    """The operator makes the secret; the file says how, and the pod waits for it."""
    assert not [one for one in DOCUMENTS if one["kind"] == "Secret"]
    container = document("Deployment", "radiostream")["spec"]["template"]["spec"]["containers"][0]
    (secret,) = [source["secretRef"] for source in container["envFrom"] if "secretRef" in source]
    assert not secret.get("optional")
    assert (
        f"kubectl create secret generic {secret['name']} --from-literal=STATUS_PASSWORD="
        in (ROOT / "kubernetes.yaml").read_text()
    )


def test_kubernetes_leads_to_the_origin_and_nobody_else_does() -> None:
    """Streams and pages have a way in from outside; other pods have none."""
    rule = document("Ingress", "radiostream")["spec"]["rules"][0]["http"]["paths"][0]
    assert rule["backend"]["service"]["name"] == document("Service", "radiostream")["metadata"]["name"]
    policy = document("NetworkPolicy", "radiostream")["spec"]
    assert policy["podSelector"]["matchLabels"] == document("Service", "radiostream")["spec"]["selector"]
    assert all(one["from"] for one in policy["ingress"])
    assert document("ConfigMap", "radiostream")["data"]["TRUSTED_PROXIES"] == ""


def test_kubernetes_names_its_images_exactly() -> None:
    """What runs tomorrow is what was tried today."""
    for name in ("radiostream", "radiostream-edge"):
        image = document("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"]
        assert re.search(r":\d+\.\d+\.\d+", image)


def test_kubernetes_edge_is_the_example() -> None:
    """The edges run what .ops/nginx-edge.conf says."""
    assert document("ConfigMap", "radiostream-edge")["data"]["default.conf"] == (OPS / "nginx-edge.conf").read_text()


# The image's recipe


def test_no_architecture_is_named() -> None:
    """The same recipe builds for a Raspberry Pi."""
    recipe = [
        ROOT / "Dockerfile",
        ROOT / "entrypoint.sh",
        *(path for path in (ROOT / ".image").iterdir() if path.is_file()),
    ]
    for path in recipe:
        assert not re.search(r"(?i)x86|amd64|aarch64|arm64|i[36]86|linux-gnu", path.read_text()), path.name


def test_packages_are_pinned() -> None:
    """Each package has one version and its hash, and none is missing that the server requires."""
    text = (ROOT / ".image/requirements.txt").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}$", text, re.M)
    assert sorted(pinned) == ["certifi", "mutagen", "prometheus-client", "sentry-sdk", "urllib3"]
    assert len(re.findall("==", text)) == len(pinned)


# systemd


def test_systemd_unit(tmp_path: Path) -> None:
    """systemd reads the unit without a word; only the interpreter's place is this machine's."""
    text = (OPS / "radiostream.service").read_text()
    unit = tmp_path / "radiostream.service"
    unit.write_text(text.replace("/opt/radiostream/bin/python", sys.executable))
    assert "ExecStart=/opt/radiostream/bin/python -m radiostream" in text
    assert succeed("systemd-analyze", "verify", "--man=no", unit) == ""


def test_systemd_unit_is_confined() -> None:
    """systemd's own judgement is below 1.5 of 10."""
    succeed("systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=15", OPS / "radiostream.service")


# Prometheus and Grafana


def test_alerts(tmp_path: Path) -> None:
    """promtool knows the rules, and each fires on the figures it is for and stays quiet on a good day."""
    shutil.copy(OPS / "alerts.yml", tmp_path)
    shutil.copy(ROOT / "tests/data/alerts-test.yml", tmp_path)
    assert "11 rules found" in succeed("promtool", "check", "rules", tmp_path / "alerts.yml")
    succeed("promtool", "test", "rules", tmp_path / "alerts-test.yml")


def test_dashboard_and_alerts_name_series_that_exist() -> None:
    """Every series of ours in an expression is one that /metrics has."""
    dashboard = json.loads((OPS / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [rule["expr"] for rule in yaml.safe_load((OPS / "alerts.yml").read_text())["groups"][0]["rules"]]
    named = set(re.findall(r"\baudio_\w+", " ".join(expressions)))
    assert named <= SERIES
    assert {"audio_stream_listeners", "audio_stream_on_air", "audio_bytes_sent_total"} <= named


def test_dashboard_panels_do_not_overlap() -> None:
    """Every square of the grid belongs to at most one panel."""
    places = [panel["gridPos"] for panel in json.loads((OPS / "grafana-dashboard.json").read_text())["panels"]]
    squares = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(squares) == len(set(squares))
    assert max(x for x, _ in squares) < 24


# Icecast


def test_icecast_relay_is_well_formed() -> None:
    """The block has what Icecast asks of a relay, and asks for titles."""
    relay = ElementTree.parse(OPS / "icecast-relay.xml").getroot()
    assert relay.tag == "relay"
    assert {"server", "port", "mount", "local-mount"} <= {child.tag for child in relay}
    assert relay.findtext("relay-shoutcast-metadata") == "1"


# nginx, in front of an origin that counts


class Origin(http.server.ThreadingHTTPServer):
    """Answers as radiostream does: playlists for a second, segments for ever, a stream without an end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), OriginHandler)
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.go_on = threading.Event()


class OriginHandler(http.server.BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers = dict(self.headers)
        kinds = {".m3u8": "max-age=1", ".aac": "public, max-age=86400, immutable"}
        control = kinds.get(Path(self.path.partition("?")[0]).suffix, "no-cache, no-store")
        self.send_response(200)
        self.send_header("Cache-Control", control)
        self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        self.wfile.write(f"body of {self.path}".encode())
        if control == "no-cache, no-store":
            self.server.go_on.wait(30)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
        yield server
        server.go_on.set()
        server.shutdown()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Starts nginx with the text as its http block; gives the port it listens on."""
    running: list[subprocess.Popen[bytes]] = []
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

    def start(text: str) -> int:
        port = free_port()
        paths = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("PORT", str(port)).replace("/tmp/hls", f"{tmp_path}/hls")
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(
            f"daemon off; user root; pid {tmp_path}/pid; error_log stderr; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {paths}\n{text} }}"
        )
        assert program, "nginx is missing"
        succeed(program, "-t", "-c", configuration)
        running.append(subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL))
        until(lambda: listens(port), "the proxy")
        return port

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def edge(origin: Origin) -> str:
    text = (OPS / "nginx-edge.conf").read_text()
    return text.replace("radiostream:8000", f"127.0.0.1:{origin.server_port}").replace(
        "listen 8080", "listen 127.0.0.1:PORT"
    )


def proxy(origin: Origin) -> str:
    text = (OPS / "nginx-proxy.conf").read_text()
    return f"server {{ listen 127.0.0.1:PORT; {text.replace(':8000', f':{origin.server_port}')} }}"


@contextmanager
def asked(port: int, path: str) -> Iterator[http.client.HTTPResponse]:
    """An answer that may still go on."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": "radio.example:8080"})
        with connection.getresponse() as answer:
            yield answer


def get(port: int, path: str) -> tuple[int, Message, bytes]:
    """Status, headers and body of a whole answer."""
    with asked(port, path) as answer:
        return answer.status, answer.headers, answer.read()


def test_edge_asks_the_origin_once(origin: Origin, nginx: Callable[[str], int]) -> None:
    """Fifty players of a segment cost the origin one request, also when they come at once."""
    port = nginx(edge(origin))
    bodies: list[bytes] = []
    players = [threading.Thread(target=lambda: bodies.append(get(port, "/hls/main/1.aac")[2])) for _ in range(50)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    assert bodies == [b"body of /hls/main/1.aac"] * 50
    assert origin.asked == ["/hls/main/1.aac"]


def test_edge_outlives_the_origin(origin: Origin, nginx: Callable[[str], int]) -> None:
    """A segment it has once is served on, and players may come from any page."""
    port = nginx(edge(origin))
    get(port, "/hls/main/1.aac")
    origin.shutdown()
    origin.socket.close()
    status, headers, _ = get(port, "/hls/main/1.aac")
    assert status == 200
    assert headers["X-Cache"] == "HIT"
    assert headers.get_all("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("path", ["/", "/humor", "/status", "/metrics", "/next-track/humor"])
def test_edge_serves_nothing_but_hls(origin: Origin, nginx: Callable[[str], int], path: str) -> None:
    """Streams and the operator's paths never reach the origin through it."""
    assert get(nginx(edge(origin)), path)[0] == 404
    assert origin.asked == []


@pytest.mark.parametrize("path", ["/radio/humor", "/radio/events"])
def test_proxy_passes_a_stream_on_at_once(origin: Origin, nginx: Callable[[str], int], path: str) -> None:
    """The first bytes arrive while the origin's answer goes on, asked for with the client's address and host."""
    with asked(nginx(proxy(origin)), path) as answer:
        assert answer.read(8) == b"body of "
    assert origin.asked == [path]
    assert origin.headers["X-Forwarded-For"] == "127.0.0.1"
    assert origin.headers["X-Forwarded-Host"] == origin.headers["Host"] == "radio.example:8080"


def test_proxy_leads_to_the_player(origin: Origin, nginx: Callable[[str], int]) -> None:
    """The sub-path itself is the player's page."""
    status, headers, _ = get(nginx(proxy(origin)), "/radio")
    assert status == 301
    assert headers["Location"].endswith("/radio/web")


# Caddy, in front of the same


@pytest.fixture
def caddy(origin: Origin, tmp_path: Path) -> Iterator[int]:
    """Caddy with the example, without a certificate; its port."""
    port = free_port()
    text = (OPS / "Caddyfile").read_text().replace(":8000", f":{origin.server_port}")
    configuration = tmp_path / "Caddyfile"
    configuration.write_text("{\n\tadmin off\n}\n" + text.replace("example.org {", f"http://:{port} {{"))
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)]
    with subprocess.Popen(command, env={**os.environ, "HOME": str(tmp_path)}, stderr=subprocess.DEVNULL) as process:
        until(lambda: listens(port), "the proxy")
        yield port
        origin.go_on.set()  # it waits for answers that still go on
        process.terminate()


@pytest.mark.parametrize("path", ["/radio/humor", "/radio/events"])
def test_caddy_passes_a_stream_on_at_once(origin: Origin, caddy: int, path: str) -> None:
    """As nginx does: the first bytes at once, with the client's address and host."""
    with asked(caddy, path) as answer:
        assert answer.read(8) == b"body of "
    assert origin.asked == [path]
    assert origin.headers["X-Forwarded-For"] == "127.0.0.1"
    assert origin.headers["X-Forwarded-Host"] == origin.headers["Host"] == "radio.example:8080"


def test_caddy_leads_to_the_player(caddy: int) -> None:
    """The sub-path itself is the player's page."""
    status, headers, _ = get(caddy, "/radio")
    assert (status, headers["Location"]) == (302, "/radio/web")
