"""One listener's way from the ring to a socket: whole frames, in order, from the right one, whatever a client does."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from radiostream.audio.frames import OGG, Params
from radiostream.audio.ogg_page import EOS, PageScanner
from radiostream.audio.opening import Opening
from radiostream.http.handlers import listener
from radiostream.http.handlers.icy import METAINT, Framer
from radiostream.http.handlers.listener import CHANGED, CLOSED, Feed
from radiostream.http.protocol.limits import Limits, Share
from radiostream.radio.audience import Listener
from radiostream.radio.ring import CHUNK_S, Chunk, Run
from tests.radio.studio import FRAME_BYTES, FRAME_S, Studio, frame, names
from tests.waiting import PATIENCE_S

PRE_SKIP_S = 312 / 48000


class Client:
    """A feed in a thread of its own, and the client's end of its socket."""

    def __init__(
        self,
        studio: Studio,
        framer: Framer | None = None,
        is_browser: bool = False,
        over_tcp: bool = False,
        pauses: Share | None = None,
    ) -> None:
        self.near, self.far = _tcp_pair() if over_tcp else socket.socketpair()
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, listener.SEND_BUFFER_BYTES)
        self.near.setblocking(False)
        self.far.settimeout(PATIENCE_S)
        self.listener = Listener(1, "192.0.2.1", "test", studio.clock.now)
        self.feed = Feed(self.near, studio.station, self.listener, framer, is_browser, pauses)
        self.why = ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.ident = self._thread.ident or 0

    def _run(self) -> None:
        try:
            self.why = self.feed.run()
        except OSError as error:
            self.why = type(error).__name__
        self.near.close()

    def read(self, count: int) -> bytes:
        """So many bytes."""
        data = b""
        while len(data) < count:
            part = self.far.recv(count - len(data))
            assert part, "the stream ended early"
            data += part
        return data

    def rest(self) -> bytes:
        """Everything up to the end."""
        data = b""
        while part := self.far.recv(1 << 20):
            data += part
        return data

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> str:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.why

    def close(self) -> None:
        self.far.close()
        self.join()


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    """The client's end takes little that nobody reads."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.socket()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        far.connect(listening.getsockname())
        return listening.accept()[0], far


def wait_until(ready: Callable[[], bool]) -> None:
    """Wait, a moment at a time, for what another thread does."""
    deadline, moment = time.monotonic() + PATIENCE_S, threading.Event()
    while not ready():
        assert time.monotonic() < deadline
        moment.wait(0.005)


Connect = Callable[..., Client]


@pytest.fixture
def connect(studio: Studio) -> Iterator[Connect]:
    clients: list[Client] = []

    def begin(**options: Any) -> Client:
        clients.append(Client(studio, **options))
        return clients[-1]

    yield begin
    studio.station.stop()
    for client in clients:
        client.close()


@pytest.fixture
def stalls(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts how often a feed has let go of its buffer and waits for its client."""
    count, await_room = threading.Semaphore(0), Feed._await_room

    def counted(feed: Feed) -> bool:
        count.release()
        return await_room(feed)

    monkeypatch.setattr(Feed, "_await_room", counted)
    return count


def test_it_begins_burst_seconds_back_and_follows(studio: Studio, connect: Connect) -> None:
    """The first frame is the one that is `burst_s` old; then every frame once, to the end of the station."""
    studio.show(studio.track(1, 5000))
    studio.run_until(30)
    client = connect()
    newest = studio.frames[-1][1]
    first = client.read(FRAME_BYTES)
    start_s = names(first)[0][1] * FRAME_S - 8
    assert studio.clock.now - 1000 - start_s == pytest.approx(8, abs=FRAME_S)
    client.read((newest - names(first)[0][1]) * FRAME_BYTES)
    studio.run_until(50)
    upto = studio.frames[-1][1]
    assert names(client.read((upto - newest) * FRAME_BYTES)) == [(1, index) for index in range(newest + 1, upto + 1)]
    studio.station.stop()
    assert client.rest() == b""
    assert client.join() == CLOSED
    assert client.listener.bytes_sent == (studio.frames[-1][1] - names(first)[0][1] + 1) * FRAME_BYTES


def test_it_is_counted_while_it_listens(studio: Studio, connect: Connect) -> None:
    """From its first audio to the moment it is gone."""
    studio.show(studio.track(1, 5000))
    studio.run_until(5)
    client = connect()
    client.read(FRAME_BYTES)
    changes = studio.changes.wait(-1, 0)
    while len(studio.station.audience) == 0:
        assert studio.changes.wait(changes, PATIENCE_S) > changes
    client.far.close()
    studio.run_until(40)
    assert client.join() == "BrokenPipeError"
    assert len(studio.station.audience) == 0
    assert studio.station.audience.peak == 1


def test_one_who_leaves_is_gone_with_the_next_chunk(studio: Studio, connect: Connect) -> None:
    """The first bytes sent after it has left are answered with a reset, which is not overlooked."""
    studio.show(studio.track(1, 5000))
    studio.run_until(5)
    client = connect(over_tcp=True)
    newest = studio.frames[-1][1]
    first = names(client.read(FRAME_BYTES))[0][1]
    client.read((newest - first) * FRAME_BYTES)
    client.far.close()
    studio.run_until_published(lambda: studio.frames[-1][1] > newest)
    assert client.join() == "ConnectionResetError"


def test_one_who_only_closes_its_way_out_listens_on(
    studio: Studio, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `printf … | nc -N` does."""
    monkeypatch.setattr(listener, "RESET_S", 0.001)
    studio.show(studio.track(1, 5000))
    studio.run_until(5)
    client = connect(over_tcp=True)
    client.far.shutdown(socket.SHUT_WR)
    first = names(client.read(FRAME_BYTES))[0][1]
    studio.run_until(30)
    newest = studio.frames[-1][1]
    assert names(client.read((newest - first) * FRAME_BYTES))[-1] == (1, newest)


@pytest.mark.slow
def test_one_who_stopped_reading_comes_back_to_the_live_point(
    studio: Studio, connect: Connect, stalls: threading.Semaphore
) -> None:
    """What it gets is whole frames throughout: some of the past, then the present, and it is counted as moved."""
    studio.show(studio.track(1, 20000))
    studio.run_until(70)
    client = connect()
    assert stalls.acquire(timeout=PATIENCE_S)
    studio.run_until(300)
    indices = [names(client.read(FRAME_BYTES))[0][1]]
    while indices[-1] < studio.frames[-1][1]:
        indices.append(names(client.read(FRAME_BYTES))[0][1])
    jumps = [(one, then) for one, then in pairwise(indices) if then != one + 1]
    assert len(jumps) == client.listener.moved == 1
    assert indices[0] * FRAME_S == pytest.approx(70, abs=CHUNK_S)
    assert jumps[0][1] * FRAME_S == pytest.approx(studio.clock.now - 1000, abs=2 * FRAME_S)


def test_the_others_do_not_notice_it(studio: Studio, connect: Connect) -> None:
    """A stalled listener changes nothing for one who reads."""
    studio.show(studio.track(1, 20000))
    studio.run_until(5)
    connect()
    good = connect()
    first = names(good.read(FRAME_BYTES))[0][1]
    for second in range(10, 120, 5):
        studio.run_until(second)
        upto = studio.frames[-1][1]
        assert names(good.read((upto - first) * FRAME_BYTES)) == [(1, index) for index in range(first + 1, upto + 1)]
        first = upto


def test_a_skip_takes_it_to_the_new_track(studio: Studio, connect: Connect) -> None:
    """The first frame of the new track follows a whole frame of the old one, at once."""
    studio.show(studio.track(1, 20000), studio.track(2, 20000))
    studio.run_until(20)
    client = connect()
    while names(client.read(FRAME_BYTES))[0][1] < studio.frames[-1][1]:
        pass
    studio.do(studio.station.next_track())
    assert names(client.read(FRAME_BYTES)) == [(2, 0)]


def test_many_skips_give_nobody_more_than_some_seconds_in_hand(studio: Studio, connect: Connect) -> None:
    """However often the track changes: what was sent stays within burst and two chunks of the time that passed."""
    studio.show(*(studio.track(number, 20000) for number in (1, 2, 3)))
    studio.run_until(20)
    client = connect()
    client.far.settimeout(0.2)
    got = b""
    for _ in range(100):
        studio.do(studio.station.next_track())
        studio.run_until(studio.clock.now - 1000 + 0.5)
        try:
            while part := client.far.recv(1 << 20):
                got += part
                if len(part) < 1000:
                    break
        except TimeoutError:
            pass
    sent_s = len(got) / FRAME_BYTES * FRAME_S
    passed_s = studio.clock.now - client.listener.since_s
    assert sent_s <= passed_s + 8 + 2 * CHUNK_S + FRAME_S
    assert {track for track, _ in names(got)} == {1, 2, 3}


def test_titles_change_with_the_first_frame(studio: Studio, connect: Connect) -> None:
    """In band, after every 16000 bytes; what is between them is the audio, untouched."""
    studio.show(studio.track(1, 1600), studio.track(2, 20000))
    studio.run_until_published(lambda: studio.frames[-1:] > [(2, 300)])
    client = connect(framer=Framer())
    audio, titles = b"", []
    for _ in range(10):
        audio += client.read(METAINT)
        if block := client.read(client.read(1)[0] * 16):
            titles.append((len(audio) // FRAME_BYTES, block.rstrip(b"\0")))
    frames = names(audio[: len(audio) // FRAME_BYTES * FRAME_BYTES])
    begin = studio.frames.index(frames[0])
    assert frames == studio.frames[begin : begin + len(frames)]
    assert [title for _, title in titles] == [b"StreamTitle='1';", b"StreamTitle='2';"]
    assert 0 <= titles[1][0] - frames.index((2, 0)) <= METAINT // FRAME_BYTES + 1


def test_a_browser_is_ended_where_the_parameters_change(studio: Studio, connect: Connect) -> None:
    """At the boundary, after the last whole frame; everybody else plays on."""
    odd = studio.track(2, 0, b"".join(frame(2, index, b"\xff\xfb\x94\x00") for index in range(3000)))
    studio.show(studio.track(1, 600), odd)
    studio.run_until(3)
    browser, player = connect(is_browser=True), connect()
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(browser.rest()))
    reader.start()
    first = names(player.read(FRAME_BYTES))[0][1]
    studio.run_until(30)
    player.read(FRAME_BYTES * (599 - first))
    reader.join(PATIENCE_S)
    assert names(got[0])[-1] == (1, 599)
    assert browser.join() == CHANGED
    assert player.read(4) == b"\xff\xfb\x94\x00"


def test_a_browser_waits_for_a_change_that_is_near(studio: Studio, connect: Connect) -> None:
    """Of a tenth of a second a decoder makes nothing: who joins so shortly before a change begins behind it, in
    step."""
    odd = studio.track(2, 0, b"".join(frame(2, index, b"\xff\xfb\x94\x00") for index in range(3000)))
    studio.show(studio.track(1, 600), odd)
    studio.run_until(15)
    studio.clock.sleep(1000 + 600 * FRAME_S - 0.1 - studio.clock.now)
    browser, player = connect(is_browser=True), connect()
    assert names(player.read(FRAME_BYTES))[0][0] == 1
    assert browser.feed._run is None
    studio.clock.sleep(0.1)
    assert browser.read(4) == b"\xff\xfb\x94\x00"


def packets_in(data: bytes) -> list[bytes]:
    """All whole packets of a stream's pages."""
    scanner, packets, open_packet = PageScanner(io.BytesIO(data)), [], b""
    while page := scanner.next(1 << 40):
        for part, is_end in page.fragments():
            open_packet += part
            if is_end:
                packets.append(open_packet)
                open_packet = b""
    return packets


@pytest.mark.players
def test_ogg_listeners_are_in_step(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    """Wherever in a page of one second they join, the first packet is the one that is due."""
    wav, opus = tmp_path / "a.wav", tmp_path / "a.opus"
    noise = ["-b", "16", "-c", "2", str(wav), "synth", "40", "whitenoise"]
    subprocess.run(["sox", "-R", "-n", "-r", "48000", *noise], check=True)
    subprocess.run(["opusenc", "--quiet", str(wav), str(opus)], check=True)
    packets = packets_in(opus.read_bytes())
    studio = make_studio(family=OGG)
    studio.show(studio.listed(opus, OGG))
    studio.run_until(12)
    clients, late_s = [], []
    for _ in range(8):
        studio.clock.sleep(0.137)
        clients.append(Client(studio))
        first = packets_in(clients[-1].read(20_000))[2]
        late_s.append(studio.clock.now - 1000 + PRE_SKIP_S - (packets.index(first) - 2) * 0.02)
    studio.station.stop()
    for client in clients:
        client.close()
    assert 0 <= min(late_s) <= max(late_s) < 0.021


def test_the_header_pages_of_a_link_come_first(studio: Studio, connect: Connect) -> None:
    """Who joins, and who goes over to the next track, gets its preamble before anything else of it."""
    ring = studio.station.ring
    for number, preamble in enumerate((b"<one>", b"<two>")):
        run = Run(None, Params("opus", 48000, 2), preamble)
        ring.publish(Chunk(run, memoryview(b"audio%d" % number), start_s=990 + 5 * number, duration_s=5.0))
    client = connect()
    assert client.read(22) == b"<one>audio0<two>audio1"


@pytest.mark.parametrize(("is_browser", "head"), [(True, b"<own>"), (False, b"<lvl>")])
def test_browsers_get_the_files_own_header_pages(
    studio: Studio, connect: Connect, is_browser: bool, head: bytes
) -> None:
    """They would keep the first track's gain for all that follow."""
    run = Run(None, Params("opus", 48000, 2), b"<lvl>", own_preamble=b"<own>")
    studio.station.ring.publish(Chunk(run, memoryview(b"audio"), start_s=990, duration_s=5.0))
    assert connect(is_browser=is_browser).read(10) == head + b"audio"


def test_a_client_that_takes_nothing_is_dropped(
    studio: Studio, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the contract's time, which is short in this test; it is counted as dropped."""
    monkeypatch.setattr(listener, "LISTENER_STALL_S", 0.05)
    studio.show(studio.track(1, 20000))
    studio.run_until(60)
    client = connect()
    assert client.join() == listener.STALLED
    assert studio.station.audience.dropped == 1
    assert client.listener.bytes_sent > 0


@pytest.fixture
def quick_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes nothing for a moment is paused."""
    monkeypatch.setattr(listener, "LISTENER_STALL_S", 0.05)


@pytest.mark.usefixtures("quick_pause")
def test_one_who_is_paused_goes_on_at_the_live_point(
    studio: Studio, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the ring still has what it missed; with a whole frame, and counted as moved. It has a place meanwhile."""
    studio.show(studio.track(1, 20000))
    studio.run_until(70)
    places = Limits(10).paused
    client = connect(over_tcp=True, pauses=places)
    wait_until(lambda: client.listener.is_paused)
    assert (places.taken, studio.station.audience.paused) == (1, 1)
    monkeypatch.setattr(listener, "LISTENER_STALL_S", PATIENCE_S)
    studio.run_until(100)
    newest, indices = studio.frames[-1][1], [0]
    while indices[-1] < newest:
        indices.append(names(client.read(FRAME_BYTES))[0][1])
    jumps = [then for one, then in pairwise(indices[1:]) if then != one + 1]
    assert len(jumps) == client.listener.moved == 1
    assert jumps[0] * FRAME_S == pytest.approx(studio.clock.now - 1000, abs=2 * FRAME_S)
    assert places.taken == 0


@pytest.mark.usefixtures("quick_pause")
def test_one_who_is_paused_holds_no_chunk(studio: Studio, connect: Connect) -> None:
    """What the ring lets go of is not kept by somebody who waits for ten minutes."""
    studio.show(studio.track(1, 20000))
    studio.run_until(70)
    client = connect(over_tcp=True, pauses=Limits(10).paused)
    wait_until(lambda: client.listener.is_paused)
    frame: FrameType | None = sys._current_frames()[client.ident]
    held: list[object] = []
    while frame is not None:
        held += frame.f_locals.values()
        frame = frame.f_back
    assert not [one for one in held if isinstance(one, Chunk | memoryview)]


@pytest.mark.usefixtures("quick_pause")
def test_without_a_place_nobody_is_kept_who_takes_nothing(studio: Studio, connect: Connect) -> None:
    """It is dropped as before there were places for it."""
    studio.show(studio.track(1, 20000))
    studio.run_until(60)
    limits = Limits(10)
    limits.paused.places = 0
    client = connect(over_tcp=True, pauses=limits.paused)
    assert client.join() == listener.STALLED
    assert limits.refused["paused"] == 1


@pytest.mark.usefixtures("quick_pause")
def test_a_pause_has_an_end(studio: Studio, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the contract's ten minutes it is dropped, and so counted."""
    monkeypatch.setattr(listener, "PAUSE_S", 0.05)
    studio.show(studio.track(1, 20000))
    studio.run_until(60)
    client = connect(over_tcp=True, pauses=Limits(10).paused)
    assert client.join() == listener.PAUSED
    assert studio.station.audience.dropped == 1


@pytest.mark.usefixtures("quick_pause")
def test_the_end_of_the_station_ends_a_pause(studio: Studio, connect: Connect) -> None:
    """With a whole frame."""
    studio.show(studio.track(1, 20000))
    studio.run_until(70)
    client = connect(over_tcp=True, pauses=Limits(10).paused)
    wait_until(lambda: client.listener.is_paused)
    studio.station.stop()
    assert client.join() == CLOSED
    got = client.rest()
    assert len(names(got)) == len(got) // FRAME_BYTES  # fails for part of a frame


def test_the_end_of_the_station_wakes_one_who_does_not_read(
    studio: Studio, connect: Connect, stalls: threading.Semaphore
) -> None:
    """What it got ends with a whole frame, though its client took nothing meanwhile."""
    studio.show(studio.track(1, 20000))
    studio.run_until(70)
    client = connect(over_tcp=True)
    assert stalls.acquire(timeout=PATIENCE_S)
    studio.station.stop()
    assert client.join() == CLOSED
    got = client.rest()
    assert len(got) > 10 * FRAME_BYTES
    assert len(names(got)) == len(got) // FRAME_BYTES  # fails for part of a frame


@pytest.mark.players
@pytest.mark.parametrize("reads", [True, False])
def test_the_end_of_the_station_ends_ogg_streams(
    make_studio: Callable[..., Studio], tmp_path: Path, reads: bool, stalls: threading.Semaphore
) -> None:
    """With a page that says so, whole and in sequence, whether the client reads or stalls."""
    wav, vorbis = tmp_path / "a.wav", tmp_path / "a.ogg"
    noise = ["-b", "16", "-c", "2", str(wav), "synth", "40", "whitenoise"]
    subprocess.run(["sox", "-R", "-n", "-r", "44100", *noise], check=True)
    subprocess.run(["oggenc", "-Q", "-q", "9", str(wav), "-o", str(vorbis)], check=True)
    studio = make_studio(family=OGG)
    studio.show(studio.listed(vorbis, OGG))
    studio.run_until(12)
    client = Client(studio, over_tcp=True)
    data = b""
    if reads:
        client.far.settimeout(0.5)
        with suppress(TimeoutError):
            while part := client.far.recv(1 << 20):
                data += part
        client.far.settimeout(PATIENCE_S)
    else:
        assert stalls.acquire(timeout=PATIENCE_S)
    studio.station.stop()
    assert client.join() == CLOSED
    data += client.rest()
    client.far.close()
    scanner, pages = PageScanner(io.BytesIO(data)), []
    while page := scanner.next(1 << 40):
        pages.append(page)
    assert sum(len(page.data) for page in pages) == len(data)
    assert [bool(page.flags & EOS) for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [then.sequence - one.sequence for one, then in pairwise(pages[3:])] == [1] * (len(pages) - 4)
    (tmp_path / "got.ogg").write_bytes(data)
    play = ["oggdec", "-Q", "-o", "/dev/null", str(tmp_path / "got.ogg")]
    decoded = subprocess.run(play, capture_output=True, check=True)
    assert decoded.stderr == b""


@pytest.fixture
def feed(studio: Studio) -> Iterator[Feed]:
    """A feed that no thread runs, of a station 10 s on the air; nobody reads what it sends."""
    studio.show(studio.track(1, 20000))
    studio.run_until(10)
    near, far = socket.socketpair()
    with near, far:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, listener.LAST_BYTES)
        near.setblocking(False)
        yield Feed(near, studio.station, Listener(1, "192.0.2.1", "test", studio.clock.now), None, False)


def fill(feed: Feed) -> None:
    """Its client's socket takes nothing more."""
    with suppress(BlockingIOError):
        while True:
            feed._socket.send(bytes(1 << 16))


def test_a_station_that_does_not_begin(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, but not for ever."""
    monkeypatch.setattr(listener, "FIRST_CHUNK_S", 0.05)
    assert connect().join() == CLOSED


def test_a_chunk_that_the_ring_let_go_of(feed: Feed, studio: Studio) -> None:
    """Not a byte of it is sent; who waits for it, or was paused, goes on at the live point."""
    old = studio.published[0]
    studio.run_until(200)
    assert not feed._send_chunk(old, 0)
    assert feed._listener.bytes_sent == 0
    seq, _ = feed._go_on(old.seq, 0)
    assert seq > old.seq
    feed._was_paused = True
    feed._go_on(seq, 0)
    assert feed._listener.moved == 2


def test_a_chunk_that_is_overwritten_while_it_is_sent(
    feed: Feed, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been sent cannot be taken back, so the stream ends."""
    holds = iter([True, False])
    monkeypatch.setattr(studio.station.ring, "holds", lambda _: next(holds))
    with pytest.raises(listener.Ended, match=listener.TORN):
        feed._send_chunk(studio.published[-1], 0)


@pytest.mark.parametrize(("made", "replaced"), [(Opening(b"page", 5), 5), (Opening(b"", 0), 0)])
def test_who_joins_again_in_the_middle_of_a_page(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, made: Opening, replaced: int
) -> None:
    """It is counted once; where nothing of the page is to be had, it is sent from its begin."""
    monkeypatch.setattr(listener, "opening", lambda *_: made)
    feed._is_counted = True
    chunk = Chunk(Run(None, Params("opus", 48000, 2), b"<head>"), memoryview(b"a page"), start_s=0, duration_s=1.0)
    chunk.tick_s, chunk.seq = 1 / 48000, feed._ring.next_seq
    assert feed._open(chunk, 0) == replaced
    assert feed._listener.bytes_sent == len(made.data)
    assert len(feed._station.audience) == 0


def test_bytes_of_its_own_are_owed_over_a_pause(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent when the client takes something again."""
    fill(feed)
    paused: list[Feed] = []
    monkeypatch.setattr(Feed, "_await_room", lambda _: False)
    monkeypatch.setattr(Feed, "_await_return", lambda one: paused.append(one))
    monkeypatch.setattr(Feed, "_send_some", lambda _, view, __: len(view) if paused else 0)
    feed._send_own(b"the rest of a frame", "")
    assert paused == [feed]


def test_the_stations_end_does_not_wait_for_one_who_takes_nothing(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with the room that it is given."""
    monkeypatch.setattr(listener, "LAST_S", 0.01)
    fill(feed)
    with pytest.raises(listener.Ended, match=CLOSED):
        feed._await_last()
