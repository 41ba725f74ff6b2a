# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Two cameras that sway over one scene: what the time offset is estimated from."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

# Rows and columns of the images: enough structure to move, little to compute.
HEIGHT, WIDTH = 48, 160


class MovingScene:
    """Visible and thermal images of two unlike textures that move alike, by fits and starts."""

    def __init__(self, seed: int, seconds: float, still: bool = False) -> None:
        """Draw the motion.

        Args:
            seed: of everything random.
            seconds: that it lasts.
            still: nothing moves, the sensors' noise is all.
        """
        self._random = np.random.default_rng(seed)
        self._seconds = seconds
        self._times = np.arange(-2.0, seconds + 2.0, 0.005)
        shakes = np.convolve(self._random.normal(size=len(self._times)), np.hanning(120), 'same')
        spells = np.clip(np.interp(self._times, np.arange(-2, seconds + 3),
                                   self._random.uniform(-1, 1, int(seconds) + 5)), 0, 1)
        self._place = np.zeros_like(self._times) if still else np.cumsum(shakes * spells) * 0.1
        self._textures = {'visible': self._texture(3, 200), 'thermal': self._texture(5, 2000)}

    def _texture(self, blur: float, contrast: float) -> np.ndarray:
        drawn = cv2.GaussianBlur(
            self._random.uniform(0, 1, (HEIGHT, 2000)).astype(np.float32), (0, 0), blur)
        return (drawn - drawn.min()) / (drawn.max() - drawn.min()) * contrast + 20

    def image(self, camera: str, time: float) -> np.ndarray:
        """Return what a camera sees: HxWx1, uint8 for visible, uint16 counts for thermal."""
        shift = 200 + np.interp(time, self._times, self._place) % 1000
        moved = cv2.warpAffine(self._textures[camera], np.array(
            [[1, 0, -shift], [0, 1, 0]], np.float32), (WIDTH, HEIGHT))
        noisy = moved + 2 * self._random.normal(size=moved.shape)
        kind = np.uint8 if camera == 'visible' else np.uint16
        return np.clip(noisy, 0, np.iinfo(kind).max).astype(kind)[..., None]

    def images(self, visible_rate: float, thermal_rate: float
               ) -> Iterator[tuple[float, str, np.ndarray]]:
        """Yield moment, camera and image as they come; the cameras are not in step."""
        moments = [(number / visible_rate, 'visible')
                   for number in range(int(self._seconds * visible_rate))]
        moments += [(number / thermal_rate + 0.013, 'thermal')
                    for number in range(int(self._seconds * thermal_rate))]
        for moment, camera in sorted(moments):
            yield moment, camera, self.image(camera, moment)
