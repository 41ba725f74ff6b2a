# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Messages of one input in order of their stamps."""

from bisect import insort_right
from threading import Lock
from typing import Any

from builtin_interfaces.msg import Time as TimeMessage
from message_filters.simple_filter import SimpleFilter
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time


def _as_duration(duration: Duration | float) -> Duration:
    """Return a duration given as such or in seconds."""
    return duration if isinstance(duration, Duration) else Duration(seconds=duration)


class TimeSequencer(SimpleFilter):
    """Holds messages back for a while and puts them out sorted by their stamps.

    What comes in with a stamp before the last one put out is dropped.

    Attributes:
        messages: what is held back: (stamp, message), smallest stamp first.
    """

    def __init__(
        self, input_filter: SimpleFilter | None, delay: Duration | float,
        update_rate: Duration | float, queue_size: int, node: Node,
        msg_stamp_attr: str = 'header.stamp',
    ) -> None:
        """Sort the output of a filter.

        Args:
            input_filter: the input; None: connect one later with `connectInput`.
            delay: how old a stamp must be before its message goes out; a number: seconds.
            update_rate: time between two looks at what is due; a number: seconds.
            queue_size: messages to hold back, beyond it the smallest stamp goes; 0: any number.
            node: owner of the timer, and the clock.
            msg_stamp_attr: dotted name of the builtin_interfaces Time in the message.
        """
        super().__init__()
        self.delay = _as_duration(delay)
        self.update_rate = _as_duration(update_rate)
        self.queue_size = queue_size
        self.lock = Lock()
        self.messages: list[tuple[Time, Any]] = []
        self.last_time = Time.from_msg(TimeMessage())
        self.node = node
        self.msg_stamp_attrs = msg_stamp_attr.split('.')
        self.incoming_connection: int | None = None
        self.update_timer = node.create_timer(self.update_rate.nanoseconds / 1e9, self._dispatch)
        if input_filter is not None:
            self.connectInput(input_filter)

    def connectInput(self, input_filter: SimpleFilter) -> None:  # noqa: N802
        """Take the messages of a filter.

        Raises:
            RuntimeError: an input is connected already.
        """
        if self.incoming_connection is not None:
            raise RuntimeError('this TimeSequencer has an input already; make a new one')
        self.incoming_connection = input_filter.registerCallback(self._add)

    def shutdown(self) -> None:
        """Stop the timer."""
        self.update_timer.cancel()
        self.node.destroy_timer(self.update_timer)

    def _add(self, msg: Any) -> None:
        """Hold one message back."""
        stamp: Any = msg
        for name in self.msg_stamp_attrs:
            stamp = getattr(stamp, name, None)
        if stamp is None:
            self.node.get_logger().warning(
                f'dropped a {type(msg).__name__}: it has no {".".join(self.msg_stamp_attrs)}')
            return
        if not isinstance(stamp, TimeMessage):
            raise TypeError(f'{".".join(self.msg_stamp_attrs)} of {type(msg).__name__} is a '
                            f'{type(stamp).__name__}; it has to be a builtin_interfaces Time')
        time = Time.from_msg(stamp)
        with self.lock:
            if time < self.last_time:
                return
            insort_right(self.messages, (time, msg), key=lambda held: held[0])
            if self.queue_size != 0 and len(self.messages) > self.queue_size:
                del self.messages[0]

    def _dispatch(self) -> None:
        """Put out what is due."""
        newest = self.node.get_clock().now().nanoseconds - self.delay.nanoseconds
        with self.lock:
            due = [held for held in self.messages if held[0].nanoseconds <= newest]
            del self.messages[:len(due)]
            if due:
                self.last_time = due[-1][0]
        for _, msg in due:
            self.signalMessage(msg)
