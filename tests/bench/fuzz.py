"""`make fuzz`: mutated files for every reader and mutated broadcasts for every parser, many more than the tests try.

Nothing but `AudioError` may leave one; it may neither hang, nor read on and on, nor fill the memory. What breaks
one of these rules is kept in the current directory, named on the terminal, and ends the run with status 1.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiostream.audio.formats import FAMILY_BY_SUFFIX, open_reader
from radiostream.audio.frames import AAC, WIDEST_FRAME, AudioError
from radiostream.audio.ogg_page import page_crc
from radiostream.live.units import open_parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    Play = Callable[[bytes, str, memoryview, int], bool]

SEEDS: Final = {
    "cbr.mp3": "-c:a libmp3lame -ar 8000 -b:a 8k -id3v2_version 4 -write_id3v1 1",
    "vbr.mp3": "-c:a libmp3lame -q:a 9",
    "adts.aac": "-c:a aac -ar 16000 -b:a 16k",
    "back.m4a": "-c:a aac -ar 16000 -b:a 16k",
    "fragmented.mp4": "-c:a aac -ar 16000 -b:a 16k -movflags frag_keyframe+empty_moov -frag_duration 200000",
    "vorbis.ogg": "-c:a libvorbis -ar 8000 -page_duration 100000",
    "opus.opus": "-c:a libopus -ar 8000 -b:a 8k -page_duration 100000",
    "flac.oga": "-c:a flac -ar 8000 -f ogg -page_duration 100000",
}
SLOWEST_S: Final = 2.0
MOST_READ: Final = 64 << 20
MOST_GROWN_KB: Final = 64 << 10
HOSTILE: Final = (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"ID3\4\0\0\0\0\0\1", b"OggS\0", b"\xff\xfb\x90\x64")


class Watched(io.BytesIO):
    """A file that counts what is read of it."""

    left = MOST_READ

    def readinto(self, buffer: Buffer, /) -> int:
        got = super().readinto(buffer)
        self.left -= got + 64
        if self.left < 0:
            raise RuntimeError("reads on and on")
        return got


def seed(name: str) -> bytes:
    """A file of half a second."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, name)
        command = f"ffmpeg -v error -f lavfi -i sine=d=0.5 -ac 1 -metadata title=seed {SEEDS[name]}"
        subprocess.run([*command.split(), str(path)], check=True)
        return path.read_bytes()


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with a few changes: bits turned, bytes replaced, left out, repeated or put elsewhere; or its half."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(changed) + 1)
        piece = changed[at : at + rng.choice((1, 2, 4, 30, 500))]
        match rng.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at : at + 4] = rng.choice(HOSTILE)
            case 2:
                del changed[at : at + len(piece)]
            case 3:
                changed[at:at] = piece * rng.choice((1, 2, 50))
            case 4:
                changed[at:at] = rng.randbytes(len(piece))
            case _:
                del changed[at : rng.choice((at, at, at, None))]
    return mended(changed) if changed.startswith(b"OggS") and rng.randrange(4) else bytes(changed)


def mended(data: bytearray) -> bytes:
    """The pages' CRCs made right again, so that what is changed gets behind that check."""
    at = 0
    while (at := data.find(b"OggS", at)) >= 0 and at + 27 <= len(data):
        end = at + 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
        if end <= len(data):
            data[at + 22 : at + 26] = page_crc(data[at:end])
        at += 4
    return bytes(data)


def play(data: bytes, family: str, view: memoryview, max_ticks: int) -> bool:
    """Read it all; whether the reader found it sound to its end. Raises what must not be."""
    begin = time.process_time()
    try:
        reader = open_reader(Watched(data), family, 7)
        reader.seek(max_ticks / reader.tick_hz)
        while (block := reader.fill(view, max_ticks)).length or reader.next_part():
            if block.length > len(view) or len(block.offsets) != len(block.ticks):
                raise RuntimeError("a block that is none")
            if time.process_time() - begin > SLOWEST_S:
                raise RuntimeError("plays on and on")
    except AudioError:
        return False
    finally:
        if time.process_time() - begin > SLOWEST_S:
            raise RuntimeError("takes too long")
    return True


def broadcast(data: bytes, family: str, _view: memoryview, piece_bytes: int) -> bool:
    """Whether a live source may send this, in pieces of about so many bytes."""
    parser = open_parser(family)
    step = max(97, min(piece_bytes, 1 << 16))
    try:
        units = [unit for at in range(0, len(data), step) for unit in parser.feed(data[at : at + step])] + parser.end()
    except AudioError:
        return False
    if not all(unit.data and unit.ticks >= 0 for unit in units):
        raise RuntimeError("a unit of nothing")
    return bool(units)


def fuzz(name: str, inputs: int, rng: random.Random, play: Play = play) -> bool:
    """Whether the reader of one kind of file survives so many inputs."""
    data, family = seed(name), FAMILY_BY_SUFFIX[Path(name).suffix]
    view = memoryview(bytearray(WIDEST_FRAME))
    if not play(data, family, view, 4000):
        raise RuntimeError(f"{name} does not even play unchanged")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, sound = time.process_time(), 0
    for _ in range(inputs):
        candidate = mutated(data, rng)
        try:
            sound += play(candidate, family, view, rng.choice((1, 4000, 1 << 40)))
        except Exception as error:  # whatever it is, it is a finding
            kept = Path(f"fuzz-{name}")
            kept.write_bytes(candidate)
            print(f"{name}: {error!r}, kept as {kept}")
            return False
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    each_ms = (time.process_time() - begin) * 1000 / inputs
    seen = f"{inputs} inputs, {sound} played to the end, {each_ms:.2f} ms each, {grown_kb} KB more"
    print(f"{name:15} {play.__name__:9} {seen}", flush=True)
    return grown_kb < MOST_GROWN_KB


def main() -> int:
    """Status 0: all readers survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="for each kind of file and broadcast")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    files = all(fuzz(name, arguments.inputs, rng) for name in SEEDS)
    broadcasts = [name for name in SEEDS if FAMILY_BY_SUFFIX[Path(name).suffix] != AAC or name.endswith(".aac")]
    return 0 if files and all(fuzz(name, arguments.inputs, rng, broadcast) for name in broadcasts) else 1


if __name__ == "__main__":
    sys.exit(main())
