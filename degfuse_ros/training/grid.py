# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Sheets of pictures that show how training comes on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from torch import Tensor

HEADER = 18
"""Height in pixels of a line of text above a picture."""


def to_picture(image: Tensor) -> np.ndarray:
    """Turn a tensor C x H x W in [0, 1], C 1 or 3 (RGB), into H x W x 3 uint8 RGB."""
    levels = (image.detach().float().clamp(0, 1) * 255).round().byte()
    return levels.expand(3, -1, -1).permute(1, 2, 0).cpu().numpy()


def _line(text: str, width: int) -> np.ndarray:
    """A line of white text on black, HEADER x width x 3."""
    line = np.zeros((HEADER, width, 3), np.uint8)
    return cv2.putText(line, text, (4, HEADER - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                       (255, 255, 255), 1, cv2.LINE_AA)


def sheet(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[np.ndarray]]]) -> np.ndarray:
    """Lay pictures out in rows under the columns' names, each row below its caption.

    Args:
        columns: headings.
        rows: caption and pictures, H x W x 3 uint8 RGB of one size, one per column.

    Returns:
        One picture, uint8 RGB.
    """
    width = rows[0][1][0].shape[1]
    parts = [np.hstack([_line(name, width) for name in columns])]
    for caption, pictures in rows:
        parts += [_line(caption, width * len(columns)), np.hstack(list(pictures))]
    return np.vstack(parts)
