# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Declare the parameter table on a node, and keep bad values out."""

from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from degfuse_ros.ros.parameter_table import ROWS, TABLE, ParameterRow, problem_between

# Stands among the problems for values that contradict each other, whichever of them is wrong.
CONTRADICTION = 'contradiction'

# Parameters that rclpy declares by itself, which a params file may name.
OF_RCLPY = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


def descriptor(row: ParameterRow) -> ParameterDescriptor:
    """Describe a row in ROS's terms."""
    effect = ('Takes effect at the next image.' if row.while_running else
              'Can be set while the node is unconfigured.')
    result = ParameterDescriptor(
        name=row.name, description=f'{row.description} {effect}',
        additional_constraints=f'Must be {row.allowed}.' if row.choices else '')
    if row.minimum is not None and row.maximum is not None:
        if isinstance(row.default, float):
            result.floating_point_range = [FloatingPointRange(
                from_value=float(row.minimum), to_value=float(row.maximum))]
        else:
            result.integer_range = [IntegerRange(
                from_value=int(row.minimum), to_value=int(row.maximum))]
    return result


class Parameters:
    """The parameters of a node, always allowed ones.

    The node must be made with automatically_declare_parameters_from_overrides=True: only so can
    a bad value in a params file be reported instead of ending the process. A bad value given at
    start is replaced by the default and named in `problems` until a good one is set.

    Attributes:
        problems: why a value given at start was refused, by parameter, and why the values
            contradict each other, under CONTRADICTION; configure fails on them.
        locked: True while the node is configured: parameters that the engine was built from
            cannot change then.
    """

    def __init__(self, node: Node) -> None:
        """Declare every row of the table on the node."""
        self._node = node
        self.locked = False
        self.problems: dict[str, str] = {}
        for row in TABLE:
            self._declare(row)
        self._warn_of_unknown()
        contradiction = problem_between(self._values())
        if contradiction:
            self.problems[CONTRADICTION] = contradiction
        node.add_on_set_parameters_callback(self._on_set)

    def value(self, name: str) -> Any:
        """Return the present value of a parameter."""
        return self._node.get_parameter(name).value

    def _values(self) -> dict[str, Any]:
        return {name: self.value(name) for name in ROWS}

    def _declare(self, row: ParameterRow) -> None:
        value = row.default
        if self._node.has_parameter(row.name):
            given = self.value(row.name)
            # YAML writes a whole number of seconds without a point.
            if isinstance(row.default, float) and type(given) is int:
                given = float(given)
            problem = row.problem(given)
            if problem:
                self.problems[row.name] = problem
            else:
                value = given
            self._node.undeclare_parameter(row.name)
        self._node.declare_parameter(row.name, value, descriptor(row), ignore_override=True)

    def _warn_of_unknown(self) -> None:
        """Name parameters in the params file that this node does not have: typing errors."""
        for name in self._node.get_parameters_by_prefix(''):
            if name not in ROWS and not name.startswith(OF_RCLPY):
                self._node.get_logger().warning(
                    f"unknown parameter '{name}' is ignored. Known are {', '.join(ROWS)}")

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        """Refuse values that are not allowed, with the reason in one line."""
        ours = {change.name: change.value for change in changes if change.name in ROWS}
        for name, value in ours.items():
            problem = ROWS[name].problem(value) or self._locked_problem(name, value)
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        contradiction = problem_between({**self._values(), **ours})
        # One that was there at start must not stop other parameters from being corrected.
        if contradiction and contradiction != self.problems.get(CONTRADICTION):
            return SetParametersResult(successful=False, reason=contradiction)
        for name in ours:
            self.problems.pop(name, None)
        if not contradiction:
            self.problems.pop(CONTRADICTION, None)
        return SetParametersResult(successful=True)

    def _locked_problem(self, name: str, value: Any) -> str:
        if not self.locked or ROWS[name].while_running or value == self.value(name):
            return ''
        return (f'{name} cannot change while the node is configured. Got {value!r}; deactivate '
                'and clean up the node, set it, then configure and activate')
