"""Who asks, and how the outside calls us: tables of what honest and lying proxies and clients send."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.http.protocol.proxies import Client, authority, base_url, client_of, network_of, valid_host

TRUSTED = [ip_network(one) for one in ("127.0.0.0/8", "10.0.0.0/8", "::1/128", "fd00::/8")]


def headers(**lines: Sequence[str] | str) -> Mapping[str, str]:
    """Fields as the head's reader joins their lines, `X_Forwarded_For` standing for `X-Forwarded-For`."""
    return {
        name.replace("_", "-").lower(): value if isinstance(value, str) else ", ".join(value)
        for name, value in lines.items()
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("203.0.113.1", ["203.0.113.9"], "203.0.113.1"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.9", "10.1.1.1"], "203.0.113.9"),
        ("127.0.0.1", ["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        ("127.0.0.1", ["203.0.113.9, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, nonsense, 10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("127.0.0.1", ["2001:db8::9"], "2001:db8::9"),
        ("127.0.0.1", ['"[2001:db8::9]:4711"'], "2001:db8::9"),
        ("127.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:203.0.113.1", ["203.0.113.9"], "203.0.113.1"),
        ("::1", ["fd00::5, 203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["203.0.113.9, fd00::5"], "203.0.113.9"),
        ("", ["203.0.113.9"], ""),
        ("127.0.0.1", [", ".join(["203.0.113.9"] + ["10.1.1.1"] * 1000)], "10.1.1.1"),
    ],
)
def test_address(peer: str, forwarded: list[str], address: str) -> None:
    """Right to left through trusted proxies, no step further."""
    assert client_of(peer, headers(X_Forwarded_For=forwarded), TRUSTED).address == address


def test_nothing_is_believed_without_trusted_proxies() -> None:
    """The default: the socket's own address, in IPv4's own form where it is one."""
    all_lines = headers(X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
    assert client_of("::ffff:192.0.2.1", all_lines, []) == Client("192.0.2.1", "http", "")
    assert client_of("192.0.2.1", all_lines, TRUSTED) == Client("192.0.2.1", "http", "")
    assert client_of("fe80::1%eth0", all_lines, TRUSTED).address == "fe80::1%eth0"


@pytest.mark.parametrize(
    ("forwarded", "proto", "host", "expected"),
    [
        ("203.0.113.9", "https", "radio.example", ("https", "radio.example")),
        ("203.0.113.9", "HTTPS", "Radio.Example:8443", ("https", "radio.example:8443")),
        ("203.0.113.9", "gopher", "a b", ("http", "")),
        ("203.0.113.9", "https, http", "evil.example, radio.example", ("http", "radio.example")),
        ("203.0.113.9, 10.1.1.1", "https, http", "radio.example, inner", ("https", "radio.example")),
        ("203.0.113.9, 10.1.1.1", "https", "radio.example", ("https", "radio.example")),
        ("", "https", "", ("https", "")),
    ],
)
def test_scheme_and_host(forwarded: str, proto: str, host: str, expected: tuple[str, str]) -> None:
    """They are taken from the same proxy that named the client."""
    lines = headers(X_Forwarded_For=forwarded, X_Forwarded_Proto=proto, X_Forwarded_Host=host)
    client = client_of("127.0.0.1", lines, TRUSTED)
    assert (client.scheme, client.host) == expected


@settings(deadline=None)
@given(st.text(), st.lists(st.text()), st.lists(st.text()), st.lists(st.text()))
def test_any_headers(peer: str, forwarded: list[str], proto: list[str], host: list[str]) -> None:
    """Nothing that arrives raises or gets through unchecked."""
    lines = headers(X_Forwarded_For=forwarded, X_Forwarded_Proto=proto, X_Forwarded_Host=host)
    client_of(peer, lines, TRUSTED)
    client = client_of("127.0.0.1", lines, TRUSTED)
    assert client.scheme in ("http", "https")
    assert valid_host(client.host) == client.host


@pytest.mark.parametrize(
    "host", ["radio.example", "radio.example:8000", "192.0.2.1", "[::1]", "[2001:db8::1]:65535", "my_host", "xn--e1a"]
)
def test_good_hosts(host: str) -> None:
    """Names and addresses with and without a port."""
    assert valid_host(host) == host
    assert valid_host(f" {host.upper()} ") == host


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8000",
        "a:",
        "a:0",
        "a:65536",
        "a:+1",
        "a:b",
        "a:1:2",
        "a b",
        "a/b",
        "a@b",
        "a\r\nX: y",
        '"><script>',
        "a?b",
        "a#b",
        "[::1",
        "::1",
        "[::1]x",
        "[fe80::1%eth0]",
        "[]",
        "é.example",
        "x" * 300,
    ],
)
def test_bad_hosts(host: str) -> None:
    """Whatever could inject a path, a header or markup is no host."""
    assert valid_host(host) == ""


@pytest.mark.parametrize(
    ("client", "public_url", "base_path", "host", "expected"),
    [
        (Client("a"), "", "", "radio.example:8000", "http://radio.example:8000"),
        (Client("a"), "", "", None, "http://localhost:8000"),
        (Client("a"), "", "", "evil/<script>", "http://localhost:8000"),
        (Client("a", "https"), "", "/radio", "radio.example", "https://radio.example/radio"),
        (Client("a", "https", "out.example"), "", "/radio", "inner:8000", "https://out.example/radio"),
        (Client("a", "https", "out.example"), "https://p.example", "", "inner:8000", "https://p.example"),
        (Client("a"), "https://p.example", "/radio", "x", "https://p.example/radio"),
        (Client("a"), "", "", "localhost", "http://localhost:8000"),
        (Client("a", "http", "localhost"), "", "", "inner", "http://localhost"),
        (Client("a", "http", "", 80), "", "", "localhost", "http://localhost"),
        (Client("a"), "https://p.example/radio", "/radio", "x", "https://p.example/radio"),
        (Client("a"), "", "/a é", "x", "http://x/a%20%C3%A9"),
        (Client("a", "http", "", 8080), "", "", "radio.example", "http://radio.example:8080"),
        (Client("a", "https", "out.example", 8443), "", "", "inner:8000", "https://out.example:8443"),
        (Client("a", "https", "out.example", 443), "", "", None, "https://out.example"),
        (Client("a", "http", "out.example", 80), "", "", None, "http://out.example"),
        (Client("a", "http", "out.example", 443), "", "", None, "http://out.example:443"),
        (Client("a", "http", "out.example:81", 8080), "", "", None, "http://out.example:81"),
        (Client("a", "http", "[::1]", 8080), "", "", None, "http://[::1]:8080"),
        (Client("a", "http", "", 0, "/radio"), "", "", "x", "http://x/radio"),
        (Client("a", "http", "", 0, "/radio"), "", "/own", "x", "http://x/own"),
        (Client("a", "http", "", 8080, "/radio"), "https://p.example", "", "x", "https://p.example"),
    ],
)
def test_base_url(client: Client, public_url: str, base_path: str, host: str | None, expected: str) -> None:
    """PUBLIC_URL, else a trusted proxy's word, else the Host, else our socket."""
    assert base_url(client, public_url, base_path, host, "localhost:8000") == expected


@settings(deadline=None)
@given(st.text())
def test_any_host_header(host: str) -> None:
    """A hostile Host can inject nothing into an absolute link."""
    assert re.fullmatch(r"http://[a-z0-9_.:\[\]-]+", base_url(Client("a"), "", "", host, "localhost:8000"))


@pytest.mark.parametrize(
    ("port", "prefix", "expected"),
    [
        ("8443", "/radio", (8443, "/radio")),
        ("80, 8443", "/outer, /inner/", (8443, "/inner")),
        ("", "", (0, "")),
        ("0", "/", (0, "")),
        ("65536", "radio", (0, "")),
        ("8443x", "//evil.example", (0, "")),
        ("-1", "/a/../b", (0, "")),
        ("\u0661", "/a%20b", (0, "/a b")),
        ("", "/<script>", (0, "")),
        ("", "/" + "x" * 300, (0, "")),
    ],
)
def test_port_and_prefix(port: str, prefix: str, expected: tuple[int, str]) -> None:
    """As the trusted proxy says, where that is a port and a path."""
    said = headers(X_Forwarded_For="203.0.113.9", X_Forwarded_Port=port, X_Forwarded_Prefix=prefix)
    client = client_of("127.0.0.1", said, TRUSTED)
    assert (client.port, client.prefix) == expected
    stranger = client_of("203.0.113.9", said, TRUSTED)
    assert (stranger.port, stranger.prefix) == (0, "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("192.0.2.1", "192.0.2.1:80"),
        ("::ffff:192.0.2.1", "192.0.2.1:80"),
        ("2001:db8::1", "[2001:db8::1]:80"),
        ("fe80::1%eth0", "[fe80::1]:80"),
    ],
)
def test_authority(address: str, shown: str) -> None:
    """What a URL begins with where the request named no host."""
    assert authority(address, 80) == shown


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("x:" * 50, "x:" * 32),
        ("x" * 100, "x" * 64),
    ],
)
def test_whose_requests_are_counted_together(address: str, network: str) -> None:
    """A customer's addresses are one; what is none is kept short."""
    assert network_of(address) == network
