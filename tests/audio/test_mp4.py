"""MP4: what is sent is what ffmpeg copies to ADTS, byte for byte; tables that lie are refused before they cost."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream.audio.adts import header_at
from radiostream.audio.budget import Budget
from radiostream.audio.frames import WIDEST_FRAME, AudioError, Params
from radiostream.audio.mp4 import Mp4Reader
from radiostream.audio.mp4_boxes import Box, BoxFile
from radiostream.audio.mp4_config import parse_specific

Encode = Callable[..., Path]
Play = Callable[..., Any]
Decode = Callable[[bytes, int], Any]
Edits = list[tuple[int, int, bytes]]

SHAPES = [(8000, 1, 0.1), (8000, 1, 3), (44100, 2, 0.1), (44100, 2, 3), (48000, 6, 3)]
LAYOUTS = {
    "moov at the end": (),
    "moov at the front": ("-movflags", "+faststart"),
    "fragments": ("-movflags", "frag_keyframe+empty_moov", "-frag_duration", "300000"),
    "fragments with base offsets": ("-movflags", "frag_keyframe", "-frag_duration", "300000"),
    "fragments with default bases": ("-movflags", "empty_moov+default_base_moof", "-frag_duration", "300000"),
    "a fragment a frame": ("-movflags", "empty_moov+frag_every_frame"),
    "QuickTime": ("-f", "mov"),
    "audiobook": ("-f", "ipod"),
}


def copied(path: Path) -> bytes:
    """What ffmpeg makes of the file without decoding."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-c", "copy", "-f", "adts", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def table(*rows: int, width: int = 1) -> bytes:
    return numbers(len(rows) // width, *rows)


def descriptor(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80, 0x80, len(content)]) + content


def esds(specific: bytes = b"\x12\x10", kind: int = 0x40) -> bytes:
    decoder = descriptor(4, bytes([kind]) + bytes(12) + descriptor(5, specific))
    return full(b"esds", descriptor(3, b"\0\1\0" + decoder))


def entry(boxes: bytes | None = None, kind: bytes = b"mp4a", version: int = 0) -> bytes:
    fixed = bytes(6) + b"\0\1" + bytes([0, version]) + bytes(18 + {0: 0, 1: 16, 2: 36}.get(version, 0))
    return box(kind, fixed, esds() if boxes is None else boxes)


FRAMES = [bytes([number + 1]) * (20 + number) for number in range(12)]
SIZES = [len(frame) for frame in FRAMES]


def trak(
    tables: bytes, *, entry: bytes = entry(), handler: bytes = b"soun", edits: bytes = b"", timescale: int = 44100
) -> bytes:
    stsd = full(b"stsd", numbers(1), entry)
    minf = box(b"minf", box(b"stbl", stsd, tables))
    mdhd = full(b"mdhd", numbers(0, 0, timescale, 0, 0))
    mdia = box(b"mdia", mdhd, full(b"hdlr", bytes(4), handler, bytes(12)), minf)
    return box(b"trak", full(b"tkhd", numbers(0, 0, 1), bytes(60)), edits, mdia)


def tables(
    offsets: Sequence[int] = (16,),
    runs: Sequence[int] = (1, 12, 1),
    stsz: bytes = numbers(0) + table(*SIZES),
    co64: bool = False,
) -> bytes:
    if co64:
        stco = full(b"co64", numbers(len(offsets)), struct.pack(f">{len(offsets)}Q", *offsets))
    else:
        stco = full(b"stco", table(*offsets))
    return full(b"stsc", table(*runs, width=3)) + full(b"stsz", stsz) + stco


def mp4(*traks: bytes, audio: bytes = b"".join(FRAMES), before: bytes = box(b"free")) -> bytes:
    """A file with its audio at offset 16 where `before` is 8 bytes long."""
    return before + box(b"mdat", audio) + box(b"moov", *traks)


def adts(frames: Sequence[bytes]) -> bytes:
    return b"".join((0xFFF15080 << 24 | 7 + len(f) << 13 | 0x1FFC).to_bytes(7, "big") + f for f in frames if f)


def reader_of(data: bytes) -> Mp4Reader:
    return Mp4Reader(io.BytesIO(data))


class TestAgainstFfmpeg:
    @pytest.mark.parametrize(("rate_hz", "channels", "seconds"), SHAPES)
    @pytest.mark.parametrize("layout", ["moov at the end", "fragments"])
    def test_shapes(
        self, rate_hz: int, channels: int, seconds: float, layout: str, ogg_aac_encode: Encode, ogg_aac_play: Play
    ) -> None:
        """Mono and 5.1, long and short: the same bytes, and the time of as many samples."""
        options = LAYOUTS[layout]
        path = ogg_aac_encode("mp4", rate_hz=rate_hz, channels=channels, seconds=seconds, options=options)
        reader = reader_of(path.read_bytes())
        played = ogg_aac_play(reader)
        assert played.data == copied(path)
        assert reader.params == Params("aac", rate_hz, channels)
        assert reader.duration_s == played.ticks / rate_hz
        assert reader.kbps == pytest.approx(len(played.data) * rate_hz / played.ticks / 125, abs=1)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_layouts(self, layout: str, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Wherever the tables are and whatever they are like: the same bytes."""
        path = ogg_aac_encode("mp4", options=LAYOUTS[layout])
        assert ogg_aac_play(reader_of(path.read_bytes())).data == copied(path)

    def test_video(self, tmp_path: Path, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Of a film the sound is sent."""
        film = tmp_path / "film.mp4"
        video = ["-f", "lavfi", "-i", "testsrc=duration=3", "-c:v", "mpeg4", "-c:a", "copy"]
        subprocess.run(["ffmpeg", "-v", "error", "-i", ogg_aac_encode("mp4"), *video, film], check=True)
        assert ogg_aac_play(reader_of(film.read_bytes())).data == copied(film)

    def test_joined(self, ogg_aac_encode: Encode, ogg_aac_play: Play, ogg_aac_decode: Decode) -> None:
        """From any start on the rest decodes without a word, and no sample of it is missing."""
        played = ogg_aac_play(reader_of(ogg_aac_encode("mp4").read_bytes()))
        for offset, ticks in played.starts()[::20]:
            assert ogg_aac_decode(played.data[offset:], 2) == (played.ticks - ticks, [])

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (("-c:a", "alac"), "ALAC"),
            (("-c:a", "libmp3lame", "-f", "mp4"), "MP3"),
            (("-c:a", "libopus", "-f", "mp4"), "Opus"),
            (
                ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "01" * 16, "-encryption_kid", "02" * 16),
                "encrypted",
            ),
        ],
    )
    def test_refused(self, options: tuple[str, ...], reason: str, ogg_aac_encode: Encode) -> None:
        """What is in an MP4 but no plain AAC is refused by its name."""
        data = ogg_aac_encode("mp4", options=options).read_bytes()
        with pytest.raises(AudioError, match=reason):
            reader_of(data)

    @pytest.mark.parametrize("layout", ["moov at the end", "moov at the front"])
    @pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
    def test_cut_off(self, layout: str, left: float, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """A file that is cut off is refused, or plays what is there and then says so."""
        path = ogg_aac_encode("mp4", options=LAYOUTS[layout])
        data = path.read_bytes()
        with pytest.raises(AudioError, match="cut off"):
            ogg_aac_play(reader_of(data[: int(len(data) * left)]))


class TestTables:
    @pytest.mark.parametrize(
        "track",
        [
            tables(),
            tables(co64=True),
            tables((16, 16 + sum(SIZES[:5]), 16 + sum(SIZES[:10])), (1, 5, 1, 3, 2, 1)),
            tables([16 + sum(SIZES[:index]) for index in range(12)], (1, 1, 1)),
            tables((16, 1 << 20), (1, 12, 1)),
            tables(runs=(1, 0xFFFFFFFF, 1)),
        ],
    )
    def test_chunks(self, track: bytes, ogg_aac_play: Play) -> None:
        """Frames are found in chunks of any number and size; chunks behind the last frame do not matter."""
        data = mp4(trak(track)) + bytes(2 << 20)
        assert ogg_aac_play(reader_of(data)).data == adts(FRAMES)

    @pytest.mark.parametrize(
        "data",
        [
            struct.pack(">I4sQ", 1, b"mdat", 16 + sum(SIZES)) + b"".join(FRAMES) + box(b"moov", trak(tables())),
            box(b"moov", trak(tables((8 + len(trak(tables())) + 8,))))
            + struct.pack(">I4s", 0, b"mdat")
            + b"".join(FRAMES),
        ],
        ids=["64-bit size", "size 0, to the end"],
    )
    def test_box_sizes(self, data: bytes, ogg_aac_play: Play) -> None:
        """Boxes may say their size in 64 bits, the last one not at all."""
        assert ogg_aac_play(reader_of(data)).data == adts(FRAMES)

    def test_constant_size(self, ogg_aac_play: Play) -> None:
        """Frames of one size need no table."""
        data = mp4(trak(tables(stsz=numbers(10, 12))), audio=bytes(range(120)))
        assert ogg_aac_play(reader_of(data)).data == adts([bytes(range(at, at + 10)) for at in range(0, 120, 10)])

    def test_empty_frames(self, ogg_aac_play: Play) -> None:
        """An empty frame is no frame."""
        data = mp4(trak(tables(stsz=numbers(0) + table(20, 0, 21, 0), runs=(1, 4, 1))))
        played = ogg_aac_play(reader_of(data))
        assert played.data == adts(FRAMES[:2])
        assert played.ticks == 2048

    @pytest.mark.parametrize(
        ("track", "reason"),
        [
            (tables(offsets=(1 << 31,)), "behind the end"),
            (tables(offsets=(1 << 62,), co64=True), "behind the end"),
            (tables(offsets=(600,)), "cut off"),
            (tables(stsz=numbers(0, 0xFFFFFFFF) + bytes(400)), "larger than its place"),
            (tables(stsz=numbers(0, 13) + bytes(48)), "larger than its place"),
            (tables(stsz=numbers(1, 0xFFFFFFFF)), "behind the end"),
            (tables(stsz=numbers(0) + table(8000, 8000)), "behind the end"),
            (tables(stsz=numbers(0) + table(0, 0)), "without audio"),
            (tables(stsz=numbers(0) + table()), "without audio"),
            (tables() + full(b"co64", numbers(0x7FFFFFFF)), "larger than its place"),
            (b"", "without audio"),
        ],
    )
    def test_lies(self, track: bytes, reason: str, ogg_aac_play: Play) -> None:
        """Tables that point out of the file or are larger than their boxes are refused with the reason."""
        with pytest.raises(AudioError, match=reason):
            ogg_aac_play(reader_of(mp4(trak(track))))

    def test_frame_too_large(self) -> None:
        """ADTS has no room for a frame of more than 8184 bytes."""
        for size in (8185, 65535, 70000):
            with pytest.raises(AudioError, match="too large"):
                reader_of(mp4(trak(tables(stsz=numbers(0) + table(size))), audio=bytes(80_000)))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (mp4(), "without an audio track"),
            (mp4(trak(tables(), handler=b"vide")), "without an audio track"),
            (box(b"ftyp", b"M4A ") + box(b"mdat", bytes(100)), "moov"),
            (b"", "moov"),
            (bytes(100), "moov"),
            (box(b"free") * 700_000, "not worth"),
            (mp4(box(b"trak", box(b"mdia", full(b"hdlr", bytes(4), b"soun")))), "sample tables"),
            (mp4(trak(tables(), entry=entry(b""))), "without a description"),
            (mp4(trak(tables(), entry=entry(esds(kind=0x6B)))), "MP3"),
            (mp4(trak(tables(), entry=entry(esds(kind=0xDD)))), "type 0xdd"),
            (mp4(trak(tables(), entry=entry(kind=b"enca"))), "encrypted"),
            (mp4(trak(tables(), entry=entry(kind=b"ec-3"))), "E-AC-3"),
            (mp4(trak(tables(), entry=entry(kind=b"\n'\xff\0"))), "in MP4, not AAC"),
            (mp4(trak(tables(), entry=entry(version=3))), "without a description"),
            (mp4(trak(tables(), entry=b"")), "not AAC"),
        ],
    )
    def test_refused(self, data: bytes, reason: str) -> None:
        """What cannot be played is refused with a reason in plain characters."""
        with pytest.raises(AudioError, match=reason) as refused:
            reader_of(data)
        assert str(refused.value).isprintable()
        assert str(refused.value).isascii()

    @pytest.mark.parametrize(
        "sample_entry", [entry(version=1), entry(version=2), entry(box(b"wave", box(b"frma", b"mp4a"), esds()))]
    )
    def test_quicktime_entries(self, sample_entry: bytes, ogg_aac_play: Play) -> None:
        """QuickTime's longer sample entries, and the box that it hides the description in."""
        assert ogg_aac_play(reader_of(mp4(trak(tables(), entry=sample_entry)))).data == adts(FRAMES)

    def test_first_playable_track(self, ogg_aac_play: Play) -> None:
        """A track that cannot be played does not keep another one from it."""
        other = trak(tables(), entry=entry(kind=b"alac"))
        assert ogg_aac_play(reader_of(mp4(other, trak(tables())))).data == adts(FRAMES)

    @pytest.mark.parametrize(
        ("media_times", "timescale", "skipped"),
        [
            ([1024], 44100, 0),
            ([2112], 44100, 1),
            ([-1, 5120], 44100, 4),
            ([10240], 88200, 4),
            ([1 << 30], 44100, 0),
            ([3000], 0, 0),
            ([], 44100, 0),
        ],
    )
    @pytest.mark.parametrize("version", [0, 1])
    def test_edit_list(
        self, media_times: list[int], timescale: int, skipped: int, version: int, ogg_aac_play: Play
    ) -> None:
        """Frames that the edit list leaves out at the front are not sent, but for the one that primes the decoder."""
        row = ">qqI" if version else ">iiI"
        rows = b"".join(struct.pack(row, 0, media_time, 1 << 16) for media_time in media_times)
        edits = box(b"edts", full(b"elst", numbers(len(media_times)), rows, version=version))
        reader = reader_of(mp4(trak(tables(), edits=edits, timescale=timescale)))
        assert reader.duration_s == (12 - skipped) * 1024 / 44100
        assert ogg_aac_play(reader).data == adts(FRAMES[skipped:])

    def test_fragment_defaults(self, ogg_aac_play: Play) -> None:
        """Fragments may take frame sizes from the track's defaults; what is no fragment of ours is left alone."""
        trex = box(b"mvex", full(b"trex", numbers(1, 1, 1024, 10, 0)))
        empty = trak(tables(offsets=(), runs=(), stsz=numbers(0, 0)))
        other = box(b"traf", full(b"tfhd", numbers(2)), full(b"trun", numbers(5, 0), flags=1))
        ours = box(b"traf", full(b"tfhd", numbers(1), flags=0x20000), full(b"trun", numbers(3, 128), flags=1))
        again = box(b"traf", full(b"tfhd", numbers(1, 5), flags=0x20010), full(b"trun", numbers(2, 158), flags=1))
        moof = box(b"moof", other, ours, again)
        audio = bytes(range(40))
        data = box(b"moov", empty, trex) + moof.ljust(len(moof))
        shift = len(moof) + 8
        for run, at in ((128, shift), (158, shift + 30)):
            data = data.replace(numbers(run), numbers(at), 1)
        data += box(b"mdat", audio)
        expected = [audio[0:10], audio[10:20], audio[20:30], audio[30:35], audio[35:40]]
        assert ogg_aac_play(reader_of(data)).data == adts(expected)

    @pytest.mark.parametrize("video_first", [True, False])
    def test_fragment_bases(self, video_first: bool, ogg_aac_play: Play) -> None:
        """Where a track fragment names no base, that is the end of the one before it, of whatever track."""
        trex = box(b"mvex", full(b"trex", numbers(1, 1, 1024, 10, 0)), full(b"trex", numbers(2, 1, 512, 7, 0)))
        empty = trak(tables(offsets=(), runs=(), stsz=numbers(0, 0)))
        audio, video = bytes(range(1, 31)), b"v" * 21
        moof_bytes = len(box(b"moof", *2 * [box(b"traf", full(b"tfhd", numbers(1)), full(b"trun", numbers(3, 0)))]))
        first, second = (2, 1) if video_first else (1, 2)
        moof = box(
            b"moof",
            box(b"traf", full(b"tfhd", numbers(first)), full(b"trun", numbers(3, moof_bytes + 8), flags=1)),
            box(b"traf", full(b"tfhd", numbers(second)), full(b"trun", numbers(3, 0), flags=1)),
        )
        data = box(b"moov", empty, trex) + moof
        data += box(b"mdat", *((video, audio) if video_first else (audio, video)))
        assert ogg_aac_play(reader_of(data)).data == adts([audio[0:10], audio[10:20], audio[20:30]])

    def test_many_fragments(self, ogg_aac_play: Play) -> None:
        """A book of ten hours in fragments of a second is read; its boxes are many and cheap."""
        trex = box(b"mvex", full(b"trex", numbers(1, 1, 1024, 10, 0)))
        empty = trak(tables(offsets=(), runs=(), stsz=numbers(0, 0)))
        run = full(b"trun", numbers(43, 108), flags=1)
        head = full(b"mfhd", numbers(1))
        traf = box(b"traf", full(b"tfhd", numbers(1), flags=0x20000), full(b"tfdt", numbers(0)), run)
        fragment = box(b"moof", head, traf)
        fragment += box(b"mdat", b"\1" * (430 + 108 - len(fragment) - 8))
        reader = reader_of(box(b"moov", empty, trex) + fragment * 36_000)
        assert reader.duration_s == pytest.approx(36_000 * 43 * 1024 / 44100)
        assert reader.seek(18_000) == pytest.approx(18_000, abs=0.03)

    @pytest.mark.parametrize("bits", [4, 8, 16])
    @pytest.mark.parametrize("count", [11, 12])
    def test_compact_sizes(self, bits: int, count: int, ogg_aac_play: Play) -> None:
        """Frame sizes in `stz2` are as good as those in `stsz`."""
        frames = [bytes([number + 1]) * (4 + number) for number in range(count)]
        packed = b"".join(len(frame).to_bytes(2, "big") for frame in frames)
        if bits == 8:
            packed = packed[1::2]
        elif bits == 4:
            sizes = [*map(len, frames), 0][: count + count % 2]
            packed = bytes(high << 4 | low for high, low in zip(sizes[::2], sizes[1::2], strict=True))
        stz2 = full(b"stz2", bytes([0, 0, 0, bits]), numbers(count), packed)
        rest = full(b"stsc", table(1, count, 1, width=3)) + full(b"stco", table(16))
        data = mp4(trak(rest + stz2), audio=b"".join(frames))
        assert ogg_aac_play(reader_of(data)).data == adts(frames)

    def test_seek(self, ogg_aac_play: Play) -> None:
        """Every frame is found by its time, in chunks of several frames and behind what an edit list leaves out."""
        edits = box(b"edts", full(b"elst", table(0, 3 * 1024, 1 << 16, width=3)))
        data = mp4(trak(tables((16, 16 + sum(SIZES[:5])), (1, 5, 1, 2, 7, 1)), edits=edits))
        for number in range(10):
            reader = reader_of(data)
            assert reader.seek((number + 0.5) * 1024 / 44100) == number * 1024 / 44100
            assert ogg_aac_play(reader).data == adts(FRAMES[2 + number :])
        reader = reader_of(data)
        assert reader.seek(99.0) == 10 * 1024 / 44100
        assert ogg_aac_play(reader).data == b""

    def test_zeros(self) -> None:
        """Where a copy is not finished, zeros lie in place of frames: those before are sent, and then it is told."""
        data = mp4(trak(tables()), audio=b"".join(FRAMES[:7]) + bytes(sum(SIZES[7:])))
        reader = reader_of(data)
        view = memoryview(bytearray(WIDEST_FRAME))
        block = reader.fill(view, 1 << 20)
        assert bytes(view[: block.length]) == adts(FRAMES[:7])
        for _ in range(2):
            with pytest.raises(AudioError, match="half written"):
                reader.fill(view, 1 << 20)

    def test_holes(self, tmp_path: Path) -> None:
        """Tracks whose tables are holes in the file share one budget."""
        count = 4 << 20
        path = tmp_path / "holes.mp4"
        with path.open("w+b", buffering=0) as file:
            big = [(b"stsz", 12 + 4 * count, struct.pack(">III", 0, 0, count))]
            big += [(b"stsc", 8 + 12 * count, struct.pack(">II", 0, count))]
            stsd = full(b"stsd", numbers(1), entry())
            mdhd, hdlr = full(b"mdhd", numbers(0, 0, 44100, 0, 0)), full(b"hdlr", bytes(4), b"soun", bytes(12))
            stbl_bytes = 8 + len(stsd) + sum(size + 8 for _, size, _ in big)
            mdia_bytes = 8 + len(mdhd) + len(hdlr) + 8 + stbl_bytes
            file.write(struct.pack(">I4s", 8 + 8 * (8 + mdia_bytes), b"moov"))
            for _ in range(8):
                file.write(struct.pack(">I4sI4s", 8 + mdia_bytes, b"trak", mdia_bytes, b"mdia") + mdhd + hdlr)
                file.write(struct.pack(">I4sI4s", 8 + stbl_bytes, b"minf", stbl_bytes, b"stbl") + stsd)
                for kind, size, content in big:
                    file.write(struct.pack(">I4s", 8 + size, kind) + content)
                    file.seek(size - len(content), 1)
            file.truncate()
            with pytest.raises(AudioError, match="not worth"):
                Mp4Reader(file)

    @pytest.mark.parametrize("offset", [0x80000000, 0x7FFFFFFF])
    def test_fragment_outside(self, offset: int) -> None:
        """A fragment that points out of the file is refused."""
        run = full(b"trun", numbers(1, offset, 10), flags=0x201)
        data = mp4(trak(b"")) + box(b"moof", box(b"traf", full(b"tfhd", numbers(1)), run))
        with pytest.raises(AudioError, match=r"outside of the file|behind the end"):
            reader_of(data)


class TestConfig:
    @pytest.mark.parametrize(
        ("config", "has_sbr"),
        [
            ("1210", False),
            ("1390", False),
            ("2b920800", True),
            ("eb920800", True),
            ("139056e5a0", True),
            ("139056e520", False),
        ],
        ids=["LC", "LC at 22 kHz", "hierarchical", "with PS", "backward compatible", "extension without SBR"],
    )
    def test_sbr(self, config: str, has_sbr: bool) -> None:
        """Each way in which a configuration may tell of SBR."""
        found = parse_specific(bytes.fromhex(config))
        assert (found.has_sbr, found.object_type, found.channel_config) == (has_sbr, 2, 2)

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ("1210", (2, 4, 2)),
            ("1588", (2, 11, 1)),
            ("11b0", (2, 3, 6)),
            ("11b8", (2, 3, 7)),
            ("0a10", (1, 4, 2)),
            ("2d8c0800", (2, 11, 1)),
            ("2b920800", (2, 7, 2)),
            ("eb8a0800", (2, 7, 1)),
            ("139056e5a5", (2, 7, 2)),
        ],
    )
    def test_read(self, config: str, expected: tuple[int, int, int]) -> None:
        """Object type, rate and channels of the core, with SBR and PS told in any way or not at all."""
        found = parse_specific(bytes.fromhex(config))
        assert (found.object_type, found.rate_index, found.channel_config) == expected

    @pytest.mark.parametrize(
        ("config", "reason"),
        [
            ("", "without a description"),
            ("12", "without a description"),
            ("1780", "sample rate"),
            ("1690", "sample rate"),
            ("1200", "channel layout"),
            ("1248", "channel layout"),
            ("1214", "960 samples"),
            ("1212", "scalable"),
            ("1211", "scalable"),
            ("b990", "object type 23"),
            ("f95e20", "object type 42"),
        ],
    )
    def test_refused(self, config: str, reason: str) -> None:
        """What two bytes of an ADTS header cannot say is refused."""
        with pytest.raises(AudioError, match=reason):
            parse_specific(bytes.fromhex(config))

    @given(st.binary(max_size=80))
    def test_random(self, config: bytes) -> None:
        """Random bytes are understood or refused."""
        try:
            read = parse_specific(config)
        except AudioError:
            return
        assert read.rate_hz > 0
        assert read.channels > 0


def survey(data: bytes, size: int, ticks: int) -> tuple[bytes, list[tuple[int, int]], str]:
    """Everything that a reader makes of these bytes: what it sends, the starts, and its complaint."""
    sent, starts, passed = b"", [], 0
    view = memoryview(bytearray(size))
    try:
        reader = reader_of(data)
        while (block := reader.fill(view, ticks)).length:
            starts += [(len(sent) + at, passed + tick) for at, tick in zip(block.offsets, block.ticks, strict=True)]
            sent += view[: block.length]
            passed += block.ticks_total
    except AudioError as error:
        return sent, starts, str(error)
    return sent, starts, ""


class TestHostile:
    @pytest.mark.parametrize("layout", ["moov at the end", "fragments"])
    def test_mutated(self, layout: str, ogg_aac_encode: Encode) -> None:
        """Whatever happens to a file: one kind of error, whole frames, the same result for all sizes of blocks."""
        data = ogg_aac_encode("mp4", seconds=1, options=LAYOUTS[layout]).read_bytes()
        tables_at = 0 if layout == "fragments" else data.find(b"moov")

        @given(
            st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9), st.binary(max_size=9)), max_size=6),
            st.integers(WIDEST_FRAME, 200_000),
            st.integers(0, 1 << 34),
        )
        @settings(deadline=None)
        def check(edits: Edits, size: int, ticks: int) -> None:
            damaged = bytearray(data)
            for where, gone, new in edits:
                at = tables_at + (len(damaged) - tables_at) * where // 1000
                damaged[at : at + gone] = new
            result = survey(bytes(damaged), size, ticks)
            assert result == survey(bytes(damaged), WIDEST_FRAME, 1)
            at = 0
            for offset, _ in result[1]:
                header = header_at(result[0], at)
                assert header is not None
                assert at == offset
                at += header.length

        check()

    def test_blocks_of_any_size(self, ogg_aac_encode: Encode, ogg_aac_play: Play) -> None:
        """Bytes, starts and times do not depend on how large the blocks are."""
        data = ogg_aac_encode("mp4").read_bytes()
        results = []
        for size, seconds in [(WIDEST_FRAME, 0.001), (65536, 0.5), (1 << 20, 100.0)]:
            played = ogg_aac_play(reader_of(data), size, seconds)
            results.append((played.data, played.starts(), played.ticks))
        assert results[0] == results[1] == results[2]


def fragmented(*trafs: bytes) -> tuple[bytes, int]:
    """A file whose only frames are in one fragment, of ten bytes each by default, and where that begins."""
    empty = trak(tables(offsets=(), runs=(), stsz=numbers(0, 0)))
    head = box(b"moov", empty, box(b"mvex", full(b"trex", numbers(1, 1, 1024, 10, 0))))
    return head + box(b"moof", *trafs) + box(b"mdat", bytes(range(1, 200))), len(head)


OURS = full(b"tfhd", numbers(1))


def large(kind: bytes, content: bytes) -> bytes:
    """A box whose length is told in 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


class TestOddFragments:
    @pytest.mark.parametrize(
        "traf",
        [
            box(b"traf", OURS, full(b"trun", numbers(3), flags=1)),
            large(b"traf", OURS + full(b"trun", numbers(3))),
            box(b"traf", OURS, full(b"trun", numbers(3)), struct.pack(">I4s", 4, b"junk")),
            box(b"traf", OURS, struct.pack(">I4s", 0, b"trun") + full(b"trun", numbers(3))[8:]),
            box(b"traf", OURS, box(b"trun", b"\0\0"), full(b"trun", numbers(3))),
        ],
        ids=["offset left out", "64 bits", "a box that is none", "to the end", "too short a run"],
    )
    def test_what_can_be_understood_is(self, traf: bytes, ogg_aac_play: Play) -> None:
        """A run without a place begins where its fragment does; a box may tell its length in each way."""
        data, at = fragmented(traf)
        frames = [data[start : start + 10] for start in range(at, at + 30, 10)]
        assert ogg_aac_play(reader_of(data)).data == adts(frames)

    def test_sizes_that_are_not_all_there(self) -> None:
        """A run that claims more frames than its table has room for."""
        data, _ = fragmented(box(b"traf", OURS, full(b"trun", numbers(9, 10, 10), flags=0x200)))
        with pytest.raises(AudioError, match="larger than its place"):
            reader_of(data)

    def test_a_table_larger_than_any(self, tmp_path: Path) -> None:
        """It is not read into the memory."""
        data, at = fragmented()
        path = tmp_path / "hole.mp4"
        with path.open("w+b") as file:
            file.write(data[:at] + struct.pack(">I4s", 20 << 20, b"moof"))
            file.truncate(at + (20 << 20))
            with pytest.raises(AudioError, match="larger than any"):
                Mp4Reader(file)


def test_more_frames_than_any_track() -> None:
    """Frames of a byte: a table of them would fill the memory."""
    data, _ = fragmented(box(b"traf", full(b"tfhd", numbers(1, 1), flags=0x10), full(b"trun", numbers(5 << 20))))
    with pytest.raises(AudioError, match="more frames than any"):
        reader_of(data + bytes(6 << 20))


def test_sizes_of_no_known_width() -> None:
    """Twelve bits are no width of `stz2`."""
    odd = full(b"stsc", table(1, 12, 1, width=3)) + full(b"stz2", numbers(12, 12)) + full(b"stco", table(16))
    with pytest.raises(AudioError, match="no known width"):
        reader_of(mp4(trak(odd)))


@pytest.mark.parametrize(
    "boxes",
    [
        struct.pack(">I4s", 4, b"esds"),
        full(b"esds", descriptor(3, b"\0")),
        full(b"esds", descriptor(4, b"\0\1\0")),
        full(b"esds", b"\3\x80\x80\x80\x80\x80"),
    ],
    ids=["too short a box", "too short a descriptor", "another descriptor", "a length without end"],
)
def test_a_description_that_is_none(boxes: bytes) -> None:
    """What describes no decoder is refused as such."""
    with pytest.raises(AudioError, match="without a description"):
        reader_of(mp4(trak(tables(), entry=entry(boxes))))


def test_a_buffer_that_holds_some_frames_only(ogg_aac_play: Play) -> None:
    """A block ends where the next frame would not fit, and the next block goes on with it."""
    reader, view, sent = reader_of(mp4(trak(tables()))), memoryview(bytearray(100)), b""
    while (block := reader.fill(view, 1 << 30)).length:
        sent += view[: block.length]
    assert sent == adts(FRAMES)


def test_boxes_of_a_file_that_shrinks() -> None:
    """What was said to be there is not: a box that is no more, and a table that is cut off."""
    source = BoxFile(io.BytesIO(bytes(6)), Budget())
    assert list(source.boxes(0, 100)) == []
    with pytest.raises(AudioError, match="cut off"):
        list(source.table(Box(b"stsz", 0, 0, 1000), 0, 100))


@pytest.mark.parametrize("head", [(4).to_bytes(4) + b"free", (1).to_bytes(4) + b"free" + (15).to_bytes(8)])
def test_a_box_that_is_shorter_than_its_head(head: bytes) -> None:
    """Nothing behind it is looked for: it would be found for ever."""
    source = BoxFile(io.BytesIO(head.ljust(100, b"\0")), Budget())
    assert not list(source.boxes(0, 100))
