# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node under test in a thread of this process, beside its peer."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from fuse_peer import FusePeer
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

from degfuse_ros.fuse_node import FuseNode

# Reports ten times a second, so that tests do not wait for them; the images sent are all alike.
QUICK = {'device': 'cpu', 'diagnostics_period': 0.1, 'lost_after': 0.5, 'frozen_after': 0}


class FuseGraph(FusePeer):
    """A FuseNode in a thread, and the peer that the test drives.

    Attributes:
        node: the node under test.
    """

    def __init__(self, domain: int, arguments: list[str] | None = None, rig: str = '',
                 **parameters: Any) -> None:
        """Start both nodes; the one under test stays unconfigured.

        Args:
            domain: of ROS.
            arguments: for the node, as on a command line after --ros-args.
            rig: which the peer feeds and listens to.
            parameters: of the node.
        """
        super().__init__(domain, rig=rig)
        self.node = FuseNode(
            context=self.context, cli_args=['--ros-args', *arguments] if arguments else None,
            parameter_overrides=[Parameter(name, value=value)
                                 for name, value in {**QUICK, **parameters}.items()])
        self._node_executor = SingleThreadedExecutor(context=self.context)
        self._node_executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin_node, daemon=True)
        self._thread.start()

    def _spin_node(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._node_executor.spin()

    def close(self) -> None:
        """Stop both nodes."""
        self._node_executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        super().close()
