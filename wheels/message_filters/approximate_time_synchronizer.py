# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Synchronisation of messages whose stamps are close."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import stamp_or_arrival
from message_filters.time_synchronizer import TimeSynchronizer
from rclpy.clock import ROSClock
from rclpy.duration import Duration


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Puts out one message of every input together when their stamps differ by less than the slop.

    Greedy: a new message takes the closest waiting stamps at once, so leftovers may match later
    and the output can go back in time. A difference equal to the slop does not match; a slop of 0
    never matches.
    """

    def __init__(
        self, fs: Sequence[SimpleFilter], queue_size: int, slop: float,
        queue_offset: Sequence[int] | bool = False, allow_headerless: bool = False,
        sync_arrival_time: bool = False,
    ) -> None:
        """Synchronise the outputs of `fs`.

        Pass three positional arguments at most: up to Jazzy the fourth is `allow_headerless`.

        Args:
            fs: the inputs; the callbacks' arguments come in this order.
            queue_size: messages waiting per input; beyond it the smallest stamp is dropped.
            slop: seconds that the stamps of one set differ by less than.
            queue_offset: per input, nanoseconds taken off the stamps of waiting messages; False:
                none. A message just arrived counts with its own stamp, so a set completes only
                on an input whose offset is 0.
            allow_headerless: a message without header counts with the ROS time of its arrival.
            sync_arrival_time: every message counts with the ROS time of its arrival.
        """
        self.slop = Duration(seconds=slop)
        self.queue_offset = queue_offset
        self.allow_headerless = allow_headerless
        self.sync_arrival_time = sync_arrival_time
        super().__init__(fs, queue_size)

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Sort one message in, and put out the closest set that it completes.

        Args:
            msg: the message; without a stamp it is dropped unless `allow_headerless`.
            my_queue: the queue of its input.
            my_queue_index: the input's place; None: the message may belong to any.
        """
        if self.sync_arrival_time:
            stamp = ROSClock().now()
        else:
            stamp = stamp_or_arrival(msg, self.allow_headerless, 'message_filters_approx')
        if stamp is None:
            return
        offset = 0
        if my_queue_index is not None and not isinstance(self.queue_offset, bool):
            offset = self.queue_offset[my_queue_index]
        # No try/finally: see TimeSynchronizer.add.
        self.lock.acquire()
        self._store(my_queue, stamp.nanoseconds - offset, msg)
        times = self._closest_set(stamp.nanoseconds, offset, my_queue_index)
        if times is not None:
            self._put_out(times)
        self.lock.release()

    def _closest_set(
        self, stamp: int, offset: int, my_queue_index: int | None,
    ) -> Sequence[int] | None:
        """Return one time per queue (all in nanoseconds) for a new message; None: no set yet.

        Args:
            stamp: the new message's stamp.
            offset: what its queue takes off stamps.
            my_queue_index: its queue; None: any.
        """
        time = stamp - offset
        slop = self.slop.nanoseconds
        candidates: list[list[int]] = []
        for index, queue in enumerate(self.queues):
            if index == my_queue_index:
                # Dropped at once when it is older than a full queue: then there is no set.
                near = [stamp] if stamp in queue else []
            else:
                near = sorted((other for other in queue if abs(other - time) <= slop),
                              key=lambda other: abs(other - time))
            if not near:
                return None
            candidates.append(near)
        return next((times for times in product(*candidates) if max(times) - min(times) < slop),
                    None)
