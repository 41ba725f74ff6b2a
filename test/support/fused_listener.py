# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A process that listens to the fused topics and prints what it got as JSON.

Its argument is the number of fused images after which it ends.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification


def stamp_of(message: Any) -> int:
    """Return the stamp in nanoseconds."""
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


class FusedListener(Node):
    """Notes what arrives on every topic of the node."""

    def __init__(self) -> None:
        """Subscribe to all topics."""
        super().__init__('listener')
        self.images: list[dict[str, Any]] = []
        self.classes: dict[int, list[str]] = {}
        self.routing_sums: dict[int, list[float]] = {}
        self.report: dict[str, str] = {}
        self.create_subscription(Image, 'fused/image', self._image, qos_profile_sensor_data)
        self.create_subscription(Classification, 'fused/degradation', self._degradation, 10)
        self.create_subscription(DiagnosticArray, 'fused/routing', self._routing, 10)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._diagnostics, 10)

    def _image(self, message: Image) -> None:
        self.images.append({
            'stamp': stamp_of(message), 'frame': message.header.frame_id,
            'latency': (self.get_clock().now().nanoseconds - stamp_of(message)) / 1e9,
            'encoding': message.encoding, 'size': [message.width, message.height],
            'bytes': len(message.data), 'values': len(set(message.data))})

    def _degradation(self, message: Classification) -> None:
        self.classes[stamp_of(message)] = [result.class_id for result in message.results]

    def _routing(self, message: DiagnosticArray) -> None:
        self.routing_sums[stamp_of(message)] = [
            sum(float(value.value) for value in layer.values) for layer in message.status]

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == 'fuse':
                self.report = {value.key: value.value for value in status.values}


def main() -> None:
    """Listen, then print everything."""
    rclpy.init()
    listener = FusedListener()
    wanted = int(sys.argv[1])
    while (len(listener.images) < wanted or not listener.report.get('engine_max_ms')
           or listener.images[-1]['stamp'] not in listener.routing_sums):
        rclpy.spin_once(listener, timeout_sec=0.1)
    print(json.dumps({
        'images': listener.images, 'report': listener.report,
        'classes': {str(stamp): ids for stamp, ids in listener.classes.items()},
        'routing_sums': {str(stamp): sums for stamp, sums in listener.routing_sums.items()}}))
    listener.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
