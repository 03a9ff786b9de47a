"""A model of a player: waits for a second of audio, then plays in real time, and stops where the audio runs out.

Knows bytes and times only; the bench uses constant bitrates, so that bytes are time. One call for a read, no
allocation: ten thousand of these are served by one thread.
"""

from __future__ import annotations


class Player:
    """Times are monotonic seconds; `buffered_s` is only kept while the player waits."""

    __slots__ = ("buffered_s", "empty_at_s", "playing", "s_per_byte", "start_s", "underruns")

    def __init__(self, kbps: int, start_s: float = 1.0) -> None:
        self.s_per_byte = 8 / (kbps * 1000)
        self.start_s = start_s
        self.buffered_s = 0.0
        self.empty_at_s = 0.0
        self.playing = False
        self.underruns = 0

    def receive(self, count: int, now_s: float) -> None:
        """`count` bytes of audio arrived at `now_s`."""
        self.look(now_s)
        if self.playing:
            self.empty_at_s += count * self.s_per_byte
            return
        self.buffered_s += count * self.s_per_byte
        if self.buffered_s >= self.start_s:
            self.playing = True
            self.empty_at_s = now_s + self.buffered_s

    def look(self, now_s: float) -> None:
        """Notice that the audio has run out by `now_s`: one underrun, and the player waits for a second anew."""
        if self.playing and now_s > self.empty_at_s:
            self.underruns += 1
            self.playing = False
            self.buffered_s = 0.0
