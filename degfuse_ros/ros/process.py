# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a Python process does for its node: memory, threads, spinning it to its end."""
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from degfuse_ros.ros.garbage import Garbage

# Larger than any camera's image, and just below the most that glibc follows, 32 MiB: mallopt(3).
_LARGEST_BLOCK = 31 << 20
# In seconds. A frame needs the interpreter many times, each time for up to Python's own 5 ms.
_SWITCH_INTERVAL = 0.5e-3


def share_interpreter() -> None:
    """Have threads wait less for each other.

    A thread that comes back from OpenCV, a copy or the GPU waits for one that runs Python, as
    that which receives images or writes the report, for up to this interval.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)


def keep_freed_memory() -> None:
    """Have the C library keep the memory of images that are done with, for the next ones.

    glibc takes large blocks from the system and gives them back, and the system clears every page
    of the next one: 640 pages for each 640 x 480 image that a Python node receives, 2,850 for
    1280 x 1024, 4 of 12 ms on the way through the fusion node. Once a block as large as this
    one has been freed, it keeps them. Other C libraries do not mind.
    """
    bytearray(_LARGEST_BLOCK)


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
    keep_freed_memory()
    garbage = Garbage()
    # SIGTERM ends a process as politely as Ctrl-C does.
    rclpy.init(args=list(arguments), signal_handler_options=rclpy.SignalHandlerOptions.ALL)
    executor = SingleThreadedExecutor()
    node: Made | None = None
    try:
        node = make_node()
        executor.add_node(cast(Node, node))
        garbage.leave_out()  # a collection would delay images, and their times be read as ours
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
        garbage.include()
        rclpy.try_shutdown()
    if node is None:
        raise SystemExit(1)
    return node
