# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The visible camera of the built-in scenes: radiance to an 8-bit RGB image."""
import cv2
import numpy as np

from degfuse_ros.demo.light import linear_steps, srgb
from degfuse_ros.demo.viewpoint import Viewpoint

# Softness of the lens and of the sensor's colour filter, in pixels of a 640-pixel-wide image.
LENS_BLUR = 0.5
# Cameras lift the middle tones and then raise contrast about the middle: without such a curve a
# rendered picture looks flat beside a photograph.
LIFT, CONTRAST = 1.15, 0.5


def _tone_curve() -> np.ndarray:
    """Return the 8-bit grey value for each step of linear radiance."""
    tone = srgb(linear_steps()) ** (1 / LIFT)
    tone = tone + 2 * CONTRAST * tone * (1 - tone) * (2 * tone - 1)
    return np.round(np.clip(tone, 0, 1) * 255).astype(np.uint8)


class VisibleCamera:
    """Turns linear radiance into what a camera delivers.

    Args:
        view: the camera's size.
    """

    def __init__(self, view: Viewpoint) -> None:
        """Compute the tone curve."""
        self._blur = LENS_BLUR * view.width / 640
        self._curve = _tone_curve()

    def expose(self, radiance: np.ndarray) -> np.ndarray:
        """Return the H x W x 3 uint8 RGB image of H x W x 3 linear radiance; 1.0 is white."""
        # A blur of a small fraction of a pixel changes nothing.
        if self._blur > 0.25:
            radiance = cv2.GaussianBlur(radiance, (0, 0), self._blur)
        last = len(self._curve) - 1
        steps = np.clip(radiance * last + 0.5, 0, last).astype(np.uint16)
        return np.take(self._curve, steps)
