"""For all tests: how long an example takes says nothing on a machine that is busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("radiostream", deadline=None)
settings.load_profile("radiostream")
