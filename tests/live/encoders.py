"""What streams for the tests are encoded with."""

from __future__ import annotations

ENCODERS = {
    "mp3": ("mp3", "-ac 2 -ar 44100 -c:a libmp3lame -b:a 128k -f mp3"),
    "mp3-mono": ("mp3", "-ac 1 -ar 22050 -c:a libmp3lame -b:a 64k -f mp3"),
    "aac": ("aac", "-ac 2 -ar 44100 -c:a aac -b:a 96k -f adts"),
    "vorbis": ("ogg", "-ac 2 -ar 44100 -c:a libvorbis -q:a 3 -f ogg"),
    "opus": ("ogg", "-ac 2 -c:a libopus -b:a 64k -f ogg"),
    "flac": ("ogg", "-ac 2 -ar 44100 -c:a flac -f ogg"),
}
"""Name to family and ffmpeg's options."""
SECONDS = 12
