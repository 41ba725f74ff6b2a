# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Work ahead in a thread of its own."""
from __future__ import annotations

import threading
from collections.abc import Generator
from queue import Empty, Full, Queue
from typing import Any, TypeVar

Item = TypeVar('Item')

# Seconds between two looks of a thread that cannot go on at whether it is still wanted.
_PATIENCE = 0.1

_END = object()


class _Failure:
    """What a thread ended with."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def ahead(items: Generator[Item, None, None], depth: int
          ) -> Generator[Item, None, None]:
    """Yield the items of a generator that runs in a thread, a few items ahead.

    What it raises is raised here. Where this iterator is closed, so is the generator, in its
    thread, and that ends; generators may be stacked.

    Args:
        items: from now on used by the thread alone.
        depth: how many items may wait.
    """
    queue: Queue[Any] = Queue(depth)
    unwanted = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, queue, unwanted), daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        unwanted.set()
        while thread.is_alive():  # it may hold an item for which there is no room
            try:
                queue.get_nowait()
            except Empty:
                thread.join(_PATIENCE)


def _fill(items: Generator[Any, None, None], queue: Queue, unwanted: threading.Event) -> None:
    try:
        for item in items:
            if not _put(queue, item, unwanted):
                break
        last: Any = _END
    except BaseException as error:  # it belongs to whoever takes the items
        last = _Failure(error)
    items.close()
    _put(queue, last, unwanted)


def _put(queue: Queue, item: Any, unwanted: threading.Event) -> bool:
    while not unwanted.is_set():
        try:
            queue.put(item, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False
