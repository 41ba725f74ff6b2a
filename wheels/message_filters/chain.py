# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Filters one after another, held as one."""

from typing import Any

from message_filters.simple_filter import SimpleFilter


class Chain(SimpleFilter):
    """Passes each message through a row of filters; puts out what the last one puts out."""

    def __init__(self, message_filter: SimpleFilter | None = None) -> None:
        """Start an empty chain.

        Args:
            message_filter: the input; None: connect one later with `connectInput`, or call `add`.
        """
        super().__init__()
        self.incoming_connection: int | None = None
        self._filters: dict[int, Any] = {}
        self._last_connection = 0
        if message_filter is not None:
            self.connectInput(message_filter)

    def connectInput(self, message_filter: SimpleFilter) -> None:  # noqa: N802
        """Take the messages of a filter.

        Raises:
            RuntimeError: an input is connected already.
        """
        if self.incoming_connection is not None:
            raise RuntimeError('this Chain has an input already; make a new one')
        self.incoming_connection = message_filter.registerCallback(self.add)

    def add(self, message: Any) -> None:
        """Send a message into the first filter, or straight out of an empty chain."""
        if self._filters:
            self._filters[0].add(message)
        else:
            self.signalMessage(message)

    def addFilter(self, message_filter: Any) -> None:  # noqa: N802
        """Put a filter (a SimpleFilter with an `add` method) behind the last one."""
        if self._filters:
            last = self._filters[len(self._filters) - 1]
            last.unregisterCallback(self._last_connection)
            last.registerCallback(message_filter.add)
        self._filters[len(self._filters)] = message_filter
        self._last_connection = message_filter.registerCallback(self.signalMessage)

    def getFilter(self, index: int) -> Any:  # noqa: N802
        """Return the filter at this place, counted from 0; KeyError: there is none."""
        return self._filters[index]
