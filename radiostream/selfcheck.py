"""`radiostream health`: asks the running server whether it is alive, for a container's own check.

A process of its own, which reads the same settings as the server. A container's check gets the container's environment,
but not the flags that came behind the image's name: those are read from the command line of process 1, where that is
the server. Exit status: 0 alive, 1 not, 2 for settings that name no address.
"""

from __future__ import annotations

import http.client
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from radiostream.config import Config, ConfigError

ANSWER_S: Final = 2.5
"""How long the server may take: less than the 3 s that Docker and Kubernetes are told to wait."""
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is bound, not what we bind
"""Addresses that are bound, and where to reach a server that is bound there."""
PROCESS_1: Final = Path("/proc/1/cmdline")


def main(argv: Sequence[str], environ: Mapping[str, str], process_1: Path = PROCESS_1) -> int:
    """Check the server that runs with these flags (none: those of process 1) and this environment."""
    try:
        config = Config.load(argv or flags_of(process_1), environ)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    if not config.port:
        print("--port (PORT): 0 says nothing of the port that was taken; name it", file=sys.stderr)
        return 2
    problem = ask(EVERYWHERE.get(config.host, config.host), config.port, config.base_path)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


def ask(host: str, port: int, base_path: str) -> str:
    """What is wrong with the server there; empty where it says that it is alive."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", f"{base_path}/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from {host} port {port}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == http.client.OK else f"{host} port {port} answered {status}"


def flags_of(cmdline: Path) -> list[str]:
    """The server's flags, where the process whose command line this is runs it; else none."""
    try:
        words = cmdline.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    except OSError:
        return []
    # `python -m radiostream …`, or `python /usr/bin/radiostream …`: the name stands behind at most three words
    at = next((at for at, word in enumerate(words[:4]) if Path(word).name == "radiostream"), len(words))
    return words[at + 1 :]
