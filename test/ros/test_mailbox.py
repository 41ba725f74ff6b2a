# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The mailbox of one, between two threads."""

from __future__ import annotations

import threading

from degfuse_ros.ros.mailbox import Mailbox


def test_newest_wins_and_the_loss_is_told() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put(number) for number in (1, 2, 3)] == [False, True, True]
    assert mailbox.take() == 3
    assert mailbox.put(4) is False


def test_take_waits_for_an_item() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.put(7)
    thread.join(10)
    assert taken == [7]


def test_close_wakes_the_waiting_and_discards_the_rest() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.close()
    thread.join(10)
    mailbox.put(1)
    assert taken == [None] and mailbox.take() is None
