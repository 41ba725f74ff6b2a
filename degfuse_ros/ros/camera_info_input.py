# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""One camera's newest camera info."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from degfuse_ros.camera.lens import info_problem
from degfuse_ros.ros.qos import input_profile, subscription_options
from degfuse_ros.ros.statistics import Statistics


class CameraInfoInput:
    """Keeps the newest camera info; subscribed until one has come, then only while it is wanted.

    Its messages are small, but each costs the executor as much as an image does: half a
    millisecond of one core. The first is always waited for, since some cameras send but one.

    One of no calibrated camera is refused, counted and told of.

    Attributes:
        newest: the last one kept, or None.
    """

    def __init__(self, node: Node, statistics: Statistics, camera: str,
                 wanted: Callable[[], bool], tell: Callable[[CameraInfo], None],
                 prefix: str = '', newest: CameraInfo | None = None) -> None:
        """Subscribe.

        Args:
            node: to subscribe with.
            statistics: told of publishers whose QoS does not fit, and of what is refused.
            camera: 'visible' or 'thermal'.
            wanted: tells whether anybody would receive what is made of it.
            tell: called with each one kept.
            prefix: of the topic, as 'front/'.
            newest: one of an earlier subscription: its camera may never send another.

        Raises:
            Exception: a QoS override of the topic names no QoS.
        """
        self._node = node
        self._statistics = statistics
        self._camera = camera
        self._wanted = wanted
        self._tell = tell
        self._topic = f'{prefix}{camera}/camera_info'
        self._subscription: Any = None
        self.newest: CameraInfo | None = newest
        if newest is not None:
            tell(newest)
        self._subscribe()

    def update(self) -> None:
        """Subscribe or unsubscribe as is wanted now. Call it in the executor's thread."""
        if self.newest is None:
            return
        wanted = self._wanted()
        if wanted and self._subscription is None:
            self._subscribe()
        elif not wanted:
            self.close()

    def close(self) -> None:
        """Unsubscribe."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            self._node.destroy_subscription(subscription)

    def _subscribe(self) -> None:
        self._subscription = self._node.create_subscription(
            CameraInfo, self._topic, self._keep, input_profile(), **subscription_options(
                self._node.resolve_topic_name(self._topic),
                lambda text: self._statistics.notice(self._topic, text)))

    def _keep(self, message: CameraInfo) -> None:
        problem = info_problem(message)
        if problem:
            self._statistics.dropped(f'{self._camera}.camera_info')
            self._statistics.notice(
                self._topic, f'refused {self._node.resolve_topic_name(self._topic)}: {problem}')
            return
        self.newest = message
        self._tell(message)
