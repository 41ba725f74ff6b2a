# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Declare the parameter table on a node, and keep bad values out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from degfuse_ros.ros.parameter_table import (
    ROWS,
    TABLE,
    ParameterRow,
    Values,
    problem_between,
    row_of,
)

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
    start is replaced by the default and named in `problems` until a good one is set. With
    allow_undeclared_parameters=True besides, a rig's own value of a parameter, as
    'front.sync_slop', can be set at any time, and deleted to follow the node's again.

    Attributes:
        problems: why a value given at start was refused, by parameter, and why the values
            contradict each other, under CONTRADICTION; configure fails on them.
        locked: True while the node is configured: parameters that the engine was built from
            cannot change then.
    """

    def __init__(self, node: Node) -> None:
        """Declare every row of the table on the node, and the values given for single rigs."""
        self._node = node
        self.locked = False
        self.problems: dict[str, str] = {}
        for row in TABLE:
            self._declare(row.name, row)
        self._warn_of_unknown()
        for name in node.get_parameters_by_prefix(''):
            known = row_of(name)
            if known and known[0]:
                self._declare(name, known[1])
        self._forget_rigs_but(self.rigs)
        self.problems.update(self._contradictions(self.value))
        node.add_on_set_parameters_callback(self._on_set)

    @property
    def rigs(self) -> list[str]:
        """The names of the rigs."""
        return self.value('rigs')

    def value(self, name: str) -> Any:
        """Return the present value of a parameter."""
        return self._node.get_parameter(name).value

    def of(self, rig: str) -> Values:
        """Return the values of one rig: its own where it has them, else the node's."""
        return _RigValues(rig, self.value)

    def _declare(self, name: str, row: ParameterRow) -> None:
        """Replace what the node was started with by a declaration of an allowed value."""
        rig = name.removesuffix(row.name)
        value: Any = None if rig else row.default
        if self._node.has_parameter(name):
            given = row.converted(self.value(name))
            problem = row.problem(given)
            if problem:
                self.problems[name] = f'{rig}{problem}'
            else:
                value = given
            self._node.undeclare_parameter(name)
        if value is not None:
            # Of a free type, so that it can be deleted.
            described = descriptor(row)
            described.dynamic_typing = bool(rig)
            self._node.declare_parameter(name, value, described, ignore_override=True)

    def _warn_of_unknown(self) -> None:
        """Name parameters in the params file that this node does not have: typing errors."""
        for name in self._node.get_parameters_by_prefix(''):
            known = row_of(name)
            if not known and not name.startswith(OF_RCLPY):
                self._node.get_logger().warning(
                    f"unknown parameter '{name}' is ignored. Known are {', '.join(ROWS)}")
            elif known and known[0] not in ('', *self.rigs):
                self._node.get_logger().warning(
                    f"parameter '{name}' is ignored: {_no_such_rig(known[0], self.rigs)}")

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        """Refuse changes of which one is not allowed, with the reason in one line."""
        new = {change.name: change.value for change in changes}
        reasons = [text for text in (self._problem(name, new) for name in new) if text]
        if not reasons:
            contradictions = self._contradictions(
                lambda name: new[name] if name in new else self.value(name))
            # One that was there at start must not stop other parameters from being corrected.
            reasons = [text for text in contradictions.values()
                       if text not in self.problems.values()]
        if reasons:
            return SetParametersResult(successful=False, reason='; '.join(reasons))
        former = {name for name in self.problems if name.endswith(CONTRADICTION)}
        for name in {*new, *former}:
            self.problems.pop(name, None)
        self._forget_rigs_but(new.get('rigs', self.rigs))
        self.problems.update(contradictions)
        return SetParametersResult(successful=True)

    def _forget_rigs_but(self, rigs: Sequence[str]) -> None:
        """Drop the problems of rigs that are not there: nobody could correct them."""
        for name in [*self.problems]:
            known = row_of(name)
            if known and known[0] not in ('', *rigs):
                del self.problems[name]

    def _problem(self, name: str, new: Mapping[str, Any]) -> str:
        """Say why one of some changes is not allowed; '' where it is."""
        known, value = row_of(name), new[name]
        if known is None:
            if name.startswith(OF_RCLPY) or self._node.has_parameter(name):
                return ''
            return f"unknown parameter '{name}'. Known are {', '.join(ROWS)}"
        rig, row = known
        rigs = new.get('rigs', self.rigs)
        if rig and value is None:
            return ''
        if rig and rig not in rigs:
            return f'{name} cannot be set: {_no_such_rig(rig, rigs)}'
        problem = row.problem(value)
        if problem:
            return f'{rig}.{problem}' if rig else problem
        if not self.locked or row.while_running or value == self.value(name):
            return ''
        return (f'{name} cannot change while the node is configured. Got {value!r}; deactivate '
                'and clean up the node, set it, then configure and activate')

    def _contradictions(self, value: Callable[[str], Any]) -> dict[str, str]:
        """Return the contradictions between values, by rig."""
        found: dict[str, str] = {}
        for rig in value('rigs'):
            values = _RigValues(rig, value)
            problem = problem_between({name: values.value(name) for name in ROWS})
            if problem:
                found[f'{rig} {CONTRADICTION}'] = f'{rig}: {problem}' if rig else problem
        return found


class _RigValues:
    """The values of one rig: its own where it has them, else the node's."""

    def __init__(self, rig: str, value: Callable[[str], Any]) -> None:
        self._rig = rig
        self._value = value

    def value(self, name: str) -> Any:
        """Return the present value of a parameter."""
        own = self._value(f'{self._rig}.{name}') if self._rig else None
        return self._value(name) if own is None else own


def _no_such_rig(rig: str, rigs: Sequence[str]) -> str:
    return f"there is no rig '{rig}'. rigs has {', '.join(rigs) or 'none'}"
