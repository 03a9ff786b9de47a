"""How much of a tree each scan asks: what has to be quick, and what the file system may be asked for at rest.

Pure; belongs to the thread that scans.
"""

from __future__ import annotations

from typing import Final

ALL_CHECKED: Final = 250
"""Up to so many directories, each scan asks all of them for their own time; of more, a half, so that a new file is
seen within two scans,"""
CHECKS_A_LOOK: Final = 2500
"""and never more than so many, all of them in turn."""
CALLS_A_LOOK: Final = 60
"""So many questions are put at each scan to read directories and files again, in turn: nothing else tells that a file
was changed in place."""
NETWORK_CALLS_A_S: Final = 1.0
"""What a network mount is asked at rest."""
DEAR_S: Final = 0.0002
"""A call that takes longer goes over a network, whatever the mount's kind says."""
_FIXED_CALLS: Final = 1.5
"""Of these, what each scan takes anyway: the settings file, and the root at every other scan."""
AWAKE_LOOKS: Final = 30
"""For so many looks after a change all directories are asked: where something came, more often follows."""


class Pace:
    """What one tree may be asked at one scan."""

    def __init__(self, interval_s: float) -> None:
        self.dear = False
        """Whether calls go over a network."""
        self._calls_a_look = NETWORK_CALLS_A_S * interval_s
        self._awake = AWAKE_LOOKS
        self._looks = 0
        self._check_credit = 0.0
        self._read_credit = 0.0

    def begin_look(self) -> None:
        """One more look: what is left of a dear tree's credit, but for a few looks' worth, is kept."""
        self._awake = max(0, self._awake - 1)
        self._looks += 1
        share = max(0.0, self._calls_a_look - _FIXED_CALLS) / 2
        self._check_credit = min(self._check_credit + share, 10 * self._calls_a_look)
        self._read_credit += share if self.dear else CALLS_A_LOOK
        self._read_credit = min(self._read_credit, share if self.dear else CALLS_A_LOOK)

    @property
    def root_is_due(self) -> bool:
        """Whether the station's own directory is asked at this look."""
        return not self.dear or self._awake > 0 or self._looks % 2 == 0

    def changed(self) -> None:
        """Something has changed: stay awake for a while."""
        self._awake = AWAKE_LOOKS

    def checks(self, directories: int) -> int:
        """How many of so many directories may be asked now, besides the root."""
        if self.dear and not self._awake:
            return min(int(self._check_credit), directories)
        return min(directories, max(ALL_CHECKED, (directories + 1) // 2), CHECKS_A_LOOK)

    def spend_checks(self, calls: int) -> None:
        """So many directories were asked."""
        self._check_credit = max(0.0, self._check_credit - calls)

    @property
    def may_read(self) -> bool:
        """Whether one more directory may be read again at this look."""
        return self._read_credit > 0

    def spend_read(self, calls: int) -> None:
        """A directory was read again with so many calls. A large one leaves a debt, which later looks pay off."""
        self._read_credit -= calls
