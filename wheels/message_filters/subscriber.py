# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A ROS subscription as the first filter of a graph."""

from typing import Any

from message_filters.simple_filter import SimpleFilter
from rclpy.node import Node

# Depth of the reader's history where the caller names no QoS: what the real module uses.
DEFAULT_DEPTH = 10


class Subscriber(SimpleFilter):
    """Puts out each message of a topic.

    Attributes:
        node: the node that owns the subscription.
        topic: the name as given, before remapping; `topic_name` is the resolved one.
        sub: the rclpy subscription. Its attributes are also those of this object.
    """

    def __init__(
        self, node: Node, msg_type: type, topic: str, qos_profile: Any = DEFAULT_DEPTH,
        **kwargs: Any,
    ) -> None:
        """Subscribe.

        Args:
            node: the node that owns the subscription.
            msg_type: the message class.
            topic: the topic's name, relative or absolute.
            qos_profile: a QoSProfile or a depth.
            **kwargs: the other keywords of `Node.create_subscription`: `callback_group`,
                `event_callbacks`, `qos_overriding_options`, `raw`, ...
        """
        super().__init__()
        self.node = node
        self.topic = topic
        self.sub = node.create_subscription(
            msg_type, topic, self.callback, qos_profile, **kwargs)

    def callback(self, msg: Any) -> None:
        """Put out one message; the subscription calls this."""
        self.signalMessage(msg)

    def getTopic(self) -> str:  # noqa: N802
        """Return the topic's name as given to the constructor."""
        return self.topic

    def __getattr__(self, key: str) -> Any:
        """Serve the subscription's own attributes, such as `topic_name`."""
        if key == 'sub':  # not subscribed yet: looking it up again would recurse without end
            raise AttributeError(key)
        return getattr(self.sub, key)
