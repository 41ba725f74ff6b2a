# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The base of all filters: an output that callbacks connect to."""

from collections.abc import Callable
from itertools import count
from typing import Any


class SimpleFilter:
    """Something that puts out messages, one or several at a time.

    Attributes:
        callbacks: connection number to (callback, extra arguments), in order of registration.
    """

    def __init__(self) -> None:
        """Start with nothing connected."""
        self.callbacks: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self._connection_numbers = count()

    def registerCallback(self, cb: Callable[..., Any], *args: Any) -> int:  # noqa: N802
        """Call `cb(*messages, *args)` on every output; returns the number of the connection."""
        connection = next(self._connection_numbers)
        self.callbacks[connection] = (cb, args)
        return connection

    def unregisterCallback(self, conn: int) -> None:  # noqa: N802
        """Disconnect the callback that `registerCallback` gave this number; unknown: no effect."""
        self.callbacks.pop(conn, None)

    def signalMessage(self, *msg: Any) -> None:  # noqa: N802
        """Put out messages: call every callback, in the thread of the caller."""
        for callback, extra in list(self.callbacks.values()):
            callback(*msg, *extra)
