# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Registered pairs whose thermal images are warped by a known homography."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.camera.homography import corners, similarity

# Largest shift (of the width), turn (degrees), change of scale, and keystone (of the width from
# the middle to the border).
SHIFT, ROTATION, SCALE, KEYSTONE = 0.08, 5.0, 0.12, 0.01


@dataclass(frozen=True)
class Trial:
    """Pairs, and the truth about them.

    Attributes:
        visible: grey images.
        thermal: the thermal ones, warped.
        unwarped: the same as they were.
        truth: 3 x 3, pixels of the warped thermal images to visible ones.
        places: the thermal image's corners, 4 x 2.
    """

    visible: list[np.ndarray]
    thermal: list[np.ndarray]
    unwarped: list[np.ndarray]
    truth: np.ndarray
    places: np.ndarray


def random_homography(size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Draw shift, turn, scale and keystone evenly from their ranges."""
    shift = random.uniform(-SHIFT, SHIFT, 2) * size[0]
    matrix = similarity(random.uniform(-ROTATION, ROTATION), 1.0 + random.uniform(-SCALE, SCALE),
                        (shift[0], shift[1]), size, size)
    keystone, middle = np.eye(3), np.eye(3)
    keystone[2, :2] = random.uniform(-2.0, 2.0, 2) * KEYSTONE / size[0]
    middle[:2, 2] = (np.array(size) - 1.0) / 2.0
    return matrix @ middle @ keystone @ np.linalg.inv(middle)


def make_trial(pairs: Sequence[tuple[np.ndarray, np.ndarray]], count: int,
               random: np.random.Generator) -> Trial:
    """Choose pairs and warp their thermal images by one random homography."""
    chosen = [pairs[at] for at in random.choice(len(pairs), count, replace=False)]
    size = chosen[0][1].shape[1], chosen[0][1].shape[0]
    truth = random_homography(size, random)
    # What the thermal camera would see beside the picture is not known: its border goes on.
    warped = [cv2.warpPerspective(thermal, truth, size,
                                  flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                                  borderMode=cv2.BORDER_REPLICATE) for _, thermal in chosen]
    return Trial([visible for visible, _ in chosen], warped, [thermal for _, thermal in chosen],
                 truth, corners(size))
