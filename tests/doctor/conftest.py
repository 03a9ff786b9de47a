"""A station to compare with, and files of each format."""

from tests.playlist.conftest import cover, tagged
from tests.radio.conftest import make_studio, studio

__all__ = ["cover", "make_studio", "studio", "tagged"]
