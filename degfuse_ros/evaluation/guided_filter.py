# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The guided filter: OpenCV has it in its contrib package only."""

from functools import partial

import cv2
import numpy as np


def guided_filter(guide: np.ndarray, image: np.ndarray, radius: int,
                  epsilon: float) -> np.ndarray:
    """Smooth an image along the edges of another.

    Args:
        guide: H x W float32.
        image: H x W float32.
        radius: half the window, pixels.
        epsilon: variance of the guide below which a window counts as flat.

    Returns:
        H x W float32.

    Source: K. He, J. Sun, X. Tang, Guided image filtering, ECCV 2010, equations 5, 6 and 8.
    """
    box = partial(cv2.blur, ksize=(2 * radius + 1, 2 * radius + 1),
                  borderType=cv2.BORDER_REFLECT)
    guide_mean, image_mean = box(guide), box(image)
    variance = box(guide * guide) - guide_mean ** 2
    slope = (box(guide * image) - guide_mean * image_mean) / (variance + epsilon)
    offset = image_mean - slope * guide_mean
    return box(slope) * guide + box(offset)
