# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A Python process that spins one node to its end."""
import signal
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


def spin_until(make_node: Callable[[], Node], done: Callable[[], bool],
               arguments: Sequence[str]) -> None:
    """Make a node and spin it until it is done, or the process is told to stop.

    Args:
        make_node: called once ROS is up.
        done: asked after every callback.
        arguments: the process's own, for --ros-args.
    """
    # SIGTERM ends a process as politely as Ctrl-C does.
    rclpy.init(args=list(arguments), signal_handler_options=rclpy.SignalHandlerOptions.ALL)
    executor = SingleThreadedExecutor()
    node: Node | None = None
    try:
        node = make_node()
        executor.add_node(node)
        while rclpy.ok() and not done():
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
