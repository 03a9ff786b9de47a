"""The log: one event a line, whatever the words in it are."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream import logs
from tests.waiting import PATIENCE_S

HOSTILE = [
    "a\nb",
    "a\r\n2026-11-23 08:00:00 ERROR   forged",
    "\x1b]0;title\x07\x1b[31mred",
    "\u2028\u2029\x85\x0b\x0c",
    "\u202egnp.3pm",
    "caf\udce9",
    "\ud800",
    "\0",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; the root logger is as before afterwards."""
    root = logging.getLogger()
    ours = logging.getLogger("radiostream")
    before = root.handlers[:], ours.level
    yield io.StringIO()
    root.handlers[:], _ = before
    ours.setLevel(before[1])


def record(message: str, **extra: object) -> logging.LogRecord:
    """A record as the logger makes it."""
    made = logging.makeLogRecord({"name": "radiostream.test", "levelname": "INFO", "created": 1795766400.25})
    made.msg = message
    vars(made).update(extra)
    return made


def test_text_line(stream: io.StringIO) -> None:
    """Time, level, message."""
    logs.setup("info", "text", stream)
    logging.getLogger("radiostream.app").warning("on the air: %s", logs.quoted("Ünicode"))
    assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING on the air: "Ünicode"\n', stream.getvalue())


def test_json_line() -> None:
    """The keys are stable, and the fields of `extra` stand beside them."""
    line = logs.Json().format(record("gone", station="/humor", seconds=1.5, bytes=3, why="left", track=None))
    assert json.loads(line) == {
        "time": "2026-11-27T08:00:00.250+00:00",
        "level": "info",
        "logger": "radiostream.test",
        "message": "gone",
        "station": "/humor",
        "seconds": 1.5,
        "bytes": 3,
        "why": "left",
        "track": None,
    }


def test_extra_can_not_replace_a_key() -> None:
    """A field called `level` does not hide the level."""
    assert json.loads(logs.Json().format(record("x", level="fatal", time=0)))["level"] == "info"


def test_level_and_repeated_setup(stream: io.StringIO) -> None:
    """Below the level nothing is written; a second setup replaces the first."""
    logs.setup("debug", "text", io.StringIO())
    logs.setup("error", "json", stream)
    logging.getLogger("radiostream.x").warning("quiet")
    logging.getLogger("radiostream.x").error("loud")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_a_library_is_heard_from_warning_on(stream: io.StringIO) -> None:
    """Other loggers use the same handler, without our debug level."""
    logs.setup("debug", "json", stream)
    logging.getLogger("urllib3").info("no")
    logging.getLogger("urllib3").warning("yes\n")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["yes\n"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside_its_line(name: str) -> None:
    """Line ends, escape sequences, bidi overrides and half characters are escapes in both formats."""
    text = logs.Text().format(record(f"track {name} failed", track=name))
    assert text.isprintable()
    line = logs.Json().format(record(f"track {name} failed", track=name))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["track"].encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", '"plain"'),
        ('say "hi"', r'"say \"hi\""'),
        ("a\\nb", r'"a\\nb"'),
        ("a\nb", r'"a\nb"'),
        ("\x1b[0m", r'"\x1b[0m"'),
        ("caf\udce9", r'"caf\udce9"'),
        ("\u2028", r'"\u2028"'),
        ("x" * 201, '"' + "x" * 199 + '…"'),
    ],
)
def test_quoted(name: str, shown: str) -> None:
    """A table of names and how a message shows them."""
    assert logs.quoted(name) == shown


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=50))
def test_quoted_is_closed_by_nothing_inside(name: str) -> None:
    """Any text, surrogates included: one printable line whose quotes cannot be closed early."""
    shown = logs.quoted(name)
    assert shown.isprintable()
    assert re.fullmatch(r'"([^"\\]|\\.)*"', shown)


def failure(text: str) -> BaseException:
    """An exception that was really raised."""
    with pytest.raises(ValueError, match="evil") as caught:
        raise ValueError(text)
    return caught.value


def test_traceback_in_text_is_indented() -> None:
    """Nothing of a traceback stands at the left margin, where events begin."""
    error = failure("evil\n2026-11-23 08:00:00 ERROR   forged\u2028x\x1b[31m")
    text = logs.Text().format(record("failed", exc_info=(type(error), error, error.__traceback__)))
    first, *rest = text.split("\n")
    assert first.endswith("failed")
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert "ValueError: evil" in text


def test_traceback_in_json_is_a_field() -> None:
    """The line stays one line."""
    error = failure("evil\nx")
    line = logs.Json().format(record("failed", exc_info=(type(error), error, error.__traceback__), stack_info="here"))
    assert line.isprintable()
    assert "ValueError: evil\nx" in json.loads(line)["traceback"]
    assert json.loads(line)["traceback"].endswith("here")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), [1], b"x", ValueError("x")])
def test_any_extra_value_is_strict_json(value: object) -> None:
    """What JSON has no word for is written as text."""
    event = json.loads(logs.Json().format(record("x", odd=value)), parse_constant=pytest.fail)
    assert event["odd"] == str(value)


def test_what_ends_a_thread_is_an_event(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event with its traceback, and no bare text between events."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.setup("info", "json", stream)

    def fail() -> None:
        raise RuntimeError("a bug")

    thread = threading.Thread(target=fail, name="producer /humor")
    thread.start()
    thread.join()
    event = json.loads(stream.getvalue())
    assert event["message"] == "the thread producer /humor failed"
    assert "RuntimeError: a bug" in event["traceback"]


def test_a_descriptor_is_written_to_by_a_thread(stream: io.StringIO) -> None:
    """The logger's caller queues a line; what nobody read in time is counted, and told in the log's own form."""
    out, into = os.pipe()
    with open(out, "rb") as reader, open(into, "w", encoding="utf-8") as file:
        logs.setup("info", "json", file)
        for number in range(20_000):
            logging.getLogger("radiostream.test").info("line %d", number)
        assert logs.dropped() > 0
        messages = [""]
        while "dropped" not in messages[-1]:
            messages.append(json.loads(reader.readline())["message"])
        assert messages[1:4] == ["line 0", "line 1", "line 2"]
        assert messages[-1] == f"the log was not read: {logs.dropped()} lines dropped"
        logs.setup("info", "text", stream)
    assert logs.dropped() == 0


def test_a_last_line_is_waited_for(stream: io.StringIO) -> None:
    """By who ends with it; where lines are written at once there is nothing to wait for."""
    out, into = os.pipe()
    with open(out, "rb") as reader, open(into, "w", encoding="utf-8") as file:
        logs.setup("info", "text", file)
        logging.getLogger("radiostream.test").error("the last line")
        assert logs.flush(PATIENCE_S)
        assert reader.readline().endswith(b"the last line\n")
        logs.setup("info", "text", stream)
    assert logs.flush(0.0)


def test_settings_that_are_read_again_keep_the_writer(stream: io.StringIO) -> None:
    """However often: a log that nobody reads holds one queue and one thread, not one more each time."""
    out, into = os.pipe()
    with open(out, "rb") as reader, open(into, "w", encoding="utf-8") as file:
        logs.setup("info", "json", file)
        before = threading.active_count()
        for fmt in ("text", "json", "text"):
            logs.setup("info", fmt, file)
        logging.getLogger("radiostream.test").info("once")
        assert threading.active_count() == before
        assert re.fullmatch(rb"\S+ \S+ INFO    once\n", reader.readline())
        logs.setup("info", "text", stream)
