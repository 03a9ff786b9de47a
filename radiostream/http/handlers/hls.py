"""`/<route>.m3u8` and its segments: packed audio (RFC 8216 §3.4), sent straight from the ring's buffers.

A playlist's URLs are relative, and those of segments unique for ever, so any cache may stand in between and keep
segments for as long as it likes. Responses are finite and short: the connection stays among those of short requests.
"""

from __future__ import annotations

import socket
import struct
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

from radiostream.audio.frames import CONTENT_TYPES, OGG
from radiostream.http.protocol.conditional import byte_range, if_none_match
from radiostream.http.protocol.message import CORS, NO_STORE, Gone, Headers, Refusal, Response, Sent, clean
from radiostream.http.protocol.reader import has_room
from radiostream.radio.hls import TARGET_S, Hls, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from radiostream.config import StationConfig
    from radiostream.http.protocol.message import Request
    from radiostream.http.site import Site
    from radiostream.radio.station import Station

PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"
PLAYLIST_AGE: Final = ("Cache-Control", "public, max-age=1")
SEGMENT_AGE: Final = ("Cache-Control", "public, max-age=3600, immutable")

SEGMENT_STALL_S: Final = 15.0
SEND_BUFFER_BYTES: Final = 96 << 10
"""Asked of the kernel, which doubles it: a segment of 128 kbps goes in one piece. In two, the second one waits until
the first is acknowledged, 40 ms where that is delayed, and all of it costs four times as much."""
TITLE_BYTES: Final = 400
PRIV_OWNER: Final = b"com.apple.streaming.transportStreamTimestamp\0"


def playlist(request: Request, station: Station) -> Response:
    """`GET /<route>.m3u8`: the live media playlist; `?since=` (Unix milliseconds) leaves out what began before."""
    if station.status.family == OGG:
        raise Refusal(404, "HLS carries MP3 and AAC, and this station sends Ogg: listen to the stream itself")
    segments = station.hls.refresh(station.ring, station.burst_s)
    since_ms = _since_ms(request)
    if since_ms is not None:
        segments = tuple(one for one in segments if round(one.unix_s * 1000) >= since_ms)
    if not segments:
        raise Refusal(503, "the station is only just starting", ("Retry-After", "1"))
    if request.method == "GET":
        station.hls.players.note(request.client.address, request.headers.get("user-agent", ""))
    told = _newest(station, segments) if since_ms is None else _tell(station, segments)
    if if_none_match(request.headers.get("if-none-match"), told.tag):
        return Response(304, b"", PLAYLIST_TYPE, told.answer.headers)
    return told.answer


class _Told(NamedTuple):
    """A playlist as it was made of these segments, for all who ask until there is another one."""

    segments: tuple[Segment, ...]
    config: StationConfig
    tag: str
    answer: Response


_told: WeakKeyDictionary[Hls, _Told] = WeakKeyDictionary()
"""Of each station the newest. Two threads may make the same one at once; either is right."""


def _since_ms(request: Request) -> int | None:
    since = request.query.get("since", "")
    return int(since) if since.isascii() and since.isdigit() and len(since) < 15 else None


def _newest(station: Station, segments: tuple[Segment, ...]) -> _Told:
    """The playlist of all segments, made once for all who ask."""
    told = _told.get(station.hls)
    if told is None or told.segments is not segments or told.config is not station.config:
        told = _told[station.hls] = _tell(station, segments)
    return told


def _tell(station: Station, segments: tuple[Segment, ...]) -> _Told:
    run, config = station.hls.run, station.config
    tag = f'"{run}-{segments[0].number}-{segments[-1].number}"'
    up = "../" * config.route.strip("/").count("/")
    folder = up + quote(f"hls/{config.stem}/{run}/".replace("//", "/"))
    headers = (PLAYLIST_AGE, ("ETag", tag), *CORS)
    return _Told(segments, config, tag, Response(200, m3u8(segments, folder).encode(), PLAYLIST_TYPE, headers))


def m3u8(segments: Sequence[Segment], folder: str) -> str:
    """The playlist that lists `segments` (at least one), whose URLs begin with `folder`."""
    first = segments[0]
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{first.number}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.era - first.is_cut}",
    ]
    for segment in segments:
        if segment.is_cut:
            lines.append("#EXT-X-DISCONTINUITY")
        at = datetime.fromtimestamp(segment.unix_s, UTC).isoformat(timespec="milliseconds")
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{at.replace('+00:00', 'Z')}",
            f"#EXTINF:{segment.duration_s:.5f},{clean(segment.title)}",
            f"{folder}{segment.number}.{segment.codec}",
        ]
    return "\n".join(lines) + "\n"


def segment(site: Site, request: Request, rest: str) -> Response | Sent:
    """`GET /hls/<route>/<run>/<number>.<format>`: one segment, or a range of it."""
    station, found = _find(site, rest)
    tag = f'"{station.hls.run}-{found.number}"'
    kind = CONTENT_TYPES[found.codec]
    headers: Headers = (
        SEGMENT_AGE,
        ("ETag", tag),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
        *CORS,
    )
    if if_none_match(request.headers.get("if-none-match"), tag):
        return Response(304, b"", kind, headers)
    head = id3(found.pts, clean(station.config.name), clean(found.title))
    pieces = [memoryview(head), *(part.view for part in found.parts)]
    total = sum(map(len, pieces))
    wanted = request.headers.get("range", "") if request.headers.get("if-range", tag) == tag else ""
    span = byte_range(wanted, total)
    status, first, end = (206, *span) if span else (200, 0, total)
    if span:
        headers = (*headers, ("Content-Range", f"bytes {first}-{end - 1}/{total}"))
    return Sent(status, kind, headers, end - first, partial(_send, found, cut(pieces, first, end)))


def _find(site: Site, rest: str) -> tuple[Station, Segment]:
    route, _, name = rest.rpartition("/")
    route, _, run = route.rpartition("/")
    number, _, codec = name.partition(".")
    station = site.station(route)
    if run == station.hls.run and number.isascii() and number.isdigit() and len(number) < 12:
        found = station.hls.find(int(number))
        if found is not None and found.codec == codec and found.is_held:
            return station, found
    raise Refusal(404, "this segment is gone, or never was", NO_STORE)


@lru_cache(maxsize=32)
def id3(pts: int, name: str, title: str) -> bytes:
    """The ID3v2.4 tag at the head of a segment: the time of its first frame (RFC 8216 §3.4), and what is heard.

    There are two titles in it: the station's name, then the track's. Players that tell their listener about titles
    (ExoPlayer, hls.js, AVPlayer) tell the one after the other, so the track's stays. FFmpeg keeps the first title it
    ever sees and warns when another one comes; so it shows the station, rather than some track of an hour ago.
    """
    frames = _frame(b"PRIV", PRIV_OWNER + struct.pack(">Q", pts))
    for text in (name, title):
        if text:
            frames += _frame(b"TIT2", b"\x03" + text.encode()[:TITLE_BYTES].decode("utf-8", "ignore").encode())
    return b"ID3\x04\0\0" + _syncsafe(len(frames)) + frames


def _frame(name: bytes, body: bytes) -> bytes:
    return name + _syncsafe(len(body)) + b"\0\0" + body


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def cut(pieces: Sequence[memoryview], first: int, end: int) -> list[memoryview]:
    """The bytes `first` to `end` of `pieces` laid end to end, without a copy."""
    part, at = [], 0
    for piece in pieces:
        part.append(piece[max(0, first - at) : max(0, end - at)])
        at += len(piece)
    return [piece for piece in part if piece]


def _send(what: Segment, pieces: list[memoryview], connection: socket.socket, head: bytes) -> None:
    """Send `head` and `pieces`. Where the ring takes the buffers back meanwhile the connection is closed, which shows
    the client by the length announced that the answer is not whole. Raises OSError for a client that leaves."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    connection.setblocking(False)
    left = [memoryview(head), *pieces]
    while left:
        if not what.is_held:
            raise Gone
        try:
            sent = connection.sendmsg(left)
        except BlockingIOError:
            sent = 0
        if not what.is_held:
            raise Gone
        left = cut(left, sent, sum(map(len, left)))
        if left and not has_room(connection, SEGMENT_STALL_S):
            raise Gone
