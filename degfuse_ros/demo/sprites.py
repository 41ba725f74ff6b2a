# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Upright pictures with transparency that are drawn into a scene: people, trees."""
from dataclasses import dataclass, field

import cv2
import numpy as np

from degfuse_ros.demo.layers import Layers
from degfuse_ros.demo.light import SUN


@dataclass
class Sprite:
    """A flat, upright picture of something that stands on the ground.

    Args:
        sky: h x w x 4 float32: radiance under the sky alone (linear RGB) and coverage 0..1,
            the radiance multiplied by the coverage.
        sun: h x w x 4 float32: what the sun adds (linear RGB) and the apparent temperature,
            both multiplied by the coverage.
        foot: (u, v) of the point that stands on the ground, in pixels of this picture.
        resolution: pixels per metre.
    """

    sky: np.ndarray
    sun: np.ndarray
    foot: tuple[float, float]
    resolution: float
    _smaller: 'Sprite | None' = field(default=None, repr=False)

    def _reduced(self) -> 'Sprite':
        """Return the same sprite at half the resolution, computed once."""
        if self._smaller is None:
            size = (max(1, self.sky.shape[1] // 2), max(1, self.sky.shape[0] // 2))
            shrunk = [cv2.resize(layer, size, interpolation=cv2.INTER_AREA)
                      for layer in (self.sky, self.sun)]
            self._smaller = Sprite(shrunk[0], shrunk[1], (self.foot[0] / 2, self.foot[1] / 2),
                                   self.resolution / 2)
        return self._smaller

    def _placed(self, layers: Layers, x: float, z: float
                ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Return the window that the sprite fills at (x, z) and the warp into it, or None."""
        scale = layers.view.focal / z / self.resolution
        u, v = layers.view.project(np.array([[x, 0.0, z]]))[0]
        left, top = u - self.foot[0] * scale, v - self.foot[1] * scale
        where = layers.window(left - 1, top - 1, left + self.sky.shape[1] * scale + 1,
                              top + self.sky.shape[0] * scale + 1)
        if where is None:
            return None
        shift = np.array([[scale, 0, left - where[1].start],
                          [0, scale, top - where[0].start]], np.float32)
        return where, shift

    def draw(self, layers: Layers, place: tuple[float, float], sunlit: float, lamp: float,
             number: int) -> None:
        """Draw the sprite with its foot at ground position (x, z) metres.

        Args:
            layers: drawn into.
            place: (x, z) in metres.
            sunlit: 0 in the shade to 1 in the sun.
            lamp: what share of the day's radiance the street lamps give at night.
            number: object number, 0 for a fixed thing.
        """
        sprite = self
        while sprite.resolution > 2 * layers.view.focal / place[1] and sprite.sky.shape[1] > 3:
            sprite = sprite._reduced()
        placed = sprite._placed(layers, *place)
        if placed is None:
            return
        where, shift = placed
        size = (where[1].stop - where[1].start, where[0].stop - where[0].start)
        sky = cv2.warpAffine(sprite.sky, shift, size, flags=cv2.INTER_LINEAR)
        sun = cv2.warpAffine(sprite.sun, shift, size, flags=cv2.INTER_LINEAR)
        layers.cover(where, sky[..., 3], sky[..., :3] + sunlit * sun[..., :3], lamp,
                     sun[..., 3], place[1], number)

    def cast_shadow(self, layers: Layers, place: tuple[float, float], sunlit: float) -> None:
        """Darken the ground where the sprite at (x, z) keeps the sun away."""
        x, z = place
        layers.shade_foot(x, z, 0.22)
        if sunlit <= 0:
            return
        rows, columns = self.sky.shape[:2]
        tall, left = self.foot[1] / self.resolution, self.foot[0] / self.resolution
        aside, away = (-SUN[0] / SUN[1], -SUN[2] / SUN[1])
        corners = np.array([[x + side + h * aside, 0.0, z + h * away]
                            for side, h in ((-left, tall), (left, tall), (left, 0), (-left, 0))])
        outline = layers.view.project(corners).astype(np.float32)
        (west, north), (east, south) = outline.min(axis=0), outline.max(axis=0)
        where = layers.window(west - 2, north - 2, east + 2, south + 2)
        if where is None:
            return
        size = (where[1].stop - where[1].start, where[0].stop - where[0].start)
        flat = np.array([[0, 0], [columns, 0], [columns, self.foot[1]], [0, self.foot[1]]],
                        np.float32)
        corner = np.array([where[1].start, where[0].start], np.float32)
        warp = cv2.getPerspectiveTransform(flat, outline - corner)
        # The coverage at a quarter of the size: a shadow's edge is soft, and this is quick.
        alpha = np.ascontiguousarray(self.sky[::4, ::4, 3])
        warp = warp @ np.diag([4.0, 4.0, 1.0])
        shadow = cv2.warpPerspective(alpha, warp, size, flags=cv2.INTER_LINEAR)
        layers.shade(where, 1 - 0.6 * sunlit * shadow)
