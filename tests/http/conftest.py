"""Stations for the listeners' tests."""

from __future__ import annotations

from tests.radio.conftest import make_studio, studio

__all__ = ["make_studio", "studio"]
