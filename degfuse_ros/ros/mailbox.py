# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Places of one: the newest item of each sender waits for the worker, older ones are dropped."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Sender = TypeVar('Sender', bound=Hashable)
Item = TypeVar('Item')


class Mailbox(Generic[Sender, Item]):
    """Hands the newest items from one thread to another, so that latency cannot build up.

    Senders that send in step are taken together: a sender whose last item came within the wait of
    the other's last is expected to do so again, and is waited for. One that falls silent is
    waited for once, one that runs at its own pace never.
    """

    def __init__(self, wait: Callable[[], float] = lambda: 0.0) -> None:
        """Open an empty mailbox.

        Args:
            wait: returns how long after an item another may come to be taken with it, in seconds.
        """
        self._wait = wait
        self._changed = threading.Condition()
        self._items: dict[Sender, Item] = {}
        self._last: dict[Sender, float] = {}  # when each sent its last item
        self._former: dict[Sender, float] = {}  # and the one before
        self._open = True

    def put(self, sender: Sender, item: Item) -> bool:
        """Store an item without waiting; return True where it replaced one not yet taken."""
        with self._changed:
            replaced = sender in self._items
            self._items[sender] = item
            if sender in self._last:
                self._former[sender] = self._last[sender]
            self._last[sender] = time.monotonic()
            self._changed.notify()
        return replaced

    def take(self) -> dict[Sender, Item]:
        """Wait for items and remove the newest of each sender; empty once the mailbox is closed.

        Returns:
            Items by sender, the one that came first in front.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or not self._open)
            self._wait_for_company()
            items, self._items = self._items, {}
            return items if self._open else {}

    def close(self) -> None:
        """Wake the waiting worker with nothing; items still inside are discarded."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _wait_for_company(self) -> None:
        """Wait for the senders that keep step with one whose item is there."""
        wait = self._wait()
        expected = {other for other, last in self._last.items() if other not in self._items
                    and any(abs(last - self._former[sender]) <= wait
                            for sender in self._items if sender in self._former)}
        if expected:
            deadline = min(self._last[sender] for sender in self._items) + wait
            self._changed.wait_for(
                lambda: expected <= self._items.keys() or not self._open,
                max(0.0, deadline - time.monotonic()))
