# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A coarse look at a raw camera message, to tell how much moved since the one before."""

from math import sqrt

import numpy as np

from degfuse_ros.camera.decoding import LAYOUTS, RawImage

# About so many pixels are looked at, on a regular grid: every 8th row and column of 640x480. More
# of them are more cache misses; fewer let small movers slip through.
SAMPLE_PIXELS = 4800


def motion_sample(message: RawImage) -> np.ndarray:
    """Copy some pixels as they lie in memory: colours, mosaic and counts alike.

    Args:
        message: one that `decoding.check` lets pass, not compressed.

    Returns:
        Rows x columns x channels, of the message's own type.
    """
    layout = LAYOUTS[message.encoding]
    # Even, so that a Bayer mosaic and pixels that share their colour look the same everywhere.
    step = 2 * max(1, round(sqrt(message.height * message.width / SAMPLE_PIXELS) / 2))
    stored = np.dtype(('>' if message.is_bigendian else '<') + layout.kind)
    pixels = np.ndarray(
        (-(-message.height // step), -(-message.width // step), layout.channels), stored,
        message.data, strides=(message.step * step, layout.pixel * step, stored.itemsize))
    return pixels.astype(stored.newbyteorder('='))
