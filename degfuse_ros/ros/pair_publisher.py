# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A node that publishes visible and thermal images as a pair of cameras would."""
import time
from collections.abc import Callable

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from degfuse_ros.ros.images import from_grey, from_rgb

FRAMES = {'visible': 'visible_camera_optical_frame', 'thermal': 'thermal_camera_optical_frame'}

# visible H x W x 3 uint8 RGB, thermal H' x W' uint8 or uint16, and what follows publication: it
# is called with the stamp in nanoseconds.
Pair = tuple[np.ndarray, np.ndarray, Callable[[int], None]]


class PairPublisher(Node):
    """Publishes pairs at a steady rate until the subclass sets `finished`.

    Args:
        name: of the node.
        rate: pairs per second.
        next_pair: called at every tick; returns a pair to publish, or None for none now.
        intrinsics: 3 x 3 camera matrix of both cameras, or None to publish no camera info.
        wait: hold the first pair back until both image topics have a subscriber.
    """

    def __init__(self, name: str, rate: float, next_pair: Callable[[], Pair | None],
                 intrinsics: np.ndarray | None = None, wait: bool = False) -> None:
        """Advertise the topics and start the timer."""
        super().__init__(name)
        # Reliable suits every subscriber, best effort too; depth 5 bridges a short stall.
        profile = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
        options = QoSOverridingOptions.with_default_policies()
        self._images = {side: self.create_publisher(
            Image, f'{side}/image', profile, qos_overriding_options=options) for side in FRAMES}
        self._infos = {side: self.create_publisher(
            CameraInfo, f'{side}/camera_info', profile) for side in FRAMES}
        self._next_pair = next_pair
        self._intrinsics = intrinsics
        self._wait = wait
        self._period = 1.0 / rate
        self._due = 0.0
        self.published = 0
        self.late = 0
        self.finished = False
        # The machine's own clock paces, so that a stopped simulated clock cannot stop the stream.
        self.create_timer(self._period, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _tick(self) -> None:
        """Publish the next pair, once there is somebody to receive it."""
        if self.finished or (self._wait and not all(
                publisher.get_subscription_count() for publisher in self._images.values())):
            return
        self._wait = False
        pair = self._next_pair()
        if pair is None:
            return
        visible, thermal, done = pair
        done(self._publish(visible, thermal))
        now = time.monotonic()
        # Half a period late is noted: the machine is then too slow for the rate asked for.
        self.late += bool(self._due) and now > self._due + self._period / 2
        self._due = now + self._period
        self.published += 1

    def _publish(self, visible: np.ndarray, thermal: np.ndarray) -> int:
        """Publish one pair under one stamp, and return it in nanoseconds."""
        images = {'thermal': from_grey(thermal, Header(frame_id=FRAMES['thermal'])),
                  'visible': from_rgb(visible, 'rgb8', Header(frame_id=FRAMES['visible']))}
        now = self.get_clock().now()  # after the copies, which a camera's driver has no need of
        for side, image in images.items():
            image.header.stamp = now.to_msg()
            if self._intrinsics is not None:
                self._infos[side].publish(_camera_info(self._intrinsics, image))
            self._images[side].publish(image)
        return now.nanoseconds


def _camera_info(intrinsics: np.ndarray, image: Image) -> CameraInfo:
    """Describe an undistorted camera."""
    info = CameraInfo(header=image.header, height=image.height, width=image.width,
                      distortion_model='plumb_bob', d=[0.0] * 5)
    info.k = intrinsics.ravel().tolist()
    info.r = np.eye(3).ravel().tolist()
    info.p = np.hstack([intrinsics, np.zeros((3, 1))]).ravel().tolist()
    return info
