# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The topics that the node publishes for every pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Classification

from degfuse_ros.ros import images, messages
from degfuse_ros.ros.qos import output_profile, publisher_options
from degfuse_ros.ros.statistics import Statistics

if TYPE_CHECKING:  # the engine loads torch, which only the configured node needs
    from degfuse_ros.engine import Fusion


class Outputs:
    """Publishers of the fused image, its camera info, the degradation and the routing."""

    def __init__(self, node: LifecycleNode, statistics: Statistics, prefix: str = '') -> None:
        """Advertise the topics.

        Args:
            node: publishes while it is active.
            statistics: told of subscribers whose QoS does not fit.
            prefix: of the topics, as 'front/'.
        """
        self._node = node
        self._prefix = prefix
        self._statistics = statistics
        self._publishers: list[Any] = []
        try:
            self._image = self._advertise(Image, 'fused/image')
            self._camera_info = self._advertise(CameraInfo, 'fused/camera_info')
            self._degradation = self._advertise(Classification, 'fused/degradation')
            self._routing = self._advertise(DiagnosticArray, 'fused/routing')
        except Exception:  # an override that names no QoS: leave no topic without the others
            self.close()
            raise

    def close(self) -> None:
        """Take the topics back."""
        while self._publishers:
            self._node.destroy_lifecycle_publisher(self._publishers.pop())

    @property
    def camera_info_wanted(self) -> bool:
        """Whether anybody subscribes to fused/camera_info."""
        return self._camera_info.get_subscription_count() > 0

    def publish(self, fusion: Fusion, layer_names: Sequence[str], header: Header, encoding: str,
                camera_info: CameraInfo | None) -> None:
        """Publish one result under one header; build no message that nobody subscribes to.

        Args:
            fusion: the engine's result.
            layer_names: one name per row of its routing.
            header: of the visible image.
            encoding: of the image: rgb8, bgr8 or mono8.
            camera_info: the visible camera's newest; None publishes none.
        """
        height, width = fusion.image.shape[:2]
        # The image last: whoever receives it finds the rest already sent.
        if camera_info is not None:
            try:
                _send(self._camera_info, lambda: messages.camera_info_message(
                    camera_info, height, width, header))
            except ValueError as error:
                self._statistics.notice('visible/camera_info', str(error))
        _send(self._degradation, lambda: messages.degradation_message(
            fusion.degradation.scores, header))
        _send(self._routing, lambda: messages.routing_message(
            fusion.routing, layer_names, header))
        _send(self._image, lambda: images.from_rgb(fusion.image, encoding, header))

    def _advertise(self, kind: type, topic: str) -> Any:
        topic = f'{self._prefix}{topic}'
        name = self._node.resolve_topic_name(topic)
        options = publisher_options(name, partial(self._statistics.notice, topic))
        publisher: Any = self._node.create_lifecycle_publisher(
            kind, topic, output_profile(), **options)
        self._publishers.append(publisher)
        return publisher


def _send(publisher: Any, build: Callable[[], Any]) -> None:
    """Build and publish a message where somebody receives it; a later subscriber gets the next."""
    if publisher.get_subscription_count():
        publisher.publish(build())
