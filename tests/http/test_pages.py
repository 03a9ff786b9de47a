"""The rendered pages: foreign text is escaped, the policy can be kept, what is referred to exists and stays small."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.http.handlers import static
from radiostream.http.views import editions, embed, pages
from radiostream.http.views import status_page as operators
from radiostream.http.views.editions import Edition

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea></template><svg onload=alert(1)>",
    "$name ${stations} $$ %s {0}",
    "&lt;b&gt; &amp;",
    "\u202eright to left\u202c שלום",
    "long " * 1000,
)
AT = "2026-11-23T08:00:00.000+00:00"


def shown(route: str = "/", name: str = "Main", **what: Any) -> dict[str, Any]:
    """A station as its JSON has it; `title`, `artist`, `elapsed` and `duration` are the current track's."""
    keys = ("title", "artist", "elapsed", "duration")
    now = {"track": None, "started_at": AT, **dict.fromkeys(keys), "elapsed": 0.0}
    now |= {key: what.pop(key) for key in keys if key in what}
    nothing = {
        "history": [],
        "left_out": [],
        "mismatched": [],
        "live": [],
        "drift_ms": 0.0,
        "trouble": "",
        "levels": {},
        "description": "",
        "genre": "",
        "programme": None,
    }
    counts = {"listeners": 1, "peak_listeners": 2, "tracks": 0, "shuffle": False}
    named = {"route": route, "name": name, "family": "mp3", "stem": "main"}
    return named | counts | nothing | {"now": now | ({"track": "1.mp3"} if now["title"] else {})} | what


def live_source(text: str = "", **what: Any) -> dict[str, Any]:
    """A broadcaster as the operator's JSON has it."""
    said = dict.fromkeys(("from", "agent", "name", "trouble"), text)
    return {"kind": "broadcaster", "state": "on the air", "since": AT, "kbps": 128, "buffered_s": 2.9, **said, **what}


def status_page(*stations: dict[str, Any], edition: Edition = editions.ENGLISH, **server: Any) -> str:
    """The operator's page of `stations` on a server of which `server` is said."""
    facts = {"version": "", "uptime_s": 0.0, "rss_mb": 0.0, "cpu_percent": 0.0, "listeners": 0, "max_clients": 0}
    state = {"stations": stations, "server": facts | {"default_password": False, "kept": True} | server}
    return operators.status_page(state, edition)


UNCHOSEN = embed.Look()
VOID = ("area", "br", "col", "hr", "img", "input", "link", "meta", "source")
OWN_PATH = re.compile(
    r"web|status|logout|report|reload-playlist|(?:next-track/|prev-track/|shuffle/|end-live/|resume-relay/)(?:humor)?|(?:humor|main)(?:\.m3u|\.pls|\.m3u8)?"
)


class Outline(HTMLParser):
    """What a browser sees: tags with their attributes, the text, and whether all that opens also closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]

    def values(self, *attributes: str) -> Iterator[str]:
        for _, has in self.tags:
            yield from (has[name] for name in attributes if name in has)


def every_page(text: str, language: str = "en") -> dict[str, str]:
    """Each page with `text` wherever text from outside can be, the site's name among it."""
    edition = Edition(language, text)
    played = {"title": text, "artist": text, "started_at": AT, "ended": "played"}
    files = [{"name": text, "reason": text}]
    lists = {"history": [played], "left_out": files, "mismatched": files}
    lists |= {"live": [live_source(text)]}
    station = shown("/humor", text, title=text, artist=text, description=text, genre=text, trouble=text, **lists)
    return {
        "player": pages.player_page([station], edition),
        "status": status_page(station, edition=edition, version=text, default_password=True),
        "embed": embed.embed_page(station, "../", "https://radio.example", UNCHOSEN, edition),
        "login": pages.login_page(text, edition, default_password=True),
        "not found": pages.not_found_page("/" + text.replace("/", ""), edition),
        "log in first": pages.log_in_first_page("/" + text.replace("/", ""), edition),
        "offline": pages.offline_page(edition),
    }


PLAIN = every_page("plain")


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_only_text(name: str, text: str) -> None:
    """Whatever a name or a tag holds, the page has the same elements and attributes, and reads the text as it is."""
    outline, plain = Outline(every_page(text)[name]), Outline(PLAIN[name])
    assert outline.names() == plain.names()
    assert [list(has) for _, has in outline.tags] == [list(has) for _, has in plain.tags]
    shown = text.replace("/", "") if name == "not found" else text
    assert name in ("log in first", "offline") or shown[:150].strip() in outline.text


@given(st.text())
def test_no_text_changes_the_markup(text: str) -> None:
    """The same for any text at all."""
    for name, page in every_page(text).items():
        assert Outline(page).names() == Outline(PLAIN[name]).names()


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_is_inline(name: str) -> None:
    """The policy forbids inline script, style and handlers: there are none."""
    for tag, has in Outline(PLAIN[name]).tags:
        assert tag not in ("style", "base", "iframe", "object")
        is_data = has.get("type") in ("application/json", "application/ld+json")
        assert tag != "script" or is_data or (has.get("src") and has.get("type") == "module")
        assert not any(attribute == "style" or attribute.startswith("on") for attribute in has)
        assert not any(value.strip().lower().startswith(("javascript:", "data:")) for value in has.values())


def test_the_policy_is_strict() -> None:
    """Nothing is allowed but what is our own; no word of it loosens that."""
    assert pages.CSP.startswith("default-src 'none'; ")
    assert {word for part in pages.CSP.split("; ") for word in part.split()[1:]} == {"'none'", "'self'"}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_referred_to_is_relative_and_exists(name: str) -> None:
    """Each URL is relative, for a proxy's sub-path; each static one is a file; each other one is a route of ours. Only
    search engines are told the whole of one."""
    outline = Outline(PLAIN[name])
    whole = [has["href"] for _, has in outline.tags if has.get("rel") == "canonical"]
    assert all(url.startswith("https://radio.example/web?route=") for url in whole)
    for url in outline.values("href", "src", "action"):
        if url in whole:
            continue
        parts = urlsplit(url)
        assert not parts.scheme
        assert not parts.netloc
        assert not parts.path.startswith("/")
        path = unquote(parts.path).removeprefix("./").removeprefix("../")
        if path.startswith("static/"):
            assert (pages.WEB / path.removeprefix("static/")).is_file(), path
        elif path:
            assert OWN_PATH.fullmatch(path), path


def test_the_scripts_and_the_manifest_refer_to_files() -> None:
    """Modules that are imported, and the manifest's icons, exist."""
    for script in pages.WEB.glob("*.js"):
        for module in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")):
            assert (pages.WEB / module).is_file(), module
    manifest = (pages.WEB / "site.webmanifest").read_text(encoding="utf-8")
    for icon in re.findall(r'"src": "([^"]+)"', manifest):
        assert (pages.WEB / icon).is_file(), icon


def test_no_script_makes_markup_or_asks_a_foreign_host() -> None:
    """Text from outside goes through textContent; there is no innerHTML to forget an escape in, and no other host."""
    for file in (*pages.WEB.glob("*.js"), *pages.WEB.glob("*.css"), *pages.WEB.glob("*.html")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            file
        )
        assert re.findall(r"https?://[^\s\"')]+", text) in ([], ["http://www.w3.org/2000/svg"]), file


def test_everything_together_is_small() -> None:
    """All of `web/` is under 220 KB."""
    assert sum(file.stat().st_size for file in pages.WEB.rglob("*") if file.is_file()) < 220_000


@pytest.mark.parametrize("language", editions.LANGUAGES)
def test_the_player_is_small(language: str) -> None:
    """What a first visit loads, with seven stations and compressed: at most 26 KB."""
    stations = [shown(f"/{n}", f"Station {n}", title=f"Song number {n}", artist="Somebody") for n in range(7)]
    page = pages.player_page(stations, Edition(language), "https://radio.example")
    files = re.findall(r'(?:href|src)="static/([\w-]+\.(?:css|js|svg))"', page)
    sizes = [len(static.assets()[name].zipped or b"") for name in set(files)]
    print("player:", language, sum(sizes) + len(gzip.compress(page.encode())))
    assert sum(sizes) + len(gzip.compress(page.encode())) <= 26_000


def test_the_pictures_of_the_readme_exist_and_are_small() -> None:
    """Every picture that the README shows is in the tree; all that are kept stay under 400 KB."""
    root = pages.WEB.parent
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (root / "README.md").read_text(encoding="utf-8"))
    assert len(shown) == 2
    assert all((root / name).is_file() for name in shown)
    assert sum(file.stat().st_size for file in (root / "tests/data/screenshots").iterdir()) < 400_000


@pytest.mark.parametrize(
    ("route", "url"),
    [("/", "./"), ("/humor", "./humor"), ("/late night/jazz", "./late%20night/jazz"), ("/ж", "./%D0%B6")],
)
def test_stream_url(route: str, url: str) -> None:
    """A route becomes a URL relative to the page."""
    assert pages.stream_url(route) == url


def test_without_a_script_the_player_lists_native_players() -> None:
    """Each station has the browser's own player, which loads nothing before it is pressed, and says it is a browser."""
    humour = shown("/humor", "Humour", family="ogg", stem="humor")
    page = Outline(pages.player_page([shown(), humour]))
    players = [has for tag, has in page.tags if tag == "audio"]
    assert [has["src"] for has in players[:2]] == ["./?player=web", "./humor?player=web"]
    assert all("controls" in has and has["preload"] == "none" for has in players)
    assert {"main.m3u", "humor.m3u", "main.pls", "humor.pls"} <= set(page.values("href"))


def test_the_forms_of_the_status_page() -> None:
    """Each button is a form that posts to a control path; shuffle asks for the opposite of what is."""
    page = Outline(status_page(shown(), shown("/a b", "B", shuffle=True)))
    forms = [(has["action"], has["method"]) for tag, has in page.tags if tag == "form"]
    for action in ("prev-track/", "next-track/a%20b", "shuffle/?on=true", "shuffle/a%20b?on=false", "logout"):
        assert (action, "post") in forms
    assert ("reload-playlist?route=%2Fa%20b", "post") in forms


def test_the_look_back_of_the_status_page() -> None:
    """Where plays are kept, a form that gets a report of each station; it needs no script."""
    page = Outline(status_page(shown(), shown("/a b", "B")))
    (section,) = (has for tag, has in page.tags if has.get("id") == "past")
    assert "hidden" not in section
    assert ("report", "get") in [(has["action"], has["method"]) for tag, has in page.tags if tag == "form"]
    names = [has["name"] for tag, has in page.tags if tag in ("select", "input") and "name" in has]
    assert names == ["route", "from", "to", "format"]
    values = [has["value"] for tag, has in page.tags if tag == "option"]
    assert values == ["/", "/a b", "day", "week", "month", "year", "csv", "soundexchange", "json"]
    assert 'id="past" aria-labelledby="past-heading" hidden>' in status_page(shown(), kept=False)


@pytest.mark.parametrize("default_password", [True, False])
def test_the_default_password_banner(default_password: bool) -> None:
    """The banner is shown while the default password is in use, on the page and on the login."""
    status = status_page(default_password=default_password)
    assert ("hidden" in _banner(status)) is not default_password
    assert ("hidden" in _banner(pages.login_page(default_password=default_password))) is not default_password


def _banner(page: str) -> dict[str, str]:
    return next(has for _, has in Outline(page).tags if has.get("class") == "banner")


@pytest.mark.parametrize(
    ("path", "base"), [("/", "./"), ("/nothing", "./"), ("/nothing/here", "../"), ("/a/b/c/", "../../../")]
)
def test_not_found_climbs_to_the_root(path: str, base: str) -> None:
    """The links of "not found" and of "please log in" lead to the root from any depth."""
    assert f"{base}web" in Outline(pages.not_found_page(path)).values("href")
    assert f"{base}status" in Outline(pages.log_in_first_page(path)).values("href")


def test_times_of_the_status_page() -> None:
    """Elapsed and duration are minutes and seconds; a track of unknown length has none; the bar never runs over."""
    known = status_page(shown(title="One", elapsed=75, duration=60.4))
    assert "1:15" in known
    assert {"max": "60", "value": "60"}.items() <= _first(known, "progress").items()
    unknown = status_page(shown(title="One", elapsed=3700))
    assert "61:40" in unknown


def test_the_programme_is_shown_where_there_are_rules() -> None:
    """One line, in which a folder's name is but text; without rules there is none."""
    assert '<p class="row-programme" dir="auto" hidden></p>' in status_page(shown(title="One"))
    page = status_page(shown(title="One", programme={"text": "_22-06 <b> until Wed 06:00"}))
    assert '<p class="row-programme" dir="auto" >_22-06 &lt;b&gt; until Wed 06:00</p>' in page


def test_levels_are_shown_where_one_is_asked_for() -> None:
    """How loud the track is, what is done about it, and of how many tracks that is known."""
    row = shown(title="One", levels={"measured": 7, "tagged": 2, "unmeasurable": 1, "unknown": 0})
    assert "loudness of 9 of 10 tracks known" in status_page(row)
    row["now"] |= {"loudness_lufs": -12.34, "loudness_source": "measured", "gain_db": -6.02}
    assert "-12.3 LUFS (measured), -6.0 dB · loudness of 9 of 10 tracks known" in status_page(row)
    assert {"class": "row-level", "hidden": ""} in [has for _, has in Outline(status_page(shown())).tags]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (shown(), "There is no audio in the directory yet."),
        (shown(trouble="is missing"), "The directory is missing."),
    ],
)
def test_a_silent_station_says_why(row: dict[str, Any], says: str) -> None:
    """Nothing to play is explained, and has neither a bar of progress nor a history to open."""
    page = status_page(row)
    visible = page.partition("<template")[0]
    assert says in visible
    assert {"class": "progress", "hidden": ""} in [has for _, has in Outline(page).tags]
    assert {"class": "row-history", "hidden": ""} in [has for _, has in Outline(page).tags]


@pytest.mark.parametrize(
    ("uptime_s", "text"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h 0 min"), (86399, "23 h 59 min"), (90000, "1 d 1 h")],
)
def test_the_figures_of_the_server(uptime_s: float, text: str) -> None:
    """What the script keeps up to date is there without it, too."""
    facts: dict[str, Any] = {
        "version": "1.2.3",
        "rss_mb": 31.24,
        "cpu_percent": 0.46,
        "listeners": 7,
        "max_clients": 500,
    }
    text_shown = Outline(status_page(shown(drift_ms=-12.4), uptime_s=uptime_s, **facts)).text
    for figure in (text, "31.2 MB", "0.5 %", "7 of 500", "-12 ms", "1.2.3"):
        assert figure in text_shown


def _first(page: str, tag: str) -> dict[str, str]:
    return next(has for name, has in Outline(page).tags if name == tag)


def test_a_file_that_is_not_printable_text_is_rendered_all_the_same() -> None:
    """Control characters and lone surrogates from a file's name cost no page."""
    for page in every_page("a\x00b\x1b\ud800c").values():
        assert page.encode("utf-8", "replace")


@pytest.mark.parametrize(
    ("source", "text", "ends", "resumes"),
    [
        (
            live_source(**{"from": "192.0.2.9", "agent": "Mixxx"}),
            "Broadcaster on the air · 192.0.2.9 · Mixxx · since 08:00 · 128 kbps · 2.9 s buffered",
            True,
            False,
        ),
        (
            {"kind": "relay", "from": "http://up.example/", "state": "paused", "trouble": ""},
            "Relay paused · http://up.example/",
            False,
            True,
        ),
        (
            {"kind": "relay", "from": "http://up.example/", "state": "connecting", "trouble": "does not answer"},
            "Relay connecting · http://up.example/ · does not answer",
            True,
            False,
        ),
    ],
    ids=["broadcaster", "paused", "connecting"],
)
def test_live_sources_are_shown(source: dict[str, Any], text: str, ends: bool, resumes: bool) -> None:
    """Who is live, from where, since when, at what rate; a button ends it, or fetches a paused relay again."""
    outline = Outline(status_page(shown(live=[source])))
    assert re.sub(r"since [0-9:]+", "since 08:00", text) in re.sub(r"since [0-9:]+", "since 08:00", outline.text)
    forms = {has.get("data-action"): has for name, has in reversed(outline.tags) if name == "form"}
    assert ("hidden" not in forms["end"]) is ends
    assert ("hidden" not in forms["resume"]) is resumes
