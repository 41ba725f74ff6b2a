# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pinhole camera of the built-in scenes."""
from dataclasses import dataclass

import numpy as np

# A camera on a car's roof rail: high enough to see the zebra crossing, low enough for faces.
EYE_HEIGHT = 1.75
# Focal length over image width: 55 degrees across, the lens of the usual driving data sets.
FOCAL_RATIO = 0.96
# The horizon lies a little above the middle, so that the road fills the lower half.
HORIZON_RATIO = 0.44


@dataclass(frozen=True)
class Viewpoint:
    """A level camera at (0, EYE_HEIGHT, 0) metres that looks along +z; x is right, y is up.

    Args:
        width: image width in pixels.
        height: image height in pixels.
    """

    width: int
    height: int

    @property
    def focal(self) -> float:
        """Focal length in pixels, equal in both directions."""
        return FOCAL_RATIO * max(self.width, self.height * 4 / 3)

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (u, v) in pixels."""
        return self.width / 2 - 0.5, self.height * HORIZON_RATIO - 0.5

    def scaled(self, factor: int) -> 'Viewpoint':
        """Return the same view with `factor` times as many pixels each way."""
        return Viewpoint(self.width * factor, self.height * factor)

    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the slopes (dx, dy) per metre of z of every pixel's ray, each H x W float32."""
        u, v = self.centre
        across = (np.arange(self.width, dtype=np.float32) - u) / self.focal
        up = (v - np.arange(self.height, dtype=np.float32)) / self.focal
        shape = (self.height, self.width)
        return np.broadcast_to(across, shape), np.broadcast_to(up[:, None], shape)

    def range_factor(self) -> np.ndarray:
        """Return metres along the ray per metre of z, H x W float32."""
        across, up = self.rays()
        return np.sqrt(1 + across ** 2 + up ** 2)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project N x 3 world points (metres, z > 0) to N x 2 pixel positions (u, v)."""
        depth = np.maximum(points[:, 2], 0.05)
        u, v = self.centre
        return np.stack([u + self.focal * points[:, 0] / depth,
                         v - self.focal * (points[:, 1] - EYE_HEIGHT) / depth], axis=1)
