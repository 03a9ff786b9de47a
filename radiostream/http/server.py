"""The HTTP server: the standard library's `ThreadingHTTPServer`, with a thread for each connection.

The accepting thread counts a connection in before it gets a thread. In its thread a connection reads one request after
another; one that turns into a stream lets go of everything that belonged to its request before it begins to listen.

Failures come in three kinds: a client that left (normal, debug), a refusal (an answer), a bug (logged once with its
traceback, answered 500).
"""

from __future__ import annotations

import _thread
import errno
import logging
import socket
import time
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from radiostream.http import routes
from radiostream.http.protocol import head
from radiostream.http.protocol.compression import packed
from radiostream.http.protocol.held import TooMuch
from radiostream.http.protocol.limits import MEMORY
from radiostream.http.protocol.message import (
    ANY_ORIGIN,
    HTML,
    JSON,
    NO_STORE,
    SOURCES,
    Answer,
    Gone,
    Refusal,
    Request,
    Response,
    Sent,
    Stream,
    head_bytes,
    json_response,
)
from radiostream.http.protocol.proxies import authority, client_of, valid_host
from radiostream.http.protocol.reader import BODY_MAX, Wire, send_all
from radiostream.http.views import pages
from radiostream.http.views.editions import ENGLISH, Edition
from radiostream.logs import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiostream.http.site import Site

    Takeover = Callable[[], None]

log = logging.getLogger(__name__)

STACK_BYTES: Final = 256 << 10
"""Virtual; only what is touched is resident."""
SEND_S: Final = 30.0
"""A client that takes nothing of its answer for so long is given up."""
BUFFER_BYTES: Final = 32 << 10
"""Asked of the kernel for either direction of a connection; it doubles it."""
ENTER_S: Final = 0.005
"""How long the acceptor waits at most until the newest connection has its answer, before it accepts the next. Without
that a storm of joins is hundreds of threads that all want the interpreter lock, and whoever listens, or asks how we
are, stands in their queue at every step."""
REQUEST_S: Final = 0.2
"""How long the acceptor waits for a request that it answers itself, since there is no thread to be had."""
ALIVE: Final = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n"
BUSY: Final = (
    b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nbusy\n"
)
PAGES: Final = {401: pages.log_in_first_page, 404: pages.not_found_page}
"""Refusals that have a page for people."""
OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class RadioServer(ThreadingHTTPServer):
    """Accepts, counts, and starts a thread for each connection. `serve_forever` runs in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, site: Site, host: str, port: int) -> None:
        self.site = site
        self._entrance = _thread.allocate_lock()
        """Shut behind whoever comes in, and opened by it: the lock is held but for that moment."""
        self._entrance.acquire()
        self._is_out_of_files = self._is_out_of_threads = False
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Connection)

    def server_bind(self) -> None:
        """Bind; `::` takes IPv4 as well. Skips the name look-up of HTTPServer, which can take seconds."""
        if self.address_family == socket.AF_INET6:
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Every connection has these from the listening socket: small answers at once, notice of a peer that is dead,
        # and a bound on what it can hold in the kernel, whose buffers would grow to megabytes.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SEND_S * 1000))
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; with no descriptor left, say so once and breathe instead of spinning."""
        try:
            accepted = self.socket.accept()
        except OSError as error:
            if error.errno in OUT_OF_FILES:
                if not self._is_out_of_files:
                    log.error("cannot accept a connection: %s", error.strerror)
                self._is_out_of_files = True
                time.sleep(0.1)
            raise
        self._is_out_of_files = False
        return accepted

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection in and give it a thread, or send it away without one."""
        if not self.site.limits.admit():
            with suppress(OSError):
                request.setblocking(False)
                request.send(BUSY)
            self.shutdown_request(request)
            return
        try:
            # A `threading.Thread` costs 2.5 KB for as long as it runs, and a hand-shake at its start.
            _thread.start_new_thread(self.process_request_thread, (request, client_address))
            self._is_out_of_threads = False
            self._entrance.acquire(timeout=ENTER_S)
        except RuntimeError as error:
            if not self._is_out_of_threads:
                log.error("no thread for a connection, sending clients away: %s", error)
            self._is_out_of_threads = True
            self._answer_without_thread(request)
            self.site.limits.release()
            self.shutdown_request(request)

    def open_entrance(self) -> None:
        """The newest connection is answered, or its client is waited for: the next one may come in."""
        with suppress(RuntimeError):  # open already
            self._entrance.release()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer requests; where one turns into a stream, that gets a thread of its own, and this one ends: the stack
        of a thread that has read and answered a request holds 2.6 KB more, for as long as the stream lasts."""
        stream = None
        try:
            stream = Connection(request, client_address, self).stream
        except Exception:
            self.handle_error(request, client_address)
        if stream is None:
            self.shutdown_request(request)
            return
        try:
            _thread.start_new_thread(self._run_stream, (stream, request, client_address))
        except RuntimeError:
            self._run_stream(stream, request, client_address)

    def _run_stream(self, stream: Takeover, request: Any, client_address: Any) -> None:
        try:
            stream()
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def _answer_without_thread(self, connection: socket.socket) -> None:
        """Tell a monitor that we live, and everybody else that we are busy."""
        with suppress(OSError):
            connection.settimeout(REQUEST_S)
            target = connection.recv(1 << 10).partition(b" ")[2].partition(b" ")[0]
            own = b"/healthz", self.site.config.base_path.encode() + b"/healthz"
            connection.sendall(ALIVE if target in own else BUSY)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A bug in a connection's thread, logged once."""
        log.exception("a connection failed")


class Connection(BaseRequestHandler):
    """One connection, in its own thread."""

    server: RadioServer
    stream: Takeover | None = None
    """What the connection has turned into, if it has: to be called by whose thread it is to be."""
    _is_inside = False

    def handle(self) -> None:
        """Answer requests until one turns into a stream, asks to close, or the client is gone."""
        if not has_asked(self.request):
            self._come_in()
        try:
            self.stream = self._serve()
        except (Gone, OSError) as error:
            log.debug("a client left: %s", type(error).__name__)
        finally:
            self.server.site.limits.release()
            self._come_in()

    def _come_in(self) -> None:
        """Leave the entrance to the next one, if that has not been done."""
        if not self._is_inside:
            self._is_inside = True
            self.server.open_entrance()

    def _serve(self) -> Takeover | None:
        """Request after request; returns what is to own the connection from now on, if one turns into a stream. What
        a request brought along ends here: it would be carried for as long as the listener stays."""
        wire, waiting = Wire(self.request), self.server.site.limits.waiting
        closes = False
        while not closes:
            try:
                with waiting(self.request):
                    request, closes = self._read_request(wire)
            except Refusal as refusal:
                self._send(refused(refusal, None), closes=True)
                with waiting(self.request):
                    wire.linger()
                return None
            answer = self._answer(request)
            self._come_in()
            closes = closes or isinstance(answer, Stream) or answer.status == 501
            if isinstance(answer, Stream) and answer.takeover is not None:
                return partial(answer.takeover, self.request, bytearray(head_bytes(answer, close=True)))
            self._send(answer, closes=closes, is_head=request.method == "HEAD")
            if request.method in SOURCES:
                with waiting(self.request):
                    wire.linger()
        return None

    def _send(self, answer: Answer, *, closes: bool, is_head: bool = False) -> None:
        limits = self.server.site.limits
        body = answer.body if isinstance(answer, Response) and not is_head else b""
        with limits.waiting(self.request):
            if isinstance(answer, Sent) and not is_head:
                answer.send(self.request, head_bytes(answer, close=closes))
                return
            try:
                with limits.held.hold(body):
                    send_all(self.request, head_bytes(answer, close=closes), body, stall_s=SEND_S)
            except TooMuch:
                limits.count(MEMORY)
                full = refused(Refusal(503, "too much is being sent, try again soon", ("Retry-After", "5")), None)
                send_all(self.request, head_bytes(full, close=closes), full.body, stall_s=SEND_S)

    def _answer(self, request: Request) -> Answer:
        site = self.server.site
        started_s = time.monotonic()
        response: Answer
        try:
            response = routes.answer(site, request)
        except Refusal as refusal:
            response = refused(refusal, request, site.edition(request))
        except Exception:
            log.exception("%s %s failed", quoted(request.method), quoted(request.path))
            response = refused(Refusal(500, "something went wrong here"), request)
        took_ms = (time.monotonic() - started_s) * 1000
        log.debug(
            "%s %s %s: %d in %.1f ms",
            request.client.address, request.method, quoted(request.path), response.status, took_ms,
        )  # fmt: skip
        return packed(request, response) if isinstance(response, Response) else response

    def _read_request(self, wire: Wire) -> tuple[Request, bool]:
        """The next request, and whether the connection ends with it. Raises Gone, or Refusal where it is not one."""
        method, target, fields, closes = head.parse(wire.read_head())
        peer = str(self.client_address[0])
        if method in SOURCES:
            return _request(self.server.site, method, target, fields, peer, wire.take_rest()), True
        length = _length(fields)
        if 0 < length <= BODY_MAX and fields.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = wire.read_body(length) if length else b""
        host = fields.get("host", "")
        own = "" if ":" in host and valid_host(host) else authority(*self.request.getsockname()[:2])
        return _request(self.server.site, method, target, fields, peer, body, own), closes


def has_asked(connection: socket.socket) -> bool:
    """Whether the client has sent something, or has left, by now."""
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Refusal(501 if "content-length" not in headers else 400, "send the body with a length")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "Content-Length is not a number")
    return int(text) if len(text) < 10 else 1 << 40


def _request(
    site: Site, method: str, target: str, fields: Mapping[str, str], peer: str, body: bytes = b"", own: str = ""
) -> Request:
    """The request as handlers see it."""
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
    raw_path, _, raw_query = target.partition("#")[0].partition("?")
    path = unquote(raw_path, errors="replace")
    if not path.startswith("/") or "\0" in path:
        raise Refusal(400, "the path is malformed")
    base_path = site.config.base_path
    if base_path and (path == base_path or path.startswith(base_path + "/")):
        path = path[len(base_path) :] or "/"
        raw_path = "/" + raw_path.split("/", 1 + base_path.count("/"))[-1]
    try:
        query = dict(parse_qsl(raw_query, keep_blank_values=True, errors="replace", max_num_fields=50))
    except ValueError:
        raise Refusal(400, "the query is malformed") from None
    client = client_of(peer, fields, site.config.trusted_proxies)
    return Request(method, path, query, fields, client, body, own, raw_path, raw_query)


def refused(refusal: Refusal, request: Request | None, edition: Edition = ENGLISH) -> Response:
    """A refusal as its asker reads it: a page for people who look for one, JSON for everybody else."""
    if request is not None and request.wants_html and refusal.status in PAGES:
        page = PAGES[refusal.status](request.path, edition).encode("utf-8", "replace")
        return Response(refusal.status, page, HTML, (NO_STORE, *pages.PAGE_HEADERS, *refusal.headers))
    response = json_response({"error": refusal.text}, refusal.status, ANY_ORIGIN, *refusal.headers)
    return Response(response.status, response.body, JSON, (*response.headers, ("X-Content-Type-Options", "nosniff")))
