# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A peer that feeds the node under test and listens to it, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from image_messages import IMAGE_QOS, image, stamp_of
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter, parameter_value_to_python
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Classification

Peer = TypeVar('Peer', bound='FusePeer')


class FusePeer:
    """A node with the cameras' publishers and with subscriptions to all that the node publishes.

    Attributes:
        context: of rclpy.
        fused, camera_infos, degradations, routings: what arrived, oldest first.
        statuses: those of the node or of its rig on /diagnostics, oldest first.
    """

    def __init__(self, domain: int, target: str = '/fuse', visible: str = 'visible/image',
                 thermal: str = 'thermal/image', fused: str = 'fused', rig: str = '') -> None:
        """Start the peer.

        Args:
            domain: of ROS.
            target: full name of the node under test.
            visible: topic that it takes visible images from.
            thermal: topic that it takes thermal images from.
            fused: prefix of the topics that it publishes.
            rig: of the node; its name is put before these topics.
        """
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self._target = target
        self._status = f'{target}: {rig}'.lstrip('/') if rig else target.lstrip('/')
        visible, thermal, fused = (
            f'{rig}/{topic}' if rig else topic for topic in (visible, thermal, fused))
        self.peer = rclpy.create_node('peer', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.peer)
        self._fused = fused
        self._next_stamp = 1_000_000_000_000
        self.visible = self.peer.create_publisher(Image, visible, IMAGE_QOS)
        self.thermal = self.peer.create_publisher(Image, thermal, IMAGE_QOS)
        self.camera_info = self.peer.create_publisher(
            CameraInfo, visible.replace('image', 'camera_info'), 5)
        self._listen(fused)

    def _listen(self, fused: str) -> None:
        self.fused: list[Image] = []
        self.camera_infos: list[CameraInfo] = []
        self.degradations: list[Classification] = []
        self.routings: list[DiagnosticArray] = []
        self.statuses: list[DiagnosticStatus] = []
        for kind, topic, keep in (
                (Image, f'{fused}/image', self.fused.append),
                (CameraInfo, f'{fused}/camera_info', self.camera_infos.append),
                (Classification, f'{fused}/degradation', self.degradations.append),
                (DiagnosticArray, f'{fused}/routing', self.routings.append),
                (DiagnosticArray, '/diagnostics', self._keep_statuses)):
            self.peer.create_subscription(kind, topic, keep, 10)

    def _keep_statuses(self, array: DiagnosticArray) -> None:
        self.statuses.extend(status for status in array.status if status.name == self._status)

    def until(self, condition: Callable[[], Any], timeout: float = 20.0,
              each: Callable[[], Any] = lambda: None) -> Any:
        """Spin the peer until a condition holds and return its value; fail after the timeout.

        Args:
            condition: is true at the end.
            timeout: seconds.
            each: called about 30 times a second meanwhile.
        """
        deadline, next_call = time.monotonic() + timeout, 0.0
        while not (value := condition()):
            now = time.monotonic()
            if now > deadline:
                status = self.statuses[-1] if self.statuses else None
                raise AssertionError(f'nothing happened in {timeout} s; last status: {status}')
            if now >= next_call:
                each()
                next_call = now + 0.03
            self._executor.spin_once(timeout_sec=0.01)
        return value

    def change_state(self, transition: int) -> bool:
        """Ask for a transition over DDS and return whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, f'{self._target}/change_state', request).success

    def configure(self) -> bool:
        """Configure the node."""
        return self.change_state(Transition.TRANSITION_CONFIGURE)

    def activate(self, matched: tuple[str, ...] = ('visible', 'thermal')) -> bool:
        """Activate the node and wait until the topics named in `matched` are connected."""
        changed = self.change_state(Transition.TRANSITION_ACTIVATE)
        if changed:
            self.until(lambda: self.peer.count_publishers(f'{self._fused}/routing') and all(
                getattr(self, topic).get_subscription_count() for topic in matched))
        return changed

    @property
    def state(self) -> str:
        """The lifecycle state, asked for over DDS."""
        answer = self.call(GetState, f'{self._target}/get_state', GetState.Request())
        return answer.current_state.label

    def set_parameter(self, name: str, value: Any) -> Any:
        """Set a parameter over DDS and return the node's answer."""
        return self.set_parameters({name: value})[0]

    def set_parameters(self, values: dict[str, Any]) -> list[Any]:
        """Set parameters by one request over DDS and return the node's answers."""
        request = SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        return self.call(SetParameters, f'{self._target}/set_parameters', request).results

    def get_parameter(self, name: str) -> Any:
        """Ask for a parameter over DDS."""
        answer = self.call(GetParameters, f'{self._target}/get_parameters',
                           GetParameters.Request(names=[name]))
        return parameter_value_to_python(answer.values[0])

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service and return its response."""
        client: Any = self.peer.create_client(kind, name)
        self.until(client.service_is_ready)
        future = client.call_async(request)
        self.until(future.done)
        self.peer.destroy_client(client)
        return future.result()

    def stamp(self, step: int = 100_000_000) -> int:
        """Return a new stamp, later than all before; 100 ms later unless told."""
        self._next_stamp += step
        return self._next_stamp

    def send(self, **visible_changes: Any) -> int:
        """Publish one pair and return its stamp."""
        stamp = self.stamp()
        self.visible.publish(image(stamp, **visible_changes))
        self.thermal.publish(image(stamp, 'mono8', 'thermal'))
        return stamp

    def until_fused(self) -> Image:
        """Publish good pairs until the fused image of one of them arrives."""
        first = self._next_stamp + 1
        return self.until(lambda: next(
            (message for message in reversed(self.fused) if stamp_of(message) >= first), None),
            each=self.send)

    def until_status(self, condition: Callable[[DiagnosticStatus], Any],
                     each: Callable[[], Any] = lambda: None) -> DiagnosticStatus:
        """Wait for a new status that fulfils a condition and return it."""
        self.statuses.clear()
        return self.until(lambda: next(filter(condition, self.statuses), None), each=each)

    def __enter__(self: Peer) -> Peer:
        """Return the peer, which the end of the block closes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop everything."""
        self.close()

    def close(self) -> None:
        """Stop the peer."""
        self._executor.shutdown()
        self.peer.destroy_node()
        rclpy.shutdown(context=self.context)


def values(status: DiagnosticStatus) -> dict[str, str]:
    """Return the values of a status by key."""
    return {value.key: value.value for value in status.values}
