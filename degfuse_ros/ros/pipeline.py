# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""One pair through camera, engine and messages, with everything that can go wrong counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.outputs import Outputs
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.parameters import Parameters
from degfuse_ros.ros.statistics import Statistics

if TYPE_CHECKING:  # the engine loads torch, which only the configured node needs
    from degfuse_ros.engine import FusionEngine


class Pipeline:
    """Fuses pairs and publishes the results. Called from one thread at a time, never raises."""

    def __init__(self, node: Node, engine: FusionEngine, parameters: Parameters,
                 statistics: Statistics, outputs: Outputs,
                 camera_info: Callable[[], CameraInfo | None]) -> None:
        """Keep the parts.

        Args:
            node: for its clock and its log.
            engine: fuses.
            parameters: read at every pair, so that changes take effect at once.
            statistics: told of every result and drop.
            outputs: publishes.
            camera_info: returns the visible camera's newest camera info, or None.
        """
        self._node = node
        self._engine = engine
        self._parameters = parameters
        self._statistics = statistics
        self._outputs = outputs
        self._camera_info = camera_info
        self._front_end = FrontEnd(parameters.value)
        self._warned = False

    def __call__(self, pair: Pair) -> None:
        """Fuse and publish a pair, or count why not."""
        self._statistics.begun()
        try:
            self._process(pair)
        except Exception as error:  # a lost GPU, no memory left: the node must go on and tell
            self._statistics.failed(f'{type(error).__name__}: {_one_line(error)}')
        finally:
            self._statistics.ended()

    def _process(self, pair: Pair) -> None:
        max_age = self._parameters.value('max_age')
        age = self._age(pair)
        if 0.0 < max_age < age:
            self._statistics.dropped('max_age', f'{age:.3f} s old, max_age is {max_age}. Raise '
                                     'max_age, or use a faster device or smaller images')
            return
        try:
            prepared = self._front_end.prepare(pair.visible, pair.thermal)
        except ImageError as error:
            self._statistics.dropped(f'{error.topic}.{error.kind}', str(error))
            return
        if prepared.notice and not self._warned:
            self._warned = True
            self._node.get_logger().warning(prepared.notice)
        self._fuse(pair, prepared)

    def _fuse(self, pair: Pair, prepared: Prepared) -> None:
        start, cpu_start = time.perf_counter(), time.thread_time()
        try:
            fusion = self._engine.fuse(prepared.visible, prepared.thermal)
        except ValueError as error:  # the engine refuses this image, as one below 32x32
            self._statistics.dropped('visible.refused', _one_line(error))
            return
        engine_time, engine_cpu = time.perf_counter() - start, time.thread_time() - cpu_start
        self._outputs.publish(
            fusion, self._engine.layer_names, pair.visible.header,
            self._parameters.value('output_encoding'), self._camera_info())
        self._statistics.published(
            fusion.degradation.label, engine_time, engine_cpu, self._age(pair))

    def _age(self, pair: Pair) -> float:
        return (self._node.get_clock().now().nanoseconds - pair.stamp) / 1e9


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
