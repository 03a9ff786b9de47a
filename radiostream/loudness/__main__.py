"""The process that finds out how loud tracks are: `python -m radiostream.loudness`.

Reads one JSON list a line from stdin: a file's path, its family and a number of frames; and answers each with one JSON
object a line, a `Known`. Ends when stdin does. It runs at the lowest priority there is, so that it only has time that
nobody else wants.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress

from radiostream.loudness.finding import find_out


def main() -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    for line in sys.stdin:
        known = find_out(*json.loads(line))
        print(json.dumps(known.as_json()), flush=True)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
