"""One life for every thread of the radio that is not a client's: started, woken, guarded against bugs, stopped in time.

`Worker` runs a step again and again in a thread of its own; `Deadline` is one moment by which several things have to be
over. A client's thread has a life of its own (`http/server.py`), and so has a station's producer (`radio/station.py`),
whose wait is for a frame's time.

Signals that end the server are blocked in every thread (`app.py`). A child process inherits that, so whoever starts one
that is to be ended by SIGTERM unblocks it there, or ends it by SIGKILL.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from radiostream.clock import Clock, SystemClock

log = logging.getLogger(__name__)

REST_S: Final = 1.0
"""How long a worker rests after a step that failed, so that a bug that stays does not keep a core busy."""


class Deadline:
    """A moment by which something has to be over; may be shared by all who wait for it."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        """`seconds` from now on."""
        self._clock = clock or SystemClock()
        self._at_s = self._clock.now_s() + seconds

    @property
    def left_s(self) -> float:
        """Seconds until then; 0 once it is past."""
        return max(0.0, self._at_s - self._clock.now_s())


class Worker:
    """A thread that runs `step` again and again until it is stopped.

    `step()` does what there is to do and returns after how many seconds it wants to run again: 0 at once, None only
    when somebody wakes it. What it raises costs that step only, and is logged once until a step has worked again.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float | None],
        *,
        clock: Clock | None = None,
        last_step: bool = False,
    ) -> None:
        """`name` is the thread's. `last_step`: `step` runs once more when the worker is stopped, for what is left."""
        self.name = name
        self._step = step
        self._clock = clock or SystemClock()
        self._last_step = last_step
        self._wake = threading.Condition()  # guards _woken and stopping; nobody holds it during a step
        self._woken = False
        self.stopping = False
        """Whether the end has been asked for; a step that takes long looks here (reading one bool needs no lock)."""
        self._failed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with a first step at once."""
        self._thread.start()

    def wake(self) -> None:
        """Run a step soon, also when one runs now: what was changed before this call is seen by it. Any thread."""
        with self._wake:
            self._woken = True
            self._wake.notify_all()

    def close(self) -> None:
        """Ask for the end, and do not wait for it. Any thread."""
        with self._wake:
            self.stopping = True
            self._wake.notify_all()

    def stop(self, timeout_s: float) -> bool:
        """Ask for the end and wait for it; False, and a line that names the thread, where it hangs.

        One that hangs is left behind: it is a daemon, and ends with the process.
        """
        self.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("the thread %s does not end, it is left behind", self.name)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping:
            pause_s = self.guarded_step()
            with self._wake:
                if not self._woken and not self.stopping and pause_s != 0:
                    self._clock.wait(self._wake, pause_s)
                self._woken = False
        if self._last_step:
            self.guarded_step()

    def guarded_step(self) -> float | None:
        """One step, by hand in tests; seconds until the next one, as `step` says."""
        try:
            pause_s = self._step()
        except Exception:
            if not self._failed:
                log.exception("a step of the thread %s failed; it goes on", self.name)
            self._failed = True
            return REST_S
        self._failed = False
        return pause_s
