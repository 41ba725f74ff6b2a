# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The built-in stream of visible and thermal frames with their truth.

from degfuse_ros.demo.stream import DemoStream
stream = DemoStream((640, 480), seconds=45.0, rate=10.0)
frame = stream.frame(120)          # frame.visible, frame.thermal, frame.condition
"""
from dataclasses import dataclass

import numpy as np

from degfuse_ros.demo.scene import Scene, SceneObject
from degfuse_ros.demo.thermal_camera import ThermalCamera
from degfuse_ros.demo.timeline import Condition, Timeline
from degfuse_ros.demo.viewpoint import Viewpoint
from degfuse_ros.demo.visible_camera import VisibleCamera
from degfuse_ros.demo.weather import Weather

# Seconds by which seeds are apart in the street's half-minute cycle.
_SEED_STEP = 7.3


@dataclass(frozen=True)
class DemoFrame:
    """One pair of pictures and what is known about it.

    Args:
        visible: H x W x 3 uint8 RGB, degraded.
        thermal: H x W uint8.
        clean: H x W x 3 uint8 RGB, the same view without the degradation.
        condition: class and severity of the degradation.
        objects: the people and vehicles in view.
        object_map: H x W uint8, each pixel's object number, 0 for the street.
        distance: H x W float32 metres along the ray.
    """

    visible: np.ndarray
    thermal: np.ndarray
    clean: np.ndarray
    condition: Condition
    objects: tuple[SceneObject, ...]
    object_map: np.ndarray
    distance: np.ndarray


class DemoStream:
    """Synthetic frames: the same arguments always give the same pictures.

    Args:
        size: (width, height) in pixels, at least 32 each.
        seconds: duration of the drift through all degradations.
        rate: frames per second.
        seed: moment of the street's cycle, noise and drops.
    """

    def __init__(self, size: tuple[int, int] = (640, 480), seconds: float = 45.0,
                 rate: float = 10.0, seed: int = 0) -> None:
        self.rate = rate
        self.timeline = Timeline(seconds)
        self._scene = Scene(*size)
        self._weather = Weather(self._scene.view, seed)
        self._visible = VisibleCamera(self._scene.view)
        self._thermal = ThermalCamera(self._scene.view, seed)
        self._start = 14.0 + _SEED_STEP * seed

    def __len__(self) -> int:
        """Return the number of frames of one drift."""
        return round(self.timeline.seconds * self.rate)

    @property
    def camera(self) -> Viewpoint:
        """The camera of both pictures."""
        return self._scene.view

    def frame(self, index: int, condition: Condition | None = None) -> DemoFrame:
        """Render one frame.

        Args:
            index: frame number from 0.
            condition: shown instead of the drift's own condition.
        """
        time = index / self.rate
        condition = condition or self.timeline.at(time)
        view = self._scene.look(self._start + time)
        layers = view.layers
        clean = self._visible.expose(layers.day)
        distance = self._weather.distance(layers)
        visible = clean if condition.severity == 0 else self._visible.expose(
            self._weather.degrade(view, condition, index))
        thermal = self._thermal.expose(layers.thermal, distance, condition, index)
        return DemoFrame(visible, thermal, clean, condition, view.objects, layers.objects,
                         distance)
