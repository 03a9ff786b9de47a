"""The operator's password, sessions, throttle, cookie and origin, on a clock of our own."""

from __future__ import annotations

import base64
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.http.auth import SESSION_S, TRIES, Auth, Verdict, same_origin, session_cookie, token_of

YES, NO = Verdict(ok=True), Verdict(ok=False)
HERE = "192.0.2.1"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def auth(clock: Clock) -> Auth:
    """An operator whose password is `s3cret`, with tokens that count up."""
    tokens = iter(f"token-{n}" for n in range(1000))
    return Auth("s3cret", clock, lambda: next(tokens))


def basic(text: bytes) -> str:
    """A Basic header for `user:password`."""
    return "Basic " + base64.b64encode(text).decode()


def guess(auth: Auth, times: int, address: str = HERE) -> list[Verdict]:
    """So many wrong tries."""
    return [auth.check_header("Bearer wrong", address) for _ in range(times)]


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        ("Bearer s3cret", YES),
        ("bearer  s3cret ", YES),
        (basic(b":s3cret"), YES),
        (basic(b"anybody:s3cret"), YES),
        (basic(b"s3cret"), NO),
        (basic(b"s3cret:"), NO),
        (basic(b"a:s3cret:"), NO),
        ("Basic s3cret", NO),
        ("Basic ====", NO),
        ("Bearer", NO),
        ("Bearer s3cre", NO),
        ("Bearer s3crets", NO),
        ("s3cret", NO),
        ("Digest s3cret", NO),
        ("Bearer \u0416", NO),
        ("", NO),
        (None, NO),
    ],
)
def test_headers(auth: Auth, header: str | None, verdict: Verdict) -> None:
    """A table of headers and what they are worth."""
    assert auth.check_header(header, HERE) == verdict


def test_password_beyond_ascii(clock: Clock) -> None:
    """The client's UTF-8 bytes arrive in a header as ISO 8859-1."""
    auth = Auth("пароль: ж", clock)
    raw = "пароль: ж".encode()
    assert auth.check_header("Bearer " + raw.decode("iso-8859-1"), HERE) == YES
    assert auth.check_header(basic(b"x:" + raw), HERE) == YES
    assert auth.login("пароль: ж", HERE)[0] == YES


@settings(deadline=None)
@given(st.text(st.characters(codec=None)))
def test_any_header_is_judged(header: str) -> None:
    """Nothing that a client writes raises."""
    assert Auth("p", Clock()).check_header(header, header) == NO
    assert not Auth("p", Clock()).session(token_of(header))


def test_five_wrong_passwords_lock_an_address_out(auth: Auth, clock: Clock) -> None:
    """The sixth try within 30 s is refused unheard, right or wrong, and told when to come back."""
    assert guess(auth, 5) == [NO] * 5
    assert auth.check_header("Bearer s3cret", HERE) == Verdict(ok=False, retry_after_s=30)
    clock.s += 29.5
    assert auth.login("s3cret", HERE) == (Verdict(ok=False, retry_after_s=1), "")
    clock.s += 0.5
    assert auth.check_header("Bearer s3cret", HERE) == YES


def test_refused_tries_do_not_prolong_the_lockout(auth: Auth, clock: Clock) -> None:
    """The window counts judged tries only: who hammers on is not locked out for ever."""
    guess(auth, 5)
    for _ in range(29):
        clock.s += 1
        assert auth.check_header("Bearer wrong", HERE).retry_after_s
    clock.s += 1
    assert auth.check_header("Bearer s3cret", HERE) == YES


def test_window_slides(auth: Auth, clock: Clock) -> None:
    """Five tries spread over more than 30 s are a forgetful operator."""
    for _ in range(20):
        assert guess(auth, 1) == [NO]
        clock.s += 7.5
    assert auth.check_header("Bearer s3cret", HERE) == YES


def test_right_password_forgets_the_wrong_ones(auth: Auth) -> None:
    """Four typing errors and a success leave five new tries."""
    guess(auth, 4)
    assert auth.check_header("Bearer s3cret", HERE) == YES
    assert guess(auth, 5) == [NO] * 5


def test_header_less_requests_are_no_tries(auth: Auth) -> None:
    """A page that asks without credentials is refused, not throttled."""
    for _ in range(50):
        assert auth.check_header(None, HERE) == NO


@pytest.mark.parametrize(
    ("other", "together"),
    [
        ("192.0.2.2", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1", False),
    ],
)
def test_each_address_has_its_own_tries(auth: Auth, other: str, together: bool) -> None:
    """One guesser does not lock out the rest of the world."""
    guess(auth, 5)
    assert bool(auth.check_header("Bearer wrong", other).retry_after_s) is together


def test_ipv6_is_counted_by_the_64(auth: Auth) -> None:
    """A customer with 2^64 addresses has five tries, not 2^64 times five."""
    for n in range(5):
        auth.check_header("Bearer wrong", f"2001:db8:0:1::{n}")
    assert auth.check_header("Bearer wrong", "2001:db8:0:1:ffff::1").retry_after_s
    assert auth.check_header("Bearer wrong", "2001:db8:0:2::1") == NO


def test_table_of_addresses_is_bounded(auth: Auth) -> None:
    """A guesser with very many addresses costs a bounded table; the newest are remembered."""
    for n in range(10_000):
        auth.check_header("Bearer wrong", f"10.0.{n >> 8}.{n & 255}")
    assert len(auth._wrong) == 4096
    assert "10.0.39.15" in auth._wrong


def test_many_threads_share_five_tries(clock: Clock) -> None:
    """Tries at the same moment are counted one by one: never more than five are judged."""
    auth, together = Auth("p", clock), threading.Barrier(8)

    def attack() -> list[Verdict]:
        together.wait(timeout=30)
        return guess(auth, 20)

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for done in [pool.submit(attack) for _ in range(8)] for answer in done.result(timeout=30)]
    assert answers.count(NO) == 5
    assert len(answers) == 160


def test_session_lives_until_logout(auth: Auth, clock: Clock) -> None:
    """The token is accepted, in the throttle's time too, until it is ended."""
    verdict, token = auth.login("s3cret", HERE)
    assert verdict == YES
    guess(auth, 6)
    assert auth.session(token)
    assert not auth.session(token + "x")
    auth.end(token)
    assert not auth.session(token)
    auth.end("unknown")


def test_session_expires(auth: Auth, clock: Clock) -> None:
    """After twelve hours the operator logs in again."""
    token = auth.login("s3cret", HERE)[1]
    clock.s += SESSION_S - 1
    assert auth.session(token)
    clock.s += 1
    assert not auth.session(token)
    assert not auth._sessions


def test_number_of_sessions_is_bounded(auth: Auth) -> None:
    """The oldest goes first."""
    tokens = [auth.login("s3cret", HERE)[1] for _ in range(70)]
    assert [auth.session(token) for token in tokens] == [False] * 6 + [True] * 64


def test_wrong_login_has_no_token(auth: Auth) -> None:
    """A wrong password begins nothing."""
    assert auth.login("wrong", HERE) == (NO, "")


def test_real_tokens_differ_and_are_long(clock: Clock) -> None:
    """Without a fake source of tokens they are random: 256 bits."""
    auth = Auth("p", clock)
    tokens = {auth.login("p", HERE)[1] for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43
    assert not auth.session("x" * 1000)


def test_nothing_keeps_the_password(auth: Auth) -> None:
    """Neither the password nor a token lies in the object for a dump or an error report to show."""
    token = auth.login("s3cret", HERE)[1]
    assert "s3cret" not in repr(vars(auth))
    assert token not in repr(vars(auth))


@pytest.mark.parametrize(
    ("token", "base_path", "secure", "cookie"),
    [
        ("abc", "", False, "radiostream_session=abc; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"),
        ("abc", "/r", True, "radiostream_session=abc; Path=/r; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"),
        ("", "/a é", False, "radiostream_session=; Path=/a%20%C3%A9; Max-Age=0; HttpOnly; SameSite=Strict"),
    ],
)
def test_session_cookie(token: str, base_path: str, secure: bool, cookie: str) -> None:
    """Handed out and taken away, to the letter."""
    assert session_cookie(token, base_path, secure) == cookie
    assert token_of(cookie) == token


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        ("radiostream_session=abc", "abc"),
        ("a=b; radiostream_session=abc ;c", "abc"),
        ("radiostream_session=a=b", "a=b"),
        ("xradiostream_session=abc", ""),
        ("radiostream_session", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_token_of(cookie: str | None, token: str) -> None:
    """A table of `Cookie` headers."""
    assert token_of(cookie) == token


@pytest.mark.parametrize(
    ("site", "origin", "same"),
    [
        ("same-origin", None, True),
        ("none", None, True),
        ("same-site", "http://radio.example:8000", False),
        ("cross-site", None, False),
        ("", None, False),
        (None, "http://radio.example:8000", True),
        (None, "https://radio.example:8000", True),
        (None, "http://RADIO.example:8000", True),
        (None, "http://radio.example", False),
        (None, "https://live.example.org", True),
        (None, "https://live.example.org:443", True),
        (None, "http://live.example.org:80", True),
        (None, "http://live.example.org:8080", False),
        (None, "http://[::1]:8000", True),
        (None, "http://radio.example:8000.evil.example", False),
        (None, "http://radio.example:8000@evil.example", False),
        (None, "http://evil.example", False),
        (None, "http://[", False),
        (None, "file://radio.example:8000", False),
        (None, "null", False),
        (None, "", False),
        (None, None, False),
    ],
)
def test_same_origin(site: str | None, origin: str | None, same: bool) -> None:
    """A table of what browsers send."""
    hosts = ["radio.example:8000", "live.example.org", "[::1]:8000", "not a [host", ""]
    assert same_origin(site, origin, hosts) is same


def test_tries_that_others_use_up_meanwhile(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one password is compared, five wrong ones come from its address: its answer, though right, is withheld."""
    compare = hmac.compare_digest

    def late(one: bytes, other: bytes) -> bool:
        monkeypatch.setattr(hmac, "compare_digest", compare)
        guess(auth, TRIES)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", late)
    verdict = auth.check_header("Bearer s3cret", HERE)
    assert not verdict.ok
    assert verdict.retry_after_s
