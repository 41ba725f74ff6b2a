# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""One pair of cameras: its topics, its pairing, its counts, its state from frame to frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleNode

from degfuse_ros.camera.calibration import CAMERAS
from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.ros.advice import ADVISED, ERROR, Advice, Topics, advise
from degfuse_ros.ros.alone import Alone, Preparer
from degfuse_ros.ros.camera_info_input import CameraInfoInput
from degfuse_ros.ros.diagnostics import Report, values_of
from degfuse_ros.ros.outputs import Outputs
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.pairing import Pairing
from degfuse_ros.ros.parameter_table import Values
from degfuse_ros.ros.statistics import Statistics

if TYPE_CHECKING:  # the engine loads torch, which only the configured node needs
    from degfuse_ros.engine import Fusion

# Seconds until a rig that could not subscribe tries again: soon after somebody corrected the
# parameter at fault, and seldom enough to cost nothing while nobody does.
RETRY_AFTER = 2.0


@dataclass(frozen=True)
class Frame:
    """A pair made ready for the engine.

    Attributes:
        rig: whose it is.
        pair: its messages.
        prepared: its images on one pixel grid.
    """

    rig: Rig
    pair: Pair
    prepared: Prepared


@dataclass(frozen=True)
class Timing:
    """One call of the engine.

    Attributes:
        engine: seconds inside it.
        processor: seconds of processor time that the calling thread spent there.
        batch: how many pairs it fused.
    """

    engine: float
    processor: float
    batch: int


class Rig:
    """What the node has once per pair of cameras.

    It advertises its topics when it is made, and subscribes between `start` and `stop`, a lazy
    one only while somebody subscribes to one of its topics. `prepare` and `publish` belong to the
    fusion thread, the rest to the executor's.

    Attributes:
        name: namespace of its topics below the node's; '' for the node's own.
        statistics: its counts.
    """

    def __init__(self, node: LifecycleNode, parameters: Values, name: str = '') -> None:
        """Advertise the topics.

        Args:
            node: publishes while it is active.
            parameters: read at every pair, so that changes take effect at once.
            name: namespace of its topics below the node's; '' for the node's own.

        Raises:
            Exception: a QoS override of a topic names no QoS.
        """
        self.name = name
        self._prefix = f'{name}/' if name else ''
        self._node = node
        self._parameters = parameters
        self.statistics = Statistics()
        self._outputs = Outputs(node, parameters, self.statistics, self._prefix)
        self._started = False
        self._pairing: Pairing | None = None
        self._problem = ''
        self._retry_at = 0.0
        # Kept when the rig stops: the pair at hand is still sent with them, and a camera may send
        # its only one before the rig starts again.
        self._camera_infos: dict[str, CameraInfoInput] = {}

    def start(self, deliver: Callable[[Rig, Pair], bool]) -> None:
        """Begin to take images.

        Args:
            deliver: takes each pair and returns whether an older one was dropped for it; must
                return at once and never raise.

        Raises:
            Exception: a QoS override of a topic names no QoS.
        """
        self._front_end = FrontEnd(self._parameters.value)
        self._preparer = Preparer(
            self._front_end, self._parameters.value, self.statistics.dropped)
        self._told: set[str] = set()
        self._put = deliver
        self._problem = ''
        self._started = True
        # Also a lazy one: an override that names no QoS is to fail the transition, not the timer.
        self._subscribe()

    def update(self) -> None:
        """Subscribe or unsubscribe as is wanted now; never raises.

        To be called a few times a second. Where it fails it unsubscribes and tries again later.
        """
        if self._problem and time.monotonic() < self._retry_at:
            return
        try:
            self._follow()
            self._problem = ''
        except Exception as error:  # it would leave the executor and end the process
            self._problem = _described(error)
            self._retry_at = time.monotonic() + RETRY_AFTER
            self._unsubscribe()

    def stop(self) -> None:
        """Unsubscribe."""
        self._started = False
        self._unsubscribe()

    def _follow(self) -> None:
        """Do what is wanted now; may leave it half done where it raises."""
        wanted = self._started and (not self._parameters.value('lazy') or self._outputs.wanted)
        if wanted and self._pairing is None:
            self._subscribe()
        elif not wanted and self._pairing is not None:
            self._unsubscribe()
        if self._pairing is not None:
            self._pairing.update()
            self._pairing.release()

    def _subscribe(self) -> None:
        """Begin with new counts: a camera was not silent while nobody listened."""
        self.statistics.restart()
        for camera in CAMERAS:
            former = self._camera_infos.get(camera)
            self._camera_infos[camera] = CameraInfoInput(
                self._node, self.statistics, camera, partial(self._info_wanted, camera),
                partial(self._front_end.camera_info, camera), self._prefix,
                None if former is None else former.newest)
        self._pairing = Pairing(
            self._node, self._parameters, self.statistics, self._deliver, self._prefix)

    def _unsubscribe(self) -> None:
        pairing, self._pairing = self._pairing, None
        if pairing is not None:
            pairing.close()
        for camera_info in self._camera_infos.values():
            camera_info.close()

    def close(self) -> None:
        """Unsubscribe and take the topics back."""
        self.stop()
        self._outputs.close()

    def prepare(self, pair: Pair) -> Frame | Alone | None:
        """Turn a pair's messages into what the engine takes, or count why not; never raises."""
        try:
            return self._prepare(pair)
        except Exception as error:  # whatever it is, the other rigs and the next pair go on
            self.statistics.failed(_described(error))
            return None

    def refuse(self, error: Exception) -> None:
        """Count a frame that the engine did not fuse."""
        if isinstance(error, ValueError):  # it refuses this image, as one below 32x32
            self.statistics.dropped('visible.refused', _one_line(error))
        else:
            self.statistics.failed(_described(error))

    def publish(self, frame: Frame | Alone, fusion: Fusion, layer_names: Sequence[str],
                timing: Timing) -> None:
        """Publish the engine's result of a frame and count it; never raises."""
        prepared, warning = ((None, frame.warning) if isinstance(frame, Alone) else
                             (frame.prepared, ''))
        try:
            self._outputs.publish(fusion, prepared, layer_names, frame.pair.header,
                                  self._camera_infos['visible'].newest, warning)
            self.statistics.published(fusion.degradation.label, timing.engine, timing.processor,
                                      self._age(frame.pair), timing.batch)
        except Exception as error:  # whatever it is, the other rigs and the next pair go on
            self.statistics.failed(_described(error))

    def follow_registration(self) -> None:
        """Look whether the cameras still agree; never raises. It need not delay an image."""
        try:
            self._front_end.follow_registration()
            score = self._front_end.score
            self.statistics.registered(score.present, score.usual, score.drifted)
        except Exception as error:  # whatever it is, the other rigs and the next pair go on
            self.statistics.notice('registration', 'whether the registration still holds '
                                   f'cannot be told: {_described(error)}')

    def publish_thermal(self, alone: Alone) -> None:
        """Publish a thermal image that is alone, and count it; never raises."""
        try:
            self._outputs.publish_thermal(alone.image, alone.pair.header, alone.warning)
            self.statistics.published_thermal(self._age(alone.pair))
        except Exception as error:  # whatever it is, the other rigs and the next pair go on
            self.statistics.failed(_described(error))

    def report(self) -> list[Report]:
        """Return its status for /diagnostics; none while it is stopped."""
        if not self._started:
            return []
        if self._problem:
            return [Report(self.name, 'not subscribed', [Advice(
                'subscribe', ERROR, f'the images cannot be subscribed to: {self._problem}. '
                'Choose another transport, or clean up the node, correct the QoS override and '
                f'configure again. It is tried again every {RETRY_AFTER:.0f} s')])]
        if self._pairing is None:
            return [Report(self.name, 'idle: no subscribers')]
        self._pairing.estimate_offset()
        snapshot = self.statistics.snapshot()
        visible, thermal = (self._pairing.topic_name(topic) for topic in ('visible', 'thermal'))
        topics = Topics(visible, thermal, self._node.count_publishers(visible),
                        self._node.count_publishers(thermal), self.name)
        limits = {name: self._parameters.value(name) for name in ADVISED}
        return [Report(self.name, 'active', advise(snapshot, topics, limits),
                       values_of(snapshot))]

    def _deliver(self, pair: Pair) -> None:
        """Hand a pair on. Runs in the executor's thread: must not wait."""
        for camera_info in self._camera_infos.values():
            camera_info.update()
        if self._put(self, pair):
            self.statistics.dropped('mailbox')

    def _info_wanted(self, camera: str) -> bool:
        return (camera in self._front_end.lenses_wanted
                or camera == 'visible' and self._outputs.camera_info_wanted)

    def _prepare(self, pair: Pair) -> Frame | Alone | None:
        max_age = self._parameters.value('max_age')
        age = self._age(pair)
        if 0.0 < max_age < age:
            self.statistics.dropped('max_age', f'{age:.3f} s old, max_age is {max_age}. Raise '
                                    'max_age, or use a faster device or smaller images')
            return None
        try:
            ready = self._preparer.prepare(pair)
        finally:
            self.statistics.frozen(self._front_end.frozen)
            self.statistics.failing(self._preparer.failing)
        if isinstance(ready, Alone) and pair.visible is not None and pair.thermal is not None:
            self.statistics.left_alone('thermal' if ready.is_thermal else 'visible')
        if ready is None or isinstance(ready, Alone):
            return ready
        if ready.notice and ready.notice not in self._told:
            self._told.add(ready.notice)
            self._node.get_logger().warning(ready.notice)
        return Frame(self, pair, ready)

    def _age(self, pair: Pair) -> float:
        return (self._node.get_clock().now().nanoseconds - pair.stamp) / 1e9


def _described(error: Exception) -> str:
    return f'{type(error).__name__}: {_one_line(error)}'


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
