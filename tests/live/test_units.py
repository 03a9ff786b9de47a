"""Frames and pages out of streams, however their bytes are cut."""

from __future__ import annotations

import io
import random
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radiostream.audio.formats import open_reader
from radiostream.audio.frames import AudioError
from radiostream.live.said import Said
from radiostream.live.units import Parser, Unit, open_parser
from tests.live.encoders import ENCODERS, SECONDS
from tests.radio.studio import frame


def units_of(family: str, data: bytes, size: int = 1400) -> list[Unit]:
    """All units of a stream that comes in pieces of `size` bytes."""
    parser = open_parser(family)
    return [unit for at in range(0, len(data), size) for unit in parser.feed(data[at : at + size])] + parser.end()


def sent_by_reader(family: str, data: bytes) -> bytes:
    """What the reader of files makes of the same bytes."""
    reader = open_reader(io.BytesIO(data), family, 1)
    buffer = memoryview(bytearray(1 << 20))
    sent = bytearray()
    while (block := reader.fill(buffer, 1 << 30)).length:
        sent += buffer[: block.length]
    return bytes(sent)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_units_do_not_depend_on_how_bytes_come(streams: dict[str, bytes], name: str, size: int) -> None:
    """The same units come out of a stream whether its bytes come one by one or at once, and they last as long as it."""
    family, _ = ENCODERS[name]
    data = streams[name]
    units = units_of(family, data, size if len(data) < 300_000 else max(size, 29))
    assert [(one.data, one.ticks) for one in units] == [(one.data, one.ticks) for one in units_of(family, data)]
    assert abs(sum(one.duration_s for one in units) - SECONDS) < 0.2
    assert len({id(one.part) for one in units}) == 1


@pytest.mark.parametrize("name", ["mp3", "mp3-mono", "aac"])
def test_frames_are_those_of_the_file_reader(streams: dict[str, bytes], name: str) -> None:
    """Tags and info frames are left out; all frames are there, the last one, behind which nothing comes, too."""
    family, _ = ENCODERS[name]
    assert b"".join(one.data for one in units_of(family, streams[name])) == sent_by_reader(family, streams[name])


def test_the_last_frame_is_sent_only_whole() -> None:
    """A stream that breaks off within a frame ends with the one before."""
    data = b"".join(frame(1, number) for number in range(9))
    length = len(frame(1, 0))
    assert [one.data for one in units_of("mp3", data[:-1])] == [
        data[at : at + length] for at in range(0, 8 * length, length)
    ]
    assert b"".join(one.data for one in units_of("mp3", data)) == data


@pytest.mark.parametrize("name", ["vorbis", "opus", "flac"])
def test_pages_are_those_of_the_file_reader(streams: dict[str, bytes], name: str) -> None:
    """Every page of audio is there, and the part has the headers, the title and the parameters."""
    units = units_of("ogg", streams[name])
    assert sum(len(one.data) for one in units) == len(sent_by_reader("ogg", streams[name]))
    part = units[0].part
    assert part.title == Said("Song", "Ann")
    assert part.params.codec == name
    assert part.packets


def page_starts(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(b"OggS\0", at)]


@pytest.mark.parametrize("name", ["vorbis", "opus", "flac"])
def test_a_stream_joined_in_the_middle_tells_its_time(streams: dict[str, bytes], name: str) -> None:
    """Behind the headers come pages from the middle, as a relay gets them: the first one's time is not believed."""
    data = streams[name]
    starts = page_starts(data)
    headers = next(number for number, at in enumerate(starts) if data[at + 6 : at + 14] not in (bytes(8), b"\xff" * 8))
    middle = len(starts) * 2 // 3
    units = units_of("ogg", data[: starts[headers]] + data[starts[middle] :])
    expected = units_of("ogg", data)
    assert [one.ticks for one in units] == [one.ticks for one in expected[len(expected) - len(units) :]]
    assert len(units) >= len(starts) - middle - 1


def test_a_new_link_is_a_new_part(streams: dict[str, bytes]) -> None:
    """A broadcaster begins a logical stream for each track; another codec is no hindrance."""
    units = units_of("ogg", streams["vorbis"] + streams["vorbis"] + streams["opus"])
    parts = list(dict.fromkeys(one.part for one in units))
    assert [part.params.codec for part in parts] == ["vorbis", "vorbis", "opus"]
    assert abs(sum(one.duration_s for one in units) - 3 * SECONDS) < 0.5


def test_a_change_of_parameters_is_a_new_part(streams: dict[str, bytes]) -> None:
    """An encoder that is set up anew goes on in another part, without a frame lost but the last one."""
    units = units_of("mp3", streams["mp3"] + streams["mp3-mono"] + streams["mp3"])
    parts = list(dict.fromkeys(one.part for one in units))
    assert [(part.params.rate_hz, part.params.channels) for part in parts] == [(44100, 2), (22050, 1), (44100, 2)]
    assert abs(sum(one.duration_s for one in units) - 3 * SECONDS) < 0.5


@pytest.mark.parametrize(
    "rubbish",
    [b"\xff\xfb\x90\x00" + bytes(30), bytes(5000), b"TAG" + bytes(125), b"ID3\4\0\0\0\0\0\7" + bytes(7), b"\xff" * 900],
    ids=["header", "zeros", "ID3v1", "ID3v2", "ones"],
)
def test_rubbish_between_frames_is_left_out(rubbish: bytes) -> None:
    """What is no frame does not get through; what is one does, but for one that rubbish follows."""
    frames = [frame(1, index) for index in range(40)]
    data = b"".join(frames[:20]) + rubbish + b"".join(frames[20:])
    got = [one.data for one in units_of("mp3", data)]
    assert set(got) <= set(frames)
    assert len(got) >= 38


def feed_all(parser: Parser, data: bytes, times: int) -> None:
    for _ in range(times):
        parser.feed(data)


@pytest.mark.parametrize("family", ["mp3", "aac", "ogg"])
@pytest.mark.parametrize(
    "data",
    [bytes(1 << 16), b"\xff\xfb" * (1 << 15), b"OggS\0" * 13000, b"ID3\4\0\0\0\0\0\0" * 6500],
    ids=["zeros", "headers", "pages", "tags"],
)
def test_endless_rubbish_is_refused(family: str, data: bytes) -> None:
    """A stream without audio ends after a bounded number of bytes, whatever it looks like."""
    parser = open_parser(family)
    with pytest.raises(AudioError):
        feed_all(parser, data, 40)


def mutated(data: bytes, seed: int) -> bytes:
    """The stream with bytes flipped, lost, doubled and put in."""
    rng = random.Random(seed)
    mutant = bytearray(data)
    for _ in range(rng.randrange(1, 30)):
        at, size = rng.randrange(len(mutant)), rng.randrange(1, 1000)
        match rng.randrange(4):
            case 0:
                mutant[at] = rng.randrange(256)
            case 1:
                del mutant[at : at + size]
            case 2:
                mutant[at:at] = mutant[at : at + size]
            case _:
                mutant[at:at] = rng.randbytes(size)
    return bytes(mutant)


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_mutated_streams_do_no_harm(streams: dict[str, bytes], name: str, seed: int) -> None:
    """Units are whole, or the stream is refused; nothing else is raised."""
    family, _ = ENCODERS[name]
    try:
        units = units_of(family, mutated(streams[name][:60_000], seed))
    except AudioError:
        return
    assert all(unit.data and unit.ticks >= 0 for unit in units)


def test_a_parser_keeps_little(streams: dict[str, bytes]) -> None:
    """However long the stream, a parser's memory does not grow with it."""
    parser = open_parser("mp3")
    parser.feed(streams["mp3"])
    tracemalloc.start()
    for _ in range(20):
        parser.feed(streams["mp3"])
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert current < 100_000
