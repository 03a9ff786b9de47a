"""One event a line on stderr: text for people, or JSON with stable keys.

Whatever a file's name, a tag or a client's words hold, they can neither begin a line of their own nor reach the
terminal as an escape sequence: every character that does not print is written as an escape. Only a traceback takes
several lines in the text format, each indented, so that no line at the left margin is anything but an event.
`setup` runs once, in the main thread. No thread that logs ever waits for whoever reads the log (`log_writer.py`).
"""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Final, TextIO

from radiostream.log_writer import FLUSH_S, Writer

_LONGEST_NAME: Final = 200
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What a record has without `extra`."""


def setup(level: str, fmt: str, stream: TextIO | None = None) -> None:
    """Send events of `level` (`debug` to `error`) and above to `stream` (stderr), as `text` or as `json`.

    The handler is the root logger's, so that a library's warning is written as safely as our own. Calling it again
    replaces what it did before; the writer of the same stream goes on. What ends a thread, or the program, is an event
    like any other. Where the program was started without a stderr there is no log.
    """
    _handle(stream or sys.stderr, Json() if fmt == "json" else Text())
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # nobody reads them in a line
    own = logging.getLogger("radiostream")
    own.setLevel(level.upper())
    sys.excepthook = lambda kind, error, trace: own.critical("the server failed", exc_info=(kind, error, trace))
    threading.excepthook = lambda failed: own.critical(
        "the thread %s failed",
        failed.thread.name if failed.thread else "?",
        exc_info=(failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback),
    )


def _handle(stream: TextIO | None, formatter: logging.Formatter) -> None:
    """Let the root logger's one handler of ours be that of `stream`. Its queue, and what it has counted, is kept where
    it is already."""
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Handler | _Nowhere)]:
        if isinstance(old, _Handler) and old.stream is stream:
            old.setFormatter(formatter)
            return
        root.removeHandler(old)
        old.close()
    root.addHandler(_Nowhere() if stream is None else _Handler(stream, formatter))


def safe(text: str) -> str:
    """`text` on one line, each character that does not print as an escape: controls, line ends, bidi, surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def quoted(text: str) -> str:
    """A name for a message: in double quotes that the name cannot close, at most 200 characters of it."""
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    return '"' + safe(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def dropped() -> int:
    """How many lines were dropped so far, since nobody read the log."""
    return sum(one.dropped for one in logging.getLogger().handlers if isinstance(one, _Handler))


def flush(timeout_s: float) -> bool:
    """Wait until all lines are written, at most so long; whether they are. For who ends with a line that says why."""
    return all(one.wait_written(timeout_s) for one in logging.getLogger().handlers if isinstance(one, _Handler))


class _Nowhere(logging.NullHandler):
    """Told from other people's handlers by its class."""


class _Handler(logging.Handler):
    """Told from other people's handlers by its class. Formats in the thread that logs; a writer's thread writes."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.stream = stream
        try:
            self._writer: Writer | None = Writer(stream.fileno(), self._told)
        except OSError:  # a stream in memory, where a write cannot block
            self._writer = None

    @property
    def dropped(self) -> int:
        """Lines that nobody read in time."""
        return self._writer.dropped if self._writer else 0

    def emit(self, record: logging.LogRecord) -> None:
        """Format `record` and queue its lines."""
        try:
            line = self.format(record) + "\n"
        except Exception as error:
            line = f"a message of {record.name} cannot be formatted: {safe(repr(error))}\n"
        if self._writer:
            self._writer.write(line.encode("utf-8", "backslashreplace"))
        else:
            self.stream.write(line)

    def flush(self) -> None:
        """Wait until everything is written, but not for long."""
        self.wait_written(FLUSH_S)

    def wait_written(self, timeout_s: float) -> bool:
        """The same, at most so long; whether everything is written."""
        return self._writer is None or self._writer.flush(timeout_s)

    def close(self) -> None:
        """End the writer's thread."""
        if self._writer:
            self._writer.close()
        super().close()

    def _told(self, count: int) -> bytes:
        text = f"the log was not read: {count} lines dropped"
        facts = {"name": __name__, "levelname": "WARNING", "levelno": logging.WARNING, "msg": text}
        return (self.format(logging.makeLogRecord(facts)) + "\n").encode()


class Text(logging.Formatter):
    """`2026-11-23 08:00:00 INFO    the message`, local time; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more for each line of a traceback."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        lines = [f"{moment} {record.levelname:<7} {safe(record.getMessage())}"]
        lines += [f"    {safe(line)}" for line in _traceback(self, record).splitlines()]
        return "\n".join(lines)


class Json(logging.Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, the fields of `extra`, any `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """ASCII only: every other character is a JSON escape."""
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _plain(record.getMessage()),
        }
        if traceback := _traceback(self, record):
            event["traceback"] = _plain(traceback)
        for key, value in vars(record).items():
            if key not in _OWN:
                event.setdefault(safe(key), _plain(value))
        return json.dumps(event)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _plain(value: object) -> object:
    """A value that every JSON reader takes: no lone surrogate, no NaN, nothing but scalars."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()
