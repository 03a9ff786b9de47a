"""Stations in other programs' words: playlists for players, Icecast's status and list of clients for monitors.

Pure: from frozen values to text. The form of Icecast's answers is that of the real Icecast 2.4.4. Names come from the
operator and from tags: what does not print (line ends, controls, half characters, whatever XML 1.0 forbids) becomes
a space, the rest is escaped as the format wants it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from radiostream import __version__
from radiostream.audio.frames import CONTENT_TYPES, OGG

if TYPE_CHECKING:
    from radiostream.radio.status import OnAir, Status

_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SUBTYPES: Final = {"vorbis": "Vorbis", "opus": "Opus", "flac": "FLAC"}


def m3u(name: str, url: str) -> str:
    """An extended M3U playlist with one endless entry, UTF-8."""
    return f"#EXTM3U\n#EXTINF:-1,{_line(name)}\n{url}\n"


def pls(name: str, url: str) -> str:
    """A PLS playlist with one endless entry."""
    return f"[playlist]\nNumberOfEntries=1\nFile1={url}\nTitle1={_line(name)}\nLength1=-1\nVersion=2\n"


def xspf(name: str, url: str) -> str:
    """An XSPF playlist with one entry."""
    title, location = _xml(name), _xml(url)
    return (
        f'{_XML}<playlist version="1" xmlns="http://xspf.org/ns/0/">\n'
        f"  <title>{title}</title>\n"
        f"  <trackList>\n    <track><location>{location}</location><title>{title}</title></track>\n  </trackList>\n"
        "</playlist>\n"
    )


PLAYLISTS: Final[Mapping[str, tuple[Callable[[str, str], str], str]]] = {
    "m3u": (m3u, "audio/x-mpegurl"),
    "pls": (pls, "audio/x-scpls"),
    "xspf": (xspf, "application/xspf+xml"),
}
"""By the ending: what writes a playlist from a station's name and absolute URL, and its content type. It has no
charset: cmus, Clementine and several ESP32 players compare the type exactly."""


def icecast_status(rows: Iterable[tuple[Status, int, int, str]], base: str, started_at: float) -> dict[str, Any]:
    """What Icecast answers to `/status-json.xsl`, but that `source` is a list also for one source or none.

    A row is a station's status, its listeners now and at most, and its absolute URL; `base` is our own URL,
    `started_at` the server's start in Unix seconds, from which on every station has been on the air.
    """
    start = datetime.fromtimestamp(started_at, UTC)
    text, iso8601 = start.strftime("%a, %d %b %Y %H:%M:%S +0000"), start.strftime("%Y-%m-%dT%H:%M:%S+0000")
    since = {"stream_start": text, "stream_start_iso8601": iso8601}
    return {
        "icestats": {
            "admin": "",
            "host": urlsplit(base).hostname or "localhost",
            "location": "",
            "server_id": f"radiostream {__version__}",
            "server_start": text,
            "server_start_iso8601": iso8601,
            "source": [
                {**_sound(status), **_source(status, listeners, peak, url, base), **since, "dummy": None}
                for status, listeners, peak, url in rows
            ],
        }
    }


def _source(status: Status, listeners: int, peak: int, url: str, base: str) -> dict[str, Any]:
    return {
        "genre": _line(status.genre),
        "listener_peak": peak,
        "listeners": listeners,
        "listenurl": url,
        "server_description": _line(status.description),
        "server_name": _line(status.name),
        "server_type": CONTENT_TYPES[status.family],
        "server_url": base + "/web",
    }


def _sound(status: Status) -> dict[str, Any]:
    """What plays and how: one title for MP3 and AAC, artist and title apart for Ogg, as Icecast has it."""
    on_air = status.on_air
    if on_air is None:
        return {}
    rate_hz, channels, kbps = on_air.params.heard_hz, on_air.params.channels, on_air.kbps
    sound: dict[str, Any] = {
        "audio_info": f"channels={channels};samplerate={rate_hz};bitrate={kbps}",
        "bitrate": kbps,
        "channels": channels,
        "samplerate": rate_hz,
    }
    return sound | (_ogg(on_air) if status.family == OGG else {"title": _line(on_air.title)})


def _ogg(on_air: OnAir) -> dict[str, Any]:
    artist = _line(on_air.tags.artist)
    return {
        "audio_bitrate": on_air.kbps * 1000,
        "audio_channels": on_air.params.channels,
        "audio_samplerate": on_air.params.heard_hz,
        "subtype": _SUBTYPES.get(on_air.params.codec, on_air.params.codec),
        "title": _line(on_air.tags.title or on_air.title),
        **({"artist": artist} if artist and on_air.tags.title else {}),
    }


def list_clients(route: str, rows: Iterable[tuple[int, str, str, float]]) -> str:
    """What Icecast answers to `/admin/listclients`; a row is id, address, user agent and seconds connected."""
    listeners = [
        f"<listener><IP>{_xml(address)}</IP><UserAgent>{_xml(agent)}</UserAgent>"
        f"<Connected>{seconds:.0f}</Connected><ID>{number}</ID></listener>"
        for number, address, agent, seconds in rows
    ]
    count = f"<Listeners>{len(listeners)}</Listeners>"
    return f'{_XML}<icestats><source mount="{_xml(route)}">{count}{"".join(listeners)}</source></icestats>\n'


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _xml(text: str) -> str:
    return html.escape(_line(text))
