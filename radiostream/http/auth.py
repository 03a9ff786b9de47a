"""Who is the operator: the password, the sessions of the login page, and the throttle against guessing.

Used by every request's thread. One lock guards both tables; nothing waits while it is held. The password itself is
not kept, only a keyed digest; so are session tokens. What is compared are digests of one length, in constant time.

The throttle: five wrong passwords from one address within 30 s, and until the window has moved on that address is
refused unheard, the right password included: otherwise the throttle would tell a guesser when to stop. An address
is an IPv4 address or an IPv6 /64, which is what one customer has. Sessions are not guessed, and work on meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from radiostream.http.protocol.proxies import network_of

TRIES: Final = 5
GUESSING_WINDOW_S: Final = 30.0
SESSION_S: Final = 12 * 3600
COOKIE: Final = "radiostream_session"

_MOST_ADDRESSES: Final = 4096
_MOST_SESSIONS: Final = 64
_LONGEST_TOKEN: Final = 256


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ok`, or refused: with 429 and `Retry-After` where `retry_after_s` is not 0, else with 401."""

    ok: bool
    retry_after_s: int = 0
    is_first: bool = field(default=False, compare=False)
    """Whether it is the first wrong password of its address within the window: for the log."""


class Auth:
    """A password and the sessions that began with it. `now` is monotonic seconds, `token` makes a session's token."""

    def __init__(
        self, password: str, now: Callable[[], float], token: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        self._now = now
        self._token = token
        self._key = secrets.token_bytes(32)
        self._password = self._digest(_bytes(password))
        self._lock = threading.Lock()
        """Guards the two tables below; held for a few dictionary operations, never over a digest."""
        self._wrong: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        """Times of an address's latest wrong tries; the address least recently wrong goes first."""
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        """When a session ends, by its token's digest; oldest first."""

    def check_header(self, authorization: str | None, address: str) -> Verdict:
        """Judge an `Authorization` header: `Bearer <password>`, or Basic with any user name.

        No header at all is refused, but is no wrong try; a malformed one is.
        """
        if not authorization:
            return Verdict(ok=False)
        return self._check(_credentials(authorization), address)

    def login(self, password: str, address: str) -> tuple[Verdict, str]:
        """Judge the login page's form; where it is right, begin a session and give its token, else an empty one."""
        verdict = self._check(_bytes(password), address)
        if not verdict.ok:
            return verdict, ""
        token = self._token()
        with self._lock:
            self._sessions[self._digest(_bytes(token))] = self._now() + SESSION_S
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return verdict, token

    def session(self, token: str) -> bool:
        """Whether `token` is that of a session that goes on."""
        if not token or len(token) > _LONGEST_TOKEN:
            return False
        digest = self._digest(_bytes(token))
        with self._lock:
            ends = self._sessions.get(digest, -math.inf)
            if ends <= self._now():
                self._sessions.pop(digest, None)
                return False
        return True

    def end(self, token: str) -> None:
        """Log out: the session ends at once. An unknown token is no error."""
        with self._lock:
            self._sessions.pop(self._digest(_bytes(token)), None)

    def _check(self, password: bytes | None, address: str) -> Verdict:
        who, now = network_of(address), self._now()
        with self._lock:
            wait_s = self._wait_s(who, now)
        if wait_s:
            return Verdict(ok=False, retry_after_s=wait_s)
        right = password is not None and hmac.compare_digest(self._digest(password), self._password)
        with self._lock:
            # Another thread may have used up the tries since: then this answer, right or wrong, is withheld too.
            if wait_s := self._wait_s(who, now):
                return Verdict(ok=False, retry_after_s=wait_s)
            times = self._wrong.pop(who, ())
            if not right:
                self._wrong[who] = (*times, now)[-TRIES:]
                while len(self._wrong) > _MOST_ADDRESSES:
                    self._wrong.popitem(last=False)
        return Verdict(ok=right, is_first=not right and not (times and now < times[-1] + GUESSING_WINDOW_S))

    def _wait_s(self, who: str, now: float) -> int:
        """Whole seconds until `who` may try again; 0 = now. The caller holds the lock."""
        assert self._lock.locked()  # noqa: S101 - a rule of ours, not of a client's
        times = self._wrong.get(who, ())
        if len(times) < TRIES or now >= times[0] + GUESSING_WINDOW_S:
            return 0
        return max(1, math.ceil(times[0] + GUESSING_WINDOW_S - now))

    def _digest(self, secret: bytes) -> bytes:
        return hashlib.blake2b(secret, key=self._key, digest_size=32).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _credentials(authorization: str) -> bytes | None:
    """The password that the header carries, as the client's bytes; None where it is malformed.

    `http.server` decodes headers as ISO 8859-1, so that encoding gives back what the client sent.
    """
    scheme, _, rest = authorization.strip().partition(" ")
    raw = rest.strip().encode("iso-8859-1", "replace")
    if scheme.lower() == "bearer":
        return raw
    if scheme.lower() != "basic":
        return None
    try:
        _user, colon, password = base64.b64decode(raw, validate=True).partition(b":")
    except ValueError:
        return None
    return password if colon else None


def session_cookie(token: str, base_path: str, secure: bool) -> str:
    """The value of `Set-Cookie` that hands out `token`; an empty token takes the cookie away."""
    parts = [f"{COOKIE}={token}", f"Path={quote(base_path) or '/'}", f"Max-Age={SESSION_S if token else 0}"]
    parts += ["HttpOnly", "SameSite=Strict", *(["Secure"] if secure else [])]
    return "; ".join(parts)


def token_of(cookie: str | None) -> str:
    """The session's token in a `Cookie` header; empty where there is none."""
    for part in (cookie or "").split(";"):
        name, _, value = part.partition("=")
        if name.strip() == COOKIE:
            return value.strip()
    return ""


def same_origin(sec_fetch_site: str | None, origin: str | None, hosts: Collection[str]) -> bool:
    """Whether the page that sent this request is our own: what a cookie (or a browser's Basic) may be believed with.

    `Sec-Fetch-Site` decides where the browser sends it (over https and to localhost), else `Origin`'s host and port,
    which must be among `hosts` (the `Host` header, a trusted proxy's, that of --public-url). The scheme is not
    compared: behind a proxy that ends TLS we may not know it. With neither header: no; every browser with
    SameSite cookies sends `Origin` with a POST.
    """
    if sec_fetch_site is not None:
        return sec_fetch_site.strip().lower() in ("same-origin", "none")
    try:
        parts = urlsplit(origin or "")
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    default = 443 if parts.scheme == "https" else 80
    return any(_authority(host, default) == (parts.hostname, port or default) for host in hosts)


def _authority(host: str, default_port: int) -> tuple[str | None, int]:
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return None, default_port
    return parts.hostname, port or default_port
