"""From a setting's text to its value: port numbers, booleans, directories, URLs, networks.

Pure. Each function takes what the operator wrote and raises ValueError with the end of a sentence that the setting's
name begins: "--port (PORT): must be a whole number ...".
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from radiostream.station_names import is_segment, route_of

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

FAMILIES: Final = ("mp3", "aac", "ogg")
_YES: Final = ("true", "1", "yes", "on")
_NO: Final = ("false", "0", "no", "off")
BOOLEANS: Final = _YES + _NO


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
    """Bytes of a pool buffer, from 64 KiB, the largest Ogg page, as no chunk may cut a page, to 1 MiB, as a chunk lasts
    five seconds at most and the ring has to hold a minute of them; less or more is taken for that."""
    return min(max(whole(1024, 1 << 22)(text), 65536), 1 << 20)


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
    if word not in BOOLEANS:
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
        raise ValueError(f"cannot be the name of a directory: {shown(text)}") from None
    if not text or "\0" in text:
        raise ValueError(f"must name a directory, not {shown(text)}")
    try:
        return Path(os.path.abspath(os.path.expanduser(text)))
    except FileNotFoundError:
        raise ValueError(f"{shown(text)} is relative, and the working directory no longer exists") from None


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
    url = text.strip().rstrip("/")
    if url and (any(char in "?#@" for char in url) or not _is_http(url)):
        raise ValueError(f"must be like https://radio.example.org or .../path, not {shown(text)}")
    return url


def http_url(text: str) -> str:
    """An absolute http(s) URL, or empty. It may hold a user's name and password, so no message shows it."""
    url = text.strip()
    if url and not _is_http(url):
        raise ValueError("must be a URL that begins with http:// or https://")
    return url


def http_urls(text: str) -> tuple[str, ...]:
    """URLs parted by spaces or by commas before the next one's `http`: a comma may stand inside a URL."""
    return tuple(dict.fromkeys(http_url(word) for word in _BETWEEN_URLS.sub(" ", text).split()))


_BETWEEN_URLS: Final = re.compile(r"[\s,]*,\s*(?=https?:|$)|\s+", re.IGNORECASE)


def _is_http(url: str) -> bool:
    """Whether `url` is absolute, of plain printable characters, with a host to ask."""
    from urllib.parse import urlsplit

    if not url.isascii() or not url.isprintable() or any(char in " \"'<>\\`{}|^" for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def origins(text: str) -> tuple[str, ...]:
    """Who may frame a page: `*` alone, `none` (nobody), or origins such as https://example.org, https://*.example.org."""
    words = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if words in (("*",), ("none",)):
        return words if words == ("*",) else ()
    if not words or not all(_ORIGIN.fullmatch(word) for word in words):
        raise ValueError(f"must be *, none, or origins such as https://example.org, not {shown(text)}")
    return words


_ORIGIN: Final = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def lufs(text: str) -> float | None:
    """A loudness from -30 to -10 LUFS; empty, `off` and `none` are no level."""
    word = text.strip().replace("\N{MINUS SIGN}", "-").lower()
    if word in ("", "off", "none"):
        return None
    try:
        number = float(word)
    except ValueError:
        number = float("nan")
    if not -30 <= number <= -10:  # true for nan
        raise ValueError(f"must be LUFS from -30 to -10, or off, not {shown(text)}")
    return number


def line(text: str) -> str:
    """A text as people read it: one line, nothing that cannot be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def site_name(text: str) -> str:
    """What the pages call the whole: one line that is not empty."""
    if not (name := line(text)):
        raise ValueError("must not be empty")
    return name


def language(text: str) -> str:
    """One or more language tags (BCP 47: `de`, `pt-BR`), parted by commas or spaces; told as `de,pt-BR`."""
    tags = text.replace(",", " ").split()
    if not all(_LANGUAGE.fullmatch(tag) for tag in tags):
        raise ValueError(f"must be language tags such as de or pt-BR, not {shown(text)}")
    return ",".join(tags)


_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def country(text: str) -> str:
    """A country's code of two letters (ISO 3166-1), as upper case."""
    code = text.strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise ValueError(f"must be a country's two letters, such as DE, not {shown(text)}")
    return code


def timezone(text: str) -> str:
    """A time zone's name in the IANA database, such as Europe/Berlin; empty: the host's."""
    name = text.strip()
    if not name:
        return ""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"must be a time zone such as Europe/Berlin, not {shown(text)}") from None
    return name


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
        raise ValueError(f'must be a JSON object such as {{"humor": "/home/humor"}}, not {shown(pairs)}')  # noqa: TRY004 - a mistake in a setting, whatever its type
    return pairs
