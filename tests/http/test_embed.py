"""The embedded player: what it looks like, who may frame it, what it weighs; and the worker and manifest beside it."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from radiostream.http.handlers import static
from radiostream.http.protocol.message import Response
from radiostream.http.views import embed, pages
from tests.http.site_builder import House
from tests.radio.studio import Studio


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A default station and `/late night`, on a site that only example.org may frame."""
    studios = {route: Studio(tmp_path / str(n), route=route) for n, route in enumerate(("/", "/late night"))}
    return House(studios, tmp_path, "--embed-origins", "https://example.org", "--site-name", "Waves & Co")


def header(answer: Response, name: str) -> str | None:
    """A header's value; None where the answer has none of that name."""
    return dict(answer.headers).get(name)


@pytest.mark.parametrize(
    ("query", "look"),
    [
        ({}, embed.Look("auto", "", True)),
        ({"theme": "dark", "accent": "#A0b1C2", "cover": "0"}, embed.Look("dark", "#a0b1c2", False)),
        ({"theme": "light", "accent": "f80", "cover": "1"}, embed.Look("light", "#f80", True)),
        ({"theme": "pink", "accent": "red"}, embed.Look("auto", "", True)),
        ({"accent": '#fff"onload=x'}, embed.Look("auto", "", True)),
        ({"accent": "#ffff"}, embed.Look("auto", "", True)),
    ],
)
def test_the_look_that_is_asked_for(query: dict[str, str], look: embed.Look) -> None:
    """Theme, colour and cover by the query; what is said wrong is as if it had not been said."""
    assert embed.look(query) == look


@pytest.mark.parametrize(
    ("origins", "ancestors"),
    [
        (("*",), "*"),
        ((), "'none'"),
        (("https://a.example", "https://b.example"), "https://a.example https://b.example"),
    ],
)
def test_who_may_frame_it(origins: tuple[str, ...], ancestors: str) -> None:
    """The origins of `--embed-origins`, nobody for none; nothing else of the pages' policy is looser."""
    headers = dict(embed.headers(origins))
    ours = pages.CSP.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    assert headers["Content-Security-Policy"] == ours
    assert "X-Frame-Options" not in headers


@pytest.mark.parametrize(
    ("path", "route"), [("/embed/", "/"), ("/embed/main", "/"), ("/embed/late night", "/late night")]
)
def test_each_station_has_one(house: House, path: str, route: str) -> None:
    """By its route, the default one as `main` too; its links climb to the root."""
    answer = house.ask("GET", f"{path}?theme=dark&accent=#abc")
    page = answer.body.decode()
    assert answer.status == 200
    assert f'data-route="{route}" data-live="../' in page
    assert 'data-theme="dark" data-accent="#abc" data-base="../"' in page
    assert 'src="../static/embed.js"' in page
    assert "frame-ancestors https://example.org" in str(header(answer, "Content-Security-Policy"))
    assert header(answer, "Set-Cookie") is None


def test_only_it_may_be_framed(house: House) -> None:
    """The player, the login and "not found" refuse to be framed."""
    for path in ("/web", "/status"):
        answer = house.ask("GET", path)
        assert header(answer, "X-Frame-Options") == "DENY"
        assert "frame-ancestors 'none'" in str(header(answer, "Content-Security-Policy"))
    assert house.ask("GET", "/embed/nobody").status == 404


def test_it_weighs_little(house: House) -> None:
    """Page, style and script together, compressed: at most 12 KB."""
    page = house.ask("GET", "/embed/").body
    script, style = static.assets()["embed.js"], static.assets()["embed.css"]
    sizes = [len(gzip.compress(page)), len(script.zipped or b""), len(style.zipped or b"")]
    print("embed:", sizes)
    assert sum(sizes) <= 12_000


def test_its_script_is_one_file() -> None:
    """Its modules are joined: nothing is left to import, and no name is there twice."""
    script = static.assets()["embed.js"].data.decode()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    names = re.findall(r"^(?:const|let|class|function) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names)) > 10


def test_it_keeps_nothing() -> None:
    """No storage is written by its own part of the script, and no cookie by anybody."""
    own = (pages.WEB / "embed.js").read_text(encoding="utf-8")
    assert not re.search(r"localStorage|sessionStorage|indexedDB|\bmemory\b|cookie =", own)


def test_the_site_has_its_own_name(house: House) -> None:
    """`--site-name` is the page's title and heading, and what the installed application is called."""
    page = house.ask("GET", "/web").body.decode()
    assert "<title>Waves &amp; Co</title>" in page
    manifest = json.loads(house.ask("GET", "/static/site.webmanifest").body)
    assert manifest["name"] == manifest["short_name"] == "Waves & Co"
    assert manifest["icons"]
    assert "Waves &amp; Co" in house.ask("GET", "/status", {"accept-language": "de"}).body.decode()


def test_a_link_unfolds(house: House) -> None:
    """OpenGraph and JSON-LD by absolute URLs, of the station that the link names."""
    page = house.ask("GET", "/web?route=/late night", {"host": "radio.example"}).body.decode()
    assert '<meta property="og:url" content="http://radio.example/web?route=%2Flate%20night">' in page
    assert 'property="og:image" content="http://radio.example/' in page
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found
    stations = json.loads(found[1])["@graph"]
    assert [one["@type"] for one in stations] == ["RadioStation", "RadioStation"]
    assert stations[1]["potentialAction"]["target"] == "http://radio.example/late%20night"


def test_pages_come_in_the_readers_language(house: House) -> None:
    """By `?lang=` or Accept-Language, errors and the embedded player too."""
    german = {"accept-language": "de-AT,de;q=0.9,en;q=0.5", "accept": "text/html"}
    for path in ("/web", "/status", "/embed/", "/nothing/here", "/web?offline"):
        assert '<html lang="de"' in house.ask("GET", path, german).body.decode(), path
    assert '<html lang="ja"' in house.ask("GET", "/web?lang=ja", german).body.decode()


def test_the_worker_is_at_the_root(house: House) -> None:
    """A worker reaches no higher than its own path; it is always asked for anew, and knows the version of the shell."""
    answer = house.ask("GET", "/sw.js")
    assert answer.status == 200
    assert header(answer, "Cache-Control") == "no-cache"
    assert "connect-src 'self'" in str(header(answer, "Content-Security-Policy"))
    assert re.search(rb'VERSION = "[0-9a-f]{24}"', answer.body)
    assert house.ask("GET", "/static/sw.js").status == 404


def test_the_worker_keeps_what_the_player_needs() -> None:
    """Its shell is the files that the player's page and modules name, and nothing of the operator's."""
    worker = (pages.WEB / "sw.js").read_text(encoding="utf-8")
    player = (pages.WEB / "player.html").read_text(encoding="utf-8")
    named = set(re.findall(r"static/([\w.-]+\.(?:js|css))", player))
    assert named <= set(re.findall(r'"([\w.-]+\.(?:js|css))"', worker))
    assert "status" not in worker
