"""Whose request this is, and by which address the outside knows us, when proxies may stand in between. Pure.

`X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix` are lists to which each proxy appends at the right what it
saw itself. They are read from the right, as far as the proxies are trusted; what stands further left is the client's
own invention. Anything malformed ends the reading: the last address that a trusted proxy vouched for stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from radiostream.station_names import is_segment

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


_MOST_HOPS: Final = 32
_LONGEST_HOST: Final = 255
_LONGEST_PREFIX: Final = 200


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from, as far as it can be believed."""

    address: str
    scheme: str = "http"
    """What the client speaks to the outermost trusted proxy: `http` or `https`."""
    host: str = ""
    """The host (and port) that it asked that proxy for; empty where no trusted proxy says so."""
    port: int = 0
    """The port of that proxy, which a host without one may leave out; 0 where no trusted proxy says so."""
    prefix: str = ""
    """What that proxy took off the path, decoded, without a slash at its end; empty where no trusted proxy says so."""


def client_of(peer: str, fields: Mapping[str, str], trusted: Sequence[IPv4Network | IPv6Network]) -> Client:
    """The client behind `peer`, the socket's other end. An IPv4 address in IPv6 form becomes plain IPv4.

    `fields`: the request's, names in lower case, repeated ones joined by commas.
    """
    if not trusted:
        return Client(_unmapped(peer))
    address = _parsed(peer)
    if address is None or not _is_in(address, trusted):
        return Client(_unmapped(peer))
    hops = 0
    for text in _from_the_right(fields.get("x-forwarded-for", "")):
        further = _parsed(text)
        if further is None:
            break
        address, hops = further, hops + 1
        if not _is_in(address, trusted):
            break
    scheme = _said_at(fields.get("x-forwarded-proto", ""), hops).lower()
    host = valid_host(_said_at(fields.get("x-forwarded-host", ""), hops))
    return Client(
        str(address),
        scheme if scheme in ("http", "https") else "http",
        host,
        _port(_said_at(fields.get("x-forwarded-port", ""), hops)),
        _prefix(_said_at(fields.get("x-forwarded-prefix", ""), hops)),
    )


def base_url(client: Client, public_url: str, base_path: str, host_header: str | None, own: str) -> str:
    """The absolute URL of our root without a slash at its end, for playlists and links.

    The operator's `public_url` (which may or may not hold `base_path` already), else the host that a trusted proxy
    names, else the request's own `Host`, else `own`, our socket's address and port. A host that is not plainly one is
    ignored. One without a port gets the port that a trusted proxy names: `proxy_set_header Host $host` loses it. One
    that is our socket's address without its port is completed, for that is what cmus sends, whatever port it asks. So
    what is built here needs no further escaping but that of HTML or XML.
    """
    if public_url:
        path = quote(base_path)
        return public_url if public_url.endswith(path) else public_url + path
    host = client.host or valid_host(host_header or "") or own
    if own.rpartition(":")[0] == host and not (client.host or client.port):
        host = own
    if client.port and not _has_port(host) and client.port != (443 if client.scheme == "https" else 80):
        host = f"{host}:{client.port}"
    return f"{client.scheme}://{host}{quote(base_path or client.prefix)}"


def network_of(address: str) -> str:
    """Whose requests are counted together: an IPv4 address, an IPv6 /64, which is what one customer has, or the first
    characters of anything else."""
    if ":" in address:
        import ipaddress

        try:
            parsed = ipaddress.IPv6Address(address)
        except ValueError:
            return address[:64]
        return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed.packed[:8] + bytes(8), 64)))
    return address[:64]


def authority(address: str, port: int) -> str:
    """A socket's address and port as a URL has them."""
    address = _unmapped(address).partition("%")[0]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def valid_host(text: str) -> str:
    """`text` in lower case where it is a host's name or address with or without a port, else an empty string."""
    text = text.strip().lower()
    if not text.isascii() or len(text) > _LONGEST_HOST:
        return ""
    bracketed = text.startswith("[")
    name, colon, port = text.rpartition(":")
    if not colon or (bracketed and text.endswith("]")):
        name, colon, port = text, "", ""
    if colon and not (port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return ""
    if bracketed:
        return text if name.endswith("]") and _is_ipv6(name[1:-1]) else ""
    return text if name and all(char.isalnum() or char in "-_." for char in name) else ""


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _port(text: str) -> int:
    is_port = text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536
    return int(text) if is_port else 0


def _prefix(text: str) -> str:
    prefix = unquote(text).rstrip("/")
    is_path = len(prefix) <= _LONGEST_PREFIX and prefix.startswith("/") and all(map(is_segment, prefix[1:].split("/")))
    return prefix if is_path else ""


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address

    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _unmapped(address: str) -> str:
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with the brackets and port that some proxies add left out; None where it is none."""
    from ipaddress import IPv6Address, ip_address

    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_in(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def _from_the_right(field: str) -> list[str]:
    """The values of a list field, newest first."""
    return field.rsplit(",", _MOST_HOPS)[: -_MOST_HOPS - 1 : -1]


def _said_at(field: str, hops: int) -> str:
    """What the proxy `hops` from the right said; a proxy that replaces the list instead of appending leaves one."""
    values = _from_the_right(field)
    return values[min(max(hops, 1), len(values)) - 1].strip()
