"""From a setting's text to its value: port numbers, booleans, directories, URLs, networks.

Pure. Each function takes what the operator wrote and raises ValueError with the end of a sentence that the setting's
name begins: "--port (PORT): must be a whole number ...".
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from radiostream.station_names import is_segment, route_of

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

FAMILIES: Final = ("mp3", "aac", "ogg")
_YES: Final = ("true", "1", "yes", "on")
_NO: Final = ("false", "0", "no", "off")


def shown(value: object) -> str:
    """A wrong value for a message: on one line, without a control character, short."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`, in plain decimal digits."""

    def parse(text: str) -> int:
        digits = text.strip()
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else -1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {shown(text)}")
        return number

    return parse


def buffer_bytes(text: str) -> int:
    """Bytes of a pool buffer. Fewer than the largest Ogg page has are taken for that many: no chunk may cut a page."""
    return max(whole(1024, 1 << 22)(text), 65536)


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Seconds from `low` to `high`, fractions allowed."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:  # true for nan
            raise ValueError(f"must be seconds from {low:g} to {high:g}, not {shown(text)}")
        return number

    return parse


def boolean(text: str) -> bool:
    """true/false, 1/0, yes/no, on/off."""
    word = text.strip().lower()
    if word not in _YES + _NO:
        raise ValueError(f"must be true or false (or 1/0, yes/no, on/off), not {shown(text)}")
    return word in _YES


def one_of(*words: str) -> Callable[[str], str]:
    """One of `words`, in any case."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}, not {shown(text)}")
        return word

    return parse


def log_level(text: str) -> str:
    """A level by `logging`'s own name; `warn` is `warning`."""
    word = one_of("debug", "info", "warn", "warning", "error")(text)
    return "warning" if word == "warn" else word


def family(text: str) -> str | None:
    """A family of formats, or None for nothing."""
    return one_of(*FAMILIES)(text) if text else None


def path(text: str) -> Path:
    """An absolute path; `~` is the home directory."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError(f"can not be the name of a directory: {shown(text)}") from None
    if not text or "\0" in text:
        raise ValueError(f"must name a directory, not {shown(text)}")
    return Path(os.path.abspath(os.path.expanduser(text)))


def optional_path(text: str) -> Path | None:
    """A path, or None for nothing."""
    return path(text) if text else None


def host(text: str) -> str:
    """An address or name to bind, without the brackets of a URL."""
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not host.isascii() or not all(char.isalnum() or char in ".:-_%" for char in host):
        raise ValueError(f"must be an address or a host's name, not {shown(text)}")
    return host


def base_path(text: str) -> str:
    """A path prefix, normalised: empty, or `/radio`."""
    path = route_of(text.strip())
    if path != "/" and not all(map(is_segment, path[1:].split("/"))):
        raise ValueError(f"must be a plain path such as /radio, not {shown(text)}")
    return "" if path == "/" else path


def public_url(text: str) -> str:
    """An absolute http(s) URL without query, user or slash at its end, or empty."""
    from urllib.parse import urlsplit

    url = text.strip().rstrip("/")
    if not url:
        return ""
    wrong = ValueError(f"must be like https://radio.example.org or .../path, not {shown(text)}")
    if not url.isascii() or not url.isprintable() or any(char in " \"'<>\\`{}|^?#@" for char in url):
        raise wrong
    try:
        parts = urlsplit(url)
        ready = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not ready:
        raise wrong
    return url


def dsn(text: str) -> str:
    """Sentry's address of a project, or empty for no Sentry. It is half a secret: no message shows it."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text.strip())
        ready = parts.scheme in ("http", "https") and parts.username and parts.hostname and parts.port != 0
    except ValueError:
        ready = False
    if text.strip() and not (ready and parts.path.rpartition("/")[2].isdecimal()):
        raise ValueError("must be like https://key@sentry.example.org/1")
    return text.strip()


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and CIDRs, parted by commas or spaces; host bits may be set."""
    words = text.replace(",", " ").split()
    if not words:
        return ()
    import ipaddress

    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words)
    except ValueError:
        raise ValueError(f"must be addresses or CIDRs such as 10.0.0.0/8, not {shown(text)}") from None


class Pairs(list[tuple[str, Any]]):
    """What a JSON object becomes, told from a JSON list by its class; keeps what is written twice."""


def json_object(text: str) -> Pairs:
    """A JSON object's pairs in their order; objects inside are `Pairs` too."""
    try:
        pairs = json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'must be JSON such as {{"humor": "/home/humor"}}: {error}') from None
    if not isinstance(pairs, Pairs):
        # Every wrong value is a ValueError, whatever is wrong with it: hence the exception from TRY004.
        raise ValueError(f'must be a JSON object such as {{"humor": "/home/humor"}}, not {shown(pairs)}')  # noqa: TRY004
    return pairs
