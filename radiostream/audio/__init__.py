"""Bytes to frames: pure readers of audio files. No clock, no thread, no socket."""
