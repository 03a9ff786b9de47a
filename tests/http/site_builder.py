"""A site of real stations on a fake clock, and requests to it without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiostream.config import Config
from radiostream.http import routes
from radiostream.http.auth import Auth
from radiostream.http.protocol.limits import Limits
from radiostream.http.protocol.message import Answer, Refusal, Request, Response
from radiostream.http.protocol.proxies import Client
from radiostream.http.server import refused
from radiostream.http.site import Site
from tests.radio.studio import Studio

PASSWORD = "open sesame"
BEARER = {"authorization": f"Bearer {PASSWORD}"}


class House:
    """A site, and short ways to ask it."""

    def __init__(self, studios: Mapping[str, Studio], directory: Path, *arguments: str) -> None:
        self.studios = dict(sorted(studios.items()))
        first = next(iter(self.studios.values()))
        self.clock = first.clock
        self.rescans = 0
        config = Config.load(["--audio-dir", str(directory), *arguments], {"STATUS_PASSWORD": PASSWORD})
        self.site = Site(
            config=config,
            stations={route: studio.station for route, studio in self.studios.items()},
            limits=Limits(config.max_clients, config.max_clients_per_address),
            auth=Auth(PASSWORD, self.clock.now_s),
            changes=first.changes,
            rescan=self._rescan,
            readiness=lambda: (True, {"ready": True, "checks": {}}),
            metrics=lambda _: ("text/plain", b"metrics\n"),
            server_facts=lambda: {"version": "1.2.3", "uptime_s": 1, "rss_mb": 30, "cpu_percent": 0.1, "threads": 5},
            now_s=self.clock.now_s,
        )

    def _rescan(self) -> bool:
        self.rescans += 1
        return True

    def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None, **options: Any) -> Response:
        """The answer as `answer` gives it, without what would be sent for a body that is not at hand."""
        answer = self.answer(method, target, headers, **options)
        if isinstance(answer, Response):
            return answer
        return Response(answer.status, b"", answer.content_type, answer.headers)

    def answer(self, method: str, target: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """The answer, refusals included, as the server would send it."""
        path, _, query = target.partition("?")
        pairs = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
        client = options.pop("client", Client("192.0.2.7"))
        request = Request(
            method, path, pairs, headers or {"host": "radio.example"}, client, own="localhost:8000", **options
        )
        try:
            return routes.answer(self.site, request)
        except Refusal as refusal:
            return refused(refusal, request, self.site.edition(request))
