# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Samples: pictures of one pair, side by side, with the part that is worth a closer look."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Crop = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""


@dataclass(frozen=True)
class Sample:
    """One row of pictures in the report.

    Attributes:
        title: what the pair is.
        text: what to see in it, plain text.
        pictures: (caption, H x W x 3 uint8 RGB), all of one size.
        crop: the part that is shown enlarged below each picture.
        section: the heading below which the report shows it; samples of one section follow each
            other.
    """

    title: str
    text: str
    pictures: list[tuple[str, np.ndarray]]
    crop: Crop
    section: str = 'Samples'


def choose_crop(visible: np.ndarray, thermal: np.ndarray, size: tuple[int, int]) -> Crop:
    """Find the window that holds most of the edges of both cameras.

    A window's worth is the product of its edge sums in either image, so that a place that only
    one camera sees is never chosen where both see something.

    Args:
        visible: luma, H x W uint8.
        thermal: H x W uint8.
        size: height and width of the window in pixels; cut to the image's.

    Returns:
        The window; of equally good ones the topmost, then the leftmost.
    """
    height, width = (min(side, limit) for side, limit in zip(size, thermal.shape))
    worth = _edges_per_window(visible, height, width) * _edges_per_window(thermal, height, width)
    top, left = np.unravel_index(int(worth.argmax()), worth.shape)
    return int(top), int(left), height, width


def _edges_per_window(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Sum the Sobel magnitudes of every window, (H - height + 1) x (W - width + 1) float64."""
    across = cv2.Sobel(image, cv2.CV_64F, 1, 0)
    down = cv2.Sobel(image, cv2.CV_64F, 0, 1)
    # Whole numbers: their sums are exact, so that equal windows are equal.
    total = cv2.integral(np.rint(np.hypot(across, down)))
    return (total[height:, width:] - total[:-height, width:]
            - total[height:, :-width] + total[:-height, :-width])
