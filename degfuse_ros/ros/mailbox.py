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

    Senders that send at about the same time are taken together: one whose next item is due within
    the wait, going by when its last two came, is waited for. One that falls silent is waited for
    once, one that is between two items not at all.
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
        """Wait for the senders whose next item is due."""
        wait = self._wait()
        first = min((self._last[sender] for sender in self._items), default=0.0)
        due = {sender for sender, former in self._former.items() if sender not in self._items
               and abs(2 * self._last[sender] - former - first) <= wait}
        if due:
            self._changed.wait_for(lambda: due <= self._items.keys() or not self._open,
                                   max(0.0, first + wait - time.monotonic()))
