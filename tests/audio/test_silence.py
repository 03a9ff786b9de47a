"""Silence: every frame and page that a station without audio sends must decode, clean, to nothing but zeros."""

from __future__ import annotations

import io
import itertools
import subprocess

import pytest

from radiostream.audio.closing import closing
from radiostream.audio.formats import open_reader
from radiostream.audio.frames import AAC, MP3, OGG, WIDEST_FRAME, Params
from radiostream.audio.ogg_page import EOS, PageScanner
from radiostream.audio.silence import silence
from tests.ffmpeg import complaints

SECONDS = 10

LIKE = {
    "MP3, nothing known": (MP3, None, Params("mp3", 44100, 2)),
    "MP3, stereo": (MP3, Params("mp3", 48000, 2), Params("mp3", 48000, 2)),
    "MP3, mono": (MP3, Params("mp3", 32000, 1), Params("mp3", 32000, 1)),
    "MPEG-2, mono": (MP3, Params("mp3", 22050, 1), Params("mp3", 22050, 1)),
    "MPEG-2, stereo": (MP3, Params("mp3", 24000, 2), Params("mp3", 24000, 2)),
    "MPEG-2.5": (MP3, Params("mp3", 8000, 1), Params("mp3", 8000, 1)),
    "MP3, a rate it has not": (MP3, Params("mp3", 96000, 1), Params("mp3", 44100, 1)),
    "AAC, nothing known": (AAC, None, Params("aac", 44100, 2)),
    "AAC, mono": (AAC, Params("aac", 48000, 1), Params("aac", 48000, 1)),
    "AAC, high rate": (AAC, Params("aac", 96000, 2), Params("aac", 96000, 2)),
    "AAC, low rate": (AAC, Params("aac", 8000, 2), Params("aac", 8000, 2)),
    "AAC, six channels": (AAC, Params("aac", 32000, 6), Params("aac", 32000, 2)),
    "AAC, a rate it has not": (AAC, Params("aac", 44000, 2), Params("aac", 44100, 2)),
    "Ogg, nothing known": (OGG, None, Params("opus", 48000, 2)),
    "Ogg, mono Vorbis": (OGG, Params("vorbis", 44100, 1), Params("opus", 48000, 1)),
}


def sent(family: str, like: Params | None, serial: int, seconds: float) -> tuple[bytes, int]:
    """A silent stream of at least so many seconds, ended as a skip ends it, and its ticks."""
    reader = silence(family, like, serial)
    view = memoryview(bytearray(WIDEST_FRAME))
    data, ticks = reader.preamble, 0
    while ticks < seconds * reader.tick_hz:
        block = reader.fill(view, reader.tick_hz // 3)
        assert block.ticks_total >= reader.tick_hz // 3
        assert (block.offsets[0], block.ticks[0]) == (0, 0)
        data, ticks = data + bytes(view[: block.length]), ticks + block.ticks_total
    if family == OGG:
        block = reader.fill(view, 1)
        data, ticks = data + closing(family, view[: block.length]), ticks + block.ticks_total
    return data, ticks


@pytest.mark.players
@pytest.mark.parametrize(("family", "like", "params"), LIKE.values(), ids=LIKE)
def test_silence_decodes_clean_to_zeros(family: str, like: Params | None, params: Params) -> None:
    """Ffmpeg decodes ten seconds without a word, to exactly as many samples as were promised, all of them zero."""
    data, ticks = sent(family, like, 77, SECONDS)
    assert silence(family, like).params == params
    command = ["ffmpeg", "-v", "warning", "-i", "-", "-f", "s16le", "-"]
    decoded = subprocess.run(command, input=data, capture_output=True, check=True)
    assert complaints(decoded.stderr) == []
    assert len(decoded.stdout) == 2 * params.channels * ticks
    assert not decoded.stdout.strip(b"\0")


@pytest.mark.parametrize(("family", "like", "params"), LIKE.values(), ids=LIKE)
def test_silence_reads_back_as_itself(family: str, like: Params | None, params: Params) -> None:
    """The project's own readers find the same frames, parameters and time in it."""
    data, ticks = sent(family, like, 77, 3)
    reader = open_reader(io.BytesIO(data), family, 77)
    view = memoryview(bytearray(WIDEST_FRAME))
    again, counted = reader.preamble, 0
    while (block := reader.fill(view, 1 << 30)).length:
        again, counted = again + bytes(view[: block.length]), counted + block.ticks_total
    assert (reader.params, counted) == (params, ticks)
    assert again == data


@pytest.mark.parametrize("family", [MP3, AAC, OGG])
def test_bitrate_lets_browsers_start_within_a_burst(family: str) -> None:
    """The 32 KiB that a browser waits for come well within the longest burst, and no more than that is wasted."""
    data, ticks = sent(family, None, 1, SECONDS)
    reader = silence(family, None)
    kbps = len(data) * reader.tick_hz / ticks / 125
    assert kbps == pytest.approx(32, abs=2)
    assert reader.kbps == pytest.approx(kbps, abs=2)
    assert reader.duration_s is None


@pytest.mark.parametrize("family", [MP3, AAC, OGG])
@pytest.mark.parametrize("max_ticks", [0, 1, 5000, 1 << 30])
def test_block_lasts_what_is_asked_for_or_fills_the_view(family: str, max_ticks: int) -> None:
    """At least one frame or page comes, and no more than the time or the view asks for."""
    reader = silence(family, None)
    view = memoryview(bytearray(WIDEST_FRAME))
    block = reader.fill(view, max_ticks)
    step = block.ticks_total // len(block.offsets)
    assert list(block.ticks) == list(range(0, block.ticks_total, step))
    assert block.ticks_total < max_ticks + step or len(block.offsets) == 1
    assert block.ticks_total >= max_ticks or WIDEST_FRAME - block.length < block.length // len(block.offsets)


def test_ogg_stream_is_numbered_counted_and_ended() -> None:
    """Pages carry the serial given, numbers in a row, rising positions, and eos only at the end, on audio."""
    data, ticks = sent(OGG, None, 0xCAFE, 5)
    scanner = PageScanner(io.BytesIO(data))
    pages = []
    while (page := scanner.next(1 << 20)) is not None:
        pages.append(page)
    assert sum(len(page.data) for page in pages) == len(data)
    assert {page.serial for page in pages} == {0xCAFE}
    assert [page.sequence for page in pages] == list(range(len(pages)))
    granules = [page.granule for page in pages[2:]]
    assert granules == sorted(set(granules))
    assert granules[-1] == ticks
    assert [page.flags for page in pages] == [2] + [0] * (len(pages) - 2) + [EOS]
    assert max(b - a for a, b in itertools.pairwise(granules)) <= 48000


@pytest.mark.parametrize("like", [Params(MP3, 44100, 2), Params("opus", 48000, 2)])
def test_silence_has_neither_place_nor_end(like: Params) -> None:
    """It is the same everywhere, and nothing follows it."""
    reader = silence(OGG if like.codec == "opus" else MP3, like, 1)
    assert reader.seek(100.0) == 0.0
    assert not reader.next_part()
