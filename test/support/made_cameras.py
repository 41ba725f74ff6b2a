# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Two cameras that see the same made scenes, each in its own way."""

from __future__ import annotations

import cv2
import numpy as np


def random_scene(size: tuple[int, int], random: np.random.Generator
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Draw shapes whose visible and thermal brightness have nothing to do with each other.

    Returns:
        Two grey images H x W uint8, registered, with noise.
    """
    width, height = size
    visible = np.full((height, width), 110, np.uint8)
    thermal = np.full((height, width), 90, np.uint8)
    for _ in range(40):
        middle = random.integers(0, (width, height))
        extent = random.integers(width // 40, width // 8, 2)
        box = cv2.boxPoints(((float(middle[0]), float(middle[1])),
                             (float(extent[0]), float(extent[1])),
                             float(random.uniform(0, 180)))).astype(np.int32)
        levels = random.integers(20, 236, 2)
        cv2.fillPoly(visible, [box], int(levels[0]))
        cv2.fillPoly(thermal, [box], int(levels[1]))
    return tuple(np.clip(image + random.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
                 for image in (visible, thermal))  # type: ignore[return-value]


def moving_object(images: tuple[np.ndarray, np.ndarray], random: np.random.Generator,
                  lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Put a large object into both images, in the thermal one `lag` pixels further right."""
    height, width = images[0].shape
    left, top = int(random.integers(0, width // 2)), int(random.integers(0, height // 2))
    visible, thermal = (image.copy() for image in images)
    for image, x, level in ((visible, left, 30), (thermal, left + lag, 240)):
        cv2.rectangle(image, (x, top), (x + width // 5, top + height // 3), level, -1)
    return visible, thermal
