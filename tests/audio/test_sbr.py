"""HE-AAC is found by its bits: in real AAC-LC there is none, in blocks made with SBR data there is."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from radiostream.audio.adts import AdtsReader
from radiostream.audio.frames import AAC, Params
from radiostream.audio.mp4 import Mp4Reader
from radiostream.audio.sbr import carries_sbr, is_he_aac
from radiostream.audio.silence import silence

Encode = Callable[..., Path]

EXTENSION = {"SBR": "1101", "SBR with a CRC": "1110", "padding": "0000", "dynamic range": "1011"}


def fill_element(kind: str, count: int, rng: random.Random) -> str:
    """A fill element of so many bytes as bits."""
    size = f"{count:04b}" if count < 15 else f"1111{count - 14:08b}"
    return "110" + size + EXTENSION[kind] + f"{rng.getrandbits(8 * count - 4):0{8 * count - 4}b}"


def block(*elements: str, audio_bits: int, rng: random.Random) -> bytes:
    """A raw block of bits that stand for audio, elements and the end."""
    bits = f"{rng.getrandbits(audio_bits):0{audio_bits}b}" + "".join(elements) + "111"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def adts(blocks: list[bytes], rate_index: int = 7) -> bytes:
    """The blocks with headers, mono at 22,050 Hz."""
    words = (0xFFF1 << 40 | 1 << 38 | rate_index << 34 | 1 << 30 | 7 + len(raw) << 13 | 0x1FFC for raw in blocks)
    return b"".join(word.to_bytes(7, "big") + raw for word, raw in zip(words, blocks, strict=True))


@pytest.mark.parametrize("kind", ["SBR", "SBR with a CRC"])
@pytest.mark.parametrize("count", [2, 14, 15, 40, 200])
@pytest.mark.parametrize("padding", [0, 3, 30])
def test_sbr_is_found(kind: str, count: int, padding: int) -> None:
    """Whatever its length, and with padding behind it."""
    rng = random.Random(count)
    behind = [fill_element("padding", padding, rng)] if padding else []
    for audio_bits in range(100, 108):
        assert carries_sbr(block(fill_element(kind, count, rng), *behind, audio_bits=audio_bits, rng=rng))


def test_other_blocks_have_none() -> None:
    """Noise, padding, dynamic range control and nothing at all."""
    rng = random.Random(1)
    plain = [block(fill_element(kind, 20, rng), audio_bits=900, rng=rng) for kind in ("padding", "dynamic range") * 20]
    noise = [rng.randbytes(300) for _ in range(400)]
    assert not is_he_aac(plain)
    assert not is_he_aac(noise)
    assert sum(map(carries_sbr, noise)) < 20
    assert not is_he_aac([b"", bytes(9), b"\7"])
    assert not is_he_aac([])


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_aac_lc_has_none(rate_hz: int, channels: int, ogg_aac_encode: Encode) -> None:
    """Neither in ADTS nor in MP4, nor has our own silence."""
    data = ogg_aac_encode("adts", rate_hz=rate_hz, channels=channels).read_bytes()
    assert AdtsReader(io.BytesIO(data)).params == Params(AAC, rate_hz, channels)
    data = ogg_aac_encode("mp4", rate_hz=rate_hz, channels=channels).read_bytes()
    assert Mp4Reader(io.BytesIO(data)).params == Params(AAC, rate_hz, channels)
    view = memoryview(bytearray(1 << 16))
    frames = silence(AAC, Params(AAC, rate_hz, channels)).fill(view, rate_hz)
    assert AdtsReader(io.BytesIO(bytes(view[: frames.length]))).params.setup == ""


def test_the_rate_that_is_heard() -> None:
    """An HE-AAC file's parameters name the core's rate and tell of the one that comes out."""
    rng = random.Random(2)
    raw = [block(fill_element("SBR", 30, rng), audio_bits=1000, rng=rng) for _ in range(30)]
    reader = AdtsReader(io.BytesIO(adts(raw)))
    assert reader.params == Params(AAC, 22050, 1, "SBR")
    assert (reader.params.heard_hz, reader.tick_hz) == (44100, 22050)
    assert Params(AAC, 22050, 1).heard_hz == 22050
