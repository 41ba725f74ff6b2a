# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bring a thermal image onto the pixel grid of the visible one."""

import cv2
import numpy as np

# Pixels, the network's own limit for the visible image: a thermal image below it is a thumbnail
# or a broken frame, and stretching it would lend its few pixels the look of detail.
SMALLEST = 32


def match_size(thermal: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a thermal image to the visible image's size.

    The whole view is stretched over the whole view: right for cameras of the same field of view
    and different resolution. Other geometry needs a calibration.

    Args:
        thermal: H'xW' uint8, grey.
        height: rows of the visible image.
        width: columns of the visible image.

    Returns:
        HxW uint8; the input itself where the size already agrees.

    Raises:
        ValueError: the thermal image is smaller than 32 x 32.
    """
    if min(thermal.shape) < SMALLEST:
        raise ValueError(f'the thermal image must be {SMALLEST} x {SMALLEST} pixels or larger. '
                         f'Got {thermal.shape[1]} x {thermal.shape[0]}; publish the whole '
                         'image')
    if thermal.shape == (height, width):
        return thermal
    # Averaging when shrinking keeps small hot objects that sampling would step over.
    shrinking = thermal.shape[0] > height and thermal.shape[1] > width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(thermal, (width, height), interpolation=method)
