"""Questions to file systems that may never answer: asked in a thread of their own, which is left behind with one that
hangs, so that all others are asked all the same.

`run` belongs to one thread (the library's), which waits here, and alone takes the answers. The thread "scan" asks;
there is one of it, and one more for each question that hangs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HANG_S: Final = 2.5
"""A question that makes no progress for so long hangs; with the 2 s between looks that is told in less than 5 s."""
_LOOKS_AT_PROGRESS: Final = 12
"""In that time."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One question, and how to tell that its answer is coming along."""

    key: str
    ask: Callable[[], Any]
    progress: Callable[[], int] = lambda: 0
    """Another number whenever a step further has been made."""
    about: object = None

    def is_about(self, thing: object) -> bool:
        """Whether the question was about this very thing."""
        return self.about is thing


class Lookout:
    """Asks the file system in a thread that may be left behind; any thread may take what it has found."""

    def __init__(self, hang_s: float = HANG_S) -> None:
        self._hang_s = hang_s
        self._ready = threading.Condition()  # guards _answers, _helper and what its helpers hold; not held while asking
        self._answers: deque[tuple[Task, Any]] = deque()
        self._helper: _Helper | None = None

    def run(self, tasks: Sequence[Task], take: Callable[[Task, Any], None]) -> list[Task]:
        """Ask all, in order; `take(task, answer)` is called for each by the calling thread, also for those that hung in
        an earlier run and have answered since. An answer is an exception where `ask` raised one. The tasks that hang
        are returned; they are answered in a later run."""
        hung: list[Task] = []
        self._hand_out(tasks)
        seen: tuple[Task | None, int] = None, 0
        since_s = time.monotonic()
        while True:
            with self._ready:
                helper = self._helper
                idle = helper is None or self._ready.wait_for(helper.is_idle, self._hang_s / _LOOKS_AT_PROGRESS)
                answers, self._answers = self._answers, deque()
                current = helper.current if helper and not idle else None
            for task, answer in answers:
                take(task, answer)
            if idle:
                return hung
            place = current, current.progress() if current else 0
            if place != seen:
                seen, since_s = place, time.monotonic()
            elif current is not None and time.monotonic() - since_s >= self._hang_s and self._leave_behind(current):
                hung.append(current)

    def close(self) -> None:
        """End the thread, once what it asks now is answered."""
        with self._ready:
            if self._helper is not None:
                self._helper.leaves = True
                self._helper.todo.clear()
            self._ready.notify_all()

    def _hand_out(self, tasks: Sequence[Task]) -> None:
        with self._ready:
            if tasks:
                if self._helper is None:
                    self._helper = _Helper(self._ready, self._answers_of)
                self._helper.todo.extend(tasks)
                self._ready.notify_all()

    def _answers_of(self, task: Task, answer: Any) -> None:
        """A helper's thread, which holds `_ready`."""
        self._answers.append((task, answer))

    def _leave_behind(self, task: Task) -> bool:
        """Give what is left to another thread; False where `task` has been answered in the meantime."""
        with self._ready:
            helper = self._helper
            if helper is None or helper.current is not task:
                return False
            rest, helper.todo, helper.leaves = helper.todo, deque(), True
            self._helper = None
        self._hand_out(rest)
        return True


class _Helper:
    """A thread that asks."""

    def __init__(self, ready: threading.Condition, answer: Callable[[Task, Any], None]) -> None:
        self.todo: deque[Task] = deque()
        self.current: Task | None = None
        self.leaves = False
        """Whether the thread is to end once `current` is answered."""
        self._ready = ready  # guards all of the above
        self._answer = answer
        threading.Thread(target=self._run, name="scan", daemon=True).start()

    def is_idle(self) -> bool:
        """Whether everything is answered. Needs `_ready`."""
        return not self.todo and self.current is None

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                answer = task.ask()
            except Exception as error:  # the library reports it
                answer = error
            with self._ready:
                self._answer(task, answer)
                self.current = None
                if not self.todo:
                    self._ready.notify_all()

    def _next(self) -> Task | None:
        with self._ready:
            self._ready.wait_for(lambda: self.todo or self.leaves)
            self.current = self.todo.popleft() if self.todo and not self.leaves else None
            return self.current
