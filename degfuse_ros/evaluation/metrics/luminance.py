# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Luminance: what every metric is measured on."""

import numpy as np
from numpy.typing import NDArray

BT601 = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601, luma Y')."""


def luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the BT.601 luma of an image, rounded to whole grey levels.

    Args:
        image: H x W x 3 uint8 RGB, or H x W uint8, which is returned as it is.

    Returns:
        H x W uint8.

    Raises:
        ValueError: an image of another shape or type.
    """
    if image.dtype != np.uint8 or image.shape[2:] not in ((), (3,)) or image.ndim < 2:
        raise ValueError('an image to be measured must be H x W x 3 uint8 RGB or H x W uint8. '
                         f'Got shape {image.shape}, {image.dtype}.')
    if image.ndim == 2:
        return image
    # A weighted sum of bytes with weights that sum to 1 needs no clipping.
    return np.rint(image.astype(np.float64) @ np.array(BT601)).astype(np.uint8)
