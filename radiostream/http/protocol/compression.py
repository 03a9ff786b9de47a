"""Text goes over the network compressed where the client takes that and it pays: pages, JSON and metrics."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiostream.http.protocol.message import Request, Response

_LEAST_BYTES: Final = 1400
"""What fits into one packet gets no faster."""
_LEVEL: Final = 5
_KINDS: Final = ("text/", "application/json")


def packed(request: Request, response: Response) -> Response:
    """`response`, compressed if that is worth it; files of `web/` bring their own compressed form."""
    if len(response.body) < _LEAST_BYTES or not response.content_type.startswith(_KINDS):
        return response
    if any(name == "Vary" for name, _ in response.headers):
        return response
    headers = (*response.headers, ("Vary", "Accept-Encoding"))
    if not accepts_gzip(request.headers.get("accept-encoding", "")):
        return replace(response, headers=headers)
    body = gzip.compress(response.body, _LEVEL, mtime=0)
    return replace(response, body=body, headers=(*headers, ("Content-Encoding", "gzip")))


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header names gzip, and not only to refuse it with a weight of zero."""
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").removeprefix("q=").strip("0.") != "" or not weight
    return False
