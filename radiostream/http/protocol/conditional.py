"""Requests that want only part of an answer, or none where nothing has changed: validators and ranges. Pure."""

from __future__ import annotations

from hashlib import blake2b

from radiostream.http.protocol.message import Refusal


def etag(data: bytes) -> str:
    """A strong entity tag of `data`, quotes included."""
    return f'"{blake2b(data, digest_size=12).hexdigest()}"'


def if_none_match(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` header names `tag`, so that the answer is 304 (RFC 9110 §13.1.2, weak comparison)."""
    if header is None:
        return False
    named = [one.strip().removeprefix("W/") for one in header.split(",")]
    return tag.removeprefix("W/") in named or named == ["*"]


def byte_range(header: str, total: int) -> tuple[int, int] | None:
    """First byte and the one behind the last that a `Range` of one range wants, of `total`; None where everything is
    to be sent: no range, or one that may be ignored (RFC 9110 §14.2). Raises Refusal where nothing lies in it."""
    unit, _, spec = header.partition("=")
    first, dash, last = (part.strip() for part in spec.partition("-"))
    digits = first + last
    if unit.strip().lower() != "bytes" or not dash or not (digits.isascii() and digits.isdigit()) or len(digits) > 24:
        return None
    if not first:
        begin, end = max(0, total - int(last)), total
    else:
        begin, end = int(first), min(total, int(last) + 1 if last else total)
        if last and int(last) < begin:
            return None
    if begin >= total or begin >= end:
        raise Refusal(416, "there is nothing in that range", ("Content-Range", f"bytes */{total}"))
    return begin, end
