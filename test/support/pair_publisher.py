# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A process that publishes pairs at 30 Hz, as two cameras would, until it is interrupted."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

RATE = 30.0


class PairPublisher(Node):
    """Publishes noise of one size, stamped now."""

    def __init__(self, width: int, height: int) -> None:
        """Start publishing."""
        super().__init__('cameras')
        random = np.random.default_rng(0)
        self._images = [
            (self.create_publisher(Image, f'{name}/image', qos_profile_sensor_data), Image(
                encoding=encoding, width=width, height=height, step=width * channels,
                data=random.integers(0, 255, height * width * channels, np.uint8).tobytes()))
            for name, encoding, channels in (('visible', 'bgr8', 3), ('thermal', 'mono8', 1))]
        for (_, message), frame in zip(self._images, ('rgb_optical', 'ir_optical'), strict=True):
            message.header.frame_id = frame
        self.create_timer(1.0 / RATE, self._publish)

    def _publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        for publisher, message in self._images:
            message.header.stamp = stamp
            publisher.publish(message)


if __name__ == '__main__':
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(PairPublisher(int(sys.argv[1]), int(sys.argv[2])))
