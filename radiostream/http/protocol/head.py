"""A request's head as a value, read strictly: what could be read in two ways is refused (RFC 9112 §2 to §5, §11).

Pure. A proxy in front of us splits requests by its own reading; where ours differed, one client's bytes could become
another's request. So: one space between the parts of the first line, no line that is folded or ends with a bare CR.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from radiostream.http.protocol.message import Refusal

FIELDS_MAX: Final = 100
TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What methods and names of fields are made of (RFC 9110 §5.6.2)."""

_ONCE: Final = ("host", "content-length", "authorization")


class Head(NamedTuple):
    """What a request begins with."""

    method: str
    target: str
    """As it was sent; bytes beyond ASCII are taken for UTF-8, as people type them."""
    fields: dict[str, str]
    """Names in lower case; repeated ones joined by a comma. Values are decoded as ISO 8859-1."""
    close: bool
    """Whether the connection ends with this request."""


def parse(data: bytes) -> Head:
    """The head that `data` holds, its blank line included. Raises Refusal."""
    lines = [line[:-1] if line.endswith(b"\r") else line for line in data.split(b"\n")]
    if b"\0" in data or any(b"\r" in line for line in lines):
        raise Refusal(400, "the request is malformed")
    method, target, minor = _request_line(lines[0])
    fields = _fields([line for line in lines[1:] if line])
    if minor and "host" not in fields:
        raise Refusal(400, "the Host field is missing")
    options = [option.strip().lower() for option in fields.get("connection", "").split(",")]
    return Head(method, target, fields, not minor or "close" in options)


def _request_line(line: bytes) -> tuple[str, str, int]:
    """Method, target and minor version."""
    parts = line.split(b" ")
    if len(parts) != 3 or not _is_token(parts[0]) or min(parts[1], default=0) < 0x21 or 0x7F in parts[1]:
        raise Refusal(400, "the request line is malformed")
    method, target, version = parts
    if version not in (b"HTTP/1.1", b"HTTP/1.0", b"ICE/1.0"):
        is_another = len(version) == 8 and version.startswith(b"HTTP/") and version[5:8:2].isdigit()
        raise Refusal(505 if is_another else 400, "this speaks HTTP/1.1 and HTTP/1.0")
    return method.decode(), target.decode("utf-8", "replace"), int(version == b"HTTP/1.1")


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > FIELDS_MAX:
        raise Refusal(431, "there are too many header fields")
    fields: dict[str, str] = {}
    for line in lines:
        raw_name, colon, raw_value = line.partition(b":")
        if not colon or not _is_token(raw_name):
            raise Refusal(400, "a header field is malformed")
        name, value = raw_name.decode().lower(), raw_value.strip(b" \t").decode("iso-8859-1")
        if name in fields and name in _ONCE:
            raise Refusal(400, "a header field is there twice")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _is_token(text: bytes) -> bool:
    return bool(text) and TOKEN.issuperset(text)
