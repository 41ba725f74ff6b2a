# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Time stamps of messages."""

from typing import Any

from rclpy.clock import ROSClock
from rclpy.logging import get_logger
from rclpy.time import Time


def stamp_of(msg: Any) -> Time | None:
    """Return the header's stamp (a Time or a builtin_interfaces Time), None without a header."""
    stamp = getattr(getattr(msg, 'header', None), 'stamp', None)
    if stamp is None or hasattr(stamp, 'nanoseconds'):
        return stamp
    return Time.from_msg(stamp)


def stamp_or_arrival(msg: Any, allow_headerless: bool, logger_name: str) -> Time | None:
    """Return the header's stamp, or ROS time now for a message without one where that is allowed.

    Args:
        msg: any message.
        allow_headerless: whether the time of arrival may stand in for a missing stamp.
        logger_name: where a refused message is reported.

    Returns:
        The time, or None (with a warning in the log) where the message has to be dropped.
    """
    stamp = stamp_of(msg)
    if stamp is not None:
        return stamp
    if allow_headerless:
        return ROSClock().now()
    get_logger(logger_name).warning(
        f'dropped a {type(msg).__name__}: it has no header.stamp; '
        'set allow_headerless=True to use its time of arrival')
    return None
