# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""QoS of the node's topics, and what is said when the other side does not fit."""

from collections.abc import Callable
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble's name of the same module
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

Report = Callable[[str], None]


def input_profile() -> QoSProfile:
    """Best effort, newest only: matches every publisher and never queues old images."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def output_profile() -> QoSProfile:
    """Reliable: RViz and `ros2 topic echo` ask for it, best-effort subscribers accept it."""
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def subscription_options(topic: str, report: Report) -> dict[str, Any]:
    """Options of a subscription: QoS overrides, and a report of publishers that do not fit.

    Args:
        topic: the topic's full name, for the report.
        report: takes one line of text.
    """
    return _options(SubscriptionEventCallbacks, report, lambda policy: (
        f'a publisher on {topic} offers an incompatible QoS policy: {policy}. Set '
        f'qos_overrides.{topic}.subscription.{policy.lower()} to what it offers'))


def publisher_options(topic: str, report: Report) -> dict[str, Any]:
    """Options of a publisher: QoS overrides, and a report of subscribers that do not fit.

    Args:
        topic: the topic's full name, for the report.
        report: takes one line of text.
    """
    return _options(PublisherEventCallbacks, report, lambda policy: (
        f'a subscriber on {topic} asks for an incompatible QoS policy: {policy}. Set '
        f'qos_overrides.{topic}.publisher.{policy.lower()} to what it asks for'))


def _options(callbacks: type, report: Report, text: Callable[[str], str]) -> dict[str, Any]:
    def incompatible(event: Any) -> None:
        report(text(qos_policy_name_from_kind(event.last_policy_kind)))

    return {
        'qos_overriding_options': QoSOverridingOptions.with_default_policies(),
        'event_callbacks': callbacks(incompatible_qos=incompatible)}
