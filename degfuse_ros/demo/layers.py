# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The stack of pictures that a scene is drawn into."""
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.demo.viewpoint import EYE_HEIGHT, Viewpoint

# Range of the sky, in metres: beyond any fog's reach.
SKY_RANGE = 4000.0


@dataclass
class Layers:
    """Everything known about each pixel of one view. All arrays are H x W (x 3).

    Args:
        view: the camera.
        day: radiance by day, linear RGB float32, 1.0 is white.
        night: radiance by street lamps, windows and head lights alone, linear RGB float32.
        thermal: apparent temperature, float32, 0 (coldest) to 1 (hottest).
        depth: metres along z, float32.
        objects: uint8 object number, 0 for the fixed street.
    """

    view: Viewpoint
    day: np.ndarray
    night: np.ndarray
    thermal: np.ndarray
    depth: np.ndarray
    objects: np.ndarray

    def copy(self) -> 'Layers':
        """Return an independent copy, to draw one frame's moving objects into."""
        return Layers(self.view, self.day.copy(), self.night.copy(), self.thermal.copy(),
                      self.depth.copy(), self.objects.copy())

    def halved(self) -> 'Layers':
        """Return the same layers at half the size each way: colours averaged, depth picked."""
        view = Viewpoint(self.view.width // 2, self.view.height // 2)
        size = (view.width, view.height)
        day, night, thermal = (
            np.ascontiguousarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA))
            for layer in (self.day, self.night, self.thermal))
        return Layers(view, day, night, thermal, np.ascontiguousarray(self.depth[::2, ::2]),
                      np.ascontiguousarray(self.objects[::2, ::2]))

    def window(self, left: float, top: float, right: float, bottom: float
               ) -> tuple[slice, slice] | None:
        """Return the (rows, columns) of a box cut to the picture; None when it lies outside."""
        columns = slice(max(0, int(np.floor(left))), min(self.view.width, int(np.ceil(right))))
        rows = slice(max(0, int(np.floor(top))), min(self.view.height, int(np.ceil(bottom))))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return None
        return rows, columns

    def shade(self, where: tuple[slice, slice], factor: np.ndarray) -> None:
        """Darken the ground of the day layer by a factor of 0..1 per pixel: a shadow."""
        ground = self.is_ground(where)
        self.day[where] *= np.where(ground, factor, 1)[..., None]

    def is_ground(self, where: tuple[slice, slice]) -> np.ndarray:
        """Tell which pixels of a window show the ground and not something that stands on it."""
        rows = np.arange(where[0].start, where[0].stop, dtype=np.float32)
        below = np.maximum(rows - self.view.centre[1], 1e-3)
        ground = (EYE_HEIGHT * self.view.focal / below)[:, None]
        # Rows are averaged from two: the depth picked is off by up to a quarter of a row.
        return np.abs(self.depth[where] - ground) < ground * (0.004 + 0.6 / below[:, None])

    def shade_foot(self, x: float, z: float, radius: float) -> None:
        """Darken the ground softly around a foot at (x, z), radius in metres."""
        u, v = self.view.project(np.array([[x, 0, z]]))[0]
        wide = radius * self.view.focal / z
        flat = max(wide * EYE_HEIGHT / z, 0.7)
        where = self.window(u - 2 * wide, v - 2 * flat, u + 2 * wide, v + 2 * flat)
        if where is not None:
            rows, columns = np.ogrid[where[0], where[1]]
            distance = ((columns - u) / wide) ** 2 + ((rows - v) / flat) ** 2
            self.shade(where, (1 - 0.6 * np.exp(-distance)).astype(np.float32))

    def cover(self, where: tuple[slice, slice], alpha: np.ndarray, day: np.ndarray,
              lamp: float, thermal: np.ndarray, depth: np.ndarray | float,
              number: int) -> None:
        """Lay an object over a window, hidden by whatever already stands nearer.

        Args:
            where: (rows, columns) from `window`.
            alpha: h x w coverage 0..1.
            day: h x w x 3 radiance by day, already multiplied by alpha.
            lamp: what share of that radiance the street lamps give at night.
            thermal: h x w apparent temperature, already multiplied by alpha.
            depth: metres along z, h x w or one number.
            number: object number.
        """
        hidden = self.depth[where] < depth
        if hidden.any():
            seen = ~hidden
            alpha, thermal = alpha * seen, thermal * seen
            day = day * seen[..., None]
        rest = 1 - alpha
        self.day[where] = self.day[where] * rest[..., None] + day
        self.night[where] = self.night[where] * rest[..., None] + lamp * day
        self.thermal[where] = self.thermal[where] * rest + thermal
        solid = alpha > 0.5
        self.objects[where][solid] = number
        self.depth[where] = np.where(solid, depth, self.depth[where])
