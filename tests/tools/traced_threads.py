"""A plugin of coverage: connections, whose threads are begun by `_thread` alone, are measured like other threads.

It is named in setup.cfg, and imported in every process that is measured.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any

_start = _thread.start_new_thread


def _start_traced(function: Callable[..., object], arguments: tuple[Any, ...], *rest: Any) -> int:
    """As `_thread.start_new_thread`; the new thread is traced as `threading.settrace` asked for, which it ignores."""

    def run(*words: Any, **named: Any) -> None:
        sys.settrace(threading.gettrace())
        function(*words, **named)

    return _start(run, arguments, *rest)


def coverage_init(_registry: object, _options: object) -> None:
    """Called by coverage when it starts."""
    _thread.start_new_thread = _start_traced
