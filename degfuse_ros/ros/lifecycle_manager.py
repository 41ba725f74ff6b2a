# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bring a lifecycle node to active where no launch system does."""

import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor

# A failed transition publishes its reason at once; this only covers the way to here.
REASON_TIMEOUT = 3.0


def bring_up(node_name: str = '/fuse', timeout: float = 30.0) -> None:
    """Configure and activate a node, from whichever state it is in.

    Uses a context of its own, so it can be called with or without rclpy initialised.

    Args:
        node_name: full name of the node.
        timeout: seconds for all of it; loading weights takes most.

    Raises:
        RuntimeError: the node is absent, or a transition failed; one line with the reason that
            the node gives and its present state.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        _Manager(context, node_name, time.monotonic() + timeout).bring_up()
    finally:
        rclpy.shutdown(context=context)


class _Manager:
    """A client of one node's lifecycle services."""

    def __init__(self, context: Any, target: str, deadline: float) -> None:
        self._target = target
        self._deadline = deadline
        self._reason = ''
        self._node = rclpy.create_node('degfuse_lifecycle_manager', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._change_state: Any = self._node.create_client(ChangeState, f'{target}/change_state')
        self._get_state: Any = self._node.create_client(GetState, f'{target}/get_state')
        self._node.create_subscription(
            DiagnosticArray, '/diagnostics', self._keep_reason, 10)

    def bring_up(self) -> None:
        """Do what is left to do until the node is active."""
        try:
            for client in (self._get_state, self._change_state):
                if not client.wait_for_service(timeout_sec=self._left()):
                    raise RuntimeError(
                        f'no lifecycle node {self._target}. Start it first, and check that '
                        'ROS_DOMAIN_ID is the same here and there')
            state, label = self._state()
            if state == State.PRIMARY_STATE_UNCONFIGURED:
                self._transition(Transition.TRANSITION_CONFIGURE, 'configure')
                state, label = self._state()
            if state == State.PRIMARY_STATE_INACTIVE:
                self._transition(Transition.TRANSITION_ACTIVATE, 'activate')
                state, label = self._state()
            if state != State.PRIMARY_STATE_ACTIVE:
                raise RuntimeError(f'{self._target} cannot be activated. Its state is {label}')
        finally:
            self._executor.shutdown()
            self._node.destroy_node()

    def _transition(self, transition: int, name: str) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        if self._call(self._change_state, request).success:
            return
        until = time.monotonic() + REASON_TIMEOUT
        while not self._reason and time.monotonic() < until:
            self._executor.spin_once(timeout_sec=0.1)
        reason = self._reason or f'{name} failed: see the log of the node'
        raise RuntimeError(f'{self._target}: {reason} (state {self._state()[1]})')

    def _state(self) -> tuple[int, str]:
        state = self._call(self._get_state, GetState.Request()).current_state
        return state.id, state.label

    def _call(self, client: Any, request: Any) -> Any:
        future = client.call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=self._left())
        if not future.done():
            raise RuntimeError(f'{self._target} did not answer {client.srv_name} in time. Raise '
                               'the timeout, or look at the log of the node')
        return future.result()

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _keep_reason(self, message: DiagnosticArray) -> None:
        """Remember why the node is in error; it says so itself on /diagnostics."""
        for status in message.status:
            if status.name == self._target.lstrip('/'):
                failed = status.level == DiagnosticStatus.ERROR
                self._reason = status.message if failed else ''
