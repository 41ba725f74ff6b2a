# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A node that keeps what it receives, and processes beside it."""
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile


class Subscriber:
    """Keeps the messages of some topics.

    Args:
        domain: ROS domain.
        profile: QoS of all subscriptions.
        topics: message type by topic.
    """

    def __init__(self, domain: int, profile: QoSProfile, **topics: Any) -> None:
        """Subscribe; a double underscore in a keyword is a slash in the topic."""
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('subscriber', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.received: dict[str, list[Any]] = {}
        for name, kind in topics.items():
            topic = name.replace('__', '/')
            messages = self.received.setdefault(topic, [])
            self.node.create_subscription(kind, topic, messages.append, profile)

    def until(self, condition: Callable[[], Any], timeout: float = 30.0) -> None:
        """Spin until a condition holds; fail after the timeout."""
        deadline = time.monotonic() + timeout
        while not condition():
            counts = {topic: len(messages) for topic, messages in self.received.items()}
            assert time.monotonic() < deadline, f'nothing happened; received {counts}'
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        """Stop the node."""
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start `python -m module` in the test's ROS domain."""
    return subprocess.Popen([sys.executable, '-m', module, *arguments], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
