# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The report on /diagnostics, and the same advice in the log."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from degfuse_ros.ros.advice import ERROR, OK, WARN, Advice
from degfuse_ros.ros.parameters import Parameters
from degfuse_ros.ros.snapshot import Snapshot

# The same advice is logged at most this often, in seconds.
LOG_PERIOD = 5.0


@dataclass(frozen=True)
class Report:
    """A part of what is reported; parts of one name become one status.

    Attributes:
        name: of the rig; '' for the node and for the only rig.
        state: in words, over that of the parts before it; '' leaves theirs.
        advice: what is wrong.
        values: by key.
    """

    name: str
    state: str = ''
    advice: list[Advice] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


class Diagnostics:
    """Publishes the node's status per period, and one per rig that has a name; logs what is wrong.

    The status has the node's full name without the first slash, as 'robot/fuse'; a rig's has its
    name behind it, as 'robot/fuse: front'.

    The period runs on the machine's own clock, so that reports go on where simulated time does
    not; stamps and latencies are on the node's clock.
    """

    def __init__(self, node: Node, parameters: Parameters,
                 report: Callable[[], Sequence[Report]]) -> None:
        """Advertise /diagnostics and start the timer.

        Args:
            node: publishes and logs.
            parameters: diagnostics_period is read at `update`.
            report: returns the parts of the report.
        """
        self._node = node
        self._parameters = parameters
        self._report = report
        self._logged: dict[str, float] = {}
        self._timer: Any = None
        self._period = 0.0
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', 10,
            qos_overriding_options=QoSOverridingOptions.with_default_policies())
        self.update()

    def update(self) -> None:
        """Begin a new period where its length was changed."""
        period = self._parameters.value('diagnostics_period')
        if period == self._period:
            return
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._period = period
        self._timer = self._node.create_timer(
            period, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish the statuses now, and log advice unless the same was logged just before."""
        parts = self._report()
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._status(name, [part for part in parts if part.name == name])
                          for name in dict.fromkeys(part.name for part in parts)]
        self._publisher.publish(message)
        for part in parts:
            for item in part.advice:
                self._log(part.name, item)

    def _status(self, rig: str, parts: Sequence[Report]) -> DiagnosticStatus:
        """Make one status of the parts of one name."""
        advice = [item for part in parts for item in part.advice]
        values = {key: value for part in parts for key, value in part.values.items()}
        name = self._node.get_fully_qualified_name().lstrip('/')
        return DiagnosticStatus(
            level=bytes([max((item.level for item in advice), default=OK)]),
            name=f'{name}: {rig}' if rig else name,
            message='; '.join(item.text for item in advice)
            or next((part.state for part in reversed(parts) if part.state), ''),
            hardware_id=values.get('device_name', ''),
            values=[KeyValue(key=key, value=value) for key, value in values.items()])

    def _log(self, rig: str, item: Advice) -> None:
        now, kind = time.monotonic(), f'{rig} {item.kind}'
        if item.logged or now - self._logged.get(kind, -LOG_PERIOD) < LOG_PERIOD:
            return
        self._logged[kind] = now
        text = f'{rig}: {item.text}' if rig else item.text
        # Two calls, not a chosen one: rclpy ties each place in the code to one severity.
        if item.level == ERROR:
            self._node.get_logger().error(text)
        else:
            self._node.get_logger().warning(text)


def clock_advice(node: Node) -> list[Advice]:
    """Advise where simulated time is asked for and nobody publishes it."""
    if node.get_parameter('use_sim_time').value and node.get_clock().now().nanoseconds == 0:
        return [Advice('clock', WARN, 'use_sim_time is true but no /clock arrives. Play the bag '
                       'with --clock, or set use_sim_time to false')]
    return []


def values_of(snapshot: Snapshot) -> dict[str, str]:
    """Write a snapshot as the values of a status; units are part of the names."""
    estimate = snapshot.estimate
    values = {
        'visible_rate_hz': f'{snapshot.visible.rate:.2f}',
        'thermal_rate_hz': f'{snapshot.thermal.rate:.2f}',
        'pair_rate_hz': f'{snapshot.pair_rate:.2f}',
        'output_rate_hz': f'{snapshot.output_rate:.2f}',
        'pair_offset_mean_ms': _mean(snapshot.offsets, 1e-6),
        'pair_offset_last_ms': _milliseconds(snapshot.last_offset, 1e-6),
        'latency_mean_ms': _mean(snapshot.latencies, 1e3),
        'latency_max_ms': _milliseconds(max(snapshot.latencies, default=None), 1e3),
        'engine_mean_ms': _mean(snapshot.engine_times, 1e3),
        'engine_max_ms': _milliseconds(max(snapshot.engine_times, default=None), 1e3),
        'engine_cpu_mean_ms': _mean(snapshot.engine_cpu, 1e3),
        'batch_mean': _mean(snapshot.batches, 1.0),
        'degradation': snapshot.label,
        'time_jumps': str(snapshot.time_jumps),
        'estimated_time_offset_ms': _milliseconds(
            None if estimate is None else estimate.offset, 1e3),
        'estimated_time_offset_correlation': '' if estimate is None else
        f'{estimate.correlation:.3f}',
        'thermal_frozen': str(snapshot.frozen).lower(),
    }
    values.update({f'alone.{name}': str(count) for name, count in snapshot.alone.items()})
    if snapshot.registration is not None:
        values['registration_score'] = f'{snapshot.registration.score:.4f}'
        values['registration_usual'] = f'{snapshot.registration.usual:.4f}'
    values.update({f'dropped.{kind}': str(count) for kind, count in snapshot.drops.items()})
    return values


def _mean(samples: Sequence[float], scale: float) -> str:
    return _milliseconds(sum(samples) / len(samples) if samples else None, scale)


def _milliseconds(value: float | None, scale: float) -> str:
    return '' if value is None else f'{value * scale:.3f}'
