"""Runs the image as an operator does: with docker where an engine answers, else with podman and crun from Debian."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server import free_port
from tests.waiting import until

TAG = os.environ.get("TAG", "radiostream:latest")
# A private view of the cgroups: crun does not take the mixture of versions that some machines have.
PODMAN = 'mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; exec podman --runtime crun "$@"'
CONTAINERS_CONF = "[containers]\ndefault_ulimits = []\n"


class Engine:
    """What runs containers here."""

    def __init__(self, folder: Path) -> None:
        self.command, self.environ, self.isolation = ["docker"], dict(os.environ), ["--network", "host"]
        if subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
            settings = folder / "containers.conf"
            settings.write_text(CONTAINERS_CONF)
            self.command = ["unshare", "--mount", "sh", "-c", PODMAN, "podman"]
            self.environ |= {"CONTAINERS_CONF": str(settings)}
            self.isolation += ["--cgroups=disabled"]

    def __call__(self, *arguments: str) -> bytes:
        """Run one command of the engine to its end."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, env=self.environ)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def can(self, *arguments: str) -> bool:
        """Whether a command succeeds."""
        return subprocess.run([*self.command, *arguments], capture_output=True, env=self.environ).returncode == 0

    def inspect(self) -> dict[str, Any]:
        """What the engine knows of the image."""
        found: dict[str, Any] = json.loads(self("image", "inspect", TAG))[0]
        return found


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    if not shutil.which("docker"):
        os.environ["PATH"] += ":/usr/sbin"
    return Engine(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def files(engine: Engine) -> dict[str, bytes]:
    """Every file of the image with its bytes."""
    name = engine("create", TAG).decode().strip()
    try:
        with tarfile.open(fileobj=io.BytesIO(engine("export", name))) as archive:
            members = [member for member in archive if member.isreg()]
            return {member.name: found.read() for member in members if (found := archive.extractfile(member))}
    finally:
        engine("rm", name)


class Container:
    """One running container; its output goes to a file."""

    def __init__(
        self, engine: Engine, name: str, process: subprocess.Popen[bytes], address: tuple[str, int], log: Path
    ) -> None:
        self.engine, self.name, self.process, self.address, self._log = engine, name, process, address, log
        self.started = time.monotonic()
        self.first_answer_s = 0.0

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait(self) -> None:
        """Return once the server answers."""
        for _ in range(600):
            with socket.socket() as trial:
                if trial.connect_ex(self.address) == 0:
                    self.first_answer_s = time.monotonic() - self.started
                    return
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        raise AssertionError(self.log())

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a whole answer."""
        with self.asked(path) as answer:
            return answer.status, answer.read()

    @contextmanager
    def asked(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that may go on for ever."""
        with closing(http.client.HTTPConnection(*self.address, timeout=15)) as connection:
            connection.request("GET", path)
            with connection.getresponse() as answer:
                yield answer

    def execute(self, *command: str) -> None:
        """Run a command inside; it has to succeed."""
        self.engine("exec", self.name, *command)

    def first_process(self) -> dict[str, str]:
        """/proc/1/status as the container sees it, by field."""
        text = self.engine("exec", self.name, "cat", "/proc/1/status").decode()
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def rss_mb(self) -> float:
        return int(self.first_process()["VmRSS"].split()[0]) * 1024 / 1e6

    def stop(self) -> tuple[int, float]:
        """SIGTERM as `docker stop` sends it: the exit status, and how many seconds the end took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15), time.monotonic() - begun

    def stop_early(self) -> tuple[int, float]:
        """SIGTERM to process 1 as soon as there is one."""
        until(lambda: self.engine.can("kill", "--signal", "TERM", self.name), "the container")
        begun = time.monotonic()
        return self.process.wait(15), time.monotonic() - begun


Run = Callable[..., Container]


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Iterator[Run]:
    """Starts containers: the engine's options, the server's `arguments`, and environment variables by name. Where the
    variables do not say where it listens, `host` and `port` do."""
    with ExitStack() as stack:

        def start(
            *options: str,
            arguments: tuple[str, ...] = (),
            port: int = 0,
            host: str = "127.0.0.1",
            wait: bool = True,
            **environ: str,
        ) -> Container:
            name, port = f"radiostream-{uuid.uuid4().hex[:8]}", port or free_port()
            variables = {"PORT": str(port), **environ}
            flags = [flag for variable, value in variables.items() for flag in ("--env", f"{variable}={value}")]
            command = [
                *engine.command,
                "run",
                "--rm",
                "--name",
                name,
                *engine.isolation,
                *flags,
                *options,
                TAG,
                *arguments,
            ]
            log = tmp_path / f"{name}.log"
            with log.open("wb") as out:
                process = subprocess.Popen(command, env=engine.environ, stdout=out, stderr=subprocess.STDOUT)
            stack.callback(ended, process)
            container = Container(engine, name, process, (host, port), log)
            if wait:
                container.wait()
            return container

        yield start


def ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(15)


@pytest.fixture
def audio() -> Iterator[Path]:
    """A directory as it comes from a careless copy: root's own, closed to everybody else."""
    demo = Path(__file__).parents[2] / "radiostream/demo"
    folder = Path(tempfile.mkdtemp(prefix="image-test-"))
    for number, track in enumerate(sorted(demo.glob("*.mp3"))):
        shutil.copy(track, folder / f"{number} it's größer.mp3")
        (folder / f"{number} it's größer.mp3").chmod(0o600)
    folder.chmod(0o700)
    yield folder
    shutil.rmtree(folder)
