# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pair visible and thermal images by their stamps.

The matcher does the pairing. Around it: bad images never reach it, it is made anew when its
parameters change, and where one camera is gone the images of the other are delivered alone.
"""

import time
from collections.abc import Callable
from functools import partial

import message_filters
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from degfuse_ros.camera import decoding
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.motion_sample import motion_sample
from degfuse_ros.camera.time_offset import TimeOffset
from degfuse_ros.ros import images
from degfuse_ros.ros.lost_camera import LostCamera
from degfuse_ros.ros.matcher import Match, Matcher, MatcherSettings
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.parameter_table import Values
from degfuse_ros.ros.qos import input_profile, subscription_options
from degfuse_ros.ros.stamps import NANOSECONDS, check_stamp, stamp_of
from degfuse_ros.ros.statistics import Statistics

TOPICS = ('visible', 'thermal')

# A stamp this far ahead of the node's clock is told of, in nanoseconds: more than clocks that are
# synchronised at all differ by, and less than anybody would take for latency.
AHEAD = NANOSECONDS

# Seconds between two estimates of the offset, which look at the last twenty. One takes some
# milliseconds in the thread that receives images: once a second that was one frame in sixty.
ESTIMATE_PERIOD = 5.0


class Pairing:
    """Subscribes to both image topics and delivers pairs, the visible stamps ever rising."""

    def __init__(self, node: Node, parameters: Values, statistics: Statistics,
                 deliver: Callable[[Pair], None], prefix: str = '') -> None:
        """Subscribe.

        Args:
            node: to subscribe with.
            parameters: those of MatcherSettings, lost_camera and lost_after are read at every
                image, the transports at `update`.
            statistics: told of every image and pair.
            deliver: takes each pair, and each image that is alone since the other camera is
                gone; must return at once and never raise.
            prefix: of the topics, as 'front/'.
        """
        self._node = node
        self._parameters = parameters
        self._statistics = statistics
        self._deliver = deliver
        self._prefix = prefix
        self._lost = LostCamera()
        self._time_offset = TimeOffset()
        self._estimate_due = 0.0
        self._matcher = self._new_matcher()
        self._transports: dict[str, str] = {}
        self._subscribers: dict[str, message_filters.Subscriber] = {}
        try:
            self.update()
        except Exception:  # an override that names no QoS: leave no half of a pair behind
            self.close()
            raise

    def update(self) -> None:
        """Subscribe where the parameters now name another transport.

        Raises:
            Exception: there was no subscription before, and a QoS override names no QoS.
        """
        for topic in TOPICS:
            transport = self._parameters.value(f'{topic}_transport')
            if self._transports.get(topic) == transport:
                continue
            self._transports[topic] = transport
            former = self._subscribers.get(topic)
            try:
                self._subscribers[topic] = self._subscribe(topic, transport)
            except Exception as error:  # an override of this transport's topic that names no QoS
                if former is None:
                    raise
                self._statistics.notice(topic, f'{topic}_transport {transport} cannot be had: '
                                        f'{" ".join(str(error).split())}. Images of the former '
                                        'transport are still taken')
                continue
            if former is not None:
                self._node.destroy_subscription(former.sub)

    def topic_name(self, topic: str) -> str:
        """Return the full name of 'visible' or 'thermal', remaps applied."""
        return self._subscribers[topic].sub.topic_name

    def close(self) -> None:
        """Unsubscribe."""
        for subscriber in self._subscribers.values():
            self._node.destroy_subscription(subscriber.sub)

    def release(self) -> None:
        """Deliver images that still wait for a nearer partner though no more of them come."""
        if self._lost.silent('visible', time.monotonic(), self._parameters.value('lost_after')):
            self._deliver_matches(self._matcher.flush())

    def estimate_offset(self) -> None:
        """Tell the statistics what motion in both streams says of thermal_time_offset.

        May be asked for at every report: it looks again only once it can have changed.
        """
        now = time.monotonic()
        if now < self._estimate_due:
            return
        self._estimate_due = now + ESTIMATE_PERIOD
        self._statistics.estimated(self._time_offset.estimate(
            self._parameters.value('thermal_time_offset')))

    def _subscribe(self, topic: str, transport: str) -> message_filters.Subscriber:
        name = f'{self._prefix}{topic}/image'
        kind: type = Image
        if transport == 'compressed':
            name, kind = images.compressed_topic(self._node, name), CompressedImage
        options = subscription_options(
            self._node.resolve_topic_name(name), partial(self._statistics.notice, topic))
        subscriber = message_filters.Subscriber(
            self._node, kind, name, qos_profile=input_profile(), **options)
        subscriber.registerCallback(partial(self._on_image, topic))
        return subscriber

    def _new_matcher(self) -> Matcher:
        """Make an empty matcher with the present parameters."""
        return Matcher(MatcherSettings.read(self._parameters.value),
                       self._statistics.dropped, self._statistics.jumped)

    def _on_image(self, topic: str, message: Image | CompressedImage) -> None:
        """Let a good image through to the matcher, count a bad one."""
        self._statistics.arrived(topic)
        try:
            check_stamp(message)
            decoding.check(message)
        except ImageError as error:
            self._statistics.dropped(f'{topic}.{error.kind}', str(error))
            return
        try:
            self._accept(topic, message)
        except Exception as error:  # it would leave the executor and end the process
            self._matcher = self._new_matcher()
            self._statistics.dropped(
                f'{topic}.pairing', f'the pairing failed ({type(error).__name__}: '
                f'{" ".join(str(error).split())}) and begins anew. Look at what this publisher '
                'stamps its images with')

    def _accept(self, topic: str, message: Image | CompressedImage) -> None:
        """Pair a good image, or deliver it alone."""
        if MatcherSettings.read(self._parameters.value) != self._matcher.settings:
            self._matcher = self._new_matcher()
        stamp = stamp_of(message)
        if isinstance(message, Image):  # a compressed one would have to be decoded for it
            self._time_offset.add(topic, stamp, motion_sample(message))
        now = self._node.get_clock().now().nanoseconds
        if now and stamp - now > AHEAD:  # 0: simulated time that has not begun
            self._statistics.ahead(topic, stamp - now)
        other_gone = self._lost.other_gone(
            topic, time.monotonic(), self._parameters.value('lost_after'))
        if other_gone and self._parameters.value('lost_camera') == 'publish_other':
            self._deliver_alone(topic, message)
            return
        matches = self._matcher.add(topic, stamp, message)
        self._statistics.accepted(topic, stamp, self._matcher.time_of(topic, stamp))
        self._deliver_matches(matches)

    def _deliver_alone(self, topic: str, message: Image | CompressedImage) -> None:
        # What waits is older and must not come after this one.
        self._matcher = self._new_matcher()
        self._statistics.alone(topic, stamp_of(message))
        self._deliver(Pair(message, None) if topic == 'visible' else Pair(None, message))

    def _deliver_matches(self, matches: list[Match]) -> None:
        for match in matches:
            self._statistics.paired(match.offset, match.reused)
            self._deliver(Pair(match.visible, match.thermal))
