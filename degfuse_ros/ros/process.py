# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A Python process that spins one node to its end."""
import signal
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


class _Finite(Protocol):
    """A node that says when to end."""

    @property
    def finished(self) -> bool:
        """Asked after every callback."""

    def destroy_node(self) -> None:
        """As every node's."""


Made = TypeVar('Made', bound=_Finite)


def spin_until_finished(make_node: Callable[[], Made], arguments: Sequence[str]) -> Made:
    """Make a node and spin it until it has finished, or the process is told to stop.

    Args:
        make_node: called once ROS is up.
        arguments: the process's own, for --ros-args.

    Returns:
        The node, which is destroyed.

    Raises:
        SystemExit: told to stop before there was a node.
    """
    # SIGTERM ends a process as politely as Ctrl-C does.
    rclpy.init(args=list(arguments), signal_handler_options=rclpy.SignalHandlerOptions.ALL)
    executor = SingleThreadedExecutor()
    node: Made | None = None
    try:
        node = make_node()
        executor.add_node(cast(Node, node))
        while rclpy.ok() and not node.finished:
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # A second Ctrl-C must not stop the clean-up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    if node is None:
        raise SystemExit(1)
    return node
