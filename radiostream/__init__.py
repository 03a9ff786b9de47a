"""radiostream: directories of audio files become synchronised radio stations."""

__version__ = "1.0.0"
