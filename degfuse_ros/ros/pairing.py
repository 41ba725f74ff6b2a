# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pair visible and thermal images by their stamps.

message_filters' synchroniser does the matching. Around it: bad images never reach it, it is
built anew when stamps jump back or its parameters change, and its callback, which runs while its
lock is held, only hands the pair on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import message_filters
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from degfuse_ros.camera import decoding
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros import images
from degfuse_ros.ros.pair import NANOSECONDS, Pair, stamp_of
from degfuse_ros.ros.parameter_table import Values
from degfuse_ros.ros.qos import input_profile, subscription_options
from degfuse_ros.ros.statistics import Statistics

TOPICS = ('visible', 'thermal')


class Pairing:
    """Subscribes to both image topics and delivers pairs, the visible stamps ever rising."""

    def __init__(self, node: Node, parameters: Values, statistics: Statistics,
                 deliver: Callable[[Pair], None], prefix: str = '') -> None:
        """Subscribe.

        Args:
            node: to subscribe with.
            parameters: sync_slop and sync_queue_size are read at every image.
            statistics: told of every image and pair.
            deliver: takes each pair; must return at once and never raise.
            prefix: of the topics, as 'front/'.
        """
        self._node = node
        self._parameters = parameters
        self._statistics = statistics
        self._deliver = deliver
        self._prefix = prefix
        self._rebuild()
        self._subscribers: dict[str, message_filters.Subscriber] = {}
        try:
            for topic in TOPICS:
                self._subscribers[topic] = self._subscribe(topic)
        except Exception:  # an override that names no QoS: leave no half of a pair behind
            self.close()
            raise

    def topic_name(self, topic: str) -> str:
        """Return the full name of 'visible' or 'thermal', remaps applied."""
        return self._subscribers[topic].sub.topic_name

    def close(self) -> None:
        """Unsubscribe."""
        for subscriber in self._subscribers.values():
            self._node.destroy_subscription(subscriber.sub)

    def _subscribe(self, topic: str) -> message_filters.Subscriber:
        name = f'{self._prefix}{topic}/image'
        kind: type = Image
        if self._parameters.value(f'{topic}_transport') == 'compressed':
            name, kind = images.compressed_topic(self._node, name), CompressedImage
        options = subscription_options(
            self._node.resolve_topic_name(name), partial(self._statistics.notice, topic))
        subscriber = message_filters.Subscriber(
            self._node, kind, name, qos_profile=input_profile(), **options)
        subscriber.registerCallback(partial(self._on_image, topic))
        return subscriber

    def _settings(self) -> tuple[int, float]:
        return self._parameters.value('sync_queue_size'), self._parameters.value('sync_slop')

    def _rebuild(self) -> None:
        """Start with an empty synchroniser: stamps of another time would block it for ever."""
        self._inlets = {topic: message_filters.SimpleFilter() for topic in TOPICS}
        self._built_with = self._settings()
        # The fourth argument changed its meaning between releases: pass three.
        synchronizer = message_filters.ApproximateTimeSynchronizer(
            list(self._inlets.values()), *self._built_with)
        synchronizer.registerCallback(self._on_pair)
        self._last_stamps: dict[str, int] = {}
        self._last_delivered: int | None = None

    def _on_image(self, topic: str, message: Image | CompressedImage) -> None:
        """Let a good image through to the synchroniser, count a bad one."""
        self._statistics.arrived(topic)
        try:
            _check_stamp(message)
            decoding.check(message)
        except ImageError as error:
            self._statistics.dropped(f'{topic}.{error.kind}', str(error))
            return
        stamp = stamp_of(message)
        if stamp < self._last_stamps.get(topic, stamp):
            self._statistics.jumped(topic)
            self._rebuild()
        elif self._settings() != self._built_with:
            self._rebuild()
        self._last_stamps[topic] = stamp
        self._statistics.accepted(topic, stamp)
        try:
            self._inlets[topic].signalMessage(message)
        except Exception as error:  # it would leave the executor and end the process
            self._rebuild()  # the synchroniser does not release its lock when it fails
            self._statistics.dropped(
                f'{topic}.pairing', f'the synchroniser failed ({type(error).__name__}: '
                f'{" ".join(str(error).split())}) and was built anew. Look at what this publisher '
                'stamps its images with')

    def _on_pair(self, visible: Any, thermal: Any) -> None:
        """Hand a pair on, unless a newer one was: leftovers of the queues can match late."""
        pair = Pair(visible, thermal)
        self._statistics.paired(pair.offset)
        if self._last_delivered is not None and pair.stamp < self._last_delivered:
            self._statistics.dropped('out_of_order')
            return
        self._last_delivered = pair.stamp
        self._deliver(pair)


def _check_stamp(message: Image | CompressedImage) -> None:
    """Keep stamps out that say nothing, or that rclpy's time cannot hold.

    The fields are checked, not their sum: rclpy refuses -1 s though enough nanoseconds follow.

    Raises:
        ImageError: the stamp is zero, its seconds are negative, or its nanoseconds are a second
            or more.
    """
    stamp = message.header.stamp
    if stamp.sec == 0 and stamp.nanosec == 0:
        raise ImageError('zero_stamp', 'header.stamp is zero, so it cannot be paired. '
                         'Let the camera driver fill header.stamp')
    if stamp.sec < 0 or stamp.nanosec >= NANOSECONDS:
        raise ImageError('bad_stamp', f'header.stamp is {stamp.sec} s and {stamp.nanosec} ns. Let '
                         'the camera driver fill header.stamp with a time after 1970 and less '
                         f'than {NANOSECONDS} ns')
