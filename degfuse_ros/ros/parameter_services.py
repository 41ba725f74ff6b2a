# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node's parameter services, of which one request is set as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService

from degfuse_ros.ros.parameters import OF_RCLPY, Parameters


class ParameterServices(ParameterService):
    """rclpy's services, except that `set_parameters` is as `set_parameters_atomically`.

    rclpy sets the parameters of a request one by one: two percentiles that are good together
    would be refused for what the first contradicts, and of a file with one wrong value the rest
    would apply.
    """

    def __init__(self, node: Node, settings: Parameters) -> None:
        """Advertise the services.

        Args:
            node: whose parameters they set.
            settings: tells whether the node is configured.
        """
        super().__init__(node)
        self._settings = settings

    def _set_parameters_callback(
            self, request: SetParameters.Request, response: SetParameters.Response,
            ) -> SetParameters.Response:
        """Set all or nothing; every result says why."""
        response.results = [self._set(request.parameters)] * len(request.parameters)
        return response

    def _set_parameters_atomically_callback(
            self, request: SetParametersAtomically.Request,
            response: SetParametersAtomically.Response) -> SetParametersAtomically.Response:
        """Set all or nothing; the result says why."""
        response.result = self._set(request.parameters)
        return response

    def _set(self, messages: Sequence[ParameterMessage]) -> SetParametersResult:
        """Set all or nothing; never raises: that would leave the executor and end the process."""
        node = self._get_node()
        try:
            changes = [Parameter.from_parameter_msg(message) for message in messages]
            # What rclpy declares is read only for the most part, and stands in every dumped file.
            changes = [change for change in changes if not change.name.startswith(OF_RCLPY)
                       or change.value != node.get_parameter(change.name).value]
            late = [change.name for change in changes if change.name.startswith('qos_overrides.')]
            if late and self._settings.locked:
                return SetParametersResult(successful=False, reason=(
                    f'{", ".join(late)} is read when the topics are made. Deactivate and clean up '
                    'the node, set it, then configure and activate'))
            return node.set_parameters_atomically(changes)
        except Exception as error:  # a type that ROS does not have, a name that is none
            return SetParametersResult(
                successful=False, reason=f'the request is malformed: {type(error).__name__}: '
                f'{" ".join(str(error).split())}. Send names and types that ROS has')
