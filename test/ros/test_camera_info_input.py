# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The camera info is subscribed to until one has come, and then while it is wanted."""

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
    wanted = [False]
    tested = CameraInfoInput(peer.node, Statistics(), lambda: wanted[0])
    camera = peer.node.create_publisher(CameraInfo, TOPIC, 5)

    def subscribed(width: int = 0) -> int:
        """Publish an info of a width, if any, and count the subscriptions."""
        tested.update()
        if width:
            camera.publish(CameraInfo(width=width))
        return camera.get_subscription_count()

    # Nobody wants it, but the first might be the only one.
    peer.until(subscribed)
    peer.until(lambda: not subscribed(320))
    assert tested.newest is not None and tested.newest.width == 320
    wanted[0] = True
    peer.until(lambda: subscribed(640) and tested.newest.width == 640)
    wanted[0] = False
    peer.until(lambda: not subscribed(640))
    camera.publish(CameraInfo(width=800))
    wanted[0] = True
    peer.until(subscribed)
    assert tested.newest.width == 640
