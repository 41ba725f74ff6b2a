# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The mailbox between two threads."""

from __future__ import annotations

import threading
import time

import pytest

from degfuse_ros.ros import mailbox as tested
from degfuse_ros.ros.mailbox import Mailbox

# Seconds: what a test that fails waits for.
LONG = 10.0


class Taker:
    """One `take` in a thread of its own.

    Attributes:
        taken: what it returned; empty before.
    """

    def __init__(self, mailbox: Mailbox[str, int]) -> None:
        """Begin."""
        self.taken: list[dict[str, int]] = []
        self._thread = threading.Thread(target=lambda: self.taken.append(mailbox.take()))
        self._thread.start()

    def join(self) -> dict[str, int]:
        """Return what was taken."""
        self._thread.join(2 * LONG)
        [taken] = self.taken
        return taken


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the mailbox reads, in seconds, to be changed by the test."""
    now = [0.0]
    monkeypatch.setattr(tested.time, 'monotonic', lambda: now[0])
    return now


def filled(clock: list[float], apart: float) -> Mailbox[str, int]:
    """Return an empty mailbox with a wait of LONG that two senders have put into every 1000 s.

    Args:
        clock: 3000 s from now on.
        apart: how much later the sender called rear puts than the one called front, in seconds.
    """
    mailbox: Mailbox[str, int] = Mailbox(lambda: LONG)
    for now in (1000.0, 2000.0):
        for sender, later in (('front', 0.0), ('rear', apart)):
            clock[0] = now + later
            mailbox.put(sender, 0)
    assert mailbox.take() == {'front': 0, 'rear': 0}
    clock[0] = 3000.0
    return mailbox


def test_newest_of_each_wins_and_the_loss_is_told() -> None:
    mailbox: Mailbox[str, int] = Mailbox()
    assert [mailbox.put('front', number) for number in (1, 2, 3)] == [False, True, True]
    assert mailbox.put('rear', 4) is False
    assert mailbox.take() == {'front': 3, 'rear': 4}
    assert mailbox.put('front', 5) is False


def test_take_waits_for_an_item() -> None:
    mailbox: Mailbox[str, int] = Mailbox()
    taker = Taker(mailbox)
    mailbox.put('front', 7)
    assert taker.join() == {'front': 7}


def test_close_wakes_the_waiting_and_discards_the_rest() -> None:
    mailbox: Mailbox[str, int] = Mailbox()
    taker = Taker(mailbox)
    mailbox.close()
    assert taker.join() == {}
    mailbox.put('front', 1)
    assert mailbox.take() == {}


def test_who_is_due_is_waited_for(clock: list[float]) -> None:
    mailbox = filled(clock, apart=0.9 * LONG)
    mailbox.put('front', 3)
    taker = Taker(mailbox)
    time.sleep(0.2)  # long enough to be taken alone
    assert not taker.taken
    mailbox.put('rear', 4)
    assert taker.join() == {'front': 3, 'rear': 4}


def test_who_comes_too_late_is_not_waited_for(clock: list[float]) -> None:
    mailbox = filled(clock, apart=0.9 * LONG)
    mailbox.put('front', 3)
    clock[0] += LONG
    assert mailbox.take() == {'front': 3}


@pytest.mark.parametrize('apart', [1.1 * LONG, 500.0])
def test_who_is_not_due_is_not_waited_for(clock: list[float], apart: float) -> None:
    mailbox = filled(clock, apart)
    for sender in ('front', 'rear'):
        mailbox.put(sender, 3)
        assert Taker(mailbox).join() == {sender: 3}
        clock[0] += apart


def test_who_falls_silent_is_waited_for_once(clock: list[float]) -> None:
    mailbox = filled(clock, apart=0.0)
    for number in range(3):
        mailbox.put('front', number)
        if number == 0:
            clock[0] += LONG
        assert Taker(mailbox).join() == {'front': number}
        clock[0] = 4000.0 + 1000.0 * number


def test_who_sends_at_half_the_rate_is_waited_for_at_every_second_item(
        clock: list[float]) -> None:
    mailbox: Mailbox[str, int] = Mailbox(lambda: LONG)
    for number in range(8):
        clock[0] = 1000.0 * number
        mailbox.put('front', number)
        if number % 2:
            assert Taker(mailbox).join() == {'front': number}
            continue
        taker = Taker(mailbox) if number > 2 else None
        time.sleep(0.1)  # long enough to be taken alone
        mailbox.put('rear', number)
        assert (taker or Taker(mailbox)).join() == {'front': number, 'rear': number}


def test_close_ends_the_wait_for_another(clock: list[float]) -> None:
    mailbox = filled(clock, apart=0.0)
    mailbox.put('front', 3)
    taker = Taker(mailbox)
    mailbox.close()
    assert taker.join() == {}
