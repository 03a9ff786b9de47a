"""The player page and the files of `web/`: read once, kept with their ETag and, where it pays, a gzip form."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from radiostream.http.protocol.compression import accepts_gzip
from radiostream.http.protocol.conditional import etag, if_none_match
from radiostream.http.protocol.message import HTML, NO_STORE, Refusal, Response
from radiostream.http.views import pages
from radiostream.http.views import stations as views

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
    return {
        path.name: _asset(path.suffix[1:], path.read_bytes())
        for path in pages.WEB.iterdir()
        if path.suffix[1:] in TYPES
    }


def _asset(suffix: str, data: bytes) -> Asset:
    return Asset(TYPES[suffix], etag(data), data, gzip.compress(data, 9, mtime=0) if suffix in COMPRESSED else None)


def file(_site: Site, request: Request, rest: str) -> Response:
    """`GET /static/<file>`."""
    asset = assets().get(rest)
    if asset is None:
        raise Refusal(404, "there is nothing here")
    headers = (
        ("ETag", asset.etag),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'"),
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
    """`GET /robots.txt`: an endless stream is nothing to index."""
    return Response(200, b"User-agent: *\nDisallow: /\nAllow: /web\n")


def player(site: Site, request: Request, _: str) -> Response:
    """`GET /web`: the public player."""
    now_s, base_path = site.now_s(), site.base_path(request)
    page = pages.player_page([views.public(one, now_s, base_path) for one in site.listed.values()])
    return Response(200, page.encode("utf-8", "replace"), HTML, (NO_STORE, *pages.PAGE_HEADERS))
