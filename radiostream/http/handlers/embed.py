"""`GET /embed/<route>`: a station's player as one row, for a frame on another site's page (CONTRACT §10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiostream.http.protocol.message import HTML, NO_STORE, Response
from radiostream.http.views import embed as view
from radiostream.http.views import stations as views

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site


def player(site: Site, request: Request, rest: str) -> Response:
    """The page; `?theme=light|dark|auto&accent=#hex&cover=0|1&lang=`. The only one that may be framed, by
    `--embed-origins`."""
    station = site.asked(request, rest)
    base = "../" * (request.depth - 1)
    shown = views.public(station, site.now_s(), site.base_path(request))
    look, root = view.look(request.query), site.base_url(request)
    page = view.embed_page(shown, base, root, look, site.edition(request))
    headers = (NO_STORE, *view.headers(site.config.embed_origins))
    return Response(200, page.encode("utf-8", "replace"), HTML, headers)
