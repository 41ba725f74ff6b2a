# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs to measure with: made here, the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Visible H x W x 3 RGB and thermal H x W, uint8."""

# Contrast and brightness: as it is, dark, foggy, bright, dull. The experts that a picture gets,
# whose kernels differ, depend on it, and no single picture may decide the figures. An odd number:
# a comparison changes its order every second frame.
_LOOKS = ((1.0, 0.0), (0.15, 0.0), (0.35, 150.0), (1.0, 110.0), (0.6, 30.0))

_CELL = 16  # pixels from one value of the coarse pattern to the next


def make_pairs(width: int, height: int) -> list[Pair]:
    """Make one pair per look: blurred blotches with noise, the same for the same size."""
    random = np.random.default_rng(0)
    pairs = []
    for contrast, brightness in _LOOKS:
        scene = _blotches(random, width, height, 3) * contrast + brightness
        heat = _blotches(random, width, height, 1)[..., 0]
        # C order, as cameras give them: other orders are slow to copy, and not the engine's doing.
        pairs.append((scene.clip(0, 255).astype(np.uint8, 'C'),
                      heat.clip(0, 255).astype(np.uint8, 'C')))
    return pairs


def _blotches(random: np.random.Generator, width: int, height: int,
              channels: int) -> NDArray[np.float64]:
    """Values of about 0 to 255, H x W x channels."""
    coarse = random.uniform(20, 235, (height // _CELL + 2, width // _CELL + 2, channels))
    rows, columns = (np.arange(side) / _CELL for side in (height, width))
    top, left = rows.astype(int), columns.astype(int)
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - across) + coarse[top][:, left + 1] * across
    lower = coarse[top + 1][:, left] * (1 - across) + coarse[top + 1][:, left + 1] * across
    return upper * (1 - down) + lower * down + random.normal(0, 6, (height, width, channels))
