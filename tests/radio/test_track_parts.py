"""A file whose parameters change inside: one track on the air, in several runs with a barrier between them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.radio.studio import FRAME_S, Studio, frame

STEREO, OTHER = b"\xff\xfb\x90\x00", b"\xff\xfb\x94\x00"


def joined(first: int, second: int) -> bytes:
    """So many frames at 44.1 kHz and so many at 48 kHz."""
    return b"".join(frame(1, n) for n in range(first)) + b"".join(frame(1, n, OTHER) for n in range(second))


def test_all_of_a_joined_file_is_sent_as_one_track(make_studio: Callable[..., Studio]) -> None:
    """Every frame of both parts comes, between them a barrier; history and titles know one track."""
    studio = make_studio()
    data = joined(600, 700)
    studio.show(studio.track(1, 0, data), studio.track(2, 500))
    studio.run_until(600 * FRAME_S + 700 * 0.024 - 6)
    sent = b"".join(studio.data)
    assert sent.startswith(data)
    barriers = [chunk for chunk in studio.published if chunk.barrier]
    assert [chunk.run.params.rate_hz for chunk in barriers] == [44100, 48000, 44100]
    assert not barriers[1].discontinuity
    assert barriers[1].run.track == barriers[0].run.track
    assert [entry.track for entry in studio.station.status.history] == ["1.mp3"]


def test_what_is_on_the_air_has_the_parameters_of_its_part(make_studio: Callable[..., Studio]) -> None:
    """The status follows as listeners reach the second part; the track's begin stays where it was."""
    studio = make_studio()
    studio.show(studio.track(1, 0, joined(600, 700)))
    studio.run_until(5)
    first = studio.station.status.on_air
    studio.run_until(600 * FRAME_S + 2)
    second = studio.station.status.on_air
    assert first is not None
    assert second is not None
    assert (first.params.rate_hz, second.params.rate_hz) == (44100, 48000)
    assert (first.track, first.started_s) == (second.track, second.started_s)


def test_a_skip_between_publishing_and_hearing_a_part(make_studio: Callable[..., Studio]) -> None:
    """Back and forth while the second part is published and not yet heard: no track is lost."""
    studio = make_studio(burst_s=10.0)
    studio.show(studio.track(1, 0, joined(600, 700)), studio.track(2, 500), studio.track(3, 500))
    studio.run_until_published(lambda: studio.published[-1].run.params.rate_hz == 48000 if studio.published else False)
    assert studio.do(studio.station.next_track()).track.name == "2.mp3"
    assert studio.do(studio.station.previous_track()).track.name == "1.mp3"
    assert studio.published[-1].run.params.rate_hz == 44100
    assert [entry.track for entry in studio.station.status.history] == ["1.mp3", "2.mp3", "1.mp3"]


def test_a_restart_goes_on_in_the_second_part(make_studio: Callable[..., Studio]) -> None:
    """A saved place behind the change is found, and the stream has that part's parameters."""
    before = make_studio()
    track = before.track(1, 0, joined(600, 700))
    before.show(track)
    before.run_until(600 * FRAME_S + 5)
    saved = before.do(before.station.snapshot())
    after = make_studio(saved=saved)
    after.show(track)
    after.run_until(1)
    assert after.published[0].run.params.rate_hz == 48000
    number = int.from_bytes(after.data[0][38:42], "big")
    assert 600 * FRAME_S + number * 0.024 == pytest.approx(saved.elapsed_s, abs=0.1)
