"""The inbox: what is posted before and after the end, withdrawn, or raises."""

from __future__ import annotations

import math

import pytest

from radiostream.radio.inbox import Inbox
from tests.radio.studio import FakeClock


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(FakeClock())


def test_a_command_is_obeyed_once(inbox: Inbox) -> None:
    """Its result is in the future, and the owner goes on."""
    future = inbox.post(lambda: 7)
    assert inbox.obey_until(math.inf)
    assert future.result(0) == 7
    assert not inbox.obey_until(0.0)


def test_what_is_posted_after_the_end_is_cancelled(inbox: Inbox) -> None:
    """So is what waited when it came; the owner is told of the end."""
    before = inbox.post(lambda: 1)
    inbox.close()
    after = inbox.post(lambda: 2)
    assert before.cancelled()
    assert after.cancelled()
    assert inbox.obey_until(math.inf)


def test_a_withdrawn_command_is_not_obeyed(inbox: Inbox) -> None:
    """Whoever gave up waiting for a skip does not get it later."""
    obeyed: list[int] = []
    inbox.post(lambda: obeyed.append(1)).cancel()
    assert inbox.obey_until(math.inf)
    assert obeyed == []


@pytest.mark.parametrize("only_reads", [False, True])
def test_a_command_that_raises(inbox: Inbox, only_reads: bool) -> None:
    """The exception is in the future; the owner meets it, unless the command only reads."""
    future = inbox.post(lambda: 1 // 0, only_reads=only_reads)
    if only_reads:
        assert inbox.obey_until(math.inf)
    else:
        with pytest.raises(ZeroDivisionError):
            inbox.obey_until(math.inf)
    assert isinstance(future.exception(0), ZeroDivisionError)
