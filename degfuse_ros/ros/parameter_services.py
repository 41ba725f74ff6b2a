# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node's parameter services, of which one request is set as a whole or not at all."""

from __future__ import annotations

from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService

from degfuse_ros.ros.parameters import OF_RCLPY


class ParameterServices(ParameterService):
    """rclpy's services, except that `set_parameters` is as `set_parameters_atomically`.

    rclpy sets the parameters of a request one by one: two percentiles that are good together
    would be refused for what the first contradicts, and of a file with one wrong value the rest
    would apply.
    """

    def _set_parameters_callback(
            self, request: SetParameters.Request, response: SetParameters.Response,
            ) -> SetParameters.Response:
        """Set all or nothing; every result says why."""
        node = self._get_node()
        changes = [Parameter.from_parameter_msg(message) for message in request.parameters]
        # What rclpy declares is read only for the most part, and stands in every dumped file.
        changes = [change for change in changes if not change.name.startswith(OF_RCLPY)
                   or change.value != node.get_parameter(change.name).value]
        result = node.set_parameters_atomically(changes)
        response.results = [result] * len(request.parameters)
        return response
