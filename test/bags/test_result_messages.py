# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The bag tool's messages are the node's."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bag_files import at, header
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from degfuse_ros.bags import result_messages
from degfuse_ros.bags.message_types import decode, encode
from degfuse_ros.ros import images, messages

STAMP = at(2.25)
SCORES = {'clean': 0.2, 'fog': 0.7, 'rain': 0.1}
ROUTING = np.array([[0.25, 0.75, 0.0], [0.0, 1 / 3, 2 / 3]], np.float32)


def ros_header() -> Header:
    made = Header(frame_id='camera')
    made.stamp.sec, made.stamp.nanosec = divmod(STAMP, 10 ** 9)
    return made


def as_ros(ours: Any, theirs: Any) -> Any:
    """Return our message as ROS reads it."""
    return deserialize_message(bytes(encode(ours)), type(theirs))


def test_degradation() -> None:
    theirs = messages.degradation_message(SCORES, ros_header())
    assert as_ros(result_messages.degradation_message(SCORES, header(STAMP)), theirs) == theirs
    assert theirs.results[0].class_id == 'fog'


def test_routing() -> None:
    theirs = messages.routing_message(ROUTING, ('encoder', 'decoder'), ros_header())
    ours = result_messages.routing_message(ROUTING, ('encoder', 'decoder'), header(STAMP))
    assert as_ros(ours, theirs) == theirs
    assert theirs.status[1].values[2].value == '0.666667'


def test_routing_of_a_camera_alone() -> None:
    theirs = messages.routing_message(ROUTING, ('a', 'b'), ros_header(), 'thermal lost')
    ours = result_messages.routing_message(ROUTING, ('a', 'b'), header(STAMP), 'thermal lost')
    assert as_ros(ours, theirs) == theirs and theirs.status[0].message == 'thermal lost'
    theirs = messages.no_routing_message('visible lost', ros_header())
    ours = result_messages.no_routing_message('visible lost', header(STAMP))
    assert as_ros(ours, theirs) == theirs


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'mono8'])
def test_image(encoding: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    theirs = images.from_rgb(pixels, encoding, ros_header())
    assert as_ros(result_messages.image_message(pixels, encoding, header(STAMP)), theirs) == theirs


def camera() -> CameraInfo:
    info = CameraInfo(width=640, height=480, distortion_model='plumb_bob', d=[0.1, 0.2, 0, 0, 0])
    info.k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    info.p = [500.0, 0.0, 320.0, -60.0, 0.0, 510.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return info


def test_camera_info_from_a_recorded_one() -> None:
    theirs = messages.camera_info_message(camera(), 240, 320, ros_header())
    recorded = decode(serialize_message(camera()), 'sensor_msgs/msg/CameraInfo')
    ours = result_messages.camera_info_message(recorded, 240, 320, header(STAMP))
    assert as_ros(ours, theirs) == theirs
    assert theirs.k[0] == 250.0
    with pytest.raises(ValueError, match='300x200'):
        result_messages.camera_info_message(recorded, 200, 300, header(STAMP))


def test_sixteen_bit_pixels_keep_their_values() -> None:
    pixels = np.array([[1, 256], [65535, 40000]], np.uint16)
    ours = result_messages.raw_image_message(pixels, 'mono16', header(STAMP))
    assert (ours.step, ours.is_bigendian) == (4, 0)
    assert ours.data.view('<u2').reshape(2, 2).tolist() == pixels.tolist()
