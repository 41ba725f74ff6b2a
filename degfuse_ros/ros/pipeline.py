# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""One pair through camera, engine and messages, with everything that can go wrong counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from degfuse_ros.camera.registration import match_size
from degfuse_ros.camera.thermal import ThermalRange
from degfuse_ros.ros import images
from degfuse_ros.ros.image_error import ImageError
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
        self._thermal_range = ThermalRange()
        self._warned_of_size = False

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
        visible = self._convert('visible', images.to_rgb, pair.visible)
        thermal = self._convert('thermal', self._thermal_to_8_bit, pair.thermal)
        if visible is None or thermal is None:
            return
        height, width = visible.shape[:2]
        try:
            matched = match_size(thermal, height, width)
        except ValueError as error:  # too small
            self._statistics.dropped('thermal.refused', _one_line(error))
            return
        self._warn_of_size(thermal, height, width)
        self._fuse(pair, visible, matched)

    def _fuse(self, pair: Pair, visible: np.ndarray, thermal: np.ndarray) -> None:
        start, cpu_start = time.perf_counter(), time.thread_time()
        try:
            fusion = self._engine.fuse(visible, thermal)
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

    def _convert(self, topic: str, conversion: Callable[[Image], np.ndarray],
                 message: Image) -> np.ndarray | None:
        try:
            return conversion(message)
        except ImageError as error:
            self._statistics.dropped(f'{topic}.{error.kind}', str(error))
            return None

    def _thermal_to_8_bit(self, message: Image) -> np.ndarray:
        return self._thermal_range.to_8_bit(
            images.to_grey(message), self._parameters.value('thermal_percentile_low'),
            self._parameters.value('thermal_percentile_high'),
            self._parameters.value('thermal_smoothing'))

    def _warn_of_size(self, thermal: np.ndarray, height: int, width: int) -> None:
        if thermal.shape != (height, width) and not self._warned_of_size:
            self._warned_of_size = True
            self._node.get_logger().warning(
                f'the thermal image is {thermal.shape[1]}x{thermal.shape[0]}, the visible one '
                f'{width}x{height}: it is stretched to fit. Where the views differ, register '
                'the images before this node')


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
