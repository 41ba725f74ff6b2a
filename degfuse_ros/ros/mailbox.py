# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A mailbox of one: the newest item waits for the worker, older ones are dropped."""

import threading
from typing import Generic, TypeVar

Item = TypeVar('Item')


class Mailbox(Generic[Item]):
    """Hands the newest item from one thread to another, so that latency cannot build up."""

    def __init__(self) -> None:
        """Open an empty mailbox."""
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._open = True

    def put(self, item: Item) -> bool:
        """Store an item without waiting; return True where it replaced one not yet taken."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def take(self) -> Item | None:
        """Wait for the newest item and remove it; None once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or not self._open)
            item, self._item = self._item, None
            return item if self._open else None

    def close(self) -> None:
        """Wake the waiting worker with None; items still inside are discarded."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
