"""The player page, the service worker and the files of `web/`: read once, kept with their
ETag and, where it pays, a gzip form."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from radiostream.http.protocol.compression import accepts_gzip
from radiostream.http.protocol.conditional import etag, if_none_match
from radiostream.http.protocol.message import HTML, NO_STORE, Refusal, Response
from radiostream.http.views import pages
from radiostream.http.views import stations as views
from radiostream.station_names import route_of

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site

TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "webmanifest": "application/manifest+json",
}
"""What `web/` is served from by suffix; nothing else is (the templates are not pages by themselves)."""

COMPRESSED: Final = ("css", "js", "svg", "webmanifest")
MANIFEST: Final = "site.webmanifest"
EMBED_SCRIPT: Final = "embed.js"
WORKER: Final = "sw.js"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of `web/`, ready to be sent."""

    content_type: str
    etag: str
    data: bytes
    zipped: bytes | None


@cache
def assets() -> dict[str, Asset]:
    """All files by name. Only these names are answered: no path of a request ever reaches the file system."""
    files = {path.name: path.read_bytes() for path in pages.WEB.iterdir() if path.suffix[1:] in TYPES}
    files[EMBED_SCRIPT] = _joined(*(files[name].decode() for name in ("shared.js", "stream.js", EMBED_SCRIPT)))
    version = etag(b"".join(files[name] for name in sorted(files))).strip('"')
    files = {name: _lean(data) if name.endswith(".js") else data for name, data in files.items()}
    files[WORKER] = files[WORKER].replace(b"@version@", version.encode())
    return {name: _asset(name.rpartition(".")[2], data) for name, data in files.items()}


def _lean(script: bytes) -> bytes:
    """A script without the lines that are but comments: they are for who reads the source, a tenth of what is sent."""
    return re.sub(rb"^[ ]*//.*\n", b"", script, flags=re.MULTILINE)


def _joined(*modules: str) -> bytes:
    """Modules as one, each after those that it imports from: a frame on another site's page is to load little."""
    text = "".join(re.sub(r"^import [^;]+;\n", "", module, flags=re.MULTILINE) for module in modules)
    return re.sub(r"^export ", "", text, flags=re.MULTILINE).encode()


def _asset(suffix: str, data: bytes) -> Asset:
    return Asset(TYPES[suffix], etag(data), data, gzip.compress(data, 9, mtime=0) if suffix in COMPRESSED else None)


@lru_cache(maxsize=4)
def _manifest(name: str) -> Asset:
    """What the application is called where it is installed, by the operator's name."""
    value = json.loads(assets()[MANIFEST].data)
    return _asset("webmanifest", json.dumps(value | {"name": name, "short_name": name}, ensure_ascii=False).encode())


def file(site: Site, request: Request, rest: str) -> Response:
    """`GET /static/<file>`."""
    asset = _manifest(site.config.site_name) if rest == MANIFEST else assets().get(rest)
    if asset is None or rest == WORKER:
        raise Refusal(404, "there is nothing here")
    return _sent(asset, request, "default-src 'none'")


def worker(_site: Site, request: Request, _: str) -> Response:
    """`GET /sw.js`: at the root, for a worker reaches no higher than its path. Its policy is for what it fetches."""
    return _sent(assets()[WORKER], request, "default-src 'none'; connect-src 'self'")


def _sent(asset: Asset, request: Request, policy: str) -> Response:
    headers = (
        ("ETag", asset.etag),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", policy),
    )
    if if_none_match(request.headers.get("if-none-match"), asset.etag):
        return Response(304, b"", asset.content_type, headers)
    if asset.zipped is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(200, asset.zipped, asset.content_type, (*headers, ("Content-Encoding", "gzip")))
    return Response(200, asset.data, asset.content_type, headers)


def favicon(site: Site, request: Request, _: str) -> Response:
    """`GET /favicon.ico`: browsers take any picture."""
    return file(site, request, "icon-192.png")


def robots(_site: Site, _request: Request, _: str) -> Response:
    """`GET /robots.txt`: the pages and what they are drawn with; an endless stream is nothing to index."""
    return Response(200, b"User-agent: *\nDisallow: /\nAllow: /web\nAllow: /embed/\nAllow: /static/\nAllow: /cover/\n")


def player(site: Site, request: Request, _: str) -> Response:
    """`GET /web[?route=&lang=]`: the public player, with the panel of the station that is asked for."""
    now_s, base_path = site.now_s(), site.base_path(request)
    if "offline" in request.query:
        return _page(pages.offline_page(site.edition(request)))
    route = route_of(request.query["route"]) if "route" in request.query else None
    stations = [views.public(one, now_s, base_path) for one in site.listed.values()]
    return _page(pages.player_page(stations, site.edition(request), site.base_url(request), route))


def _page(text: str) -> Response:
    return Response(200, text.encode("utf-8", "replace"), HTML, (NO_STORE, *pages.PAGE_HEADERS))
