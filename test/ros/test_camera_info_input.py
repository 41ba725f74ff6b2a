# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The camera info is subscribed to until one has come, and then while it is wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo
from subscriber import Subscriber

from degfuse_ros.ros.camera_info_input import CameraInfoInput
from degfuse_ros.ros.statistics import Statistics

TOPIC = 'visible/camera_info'


def info(width: int) -> CameraInfo:
    """Return the camera info of a calibrated camera."""
    return CameraInfo(width=width, k=[500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0])


@pytest.fixture
def peer(ros_domain: int) -> Iterator[Subscriber]:
    """A node to subscribe with, and the spinning that it needs."""
    made = Subscriber(ros_domain, QoSProfile(depth=1))
    yield made
    made.close()


def test_it_follows_what_is_wanted(peer: Subscriber) -> None:
    wanted = [False]
    tested = CameraInfoInput(peer.node, Statistics(), 'visible', lambda: wanted[0],
                             lambda message: None)
    camera = peer.node.create_publisher(CameraInfo, TOPIC, 5)

    def subscribed(width: int = 0) -> int:
        """Publish an info of a width, if any, and count the subscriptions."""
        tested.update()
        if width:
            camera.publish(info(width))
        return camera.get_subscription_count()

    # Nobody wants it, but the first might be the only one.
    peer.until(subscribed)
    peer.until(lambda: not subscribed(320))
    assert tested.newest is not None and tested.newest.width == 320
    wanted[0] = True
    peer.until(lambda: subscribed(640) and tested.newest.width == 640)
    wanted[0] = False
    peer.until(lambda: not subscribed(640))
    camera.publish(info(800))
    wanted[0] = True
    peer.until(subscribed)
    assert tested.newest.width == 640


def test_one_of_before_is_told_again_and_gives_way_to_a_new_one(peer: Subscriber) -> None:
    told: list[CameraInfo] = []
    former = info(320)
    tested = CameraInfoInput(peer.node, Statistics(), 'visible', lambda: True, told.append,
                             newest=former)
    assert told == [former] and tested.newest is former
    camera = peer.node.create_publisher(CameraInfo, TOPIC, 5)
    peer.until(lambda: camera.get_subscription_count() and (
        camera.publish(info(640)) or tested.newest.width == 640))
    assert told[1].width == 640


@pytest.mark.parametrize('focal', [0.0, float('nan')])
def test_one_of_no_calibrated_camera_is_refused_counted_and_told(
        peer: Subscriber, focal: float) -> None:
    kept: list[CameraInfo] = []
    statistics = Statistics()
    tested = CameraInfoInput(peer.node, statistics, 'thermal', lambda: True, kept.append, 'front/')
    camera = peer.node.create_publisher(CameraInfo, 'front/thermal/camera_info', 5)
    bad, good = info(320), info(320)
    bad.k[0] = focal
    peer.until(camera.get_subscription_count)

    def refused() -> bool:
        camera.publish(bad)
        return statistics.snapshot().drops.get('thermal.camera_info', 0) > 2

    peer.until(refused)
    camera.publish(bad)
    told: dict[str, str] = {}

    def reported() -> bool:
        told.update(statistics.snapshot().notices)
        return bool(told)

    peer.until(reported)
    assert 'refused' in told['front/thermal/camera_info']
    assert '/front/thermal/camera_info: camera_info h' in told['front/thermal/camera_info']
    assert tested.newest is None and not kept
    camera.publish(good)
    peer.until(lambda: kept)
    [message] = kept
    assert message.k[0] == 500.0 and tested.newest is message
