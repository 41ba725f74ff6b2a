# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The stamps of messages that have a header. Nothing of ROS is imported here."""

from typing import Any

from degfuse_ros.camera.image_error import ImageError

# In a second.
NANOSECONDS = 1_000_000_000


def stamp_of(message: Any) -> int:
    """Return the stamp of a message that has a header, in nanoseconds."""
    return message.header.stamp.sec * NANOSECONDS + message.header.stamp.nanosec


def check_stamp(message: Any) -> None:
    """Keep stamps out that say nothing, or that rclpy's time cannot hold.

    The fields are checked, not their sum: rclpy refuses -1 s though enough nanoseconds follow.

    Raises:
        ImageError: the stamp is zero, its seconds are negative, or its nanoseconds are a second
            or more.
    """
    stamp = message.header.stamp
    if stamp.sec == 0 and stamp.nanosec == 0:
        raise ImageError('zero_stamp', 'header.stamp is zero, so it cannot be paired. '
                         'Let the camera driver fill header.stamp')
    if stamp.sec < 0 or stamp.nanosec >= NANOSECONDS:
        raise ImageError('bad_stamp', f'header.stamp is {stamp.sec} s and {stamp.nanosec} ns. Let '
                         'the camera driver fill header.stamp with a time after 1970 and less '
                         f'than {NANOSECONDS} ns')
