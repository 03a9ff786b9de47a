"""The servers under test as child processes: the radio itself, the reference sender, and Icecast fed by ffmpeg.

Each is a context manager with `pid` and `port`; all bind to 127.0.0.1, and are gone when the `with` ends.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import server
from tests.server import PASSWORD, Server, free_port
from tests.waiting import until

ICECAST_FILL_S = 9.0
"""Until then Icecast has less than its burst to give, and its listeners would start late."""


class Radio(server.Radio):
    """The radio with its directories: `/` first, then `/one`, `/two`, as `routes` names them."""

    def __init__(self, audio_dir: Path, routes: Mapping[str, Path] | None = None, options: Sequence[str] = ()) -> None:
        named = json.dumps({route: str(path) for route, path in (routes or {}).items()})
        super().__init__(
            ["--port", "0", "--log-level", "info", "--audio-dir", str(audio_dir), "--directory-routes", named,
             "--max-clients", "20000", *options],
        )  # fmt: skip


class Reference(Server):
    """The one-thread epoll sender, in Python."""

    def __init__(self, file: Path, kbps: int) -> None:
        super().__init__([sys.executable, "-m", "tests.bench.reference", str(file), str(kbps)])


class CSender(Server):
    """The same in C: the least that the kernel's work costs anybody. Compiled here; needs a C compiler."""

    def __init__(self, file: Path, kbps: int) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="bench-sender-")
        program = str(Path(self._home.name, "sender"))
        source = str(Path(__file__).with_name("sender.c"))
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", program, source], check=True)
        super().__init__([program, str(file), str(kbps)])

    def stop(self) -> int:
        status = super().stop()
        self._home.cleanup()
        return status


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
            until(lambda: self._answers("/status-json.xsl"), "Icecast")
            self.feeder = subprocess.Popen(_feed(file, f"icecast://source:{PASSWORD}@127.0.0.1:{port}/main"))
            until(lambda: self._answers("/main"), "the mount")
            time.sleep(ICECAST_FILL_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int:
        if self.feeder:
            self.feeder.kill()
            self.feeder.wait()
        status = super().stop()
        self._home.cleanup()
        return status

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2):
                return True
        except OSError:
            return False


def _feed(file: Path, to: str) -> list[str]:
    """The ffmpeg command that sends `file` over and over, in real time and as it is."""
    source = ["-re", "-stream_loop", "-1", "-i", str(file)]
    as_is = "-c copy -map_metadata -1 -write_xing 0 -id3v2_version 0 -content_type audio/mpeg -f mp3"
    return ["ffmpeg", "-v", "error", "-nostdin", *source, *as_is.split(" "), to]


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
