"""Playlists, Icecast's status and list of clients; names and tags may hold anything."""

from __future__ import annotations

import configparser
import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.frames import Params
from radiostream.http.views.exports import PLAYLISTS, icecast_status, list_clients, m3u, pls, xspf
from radiostream.playlist.track import Tags, Track
from radiostream.radio.status import OnAir, Status

URL = "http://radio.example:8000/humor"
NS = "{http://xspf.org/ns/0/}"
HOSTILE = 'a\r\nFile2=http://evil/ ]]>&"<x>\0\x1b\u2028\ud800\ufffe'
START = 1795420800.9
ANY_TEXT = st.text(st.characters(codec=None), max_size=40)


def status(family: str, codec: str, tags: Tags, name: str = "Humor") -> Status:
    """A station that plays one track."""
    track = Track("/music/file.mp3", 1, 1, family)
    on_air = OnAir(track, tags, START, 0.0, 60.0, Params(codec, 44100, 2), 128)
    return Status("/humor", name, "Comedy", "Jokes", family, on_air, tracks=3, shuffle=False)


def test_m3u() -> None:
    """To the letter."""
    assert m3u("Humor é", URL) == f"#EXTM3U\n#EXTINF:-1,Humor é\n{URL}\n"


def test_pls() -> None:
    """What a reader of INI files finds."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(pls("100 % Humor", URL))
    assert dict(parser["playlist"]) == {
        "numberofentries": "1",
        "file1": URL,
        "title1": "100 % Humor",
        "length1": "-1",
        "version": "2",
    }


def test_xspf() -> None:
    """What an XML parser finds."""
    root = ET.fromstring(xspf("<Humor> & more", URL + "?a=1&b=2"))
    assert root.tag == f"{NS}playlist"
    assert root.findtext(f"{NS}trackList/{NS}track/{NS}location") == URL + "?a=1&b=2"
    assert root.findtext(f"{NS}trackList/{NS}track/{NS}title") == "<Humor> & more"


@pytest.mark.parametrize("ending", PLAYLISTS)
def test_hostile_name_adds_nothing_to_a_playlist(ending: str) -> None:
    """As many lines as with a harmless name, one entry, encodable."""
    write, content_type = PLAYLISTS[ending]
    text = write(HOSTILE, URL)
    assert len(text.splitlines()) == len(write("x", URL).splitlines())
    assert text.count(URL) == 1
    assert text.encode()
    assert content_type in ("audio/x-mpegurl", "audio/x-scpls", "application/xspf+xml")  # players compare it exactly


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_any_name_is_well_formed(name: str, agent: str) -> None:
    """XML stays XML, an entry stays an entry, whatever the name."""
    assert len(ET.fromstring(xspf(name, URL)).findall(f"{NS}trackList/{NS}track")) == 1
    assert len(ET.fromstring(list_clients(name, [(1, "::1", agent, 0)])).findall("source/listener")) == 1
    assert len(m3u(name, URL).splitlines()) == 3
    assert len(pls(name, URL).splitlines()) == 6
    json.dumps(icecast_status([(status("mp3", "mp3", Tags(agent, name), name), 0, 0, URL)], URL, START)).encode()


def test_icecast_mp3_source() -> None:
    """Field by field what Icecast 2.4.4 writes for an MP3 mount."""
    answer = icecast_status(
        [(status("mp3", "mp3", Tags("Title", "Artist")), 2, 5, URL)], "http://radio.example:8000", START
    )
    assert list(answer) == ["icestats"]
    stats = answer["icestats"]
    (source,) = stats.pop("source")
    assert stats.pop("server_id").startswith("radiostream ")
    assert stats == {
        "admin": "",
        "host": "radio.example",
        "location": "",
        "server_start": "Mon, 23 Nov 2026 08:00:00 +0000",
        "server_start_iso8601": "2026-11-23T08:00:00+0000",
    }
    assert source == {
        "audio_info": "channels=2;samplerate=44100;bitrate=128",
        "bitrate": 128,
        "channels": 2,
        "samplerate": 44100,
        "title": "Artist - Title",
        "genre": "Comedy",
        "listener_peak": 5,
        "listeners": 2,
        "listenurl": URL,
        "server_description": "Jokes",
        "server_name": "Humor",
        "server_type": "audio/mpeg",
        "server_url": "http://radio.example:8000/web",
        "stream_start": "Mon, 23 Nov 2026 08:00:00 +0000",
        "stream_start_iso8601": "2026-11-23T08:00:00+0000",
        "dummy": None,
    }


def test_icecast_ogg_source() -> None:
    """Ogg has artist and title apart, and the codec as subtype; without tags the file's name is the title."""

    def source(tags: Tags) -> dict[str, object]:
        rows = [(status("ogg", "vorbis", tags), 0, 0, URL)]
        (only,) = icecast_status(rows, URL, START)["icestats"]["source"]
        return dict(only)

    tagged = source(Tags("Title", "Artist"))
    assert (tagged["artist"], tagged["title"], tagged["subtype"]) == ("Artist", "Title", "Vorbis")
    assert (tagged["audio_bitrate"], tagged["audio_channels"], tagged["audio_samplerate"]) == (128000, 2, 44100)
    assert tagged["server_type"] == "audio/ogg"
    bare = source(Tags())
    assert bare["title"] == "file"
    assert "artist" not in bare


def test_icecast_source_is_always_a_list() -> None:
    """Icecast itself writes an object for one source and nothing for none, which breaks readers."""
    assert icecast_status([], "", START)["icestats"]["source"] == []
    silent = Status("/", "Main", "", "", "mp3", None, tracks=0, shuffle=False)
    (source,) = icecast_status([(silent, 0, 0, URL)], "", START)["icestats"]["source"]
    assert "bitrate" not in source
    assert source["listenurl"] == URL


def test_list_clients() -> None:
    """To the letter what Icecast 2.4.4 writes, hostile user agents escaped."""
    rows = [(3, "192.0.2.1", "VLC/3.0", 12.6), (4, "::1", '</UserAgent>&"\n\x1b', 0.0)]
    text = list_clients("/humor", rows)
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<icestats><source mount="/humor"><Listeners>2</Listeners>'
        "<listener><IP>192.0.2.1</IP><UserAgent>VLC/3.0</UserAgent><Connected>13</Connected><ID>3</ID></listener>"
        "<listener><IP>::1</IP><UserAgent>&lt;/UserAgent&gt;&amp;&quot;</UserAgent>"
        "<Connected>0</Connected><ID>4</ID></listener>"
        "</source></icestats>\n"
    )
    assert ET.fromstring(text).findtext("source/Listeners") == "2"
