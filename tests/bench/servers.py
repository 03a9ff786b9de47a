"""The servers under test as child processes: the radio itself, the reference sender, and Icecast fed by ffmpeg.

Each is a context manager with `pid` and `port`; all bind to 127.0.0.1, and are gone when the `with` ends.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

PASSWORD = "bench-password"
ROOT = Path(__file__).parents[2]
START_LIMIT_S = 30.0
ICECAST_FILL_S = 9.0
"""Until then Icecast has less than its burst to give, and its listeners would start late."""
_BANNER = re.compile(r"https?://[^\s/:]+:(\d+)")


def port_in(banner: str) -> int | None:
    """The port that a server says it took: that of the first URL in what it printed."""
    found = _BANNER.search(banner)
    return int(found[1]) if found and int(found[1]) else None


class Server:
    """A child process that prints a URL with its port once it listens."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
        )
        self.pid = self.process.pid
        self.port = self._wait_for_port()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def output(self) -> str:
        """What it has printed so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode("utf-8", "replace")

    def stop(self) -> float:
        """End it; returns the seconds that took."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()
        return time.monotonic() - began_s

    def _wait_for_port(self) -> int:
        while time.monotonic() < self.started_s + START_LIMIT_S:
            port = port_in(self.output())
            if port:
                return port
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        text = self.output()
        self.stop()
        raise RuntimeError(f"the server did not start:\n{text}")


class Radio(Server):
    """`python -m radiostream` with its directories: `/` first, then `/one`, `/two`, as `routes` names them."""

    def __init__(self, audio_dir: Path, routes: Mapping[str, Path] | None = None, options: Sequence[str] = ()) -> None:
        named = json.dumps({route: str(path) for route, path in (routes or {}).items()})
        super().__init__(
            [sys.executable, "-m", "radiostream", "--host", "127.0.0.1", "--port", "0", "--log-level", "info",
             "--audio-dir", str(audio_dir), "--directory-routes", named, "--max-clients", "20000", *options],
            {"STATUS_PASSWORD": PASSWORD},
        )  # fmt: skip


class Reference(Server):
    """The one-thread epoll sender."""

    def __init__(self, file: Path, kbps: int) -> None:
        super().__init__([sys.executable, "-m", "tests.bench.reference", str(file), str(kbps)])


class Icecast(Server):
    """Icecast with one mount, `/main`, fed in real time from `file` without encoding it anew."""

    def __init__(self, file: Path) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="bench-icecast-")
        os.chmod(self._home.name, 0o755)  # started by root it becomes nobody, who must read its configuration
        port = free_port()
        config = Path(self._home.name, "icecast.xml")
        config.write_text(_ICECAST.format(port=port, password=PASSWORD, home=self._home.name))
        # It prints no URL of its own: the shell does, and the waits below make it true.
        super().__init__(["sh", "-c", f"echo http://127.0.0.1:{port}/; exec icecast2 -c {config}"])
        self.feeder: subprocess.Popen[bytes] | None = None
        try:
            self._wait_for_answer("/status-json.xsl")
            self.feeder = subprocess.Popen(_feed(file, f"icecast://source:{PASSWORD}@127.0.0.1:{port}/main"))
            self._wait_for_answer("/main")
            time.sleep(ICECAST_FILL_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> float:
        if self.feeder:
            self.feeder.kill()
            self.feeder.wait()
        took_s = super().stop()
        self._home.cleanup()
        return took_s

    def _wait_for_answer(self, path: str) -> None:
        while time.monotonic() < self.started_s + START_LIMIT_S:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"no answer on {path}:\n{self.output()}")


def _feed(file: Path, to: str) -> list[str]:
    """The ffmpeg command that sends `file` over and over, in real time and as it is."""
    source = ["-re", "-stream_loop", "-1", "-i", str(file)]
    as_is = "-c copy -map_metadata -1 -write_xing 0 -id3v2_version 0 -content_type audio/mpeg -f mp3"
    return ["ffmpeg", "-v", "error", "-nostdin", *source, *as_is.split(" "), to]


def free_port() -> int:
    """A port that was free a moment ago, for a server that can not choose one."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


_ICECAST = """<icecast>
  <limits><clients>20000</clients><sources>4</sources><burst-size>131072</burst-size><queue-size>1048576</queue-size></limits>
  <authentication><source-password>{password}</source-password><admin-password>{password}</admin-password></authentication>
  <hostname>127.0.0.1</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><basedir>/usr/share/icecast2</basedir><logdir>{home}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
  <security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group></changeowner></security>
</icecast>
"""


def raise_descriptor_limit(wanted: int = 65536) -> None:
    """For this process and its children; as far as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
