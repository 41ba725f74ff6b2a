# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A filter that remembers the last messages."""

from typing import Any

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import stamp_or_arrival
from rclpy.time import Time
from typing_extensions import deprecated


class Cache(SimpleFilter):
    """Keeps the last messages in order of arrival and passes each one on.

    Attributes:
        cache_msgs: the messages, first arrival first.
        cache_times: their stamps, in the same order.
    """

    def __init__(
        self, f: SimpleFilter, cache_size: int = 1, allow_headerless: bool = False,
    ) -> None:
        """Remember messages of `f`.

        Args:
            f: the input.
            cache_size: number of messages to keep; the first to arrive goes first.
            allow_headerless: store a message without header under the ROS time of its arrival.
        """
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self.cache_msgs: list[Any] = []
        self.cache_times: list[Time] = []
        self.connectInput(f)

    def connectInput(self, f: SimpleFilter) -> None:  # noqa: N802
        """Take the messages of `f`."""
        self.incoming_connection = f.registerCallback(self.add)

    def add(self, msg: Any) -> None:
        """Store one message and pass it on."""
        stamp = stamp_or_arrival(msg, self.allow_headerless, 'message_filters_cache')
        if stamp is None:
            return
        self.cache_times.append(stamp)
        self.cache_msgs.append(msg)
        if len(self.cache_msgs) > self.cache_size:
            del self.cache_times[0], self.cache_msgs[0]
        self.signalMessage(msg)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:  # noqa: N802
        """Return the messages with stamps from one time to another, both included."""
        assert from_stamp <= to_stamp
        return [msg for msg, time in zip(self.cache_msgs, self.cache_times, strict=True)
                if from_stamp <= time <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any:  # noqa: N802
        """Return the first message to arrive with a stamp at or after a time, or None."""
        pairs = zip(self.cache_msgs, self.cache_times, strict=True)
        return next((msg for msg, time in pairs if time >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any:  # noqa: N802
        """Return the last message to arrive with a stamp at or before a time, or None."""
        pairs = zip(reversed(self.cache_msgs), reversed(self.cache_times), strict=True)
        return next((msg for msg, time in pairs if time <= stamp), None)

    def getLatestTime(self) -> Time | None:  # noqa: N802
        """Return the stamp of the last message to arrive, None while empty."""
        return self.cache_times[-1] if self.cache_times else None

    @deprecated('use getLatestTime')
    def getLastestTime(self) -> Time | None:  # noqa: N802
        """Return what `getLatestTime` returns; its name up to Jazzy."""
        return self.getLatestTime()

    def getOldestTime(self) -> Time | None:  # noqa: N802
        """Return the stamp of the first message to arrive, None while empty."""
        return self.cache_times[0] if self.cache_times else None

    def getLast(self) -> Any:  # noqa: N802
        """Return the first message that is as late as the last one to arrive, None while empty."""
        latest = self.getLatestTime()
        return None if latest is None else self.getElemAfterTime(latest)
