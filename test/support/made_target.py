# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A target held before two made cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.camera.calibration import Intrinsics
from degfuse_ros.camera.calibration_target import Target

PIXELS = 40  # of the drawn target to one square


@dataclass(frozen=True)
class MadeCamera:
    """A pinhole camera: its image size, its lens without distortion, and where it stands."""

    size: tuple[int, int]
    lens: Intrinsics
    rotation: np.ndarray
    translation: np.ndarray
    bright_target: bool = True

    def see(self, target: Target, turn: Sequence[float], place: Sequence[float]) -> np.ndarray:
        """Return the image of a target with this pose (in the first camera's frame)."""
        drawn, origin = draw(target)
        pose = cv2.Rodrigues(np.array(turn, float))[0]
        outer = np.column_stack([pose[:, 0], pose[:, 1], np.array(place)])
        plane = self.lens.matrix @ (self.rotation @ outer + np.outer(self.translation, (0, 0, 1)))
        scale = target.square / PIXELS
        pixels = np.array([[scale, 0, -origin[0] * scale], [0, scale, -origin[1] * scale],
                           [0, 0, 1.0]])
        # Drawn four times as large, then averaged: edges as a sensor sees them.
        large = np.array([[4.0, 0, 1.5], [0, 4, 1.5], [0, 0, 1]]) @ plane @ pixels
        image = cv2.warpPerspective(drawn, large, (self.size[0] * 4, self.size[1] * 4),
                                    borderValue=120.0)
        image = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)
        noise = np.random.default_rng(0).normal(0, 2, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
        return image if self.bright_target else 255 - image


def draw(target: Target) -> tuple[np.ndarray, tuple[float, float]]:
    """Draw a target with a white rim; return it and where its first corner lies."""
    points = target.points()[:, :2] / target.square * PIXELS
    margin = 2 * PIXELS
    width, height = (points.max(axis=0) + 2 * margin).astype(int)
    image = np.full((height, width), 220, np.uint8)
    if target.kind == 'chessboard':
        for row in range(-1, target.rows):
            for column in range(-1, target.columns):
                if (row + column) % 2 == 0:
                    left, top = margin + column * PIXELS, margin + row * PIXELS
                    image[top:top + PIXELS, left:left + PIXELS] = 30
        return image, (margin - 0.5, margin - 0.5)
    for point in points:
        cv2.circle(image, (int(point[0]) + margin, int(point[1]) + margin), PIXELS // 3, 30, -1)
    return image, (float(margin), float(margin))


def cameras() -> tuple[MadeCamera, MadeCamera]:
    """A visible camera and, ten centimetres to its right and turned a little, a thermal one."""
    lenses = [Intrinsics(np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2],
                                   [0, 0, 1.0]]), np.zeros(5))
              for focal, size in ((600.0, (640, 480)), (300.0, (320, 256)))]
    turned = cv2.Rodrigues(np.array([0.01, -0.03, 0.02]))[0]
    return (MadeCamera((640, 480), lenses[0], np.eye(3), np.zeros(3)),
            MadeCamera((320, 256), lenses[1], turned, np.array([-0.1, 0.0, 0.0]), False))


def poses(count: int, distance: float, tilt: float) -> list[tuple[list[float], list[float]]]:
    """Return turns and places spread over the view; the same for the same arguments."""
    random = np.random.default_rng(3)
    found = []  # the middle of a target lies about 16 x 12 cm from its first corner
    for number in range(count):
        x, y = ((number % 3) - 1) * 0.18 * distance, ((number // 3 % 3) - 1) * 0.1 * distance
        turn = random.uniform(-tilt, tilt, 3).tolist()
        found.append((turn, [x - 0.16, y - 0.12,
                             distance * (1 + random.uniform(0, tilt))]))
    return found
