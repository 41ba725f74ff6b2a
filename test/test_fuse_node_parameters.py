# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the running node by ROS's own services, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fuse_graph import QUICK, FuseGraph
from fuse_peer import values
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import ListParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter

from degfuse_ros.ros.parameter_table import ROWS, TABLE

# Good together; by itself each contradicts what the other is before.
TOGETHER = {'thermal_percentile_low': 99.2, 'thermal_percentile_high': 99.8}
# The second is wrong by itself, the third against what the node has.
WRONG = [{'max_age': 5.0, 'sync_queue_size': 0},
         {'max_age': 5.0, 'thermal_percentile_low': 99.5},
         {'max_age': 5.0, 'device': 'cuda'},
         {'max_age': 5.0, 'max_agee': 5.0},
         {'max_age': 5.0, 'sync_slop': 'abc'},
         {'thermal_percentile_low': 99.8, 'thermal_percentile_high': 99.2, 'max_age': 5.0}]


@pytest.fixture(scope='module')
def active(module_domain: int) -> Iterator[FuseGraph]:
    """An active node that the tests of this module share."""
    with FuseGraph(module_domain, model='lite') as graph:
        assert graph.configure() and graph.activate()
        yield graph


@pytest.fixture
def before(active: FuseGraph) -> Iterator[dict[str, Any]]:
    """All parameters of the node as they are before the test, and again after it."""
    found = present(active)
    yield found
    assert all(result.successful for result in active.set_parameters(found))


def present(graph: FuseGraph) -> dict[str, Any]:
    """Return all parameters that the node has, as `ros2 param dump` asks for them."""
    names = graph.call(ListParameters, '/fuse/list_parameters', ListParameters.Request())
    return {name: graph.get_parameter(name) for name in names.result.names}


def set_atomically(graph: FuseGraph, parameters: dict[str, Any]) -> Any:
    """Set parameters by set_parameters_atomically and return the result."""
    request = SetParametersAtomically.Request(parameters=[
        Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()])
    return graph.call(
        SetParametersAtomically, '/fuse/set_parameters_atomically', request).result


def test_one_request_is_judged_as_a_whole(active: FuseGraph, before: dict[str, Any]) -> None:
    for parameters in (TOGETHER, dict(reversed(TOGETHER.items()))):
        low, high = (ROWS[name].default for name in TOGETHER)
        assert [result.successful for result in active.set_parameters(parameters)] == [True, True]
        assert {name: active.get_parameter(name) for name in TOGETHER} == TOGETHER
        assert set_atomically(active, {
            'thermal_percentile_low': low, 'thermal_percentile_high': high}).successful
    assert set_atomically(active, TOGETHER).successful
    assert {name: active.get_parameter(name) for name in TOGETHER} == TOGETHER


@pytest.mark.parametrize('wrong', WRONG)
def test_of_a_wrong_request_nothing_applies(
        active: FuseGraph, before: dict[str, Any], wrong: dict[str, Any]) -> None:
    results = active.set_parameters(wrong)
    assert len(results) == len(wrong) and not any(result.successful for result in results)
    assert all(result.reason and '\n' not in result.reason for result in results)
    assert present(active) == before
    assert not set_atomically(active, wrong).successful
    assert present(active) == before


def test_every_fault_of_a_request_is_named(active: FuseGraph, before: dict[str, Any]) -> None:
    [first, *_] = active.set_parameters({'device': 'cuda', 'output_encoding': 'yuv'})
    assert 'device cannot change while the node is configured' in first.reason
    assert 'deactivate and clean up the node, set it, then configure' in first.reason
    assert 'output_encoding must be one of' in first.reason


def test_all_but_what_the_engine_is_built_from_changes_while_running(
        active: FuseGraph, before: dict[str, Any]) -> None:
    assert [row.name for row in TABLE if not row.while_running] == [
        'model', 'device', 'precision', 'compile', 'guidance_period', 'rigs']
    active.until_fused()
    results = active.set_parameters({row.name: row.default for row in TABLE
                                     if row.name not in {'model', 'device', *QUICK}})
    assert all(result.successful for result in results)
    active.until_fused()


def test_a_dumped_file_can_be_loaded(active: FuseGraph, before: dict[str, Any]) -> None:
    assert any(name.startswith('qos_overrides.') for name in before)  # read only
    assert all(result.successful for result in active.set_parameters(before))
    assert present(active) == before
    read_only = next(name for name in before if name.endswith('.reliability'))
    assert not any(result.successful for result in active.set_parameters(
        {read_only: 'reliable' if before[read_only] != 'reliable' else 'best_effort',
         'max_age': 7.0}))
    assert present(active) == before


def test_a_qos_override_that_comes_too_late_is_refused(
        active: FuseGraph, before: dict[str, Any]) -> None:
    for name in ('qos_overrides./fused/image.publisher.nothing', 'qos_overrides.'):
        result = active.set_parameter(name, 5)
        assert not result.successful and 'is read when the topics are made' in result.reason
    assert present(active) == before


@pytest.mark.parametrize(('name', 'kind'), [('sync_slop', 99), ('', 3), ('qos_overrides.x', 99),
                                            ('use_sim_time', 99)])
def test_a_malformed_request_is_answered(
        active: FuseGraph, before: dict[str, Any], name: str, kind: int) -> None:
    changes = [ParameterMessage(name='max_age', value=ParameterValue(type=3, double_value=5.0)),
               ParameterMessage(name=name, value=ParameterValue(type=kind))]
    answer = active.call(SetParameters, '/fuse/set_parameters',
                         SetParameters.Request(parameters=changes))
    atomic = active.call(SetParametersAtomically, '/fuse/set_parameters_atomically',
                         SetParametersAtomically.Request(parameters=changes))
    for result in (*answer.results, atomic.result):
        assert not result.successful and result.reason and '\n' not in result.reason
    assert len(answer.results) == 2 and present(active) == before


def test_the_period_of_the_reports_changes_while_running(
        active: FuseGraph, before: dict[str, Any]) -> None:
    def rate() -> float:
        """Return reports per second in the next two seconds."""
        active.until_status(lambda status: True)
        active.statuses.clear()
        until = time.monotonic() + 2.0
        active.until(lambda: time.monotonic() > until)
        return len(active.statuses) / 2.0

    assert rate() > 3.0
    assert active.set_parameter('diagnostics_period', 1.0).successful
    active.until(lambda: rate() < 2.0)
    assert active.set_parameter('diagnostics_period', 0.1).successful
    active.until(lambda: rate() > 3.0)


def test_simulated_time_can_be_taken_up_while_running(
        active: FuseGraph, before: dict[str, Any]) -> None:
    assert active.set_parameter('use_sim_time', True).successful
    active.until_status(lambda status: 'no /clock arrives' in status.message)
    assert active.set_parameter('use_sim_time', False).successful
    status = active.until_status(lambda status: 'no /clock' not in status.message)
    assert values(status)['state'] == 'active'
