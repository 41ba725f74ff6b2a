# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Image messages for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

# Small for speed; not square, so that swapped axes show.
WIDTH, HEIGHT = 80, 48

IMAGE_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def image(stamp: int, encoding: str = 'rgb8', frame: str = 'camera', **changes: Any) -> Image:
    """Build a good image of a gradient; `changes` then overwrite fields of the message."""
    depth = {'mono8': 1, '16UC1': 2, 'mono16': 2, 'rgb8': 3, 'bgr8': 3}.get(encoding, 1)
    rows = np.arange(WIDTH * HEIGHT * depth) % 251
    message = Image(encoding=encoding, height=HEIGHT, width=WIDTH, step=WIDTH * depth,
                    data=rows.astype(np.uint8).tobytes())
    message.header.frame_id = frame
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def stamp_of(message: Any) -> int:
    """Return a message's stamp in nanoseconds."""
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
