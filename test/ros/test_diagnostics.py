# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The report on /diagnostics and in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from fuse_peer import values
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from degfuse_ros.camera.time_offset import OffsetEstimate
from degfuse_ros.ros import diagnostics
from degfuse_ros.ros.advice import ERROR, WARN, Advice
from degfuse_ros.ros.diagnostics import Diagnostics, Report, values_of
from degfuse_ros.ros.parameters import Parameters
from degfuse_ros.ros.statistics import Statistics


@pytest.fixture
def node(ros_domain: int) -> Iterator[Node]:
    """A node named reporter."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    made = rclpy.create_node(
        'reporter', context=context, namespace='front',
        automatically_declare_parameters_from_overrides=True,
        parameter_overrides=[Parameter('diagnostics_period', value=0.1)])
    yield made
    made.destroy_node()
    rclpy.shutdown(context=context)


def test_status_has_the_worst_level_and_every_text(node: Node) -> None:
    advice = [Advice('a', ERROR, 'the camera burns'), Advice('b', WARN, 'it is warm')]
    received: list[DiagnosticArray] = []
    node.create_subscription(DiagnosticArray, '/diagnostics', received.append, 10)
    Diagnostics(node, Parameters(node), lambda: [
        Report('', 'active', advice[:1], {'device_name': 'GPU'}),
        Report('', '', advice[1:], {'a': 'b'}),
        Report('rear', 'idle')])
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    for _ in range(100):
        executor.spin_once(timeout_sec=0.1)
        if len(received) >= 2:
            break
    status, rear = received[-1].status
    assert (status.name, status.level, status.hardware_id) == ('front/reporter', b'\x02', 'GPU')
    assert status.message == 'the camera burns; it is warm'
    assert values(status) == {'device_name': 'GPU', 'a': 'b'}
    assert (rear.name, rear.level, rear.message) == ('front/reporter: rear', b'\x00', 'idle')


def test_the_same_advice_is_logged_at_most_every_five_seconds(
        node: Node, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(diagnostics.time, 'monotonic', lambda: now[0])
    advice = [Advice('drop', WARN, 'dropped 3'), Advice('told', ERROR, 'is logged', True)]
    reporter = Diagnostics(node, Parameters(node), lambda: [Report('', '', advice)])
    logged = []
    for _ in range(12):
        reporter.publish()
        now[0] += 1.0
        logged.append(capfd.readouterr().err.count('dropped 3'))
    assert logged == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]


def test_values_have_units_and_are_empty_where_nothing_was_measured() -> None:
    counted = Statistics()
    empty = values_of(counted.snapshot())
    assert 'registration_score' not in empty
    assert empty['latency_mean_ms'] == empty['engine_max_ms'] == empty['pair_offset_last_ms'] == ''
    counted.paired(-2_500_000)
    counted.paired(500_000)
    counted.published('fog', 0.1, 0.05, 0.2)
    counted.published('rain', 0.3, 0.15, 0.4, batch=2)
    counted.dropped('mailbox')
    counted.registered(0.05, 0.0625, False)
    full = values_of(counted.snapshot())
    assert (full['pair_offset_mean_ms'], full['pair_offset_last_ms']) == ('-1.000', '0.500')
    assert (full['engine_mean_ms'], full['engine_max_ms']) == ('200.000', '300.000')
    assert (full['engine_cpu_mean_ms'], full['batch_mean']) == ('100.000', '1.500')
    assert (full['latency_mean_ms'], full['latency_max_ms']) == ('300.000', '400.000')
    assert (full['registration_score'], full['registration_usual']) == ('0.0500', '0.0625')
    assert full['degradation'] == 'rain' and full['dropped.mailbox'] == '1'


def test_an_estimated_offset_is_reported_with_how_sure_it_is() -> None:
    counted = Statistics()
    before = values_of(counted.snapshot())
    assert before['estimated_time_offset_ms'] == ''
    assert before['estimated_time_offset_correlation'] == ''
    counted.estimated(OffsetEstimate(-0.1504, 0.87, 0.004))
    after = values_of(counted.snapshot())
    assert after['estimated_time_offset_ms'] == '-150.400'
    assert after['estimated_time_offset_correlation'] == '0.870'


def test_what_is_published_alone_is_reported() -> None:
    counted = Statistics()
    counted.alone('visible', 5)
    counted.frozen(True)
    values = values_of(counted.snapshot())
    assert (values['alone.visible'], values['alone.thermal']) == ('1', '0')
    assert values['thermal_frozen'] == 'true'
