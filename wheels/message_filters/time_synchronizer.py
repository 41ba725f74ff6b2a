# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Synchronisation of messages whose stamps are equal."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import stamp_of


class TimeSynchronizer(SimpleFilter):
    """Puts out one message of every input together when all have the same stamp.

    Once a set is out, older messages are dropped: sets never go back in time.

    Attributes:
        queues: per input, stamp in nanoseconds to waiting message.
        lock: held while a message is sorted in and while callbacks run.
    """

    def __init__(self, fs: Sequence[SimpleFilter], queue_size: int) -> None:
        """Synchronise the outputs of `fs`.

        Args:
            fs: the inputs; the callbacks' arguments come in this order.
            queue_size: messages waiting per input; beyond it the smallest stamp is dropped.
        """
        super().__init__()
        self.queue_size = queue_size
        self.lock = Lock()
        self.queues: list[dict[int, Any]] = []
        self.input_connections: list[int] = []
        self.connectInput(fs)

    def connectInput(self, fs: Sequence[SimpleFilter]) -> None:  # noqa: N802
        """Take the messages of `fs` into new, empty queues."""
        self.queues = [{} for _ in fs]
        self.input_connections = [
            source.registerCallback(self.add, queue, index)
            for index, (source, queue) in enumerate(zip(fs, self.queues, strict=True))]

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Sort one message in, and put out the set that it completes.

        Args:
            msg: the message; it must have a stamp.
            my_queue: the queue of its input.
            my_queue_index: not used here; the base of other policies.

        Raises:
            ValueError: the message has no header.stamp.
        """
        stamp = stamp_of(msg)
        if stamp is None:
            raise ValueError(
                f'got a {type(msg).__name__} without header.stamp; '
                'use ApproximateTimeSynchronizer with allow_headerless=True')
        # No try/finally, as in the real module: a callback that raises leaves the lock held, and
        # code that survives that only with this stand-in would stall on a robot.
        self.lock.acquire()
        self._store(my_queue, stamp.nanoseconds, msg)
        if all(stamp.nanoseconds in queue for queue in self.queues):
            self._put_out([stamp.nanoseconds] * len(self.queues))
            for queue in self.queues:
                for old in [time for time in queue if time < stamp.nanoseconds]:
                    del queue[old]
        self.lock.release()

    def _store(self, queue: dict[int, Any], time: int, msg: Any) -> None:
        """Queue a message under its time in nanoseconds; beyond the size the smallest goes."""
        queue[time] = msg
        while len(queue) > self.queue_size:
            del queue[min(queue)]

    def _put_out(self, times: Sequence[int]) -> None:
        """Put out the messages at these times (nanoseconds, one per queue), then forget them."""
        self.signalMessage(
            *(queue[time] for queue, time in zip(self.queues, times, strict=True)))
        for queue, time in zip(self.queues, times, strict=True):
            del queue[time]
