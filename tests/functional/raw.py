"""Requests on raw sockets: what is sent is what a player sends, what comes back is looked at byte by byte."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from tests.waiting import PATIENCE_S


class Exchange:
    """A request sent as it is, and its answer: the head is read at once, the body as it is asked for."""

    def __init__(self, port: int, request: bytes, source: str = "127.0.0.1", patience_s: float = PATIENCE_S) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), patience_s, (source, 0))
        self.socket.sendall(request)
        self._file: BinaryIO = self.socket.makefile("rb")
        self.next()

    def next(self) -> None:
        """Read the head of an answer: the first one, or one that follows it on the same connection."""
        self.status_line = self._file.readline().decode().rstrip("\r\n")
        self.fields: list[tuple[str, str]] = []
        while line := self._file.readline().removesuffix(b"\r\n"):
            name, _, value = line.decode().partition(": ")
            self.fields.append((name, value))
        if self.field("Transfer-Encoding") == "chunked":
            self._file = cast(BinaryIO, io.BufferedReader(Chunks(self._file)))

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    @property
    def status(self) -> int:
        return int(self.status_line.split()[1])

    def field(self, name: str) -> str | None:
        """The value of a field that is there once; None where it is not there."""
        values = [value for one, value in self.fields if one.lower() == name.lower()]
        assert len(values) <= 1, name
        return values[0] if values else None

    def read(self, size: int) -> bytes:
        """Exactly so many bytes of the body, or fewer at its end."""
        return self._file.read(size)

    def line(self) -> bytes:
        """The next line of the body, its end included; empty at the end."""
        return self._file.readline()

    def rest(self) -> bytes:
        """What comes until the server closes."""
        return self._file.read()


class Chunks(io.RawIOBase):
    """What a chunked body holds (RFC 9112 §7.1), each chunk as it comes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = int(self._file.readline() or b"0", 16)
        data = self._file.read(min(self._left, len(buffer)))
        self._left -= len(data)
        if data and not self._left:
            self._file.readline()
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        super().close()
        self._file.close()


class Block(NamedTuple):
    """An ICY metadata block and the audio behind it."""

    text: bytes | None
    """As it was sent, padding included; None for an empty block."""
    audio: bytes


def blocks(answer: Exchange) -> Iterator[Block]:
    """The stream of a player that asked for titles; the first one has no block before it."""
    interval = int(answer.field("icy-metaint") or 0)
    assert interval, "no titles were promised"
    yield Block(None, answer.read(interval))
    while length := answer.read(1):
        text = answer.read(length[0] * 16) or None
        yield Block(text, answer.read(interval))


class Event(NamedTuple):
    """One server-sent event."""

    id: int
    name: str
    data: Any


def events(answer: Exchange) -> Iterator[Event]:
    """Events as they come, comments and the time to retry left out, until the server closes."""
    fields: dict[bytes, bytes] = {}
    while line := answer.line():
        assert line.endswith(b"\n")
        if line != b"\n":
            name, _, value = line[:-1].partition(b": ")
            assert name in {b"id", b"event", b"data", b"retry", b""} - fields.keys(), line
            fields[name] = value
        elif fields:
            if b"data" in fields:
                assert set(fields) == {b"id", b"event", b"data"}, fields
                yield Event(int(fields[b"id"]), fields[b"event"].decode(), json.loads(fields[b"data"]))
            fields = {}
