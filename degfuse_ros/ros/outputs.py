# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The topics that the node publishes for every pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Classification

from degfuse_ros.camera.front_end import Prepared
from degfuse_ros.camera.overlay import overlay
from degfuse_ros.ros import images, messages
from degfuse_ros.ros.parameter_table import Values
from degfuse_ros.ros.qos import output_profile, publisher_options
from degfuse_ros.ros.statistics import Statistics

if TYPE_CHECKING:  # the engine loads torch, which only the configured node needs
    from degfuse_ros.engine import Fusion


class Outputs:
    """Publishers of the fused image, its camera info, overlay, degradation and routing."""

    def __init__(self, node: LifecycleNode, parameters: Values, statistics: Statistics,
                 prefix: str = '') -> None:
        """Advertise the topics.

        Args:
            node: publishes while it is active.
            parameters: output_encoding and compressed_format are read at every image.
            statistics: told of subscribers whose QoS does not fit.
            prefix: of the topics, as 'front/'.
        """
        self._node = node
        self._parameters = parameters
        self._prefix = prefix
        self._statistics = statistics
        self._publishers: list[Any] = []
        try:
            self._image = self._advertise(Image, 'fused/image')
            self._compressed = self._advertise(CompressedImage, 'fused/image')
            self._camera_info = self._advertise(CameraInfo, 'fused/camera_info')
            self._overlay = self._advertise(Image, 'fused/overlay')
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
    def wanted(self) -> bool:
        """Whether anybody subscribes to any of the topics."""
        return any(publisher.get_subscription_count() for publisher in self._publishers)

    @property
    def camera_info_wanted(self) -> bool:
        """Whether anybody subscribes to fused/camera_info."""
        return self._camera_info.get_subscription_count() > 0

    def publish(self, fusion: Fusion, prepared: Prepared | None, layer_names: Sequence[str],
                header: Header, camera_info: CameraInfo | None, warning: str = '') -> None:
        """Publish one result under one header; build no message that nobody subscribes to.

        Args:
            fusion: the engine's result.
            prepared: what it was made from; None where the visible image is alone.
            layer_names: one name per row of its routing.
            header: of the visible image.
            camera_info: the visible camera's newest; None publishes none.
            warning: that the image is of one camera alone; '' where it is fused.
        """
        height, width = fusion.image.shape[:2]
        # The image last: whoever receives it finds the rest already sent.
        if camera_info is not None:
            try:
                _send(self._camera_info, lambda: messages.camera_info_message(
                    camera_info, height, width, header))
            except ValueError as error:
                self._statistics.notice('visible/camera_info', str(error))
        if prepared is not None:
            _send(self._overlay, lambda: images.from_rgb(
                overlay(prepared.visible, prepared.thermal, prepared.coverage), 'rgb8', header))
        _send(self._degradation, lambda: messages.degradation_message(
            fusion.degradation.scores, header))
        _send(self._routing, lambda: messages.routing_message(
            fusion.routing, layer_names, header, warning))
        self._send_image(fusion.image, header)

    def publish_thermal(self, grey: np.ndarray, header: Header, warning: str) -> None:
        """Publish a thermal image that is alone; it has no degradation and no routing.

        Args:
            grey: HxW uint8.
            header: of the thermal image.
            warning: that it is alone, in one line.
        """
        _send(self._routing, lambda: messages.no_routing_message(warning, header))
        self._send_image(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), header)

    def _send_image(self, image: np.ndarray, header: Header) -> None:
        """Publish an image, HxWx3 uint8 RGB, raw and compressed."""
        encoding = self._parameters.value('output_encoding')
        _send(self._compressed, lambda: images.compressed(
            image, encoding, self._parameters.value('compressed_format'), header))
        _send(self._image, lambda: images.from_rgb(image, encoding, header))

    def _advertise(self, kind: type, topic: str) -> Any:
        topic = f'{self._prefix}{topic}'
        if kind is CompressedImage:
            topic = images.compressed_topic(self._node, topic)
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
