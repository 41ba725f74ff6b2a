# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thermal camera of the built-in scenes: heat to 8-bit grey."""
import cv2
import numpy as np

from degfuse_ros.demo.timeline import Condition
from degfuse_ros.demo.viewpoint import Viewpoint
from degfuse_ros.demo.weather import DENSEST_FOG

# Long-wave infrared passes fog far better than light does: a twentieth of the extinction.
FOG_SHARE = 0.05
AIR_WARMTH = 0.30
# The window of the camera: apparent temperatures mapped to 0 and to 255.
COLDEST, HOTTEST = 0.06, 0.92
# Unevenness that stays and noise that changes, as shares of the full range.
FIXED_PATTERN, NOISE = 0.005, 0.006


class ThermalCamera:
    """Turns apparent temperatures into grey values as an uncooled camera would.

    Args:
        view: the camera's size.
        seed: of its noise.
    """

    def __init__(self, view: Viewpoint, seed: int = 0) -> None:
        random = np.random.default_rng((seed, 1))
        shape = (view.height, view.width)
        self._pattern = (random.normal(0, FIXED_PATTERN, shape)
                         + random.normal(0, FIXED_PATTERN / 2, (1, view.width))
                         ).astype(np.float32)
        self._noise = random.normal(0, NOISE, (shape[0] + 64, shape[1] + 64)).astype(np.float32)
        self._blur = 0.75 * view.width / 640
        self._seed = seed

    def expose(self, warmth: np.ndarray, distance: np.ndarray, condition: Condition,
               index: int) -> np.ndarray:
        """Return the H x W uint8 thermal image.

        Args:
            warmth: H x W apparent temperature 0..1.
            distance: H x W metres along the ray.
            condition: weather, which hardly shows.
            index: frame number, for the noise.
        """
        severity = condition.severity
        if condition.label == 'fog' and severity > 0:
            clear = cv2.exp(-FOG_SHARE * DENSEST_FOG * severity ** 1.5
                            * np.minimum(distance, 200))
            warmth = AIR_WARMTH + (warmth - AIR_WARMTH) * clear
        elif condition.label == 'low_light':
            warmth = warmth - 0.02 * severity * (warmth < 0.5)
        elif condition.label == 'rain':
            warmth = warmth + 0.06 * severity * (AIR_WARMTH - warmth)
        if self._blur > 0.25:
            warmth = cv2.GaussianBlur(warmth, (0, 0), self._blur)
        top, left = np.random.default_rng((self._seed, index, 2)).integers(0, 64, 2)
        noise = self._noise[top:top + warmth.shape[0], left:left + warmth.shape[1]]
        grey = (warmth - COLDEST) / (HOTTEST - COLDEST) + self._pattern + noise
        return np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8)
