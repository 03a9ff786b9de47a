"""The order that people expect of files: `2` before `10`, capitals like small letters, a directory in one piece.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile("0*([0-9]+)")


def natural_key(path: str) -> tuple[str, str]:
    """What to sort a path by; any string will do, equal only for equal paths."""
    folded = path.casefold().replace("/", "\0")
    return _NUMBER.sub(_with_length, folded), path


def _with_length(number: re.Match[str]) -> str:
    """Digits behind their own count, so that comparing strings compares numbers."""
    digits = number[1]
    return f"{len(digits):03}{digits}"
