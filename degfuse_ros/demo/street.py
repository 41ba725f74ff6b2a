# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fixed geometry of the built-in street, in metres: houses as boxes, kerbs, lamps, trees."""
from dataclasses import dataclass

import numpy as np

from degfuse_ros.demo.light import SUN

KERB_LEFT = -5.4
KERB_RIGHT = 4.2
CENTRE_LINE = -1.75
PARKING_LINE = 2.0
ZEBRA = (9.2, 12.4)
STOP_LINE = (7.9, 8.3)
# The far end of the street, where a cross street runs.
STREET_END = 112.0
# (x, z) of the foot and the side to which the arm reaches.
LAMPS = ((4.75, 13.5, -1), (-6.0, 27.0, 1), (4.75, 43.0, -1), (-6.0, 62.0, 1), (4.75, 82.0, -1))
LAMP_HEIGHT = 6.2
LAMP_ARM = 1.5
# (x, z, height) of the street trees.
TREES = ((-6.5, 17.5, 6.6), (5.6, 27.0, 6.0), (-6.4, 33.0, 7.0), (5.8, 61.0, 6.5),
         (-6.5, 68.0, 7.2), (5.8, 74.0, 6.8), (-6.4, 86.0, 7.4), (5.9, 92.0, 7.5),
         (-12.0, 119.0, 9.0), (1.0, 121.0, 8.0), (9.0, 118.0, 9.5))


@dataclass(frozen=True)
class House:
    """One box-shaped house and the pattern of its front.

    Args:
        x: (left, right) in metres. z: (near, far). height: metres.
        wall: sRGB hex colour of the wall. style: 'brick', 'plaster' or 'office'.
        spacing: metres from window to window. floor: metres from floor to floor.
        shop: whether the ground floor is a shop front.
    """

    x: tuple[float, float]
    z: tuple[float, float]
    height: float
    wall: str
    style: str
    spacing: float
    floor: float
    shop: bool


HOUSES = (
    House((-30, -8.8), (-6, 16), 10.5, '9c5a48', 'brick', 2.4, 3.1, True),
    House((-30, -8.6), (16, 29), 13.4, 'cdbfa3', 'plaster', 2.1, 3.3, False),
    House((-30, -8.9), (29, 41), 9.0, '8f8578', 'plaster', 2.6, 3.0, True),
    House((-30, -8.6), (50, 70), 14.5, 'a3694f', 'brick', 2.2, 3.2, False),
    House((-30, -8.8), (70, 106), 11.5, 'b9b2a6', 'plaster', 2.5, 3.1, True),
    House((7.4, 30), (-6, 14), 8.6, 'b7a58b', 'plaster', 2.3, 3.2, True),
    House((7.2, 30), (14, 33), 12.6, '86503f', 'brick', 2.3, 3.1, True),
    House((7.5, 30), (33, 46), 16.0, '8d99a3', 'office', 1.7, 3.4, False),
    House((7.3, 30), (54, 78), 10.0, 'c4ae8e', 'plaster', 2.4, 3.1, False),
    House((7.4, 30), (78, 106), 13.5, '94614e', 'brick', 2.2, 3.2, True),
    House((-45, -14), (125, 150), 13.0, 'a79c8d', 'plaster', 2.6, 3.2, False),
    House((-14, 6), (128, 150), 17.0, '8e5f4f', 'brick', 2.4, 3.3, False),
    House((6, 45), (124, 150), 11.0, '9aa3a8', 'office', 2.0, 3.4, False),
)


def sunlight(points: np.ndarray) -> np.ndarray:
    """Return 1 where the sun reaches a point and 0 in a house's shadow.

    Args:
        points: ... x 3 world positions in metres.

    Returns:
        float32 of the leading shape.
    """
    inverse = 1 / SUN
    lit = np.ones(points.shape[:-1], np.float32)
    for house in HOUSES:
        low = np.array([house.x[0], -1.0, house.z[0]], np.float32)
        high = np.array([house.x[1], house.height, house.z[1]], np.float32)
        first = (low - points) * inverse
        last = (high - points) * inverse
        enter = np.minimum(first, last).max(axis=-1)
        leave = np.maximum(first, last).min(axis=-1)
        # A point on the wall itself touches its box with zero length: that is no shadow.
        lit[(leave - np.maximum(enter, 0)) > 0.02] = 0
    return lit


def lamp_light(points: np.ndarray, normals: np.ndarray | None = None) -> np.ndarray:
    """Return the street lamps' irradiance at ... x 3 points, relative to full sun."""
    total = np.zeros(points.shape[:-1], np.float32)
    for x, z, side in LAMPS:
        head = np.array([x + side * LAMP_ARM, LAMP_HEIGHT, z], np.float32)
        to_lamp = head - points
        square = (to_lamp ** 2).sum(axis=-1) + 0.5
        facing = (to_lamp[..., 1] if normals is None
                  else np.maximum((to_lamp * normals).sum(axis=-1), 0.0))
        # The shade of the lamp lets light out downwards only.
        down = np.clip(to_lamp[..., 1] / np.sqrt(square) * 1.4, 0, 1)
        total += np.maximum(facing, 0) * down / square ** 1.5
    return total * 9.0
