"""How long the packets of Vorbis, Opus and FLAC last, told by their first bytes. Pure.

Vorbis: a packet's block is short or long, as its mode says (Vorbis I specification, 4.3.1); what it completes lasts a
quarter of both its block and the one before (1.3.2), so the first packet of a stream lasts nothing. The modes stand at
the end of the set-up header (4.2.4), and are read from there. Opus: RFC 6716, 3.1. FLAC: RFC 9639, 9.1.
"""

from __future__ import annotations

from typing import Final, Protocol

VORBIS: Final = "vorbis"
OPUS: Final = "opus"
FLAC: Final = "flac"

HEAD_BYTES: Final = 16
"""As much of a packet's begin as tells its duration."""

_SILK_TICKS: Final = (480, 960, 1920, 2880)
_CELT_TICKS: Final = (120, 240, 480, 960)

_MODE_BITS: Final = 41
"""One mode: whether its blocks are long, 16 bits of window type and 16 of transform type (both 0), 8 of mapping."""
_MOST_MODES: Final = 64
_MOST_MAPPINGS: Final = 64


class PacketClock(Protocol):
    """Tells how long each packet lasts, one after another."""

    def ticks(self, head: bytes) -> int:
        """The duration of the packet that begins with `head` (at least `HEAD_BYTES`, or all of it) and follows the
        one asked about before. Never negative; 0 for the first one of Vorbis, and for an empty packet. What is no
        audio counts as long as a packet may last, so that time passes whatever a file holds."""


class OpusClock:
    """Every packet tells for itself."""

    def ticks(self, head: bytes) -> int:
        """See `PacketClock.ticks`; at most 120 ms, as no packet may last longer (RFC 6716, 3.2.5)."""
        if not head:
            return 0
        config, code = head[0] >> 3, head[0] & 3
        if config < 12:
            frame = _SILK_TICKS[config & 3]
        else:
            frame = _SILK_TICKS[config & 1] if config < 16 else _CELT_TICKS[config & 3]
        if code < 3:
            return frame * (2 if code else 1)
        return min(5760, frame * max(1, head[1] & 63 if len(head) > 1 else 1))


class FlacClock:
    """Every packet is one frame, whose header tells its block size; at most `longest`."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def ticks(self, head: bytes) -> int:
        """See `PacketClock.ticks`."""
        return min(self._longest, _flac_block(head) or self._longest) if head else 0


def _flac_block(head: bytes) -> int:
    """The samples of a frame, 0 where that is no frame's header."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFC != 0xF8:
        return 0
    code = head[2] >> 4
    if code < 6:
        return (0, 192, 576, 1152, 2304, 4608)[code]
    if code >= 8:
        return 256 << (code - 8)
    ones = (~head[4] & 0xFF).bit_length()
    at = 4 + max(1, 8 - ones)  # behind the frame's or sample's number, coded like UTF-8
    return int.from_bytes(head[at : at + code - 5], "big") + 1


class VorbisClock:
    """Remembers the block of the packet before. `setup` is the set-up header; where its modes cannot be read, every
    block counts as long."""

    def __init__(self, short: int, long: int, setup: bytes) -> None:
        self._blocks = (short, long)
        self._modes = vorbis_modes(setup)
        self._mode_mask = (1 << (len(self._modes) - 1).bit_length()) - 1
        self._before = 0

    def ticks(self, head: bytes) -> int:
        """See `PacketClock.ticks`."""
        if not head or head[0] & 1:
            return self._blocks[1] // 2 if head else 0
        mode = head[0] >> 1 & self._mode_mask
        block = self._blocks[self._modes[mode] if mode < len(self._modes) else 1]
        ticks = (self._before + block) // 4 if self._before else 0
        self._before = block
        return ticks


def vorbis_modes(setup: bytes) -> tuple[bool, ...]:
    """For each mode whether its blocks are long; one long mode where the set-up header makes no sense.

    Read from the end, as everything in front of the modes is of any length: the framing bit, before it the modes, and
    before the first one their number less 1 in 6 bits. Bits are packed from the lowest one on.
    """
    tail = setup[-((_MOST_MODES * _MODE_BITS + 6 + 8) // 8 + 2) :]
    bits = int.from_bytes(tail, "little")
    end = bits.bit_length() - 1
    modes: list[bool] = []
    found: tuple[bool, ...] = ()
    while len(modes) < _MOST_MODES and end - _MODE_BITS >= 6:
        end -= _MODE_BITS
        mode = bits >> end & (1 << _MODE_BITS) - 1
        if mode >> 33 >= _MOST_MAPPINGS or mode >> 1 & 0xFFFFFFFF:
            break
        modes.append(bool(mode & 1))
        if (bits >> (end - 6) & 63) + 1 == len(modes):
            found = tuple(reversed(modes))
    return found or (True,)
