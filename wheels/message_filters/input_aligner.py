# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Messages of several inputs in one order of stamps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import RLock
from typing import Any

from builtin_interfaces.msg import Time as TimeMessage
from message_filters.simple_filter import SimpleFilter
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

# Later than any stamp: where an input stands from which nothing is awaited.
NEVER = Time.from_msg(TimeMessage(sec=2**31 - 1, nanosec=10**9 - 1))


@dataclass
class QueueStatus:
    """State of one input.

    Attributes:
        active: whether the others wait for it.
        queue_size: messages waiting.
        msgs_processed: messages put out.
        msgs_dropped: messages that came too late.
    """

    active: bool
    queue_size: int
    msgs_processed: int
    msgs_dropped: int


@dataclass
class _Input:
    """One input's waiting messages (stamp, number of arrival, message), and what was counted."""

    signal: SimpleFilter = field(default_factory=SimpleFilter)
    events: list[tuple[Time, int, Any]] = field(default_factory=list)
    next_time: Time = field(default_factory=lambda: NEVER)
    period: Duration = field(default_factory=Duration)
    active: bool = False
    arrived: int = 0
    processed: int = 0
    dropped: int = 0

    def push(self, stamp: Time, msg: Any) -> None:
        """Queue a message; equal stamps keep the order of arrival."""
        heappush(self.events, (stamp, self.arrived, msg))
        self.arrived += 1

    def first_time(self) -> Time:
        """Return the stamp of the first message, or when the next one is awaited."""
        if self.events:
            self.next_time = self.events[0][0] + self.period
            self.active = True
            return self.events[0][0]
        return self.next_time if self.active else NEVER


class InputAligner:
    """Passes on each input's messages so that stamps rise over all inputs together.

    An input that is silent holds the others back until `timeout`. There is one output per input.
    """

    def __init__(self, timeout: Duration, filters: Sequence[SimpleFilter] | None = None) -> None:
        """Align inputs.

        Args:
            timeout: for how long, in stamps, the others wait for a silent input.
            filters: the inputs; None: connect them later with `connectInput`.
        """
        self.timeout = timeout
        self.last_in_ts = Time.from_msg(TimeMessage())
        self.last_out_ts = Time.from_msg(TimeMessage())
        self.name = ''
        self.lock = RLock()
        self.event_queues: list[_Input] = []
        self.input_connections: list[tuple[SimpleFilter, int]] = []
        self.dispatch_timer: Any = None
        if filters is not None:
            self.connectInput(filters)

    def connectInput(self, filters: Sequence[SimpleFilter]) -> None:  # noqa: N802
        """Take the messages of these filters only; callbacks registered before are forgotten."""
        with self.lock:
            self.disconnectAll()
            self.event_queues = [_Input() for _ in filters]
            self.input_connections = [(source, source.registerCallback(self.add, index))
                                      for index, source in enumerate(filters)]

    def disconnectAll(self) -> None:  # noqa: N802
        """Take no more messages."""
        with self.lock:
            for source, connection in self.input_connections:
                source.unregisterCallback(connection)
            self.input_connections = []

    def registerCallback(self, index: int, callback: Callable[..., Any], *args: Any) -> int:  # noqa: N802
        """Call `callback(message, *args)` for each message of the input at this place."""
        return self.event_queues[index].signal.registerCallback(callback, *args)

    def setName(self, name: str) -> None:  # noqa: N802
        """Give this aligner a name."""
        self.name = name

    def getName(self) -> str:  # noqa: N802
        """Return the name, '' until set."""
        return self.name

    def add(self, msg: Any, queue_index: int) -> None:
        """Queue one message, or drop it where a later one has been put out already."""
        stamp = Time.from_msg(msg.header.stamp)
        with self.lock:
            queue = self.event_queues[queue_index]
            if stamp < self.last_out_ts:
                queue.dropped += 1
                return
            self.last_in_ts = max(stamp, self.last_in_ts)
            queue.push(stamp, msg)

    def setInputPeriod(self, index: int, period: Duration) -> None:  # noqa: N802
        """Tell how far apart an input's messages are: when the next one is awaited."""
        self.event_queues[index].period = period

    def getQueueStatus(self, index: int) -> QueueStatus:  # noqa: N802
        """Return an input's state."""
        queue = self.event_queues[index]
        return QueueStatus(queue.active, len(queue.events), queue.processed, queue.dropped)

    def setupDispatchTimer(self, node: Node, update_rate: Duration) -> None:  # noqa: N802
        """Call `dispatchMessages` from a timer of a node, with this time between two calls."""
        self.dispatch_timer = node.create_timer(
            update_rate.nanoseconds / 1e9, self.dispatchMessages)

    def dispatchMessages(self) -> None:  # noqa: N802
        """Put out all messages for which no input is awaited."""
        with self.lock:
            if any(queue.events for queue in self.event_queues):
                while self._dispatch_first():
                    pass

    def _dispatch_first(self) -> bool:
        """Put out the first message or give up on the first input; False: it is awaited."""
        queue = min(self.event_queues, key=lambda each: each.first_time().nanoseconds)
        if queue.events:
            self.last_out_ts, _, msg = heappop(queue.events)
            queue.processed += 1
            queue.signal.signalMessage(msg)
            return True
        if self.last_in_ts - queue.first_time() >= self.timeout:
            queue.active = False
            return True
        return False
