# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The camera info is subscribed to while it is wanted, and forgotten when it is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo
from subscriber import Subscriber

from degfuse_ros.ros.camera_info_input import TOPIC, CameraInfoInput
from degfuse_ros.ros.statistics import Statistics


@pytest.fixture
def peer(ros_domain: int) -> Iterator[Subscriber]:
    """A node to subscribe with, and the spinning that it needs."""
    made = Subscriber(ros_domain, QoSProfile(depth=1))
    yield made
    made.close()


def test_it_follows_what_is_wanted(peer: Subscriber) -> None:
    wanted = [True]
    tested = CameraInfoInput(peer.node, Statistics(), lambda: wanted[0])
    camera = peer.node.create_publisher(CameraInfo, TOPIC, 5)

    def newest() -> CameraInfo | None:
        tested.update()
        camera.publish(CameraInfo(width=640))
        return tested.newest

    for _ in range(2):
        wanted[0] = True
        peer.until(newest)
        assert tested.newest is not None and tested.newest.width == 640
        wanted[0] = False
        tested.update()
        assert tested.newest is None
        peer.until(lambda: camera.get_subscription_count() == 0)
